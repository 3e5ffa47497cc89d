import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Failure } from '../base/failure.ts';
import { Type } from 'typebox';
import { Allowance } from './allowance.ts';
import { answersAsText } from './open-api.ts';
import { bearer, listeningServer, testAuth } from './testing/test-server.ts';

test('a caller may do a burst, then as much as time gives; others are not concerned', () => {
  let nowMs = 0;
  const allowance = new Allowance({ perSecond: 2, burst: 10, detail: (who) => `${who} is fast`, nowMs: () => nowMs });
  const done = (caller: string): number => {
    for (let count = 0; ; count++) {
      try {
        allowance.take(caller);
      } catch (error) {
        assert.ok(error instanceof Failure);
        assert.deepEqual([error.status, error.retryAfterSeconds, error.message], [429, 1, `${caller} is fast`]);
        return count;
      }
    }
  };
  assert.equal(done('a'), 10);
  assert.equal(done('b'), 10);
  nowMs += 1_500;
  assert.equal(done('a'), 3);
  nowMs += 3_600_000;
  assert.equal(done('a'), 10, 'no more is saved up');
  // What costs more than there is puts into debt, of one burst at the most.
  nowMs += 3_600_000;
  allowance.take('a', 1_000);
  nowMs += 5_000;
  assert.throws(() => allowance.take('a'), { retryAfterSeconds: 1 });
  nowMs += 1_000;
  allowance.take('a');
});

test('one subject changes no more than its quota; reads, samples and other subjects go on', async (t) => {
  const response = answersAsText({ 200: Type.Unknown() }, 401, 403, 429);
  const { server, url } = await listeningServer(
    [
      (app) => {
        const options = { config: { scope: 'rules:write' as const }, schema: { response } };
        app.post('/change', options, async (_request, reply) => reply.send({}));
        app.post('/bulk', options, async (request, reply) => {
          request.chargeChanges(500);
          return reply.send({});
        });
        app.get('/read', { config: { scope: 'rules:read' }, schema: { response } }, async (_request, reply) =>
          reply.send({}),
        );
        app.post('/sample', { config: { scope: 'metrics:write' }, schema: { response } }, async (_request, reply) =>
          reply.send({}),
        );
      },
    ],
    { auth: testAuth(), changesPerMinute: 60 },
  );
  t.after(() => server.close());
  const scope = 'rules:write rules:read metrics:write';
  const [one, other] = [await bearer({ subject: 'one', scope }), await bearer({ subject: 'other', scope })];
  const status = async (method: string, path: string, authorization: string): Promise<number> => {
    const answer = await fetch(`${url}${path}`, { method, headers: { authorization } });
    if (answer.status === 429) {
      assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
      assert.match(await answer.text(), /\\"one\\".*60 changes a minute.*QUOTA_CHANGES/);
    }
    return answer.status;
  };
  const statuses = await Promise.all(Array.from({ length: 100 }, async () => status('POST', '/change', one)));
  const made = statuses.filter((each) => each === 200).length;
  assert.ok(made >= 60 && made < 90, `${made} were made`);
  assert.equal(await status('GET', '/read', one), 200);
  assert.equal(await status('POST', '/sample', one), 200);
  assert.equal(await status('POST', '/change', other), 200);
  assert.equal(await status('POST', '/bulk', other), 200);
  assert.equal(await status('POST', '/change', other).catch(() => 429), 429, 'what a request does in bulk counts');
});
