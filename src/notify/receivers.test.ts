// The notifier and named receivers: generic webhooks on a real HTTP server, on the embedded log.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { notificationFor } from '../../test/support/notification.ts';
import { formatNotification } from '../alarm/notification.ts';
import { Health } from '../base/health.ts';
import { createLogger } from '../base/logger.ts';
import { Meter } from '../base/meter.ts';
import { openTestLog } from '../http/testing/test-log.ts';
import { recordsOf } from '../log/batch.ts';
import type { DeliveryEnd } from '../notice/delivery-record.ts';
import { parseDeliveriesEntry } from '../notice/delivery-state.ts';
import { parseNetworks, type Networks } from '../receiver/networks.ts';
import { ReceiverBook, type ReceiverChange, type ReceiverFeed } from '../receiver/receiver-book.ts';
import { receiverKey } from '../receiver/receiver-config.ts';
import { startScriptedServer, type ScriptedServer } from '../receiver/receiver.contract.ts';
import { RuleBook } from '../rule/rule-book.ts';
import { topics } from '../topics.ts';
import { createNotify } from './notify.ts';

const secret = 'sixteen-characters';
const webhookAllow = parseNetworks('127.0.0.0/8') as Networks;

class TestReceivers implements ReceiverFeed {
  readonly book: ReceiverBook;
  readonly caughtUp = Promise.resolve();
  readonly #listeners = new Set<(change: ReceiverChange) => void>();
  #offset = 0;

  constructor(discordApiBase: string) {
    this.book = new ReceiverBook({ webhookAllow, discordApiBase });
  }

  subscribe(listener: (change: ReceiverChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  set(name: string, address: string | null, limits: object = {}): void {
    this.#apply(name, address === null ? null : JSON.stringify({ kind: 'webhook', address, secret, limits }));
  }

  setDiscord(name: string, address: string): void {
    this.#apply(name, JSON.stringify({ kind: 'discord', address }));
  }

  #apply(name: string, value: string | null): void {
    const change = this.book.apply({ key: name, value, partition: 0, offset: this.#offset++ });
    assert.notEqual(change.kind, 'problem');
    for (const listener of this.#listeners) listener(change);
  }
}

const apiBaseOf = ({ origin }: ScriptedServer): string => `${origin}/api/v10`;

interface Posted {
  readonly type: string;
  readonly id: string;
  readonly possible_repeat?: true;
  readonly notifications: readonly { readonly id: string }[];
}

interface Bench {
  readonly server: ScriptedServer;
  readonly receivers: TestReceivers;
  readonly ruleId: string;
  start(): () => Promise<void>;
  enqueue(ids: readonly string[], name?: string, ageMs?: number): Promise<void>;
  outcomes(): Promise<DeliveryEnd[]>;
}

async function newBench(t: TestContext): Promise<Bench> {
  const [storage, server] = [await openTestLog(), await startScriptedServer()];
  const { log } = storage;
  await log.ensureTopics(Object.values(topics));
  const [receivers, book, ruleId] = [new TestReceivers(apiBaseOf(server)), new RuleBook(), randomUUID()];
  const url = `https://discord.com/api/webhooks/123456789012345678/${'t'.repeat(68)}`;
  const rule = { id: ruleId, metric_name: 'cpu', threshold: 1, discord_webhook_url: url, notify: ['ops', 'nobody'] };
  book.apply({ key: ruleId, value: JSON.stringify(rule), partition: 0, offset: 0 });
  const rules = { book, caughtUp: Promise.resolve(), subscribe: () => () => {} };
  const ends: (() => Promise<void>)[] = [];
  t.after(async () => {
    for (const end of ends) await end();
    await server.close();
    await storage.remove();
  });
  return {
    server,
    receivers,
    ruleId,
    start() {
      const stop = new AbortController();
      const [health, meter, logger] = [new Health(), new Meter(), createLogger('silent', 'test')];
      const discordApiBase = apiBaseOf(server);
      const running = createNotify({
        discordApiBase,
        log,
        rules,
        receivers,
        webhookAllow,
        health,
        meter,
        logger,
        version: '0',
      }).run(stop.signal);
      const end = async (): Promise<void> => {
        stop.abort();
        await running;
      };
      ends.push(end);
      return end;
    },
    async enqueue(ids, name = 'ops', ageMs = 0) {
      const records = ids.map((id) => ({
        key: Buffer.from(receiverKey(name)),
        value: Buffer.from(formatNotification(notificationFor(ruleId, 5, { id }))),
        timestampMs: Date.now() - ageMs,
      }));
      await log.append(topics.notifications.name, records);
    },
    async outcomes() {
      const found: DeliveryEnd[] = [];
      for (let partition = 0; partition < topics.deliveries.partitions; partition++)
        for await (const chunk of log.read(topics.deliveries.name, partition, { from: { offset: 0 } }))
          for (const record of recordsOf(chunk)) {
            const entry = parseDeliveriesEntry(record);
            if (entry?.kind === 'outcome') found.push(entry);
          }
      return found;
    },
  };
}

const posted = ({ server }: Bench): Posted[] => server.requests.map(({ body }) => JSON.parse(body) as Posted);
const idsOf = (bench: Bench): string[] =>
  posted(bench).flatMap(({ notifications }) => notifications.map(({ id }) => id));

async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await isTrue())) {
    if (performance.now() > deadline) assert.fail(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const outcomesAre = async (bench: Bench, expected: Record<string, string>): Promise<boolean> => {
  const last = new Map((await bench.outcomes()).map(({ notificationId, outcome }) => [notificationId, outcome]));
  return Object.entries(expected).every(([id, outcome]) => last.get(id) === outcome);
};

test('what is due together goes in one request under a key of its own, one alone under its id', async (t) => {
  const bench = await newBench(t);
  bench.receivers.set('ops', `${bench.server.origin}/hook`);
  await bench.enqueue(['n1', 'n2', 'n3']);
  bench.start();
  await until('three are delivered', () => outcomesAre(bench, { n1: 'delivered', n2: 'delivered', n3: 'delivered' }));
  await bench.enqueue(['n4']);
  await until('the fourth is delivered', () => outcomesAre(bench, { n4: 'delivered' }));
  assert.deepEqual(idsOf(bench), ['n1', 'n2', 'n3', 'n4']);
  const [batch, one] = bench.server.requests.map(({ headers }) => headers['idempotency-key']);
  assert.match(String(batch), /^[0-9a-f]{32}$/);
  assert.equal(one, 'n4');
});

test('a lost answer leads to one repeat: marked, of the same notifications, under the same key', async (t) => {
  const bench = await newBench(t);
  bench.receivers.set('ops', `${bench.server.origin}/hook`);
  bench.server.answer = (response) => {
    if (bench.server.requests.length === 1) response.destroy();
    else response.writeHead(204).end();
  };
  await bench.enqueue(['n1', 'n2']);
  bench.start();
  await until('both are delivered', () => outcomesAre(bench, { n1: 'delivered', n2: 'delivered' }));
  assert.deepEqual(idsOf(bench), ['n1', 'n2', 'n1', 'n2']);
  const [first, repeat] = posted(bench);
  assert.deepEqual([first?.possible_repeat, repeat?.possible_repeat, repeat?.id], [undefined, true, first?.id]);
});

test('one that is refused is given up alone, and the others of its batch are delivered', async (t) => {
  const bench = await newBench(t);
  bench.receivers.set('ops', `${bench.server.origin}/hook`);
  bench.server.answer = (response, { body }) => void response.writeHead(body.includes('"n2"') ? 422 : 200).end();
  await bench.enqueue(['n1', 'n2', 'n3']);
  bench.start();
  await until('all have an outcome', () => outcomesAre(bench, { n1: 'delivered', n2: 'dead', n3: 'delivered' }));
});

test('a receiver that is gone is parked; when it is edited it is pinged, and gets what it missed', async (t) => {
  const bench = await newBench(t);
  bench.receivers.set('ops', `${bench.server.origin}/gone`);
  bench.server.answer = (response) => void response.writeHead(410).end();
  await bench.enqueue(['n1']);
  bench.start();
  await until('it is parked', () => outcomesAre(bench, { n1: 'parked' }));
  await bench.enqueue(['n2']);
  await until('the next is parked without a request', () => outcomesAre(bench, { n2: 'parked' }));
  assert.equal(bench.server.requests.length, 1);
  bench.server.answer = (response) => void response.writeHead(200).end();
  bench.receivers.set('ops', `${bench.server.origin}/gone`);
  await until('both are delivered', () => outcomesAre(bench, { n1: 'delivered', n2: 'delivered' }));
  assert.deepEqual(
    posted(bench).map(({ type }) => type),
    ['notifications', 'ping', 'notifications'],
  );
});

test('another address gets what waited for the one that was gone, also after a restart', async (t) => {
  const bench = await newBench(t);
  bench.receivers.set('ops', `${bench.server.origin}/gone`);
  bench.server.answer = (response, { path }) => void response.writeHead(path === '/gone' ? 404 : 200).end();
  await bench.enqueue(['n1']);
  const end = bench.start();
  await until('it is parked', () => outcomesAre(bench, { n1: 'parked' }));
  await end();
  bench.start();
  bench.receivers.set('ops', `${bench.server.origin}/new`);
  await until('it is delivered', () => outcomesAre(bench, { n1: 'delivered' }));
  assert.deepEqual(
    bench.server.requests.map(({ path }) => path),
    ['/gone', '/new'],
  );
});

test('what is due to a receiver that nobody knows ends as dead, and says why', async (t) => {
  const bench = await newBench(t);
  await bench.enqueue(['n1'], 'nobody', 11_000);
  bench.start();
  await until('it is dead', () => outcomesAre(bench, { n1: 'dead' }));
  assert.match((await bench.outcomes())[0]?.reason ?? '', /its receiver was deleted/);
});

test('a limit of requests is kept, and what waits meanwhile goes together', async (t) => {
  const bench = await newBench(t);
  bench.receivers.set('ops', `${bench.server.origin}/hook`, { requests_per_minute: 30, notifications_per_request: 2 });
  bench.start();
  await bench.enqueue(['n1', 'n2', 'n3', 'n4']);
  const begunMs = performance.now();
  await until('all are delivered', () => outcomesAre(bench, { n1: 'delivered', n4: 'delivered' }));
  assert.ok(bench.server.requests.length >= 2 && bench.server.requests.length <= 3);
  assert.ok(performance.now() - begunMs > 1_900, 'two seconds between two requests');
  assert.ok(posted(bench).every(({ notifications }) => notifications.length <= 2));
});

test('a named receiver may be a Discord webhook, and gets embeds', async (t) => {
  const bench = await newBench(t);
  bench.server.answer = (response) =>
    void response.writeHead(200, { 'content-type': 'application/json' }).end('{"id": "7"}');
  const path = `/webhooks/123456789012345679/${'u'.repeat(68)}`;
  bench.receivers.setDiscord('ops', `${apiBaseOf(bench.server)}${path}`);
  await bench.enqueue(['n1', 'n2']);
  bench.start();
  await until('both are delivered', () => outcomesAre(bench, { n1: 'delivered', n2: 'delivered' }));
  assert.deepEqual(
    bench.server.requests.map((request) => request.path),
    [`/api/v10${path}?wait=true`],
  );
  assert.equal((JSON.parse(bench.server.requests[0]!.body) as { embeds: unknown[] }).embeds.length, 2);
  assert.deepEqual((await bench.outcomes()).map(({ messageId, webhookId }) => [messageId, webhookId])[0], [
    '7',
    'receiver:ops',
  ]);
});
