import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { partitionOf } from '../log/murmur2.ts';
import { canaryMetric, isCanaryMetric, isOfCanary, withCanaries } from '../rule/canary.ts';
import { RuleBook } from '../rule/rule-book.ts';
import { isRuleId } from '../rule/rule-id.ts';
import { canaryMetrics, requestHeartbeat } from './heartbeat.ts';

test('each partition has a canary of its own, whose rule is found by its name and by its id', () => {
  const rules = withCanaries(new RuleBook());
  for (const partitions of [1, 20, 24]) {
    const names = canaryMetrics(partitions);
    assert.deepEqual(
      names.map((name) => partitionOf(Buffer.from(name), partitions)),
      Array.from({ length: partitions }, (_, index) => index),
    );
    for (const name of names) {
      const [entry, ...more] = rules.byMetric(name);
      assert.deepEqual([entry!.rule.metric_name, more], [name, []]);
      assert.ok(isRuleId(entry!.rule.id) && isOfCanary(entry!.rule.id) && isCanaryMetric(name));
      assert.equal(rules.get(entry!.rule.id), entry);
    }
  }
  for (const name of ['ssrms-canary-', 'ssrms-canary-x', 'ssrms-canary-01', 'cpu'])
    assert.equal(rules.byMetric(name).size, 0, name);
  assert.notEqual(rules.get([...rules.byMetric(canaryMetric(1))][0]!.rule.id), undefined);
});

test('a heartbeat that fails says why, and nothing of its address', async (t) => {
  const server = createServer((request, response) => {
    if (request.url === '/s3cret/reset') request.socket.destroy();
    else if (request.url === '/s3cret/round') response.writeHead(302, { location: '/s3cret/round' }).end();
    else response.writeHead(request.url === '/s3cret/refused' ? 404 : 200).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  assert.equal(await requestHeartbeat(`${origin}/s3cret`), undefined);
  const expected: [string, string][] = [
    [`${origin}/s3cret/refused`, 'answered 404'],
    [`${origin}/s3cret/reset`, 'could not be reached (UND_ERR_SOCKET)'],
    [`${origin}/s3cret/round`, 'could not be reached (redirect count exceeded)'],
    ['http://127.0.0.1:1/s3cret', 'could not be reached (bad port)'],
    ['http://127.0.0.1:3/s3cret', 'could not be reached (ECONNREFUSED)'],
    // ENOTFOUND, or EAI_AGAIN without a name server.
    ['http://s3cret.invalid/', 'could not be reached (E'],
    [`https://127.0.0.1:${new URL(origin).port}/s3cret`, 'could not be reached (ERR_SSL_'],
  ];
  for (const [url, words] of expected) {
    const told = (await requestHeartbeat(url)) ?? 'nothing';
    assert.ok(told.startsWith(`the address of the heartbeat ${words}`), `${url}: ${told}`);
    assert.ok(!told.includes('s3cret'), told);
  }
});
