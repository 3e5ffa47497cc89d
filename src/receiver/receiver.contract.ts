// What every kind of receiver promises, whatever it talks to. Each kind calls this from its own test, with a target on a local
// server whose answers the test gives.
import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { notificationFor } from '../../test/support/notification.ts';
import type { Notification } from '../alarm/notification.ts';
import type { Action, Answer, Destination, SendingFacts } from './receiver.ts';
import { destinationOfConfig, openReceivers, type Receivers } from './receivers.ts';
import { parseNetworks, type Networks } from './networks.ts';

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A server that answers as it is told, and remembers what it was asked. */
export interface ScriptedServer {
  readonly origin: string;
  readonly requests: ReceivedRequest[];
  answer: (response: ServerResponse, request: ReceivedRequest) => void;
  close(): Promise<void>;
}

export async function startScriptedServer(): Promise<ScriptedServer> {
  const requests: ReceivedRequest[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => (body += part));
    request.on('end', () => {
      const received = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body };
      // It only asks for a connection.
      const isForConnection = received.path.endsWith('/gateway');
      if (isForConnection) response.writeHead(200).end('{}');
      else {
        requests.push(received);
        scripted.answer(response, received);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const scripted: ScriptedServer = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answer: (response) => void response.writeHead(204).end(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return scripted;
}

export interface ContractBench {
  readonly server: ScriptedServer;
  readonly destination: Destination;
  readonly secrets: readonly string[];
}

/** One kind of receiver: how a target of it looks on a server at this origin, and what of it is a secret. */
export interface ReceiverCase {
  readonly kind: keyof Receivers;
  readonly address: (origin: string) => string;
  readonly secret?: string;
  readonly secrets: readonly string[];
}

const timing = { connectMs: 2_000, totalMs: 1_000, lateMs: 3_000 };
const allowed = parseNetworks('127.0.0.0/8') as Networks;

export async function contractBench(
  t: TestContext,
  { kind, address, secret, secrets }: ReceiverCase,
): Promise<ContractBench> {
  const server = await startScriptedServer();
  const options = { discordApiBase: `${server.origin}/api/v10`, webhookAllow: allowed };
  const open = openReceivers({ ...options, version: '0', nowMs: () => Date.now(), timing });
  t.after(async () => {
    await open.close();
    await server.close();
  });
  const limits = { requestsPerMinute: undefined, notificationsPerRequest: undefined };
  const config = { name: 'ops', kind, address: address(server.origin), secret, limits };
  const destination = destinationOfConfig(open.receivers, config, options);
  assert.ok(!('problem' in destination), JSON.stringify(destination));
  return { server, destination, secrets };
}

const nowMs = 1_800_000_000_000;
const dueCount = (count: number): Notification[] =>
  Array.from({ length: count }, (_, index) => notificationFor('21433034-8078-4f1a-bb8d-1ac996db395d', index));

export function receiverContract(receiver: ReceiverCase): void {
  const { kind } = receiver;
  const send = async ({ destination }: ContractBench, late?: (answer: Answer) => void): Promise<Answer> => {
    const message = destination.pack(dueCount(1), {}, 'full');
    return destination.request({ act: 'send', message, idempotencyKey: 'key-1' }, late);
  };

  const answers: readonly (readonly [status: number, action: Action['kind']])[] = [
    [200, 'delivered'],
    [204, 'delivered'],
    [301, 'webhook_broken'],
    [307, 'webhook_broken'],
    [400, 'refused_body'],
    [401, 'webhook_broken'],
    [404, 'webhook_broken'],
    [413, 'refused_body'],
    [500, 'try_again'],
    [502, 'try_again'],
    [503, 'try_again'],
  ];
  for (const [status, expected] of answers) {
    test(`${kind}: ${status} is ${expected}, in one request, and says no secret`, async (t) => {
      const bench = await contractBench(t, receiver);
      bench.server.answer = (response) =>
        void response.writeHead(status, { location: `${bench.server.origin}/elsewhere` }).end('{}');
      const answer = await send(bench);
      const action = bench.destination.actionFor(answer, nowMs);
      assert.equal(action.kind, expected);
      if (action.kind === 'try_again') assert.equal(action.ambiguous, true, 'it may have been accepted');
      assert.equal(bench.server.requests.length, 1, 'nothing is repeated, no redirect followed');
      for (const secret of bench.secrets) assert.ok(!JSON.stringify([answer.kind, action]).includes(secret));
    });
  }

  test(`${kind}: what the system says of itself is sent as it is, with all that it says`, async (t) => {
    const bench = await contractBench(t, receiver);
    const lines = ['log: Kafka at kafka-1:9092 does not answer', 'evaluate: stands still'];
    const body = bench.destination.packSystem({ isGood: false, title: 'ssrms alarms is ill', lines, timeMs: nowMs });
    const message = { body, taken: 0, shown: 0, carried: [] };
    await bench.destination.request({ act: 'send', message, idempotencyKey: 'key-1' });
    const [request] = bench.server.requests;
    for (const said of ['ssrms alarms is ill', ...lines]) assert.ok(request!.body.includes(said), request!.body);
  });

  test(`${kind}: a limit is obeyed to the time it names`, async (t) => {
    const bench = await contractBench(t, receiver);
    bench.server.answer = (response) =>
      void response
        .writeHead(429, { 'retry-after': '7', 'content-type': 'application/json' })
        .end('{"retry_after": 7, "global": false}');
    const action = bench.destination.actionFor(await send(bench), nowMs);
    assert.deepEqual([action.kind, 'waitMs' in action && action.waitMs], ['rate_limited', 7_000]);
  });

  test(`${kind}: a lost answer is told from a request that was never sent`, async (t) => {
    const bench = await contractBench(t, receiver);
    bench.server.answer = (response) => void response.destroy();
    const lost = bench.destination.actionFor(await send(bench), nowMs);
    assert.deepEqual([lost.kind, 'ambiguous' in lost && lost.ambiguous], ['try_again', true]);
    await bench.server.close();
    const unsent = bench.destination.actionFor(await send(bench), nowMs);
    assert.deepEqual([unsent.kind, 'ambiguous' in unsent && unsent.ambiguous], ['try_again', false]);
  });

  test(`${kind}: an answer that takes too long is lost, and heard of when it comes late`, async (t) => {
    const bench = await contractBench(t, receiver);
    let answerNow = (): void => assert.fail('no request came');
    bench.server.answer = (response) => {
      answerNow = () => void response.writeHead(200, { 'content-type': 'application/json' }).end('{"id": "1"}');
    };
    const late = Promise.withResolvers<Answer>();
    const answer = await send(bench, late.resolve);
    assert.equal(answer.kind, 'ambiguous');
    answerNow();
    assert.equal(bench.destination.actionFor(await late.promise, nowMs).kind, 'delivered');
  });

  test(`${kind}: what an answer may take is bounded, in bytes and in time, and its status holds`, async (t) => {
    const bench = await contractBench(t, receiver);
    bench.server.answer = (response) => void response.writeHead(200).end('x'.repeat(1_000_000));
    assert.equal(bench.destination.actionFor(await send(bench), nowMs).kind, 'delivered');
    bench.server.answer = (response) => void response.writeHead(200).write('{');
    const begunMs = performance.now();
    assert.equal(bench.destination.actionFor(await send(bench), nowMs).kind, 'delivered');
    assert.ok(performance.now() - begunMs < timing.totalMs + 3_000);
  });

  test(`${kind}: a probe shows nothing of any alarm, and finds the target alive exactly when the answer is 2xx`, async (t) => {
    const bench = await contractBench(t, receiver);
    for (const [status, isAlive] of [
      [200, true],
      [404, false],
      [500, false],
    ] as const) {
      bench.server.answer = (response) => void response.writeHead(status).end('{}');
      assert.equal(bench.destination.isAlive(await bench.destination.request({ act: 'probe' })), isAlive);
    }
    for (const { body } of bench.server.requests) assert.ok(!body.includes('threshold'));
  });

  test(`${kind}: its name is wh_ and a hash, without a secret`, async (t) => {
    const { destination, secrets } = await contractBench(t, receiver);
    assert.match(destination.name, /^wh_[0-9a-f]{12}$/);
    for (const secret of secrets) assert.ok(!destination.name.includes(secret));
  });

  test(`${kind}: notifications are packed from the first on, all in the end, and a repeat carries exactly its own`, async (t) => {
    const { destination } = await contractBench(t, receiver);
    const facts: SendingFacts = { nowMs, judgedMs: () => nowMs, consoleUrl: 'https://ssrms.example.com' };
    for (const form of ['full', 'plain'] as const)
      for (const count of [1, 5, 40, 150]) {
        let storm: number | undefined;
        let messages = 0;
        for (let left = dueCount(count); left.length > 0; messages++) {
          const { carried, shown, storm: before } = destination.pack(left, { ...facts, storm }, form);
          const taken = carried.length;
          assert.equal(carried[0], left[0]);
          storm = before === undefined ? undefined : before + shown;
          assert.ok(taken >= 1 && taken <= left.length && shown <= taken);
          const later = { ...facts, nowMs: nowMs + 600_000, possibleRepeat: true, shown };
          const repeat = destination.pack(carried, later, form);
          assert.deepEqual(repeat.carried, carried, `${form}, ${taken} of ${left.length}`);
          assert.equal(repeat.shown, shown);
          left = left.filter((one) => !carried.includes(one));
        }
        assert.ok(messages <= count);
      }
  });

  test(`${kind}: a possible repeat says so`, async (t) => {
    const { destination } = await contractBench(t, receiver);
    const marked = destination.pack(dueCount(2), { possibleRepeat: true }, 'full').body;
    const unmarked = destination.pack(dueCount(2), {}, 'full').body;
    const isMarked = (body: object): boolean => /possible.repeat/.test(JSON.stringify(body));
    assert.deepEqual([isMarked(marked), isMarked(unmarked)], [true, false]);
  });
}
