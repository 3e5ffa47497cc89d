// Tokens whose keys come from an issuer (JWKS), at the door of ingest: to most clients a 401 is lost data, so neither new keys nor an
// issuer that is away may cost a sample.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { waitUntil } from '../../test/support/wait-until.ts';
import { Meter } from '../base/meter.ts';
import { createAuth } from '../http/auth.ts';
import { signedBy, signingKey, startIssuer, type SigningKey } from '../http/testing/test-issuer.ts';
import { testLogger } from '../http/testing/test-server.ts';
import { startIngest } from './testing/ingest-server.ts';
import { protocols, type ProtocolRequest } from './testing/protocol-requests.ts';

const minute = 60_000;
const requests = Object.entries(protocols);

/** Ingest that trusts an issuer's keys, the age of which goes by a clock of the test. */
async function startTrusting(keys: readonly SigningKey[]) {
  const issuer = await startIssuer(keys);
  const clock = { nowMs: Date.now() };
  const { jwksUrl } = issuer;
  const auth = createAuth({ keys: { jwksUrl }, logger: testLogger, meter: new Meter(), now: () => clock.nowMs });
  const ingest = await startIngest({ auth });
  /** Each time with a token that was not seen before. */
  const send = async (request: ProtocolRequest, key: SigningKey): Promise<Response> => {
    const token = await signedBy(key, { nowMs: clock.nowMs, scope: 'metrics:write' });
    return ingest.post(request.path, request.body, { ...request.headers, authorization: `Bearer ${token}` });
  };
  const close = async (): Promise<void> => {
    await ingest.close();
    await issuer.close();
  };
  return { issuer, clock, send, [Symbol.asyncDispose]: close };
}

type Trusting = Awaited<ReturnType<typeof startTrusting>>;

/** A client of each protocol that sends one request after the other, with the key that it has at the time. */
function startClients(it: Trusting, first: SigningKey) {
  const state = { key: first, isOver: false, refused: [] as string[], served: new Map<string, number>() };
  const work = async ([name, request]: [string, ProtocolRequest]): Promise<void> => {
    while (!state.isOver) {
      const { key } = state;
      const { status } = await it.send(request, key);
      if (status !== request.success) state.refused.push(`${name} with ${key.kid}: ${status}`);
      const served = `${name} with ${key.kid}`;
      state.served.set(served, (state.served.get(served) ?? 0) + 1);
    }
  };
  const all = Promise.all(requests.map(work));
  return {
    refused: state.refused,
    /** From now on they sign with this key. Resolves when all have done so ten times. */
    async use(key: SigningKey): Promise<void> {
      state.key = key;
      const wanted = requests.map(([name]) => `${name} with ${key.kid}`);
      const base = new Map(state.served);
      const isDone = (name: string): boolean => state.served.get(name)! >= (base.get(name) ?? 0) + 10;
      while (!wanted.every(isDone)) await Promise.race([all, new Promise((resolve) => setTimeout(resolve, 5))]);
    },
    async end(): Promise<void> {
      state.isOver = true;
      await all;
    },
  };
}

test('keys are rotated while clients of every protocol send: nothing is refused', async () => {
  const [old, fresh] = [await signingKey('old', 'RS256'), await signingKey('fresh', 'EdDSA')];
  await using it = await startTrusting([old]);
  const clients = startClients(it, old);
  await clients.use(old);
  // Published ten minutes before it is used, as docs/INGEST.md asks of whoever runs the issuer.
  it.issuer.keys = [old, fresh];
  it.clock.nowMs += 10 * minute;
  await clients.use(fresh);
  it.issuer.keys = [fresh];
  it.clock.nowMs += 11 * minute;
  await clients.use(fresh);
  // Nobody has asked for a key that is unknown: the set was renewed because it was old, or for its first use.
  assert.ok(it.issuer.calls <= 4, `${it.issuer.calls} calls`);
  await clients.end();
  assert.deepEqual(clients.refused, []);
  assert.equal((await it.send(requests[0]![1], old)).status, 401, 'the key that was withdrawn');
});

for (const mode of ['down', 'silent'] as const) {
  test(`the issuer is ${mode}: known keys go on, others are told 503, and the issuer is asked once`, async () => {
    const [known, fresh] = [await signingKey('known'), await signingKey('fresh')];
    await using it = await startTrusting([known]);
    const clients = startClients(it, known);
    await clients.use(known);
    it.issuer.mode = mode;
    it.clock.nowMs += 11 * minute;
    await clients.use(known);
    for (const [name, request] of requests) {
      const answers = await Promise.all(Array.from({ length: 10 }, async () => it.send(request, fresh)));
      for (const answer of answers) {
        assert.equal(answer.status, 503, name);
        assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]$/, name);
      }
    }
    assert.equal(it.issuer.calls, 2, 'once in the cooldown, whoever comes');
    await clients.use(known);
    await clients.end();
    assert.deepEqual(clients.refused, []);

    it.issuer.giveUp();
    it.issuer.mode = 'good';
    it.issuer.keys = [known, fresh];
    it.clock.nowMs += minute;
    // A connection that was cut is not at once seen to be.
    await waitUntil('the issuer is asked', async () => (await it.send(requests[0]![1], fresh)).status !== 503);
    for (const [name, request] of requests) {
      assert.equal((await it.send(request, fresh)).status, request.success, name);
      assert.equal((await it.send(request, await signingKey('stranger'))).status, 401, name);
    }
  });
}

test('an issuer that is away from the beginning is 503 in every protocol, and served once it is back', async () => {
  const key = await signingKey('a');
  await using it = await startTrusting([key]);
  it.issuer.mode = 'down';
  for (const [name, request] of requests) {
    const answer = await it.send(request, key);
    assert.equal(answer.status, 503, name);
    assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]$/, name);
  }
  assert.equal(it.issuer.calls, 1);
  it.issuer.mode = 'good';
  it.clock.nowMs += minute;
  for (const [name, request] of requests) assert.equal((await it.send(request, key)).status, request.success, name);
});
