// Several targets of one webhook: its channel, its threads, and tokens that are wrong. One that fails costs no other anything.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { waitUntil as until } from '../../test/support/wait-until.ts';
import { recordsOf } from '../log/batch.ts';
import type { Log } from '../log/log.ts';
import { isParkingKey, parseParkingRecord, type ParkingRecord } from '../notice/parking-record.ts';
import { topics } from '../topics.ts';
import { notificationFor } from '../../test/support/notification.ts';
import {
  deliveries,
  enqueue,
  newBench,
  newRule,
  outcomesOf,
  valuesAt,
  type NotifyBench,
} from './testing/notify-bench.ts';

const [alive, locked, deleted] = ['111111111111111111', '222222222222222222', '333333333333333333'];

interface Targets {
  readonly webhookId: string;
  readonly url: string;
  /** The rules of the channel and of each thread. */
  readonly rules: Readonly<Record<'channel' | 'alive' | 'locked' | 'deleted', string>>;
}

function newTargets({ fake, rules }: NotifyBench): Targets {
  const { webhook, url } = fake.addWebhook({ threads: [alive, locked], lockedThreads: [locked] });
  const ruleTo = (threadId?: string): string => {
    const ruleId = randomUUID();
    rules.set(ruleId, threadId === undefined ? url : `${url}?thread_id=${threadId}`);
    return ruleId;
  };
  return {
    webhookId: webhook.id,
    url,
    rules: { channel: ruleTo(), alive: ruleTo(alive), locked: ruleTo(locked), deleted: ruleTo(deleted) },
  };
}

test('a deleted and a locked thread are paused alone: the channel and other threads are served, after an edit and a restart too', async () => {
  const bench = await newBench();
  const { webhookId, url, rules } = newTargets(bench);
  const stop = bench.start();
  const due = [rules.deleted, rules.locked, rules.channel, rules.alive];
  await enqueue(
    bench.log,
    webhookId,
    due.map((ruleId, index) => notificationFor(ruleId, 101 + index)),
  );
  await until('the others arrive', () => valuesAt(bench.fake, webhookId).length === 2);
  assert.deepEqual(valuesAt(bench.fake, webhookId), ['103', '104']);
  await until('all have an outcome', async () => (await outcomesOf(bench.log)).length === 4);
  const detail = bench.health.report().checks.notify?.detail ?? '';
  assert.match(detail, new RegExp(`wh_[0-9a-f]{12}/${deleted}: 404 Unknown Channel \\(code 10003\\)`));
  assert.match(detail, new RegExp(`wh_[0-9a-f]{12}/${locked}: 403 .* \\(code 160005\\)`));
  assert.doesNotMatch(detail, /wh_[0-9a-f]{12}:/, 'the channel is not paused');

  bench.rules.set(rules.deleted, `${url}?thread_id=${deleted}`);
  await enqueue(bench.log, webhookId, [notificationFor(rules.channel, 105)]);
  await until('after an edit', () => valuesAt(bench.fake, webhookId).includes('105'), { msMax: 3_000 });
  await stop();

  bench.start();
  await enqueue(bench.log, webhookId, [notificationFor(rules.locked, 106), notificationFor(rules.alive, 107)]);
  await until('after a restart', () => valuesAt(bench.fake, webhookId).includes('107'), { msMax: 3_000 });
  bench.rules.set(rules.deleted, url);
  await until('what waited goes to where its rule leads now', () => valuesAt(bench.fake, webhookId).includes('101'));
  assert.equal(bench.fake.summary().overlapped, 0);
});

test('a thread that answers nothing but errors costs its webhook no other alarm any time', async () => {
  const bench = await newBench();
  const { webhookId, rules } = newTargets(bench);
  bench.start();
  bench.fake.faults.add([{ kind: 'status', status: 500, webhookId, threadId: alive }]);
  await enqueue(
    bench.log,
    webhookId,
    Array.from({ length: 900 }, (_, index) => notificationFor(rules.alive, 1_000 + index)),
  );
  await until('the thread has failed', () => bench.fake.ledger.entries.length > 0);
  for (let nth = 0; nth < 3; nth++) {
    await enqueue(bench.log, webhookId, [notificationFor(rules.channel, 201 + nth)]);
    await until('the alarm arrives', () => valuesAt(bench.fake, webhookId).includes(String(201 + nth)), {
      msMax: 3_000,
    });
  }
  assert.deepEqual(valuesAt(bench.fake, webhookId), ['201', '202', '203']);
});

test('what an earlier version paused as a whole webhook is sent, each to its own target', async () => {
  const bench = await newBench();
  const { webhookId, rules } = newTargets(bench);
  const webhook = bench.fake.webhooks.get(webhookId)!;
  const due = [
    notificationFor(rules.deleted, 101),
    notificationFor(rules.channel, 102),
    notificationFor(rules.alive, 103),
  ];
  await enqueue(bench.log, webhookId, due);
  await bench.pausedBefore(webhook, due, '404 Unknown Channel (code 10003)');
  bench.start();
  await until('the others arrive', () => valuesAt(bench.fake, webhookId).length === 2, { msMax: 10_000 });
  assert.deepEqual(valuesAt(bench.fake, webhookId).sort(), ['102', '103']);
  await until(
    'both ends are known',
    async () => (await outcomesOf(bench.log)).filter((one) => one === 'delivered').length === 2,
  );
  const copies = valuesAt(bench.fake, webhookId);
  assert.equal(copies.length, 2, 'none is sent twice');
});

test('one 429 without a number pauses its own webhook, and no other', async () => {
  const bench = await newBench();
  const [limited, other] = [newRule(bench), newRule(bench)];
  bench.fake.faults.add([{ kind: 'limited_bare', webhookId: limited.webhookId, times: 1 }]);
  bench.start();
  await enqueue(bench.log, limited.webhookId, [notificationFor(limited.ruleId, 101)]);
  await until('it was limited', () => bench.fake.ledger.entries.length === 1);
  await enqueue(bench.log, other.webhookId, [notificationFor(other.ruleId, 102)]);
  await until('the other arrives', () => valuesAt(bench.fake, other.webhookId).length === 1, { msMax: 3_000 });
});

test('a notification that Discord refuses in every form costs only itself, and its reason is what Discord said', async () => {
  const bench = await newBench();
  const { ruleId, webhookId } = newRule(bench);
  // All together, then plainly, then the second of them alone.
  bench.fake.faults.add([{ kind: 'odd_400', webhookId, requestsOfWebhook: [1, 2, 4] }]);
  bench.start();
  await enqueue(
    bench.log,
    webhookId,
    [101, 102, 103].map((value) => notificationFor(ruleId, value)),
  );
  await until('all have an outcome', async () => (await outcomesOf(bench.log)).length === 3);
  const ends = (await deliveries(bench.log)).filter((one) => one.kind === 'outcome');
  assert.deepEqual(
    ends.map(({ outcome, reason }) => [outcome, reason]),
    [
      ['delivered', undefined],
      ['dead', '400: embeds.0: 0'],
      ['delivered', undefined],
    ],
  );
  assert.equal(bench.fake.ledger.entries.length, 5);
});

test('what a target answers is published within seconds: since when, how many tries, when the next is; over a restart, until it is over', async () => {
  const bench = await newBench();
  const { webhookId, rules } = newTargets(bench);
  bench.fake.faults.add([{ kind: 'status', status: 500, webhookId, threadId: alive }]);
  const stop = bench.start();
  await enqueue(bench.log, webhookId, [notificationFor(rules.alive, 101)]);
  const [first] = await until('it is published', async () => nonEmpty(await failing(bench.log)), { msMax: 5_000 });
  assert.match(first!.webhook, new RegExp(`^wh_[0-9a-f]{12}/${alive}$`));
  assert.equal(first!.webhookId, webhookId);
  assert.match(first!.failing!.reason, /^500/);
  const { status, detail = '' } = bench.health.report().checks.notify!;
  assert.equal(status, 'warn');
  assert.match(
    detail,
    new RegExp(
      `failing webhooks: wh_[0-9a-f]{12}/${alive}: 500.* \\(since .*Z, 1 try, (next try in [12] s|tried now)\\)`,
    ),
  );
  await until('the next try is published', async () => (await failing(bench.log)).at(-1)!.failing!.tries >= 2);
  await stop();

  bench.start();
  const later = await until('so is the new owner’s', async () =>
    (await failing(bench.log)).find((one) => one.failing!.tries > 2),
  );
  assert.equal(later.failing!.sinceMs, first!.failing!.sinceMs);
  bench.fake.faults.clear();
  await until('it arrives', () => valuesAt(bench.fake, webhookId).length === 1);
  await until('that it is over is published', async () => (await parkings(bench.log)).at(-1)!.failing === undefined);
  await until('health is well', () => bench.health.report().checks.notify?.status === 'pass');
});

test('a limit of minutes is published, one of a moment is not', async () => {
  const bench = await newBench();
  const [long, short] = [newRule(bench), newRule(bench)];
  bench.fake.faults.add([
    { kind: 'limited_body_only', webhookId: long.webhookId, times: 1, ms: 600_000 },
    { kind: 'limited_body_only', webhookId: short.webhookId, times: 1, ms: 2_500 },
  ]);
  bench.start();
  for (const { ruleId, webhookId } of [long, short])
    await enqueue(bench.log, webhookId, [notificationFor(ruleId, 101)]);
  const found = await until('it is published', async () => nonEmpty(await failing(bench.log)), { msMax: 5_000 });
  await until('the other arrives', () => valuesAt(bench.fake, short.webhookId).length === 1);
  assert.deepEqual(
    (await failing(bench.log)).map(({ webhookId }) => webhookId),
    [long.webhookId],
  );
  assert.match(found[0]!.failing!.reason, /^429/);
  assert.ok(found[0]!.failing!.nextTryMs > Date.now() + 500_000);
});

/** What was published of targets, in the order of the log. */
async function parkings(log: Log): Promise<ParkingRecord[]> {
  const found: ParkingRecord[] = [];
  for (let partition = 0; partition < topics.deliveries.partitions; partition++)
    for await (const chunk of log.read(topics.deliveries.name, partition, { from: { offset: 0 } }))
      for (const { key, value } of recordsOf(chunk)) {
        const record = isParkingKey(key) ? parseParkingRecord(value!) : undefined;
        if (record !== undefined && !('problem' in record)) found.push(record);
      }
  return found;
}

const failing = async (log: Log): Promise<ParkingRecord[]> =>
  (await parkings(log)).filter((record) => record.failing !== undefined);

function nonEmpty<Item>(items: readonly Item[]): readonly Item[] | undefined {
  return items.length === 0 ? undefined : items;
}
