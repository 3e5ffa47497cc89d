import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { waitUntil } from '../../../test/support/wait-until.ts';
import { formatNotification, type Notification } from '../../alarm/notification.ts';
import type { AlarmRecord } from '../../alarm/alarm-record.ts';
import { ok } from '../../alarm/alarm-state.ts';
import { Health } from '../../base/health.ts';
import { Meter } from '../../base/meter.ts';
import { openTestLog, type TestLog } from '../../http/testing/test-log.ts';
import { testLogger } from '../../http/testing/test-server.ts';
import { formatDeliveryRecord, type DeliveryRecord } from '../../notice/delivery-record.ts';
import { createRules } from '../../rules/rules.ts';
import { topics } from '../../topics.ts';
import { appendAlarm, firingSince } from '../testing/console-system.ts';
import { Feed, formatPositions, parsePositions, type FeedItem, type Transition } from './feed.ts';
import { LiveStore } from './live-store.ts';

let storage: TestLog;
const stop = new AbortController();
const running: Promise<void>[] = [];
let store: LiveStore;

before(async () => {
  storage = await openTestLog();
  store = await follow();
});
after(async () => {
  stop.abort();
  await Promise.all(running);
  await storage.remove();
});

async function follow(): Promise<LiveStore> {
  const common = { log: storage.log, health: new Health(), meter: new Meter(), logger: testLogger };
  const rules = createRules(common);
  const made = new LiveStore({ ...common, rules: rules.feed, now: Date.now });
  running.push(rules.service.run(stop.signal), made.run(stop.signal));
  await waitUntil('the store has read the log', () => made.isCaughtUp);
  return made;
}

const ruleId = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const nameOf = ({ state }: AlarmRecord): string => (state.state === 'firing' ? state.alarmId : '');
const webhookId = '123456789012345678';

function transitions(of: LiveStore, id: string): Transition[] {
  return of.feed
    .newestFirst()
    .filter((item) => item.kind === 'transition' && item.ruleId === id)
    .reverse() as Transition[];
}

function edges(of: LiveStore, id: string): string[] {
  return transitions(of, id).map(({ from, to, cause }) => `${from ?? 'nothing'} ${to} ${cause ?? ''}`.trim());
}

test('a state that is another makes a transition, one that is repeated, overruled or only added to does not', async () => {
  const alarm = { ruleId: ruleId(1), metric: 'cpu' };
  const first = await appendAlarm(storage.log, { ...alarm, state: firingSince(1), x: 9, offset: 10 });
  const again = { ...alarm, isRepeat: true, state: { ...firingSince(1), alarmId: nameOf(first), notified: false } };
  await appendAlarm(storage.log, { ...again, x: 9, offset: 40 });
  await appendAlarm(storage.log, { ...alarm, state: ok, x: 1, offset: 20 });
  await appendAlarm(storage.log, { ...alarm, state: ok, x: 2, offset: 50 });
  await appendAlarm(storage.log, { ...alarm, state: { state: 'pending', sinceMs: 5 }, x: 8, offset: 60 });
  const second = await appendAlarm(storage.log, { ...alarm, state: firingSince(5), x: 8, offset: 70 });
  const silent = await appendAlarm(storage.log, { ...alarm, state: firingSince(6, 'no_data'), offset: 70 });
  await waitUntil('five transitions', () => transitions(store, alarm.ruleId).length === 5);
  assert.deepEqual(edges(store, alarm.ruleId), [
    'nothing firing breach',
    'firing ok breach',
    'ok pending',
    'pending firing breach',
    'firing firing no_data',
  ]);
  const last = transitions(store, alarm.ruleId).at(-1)!;
  assert.deepEqual([last.alarmId, last.endedAlarmId, last.x], [nameOf(silent), nameOf(second), undefined]);
  const past = store.past.get(nameOf(first))!;
  assert.deepEqual([past.isFiring, past.x, past.firedMs, past.sample.offset], [false, 9, first.timeMs, 10]);
  assert.ok(past.endedMs! >= first.timeMs);
  assert.equal(store.past.get(nameOf(silent))!.isFiring, true);
  assert.equal(store.past.fires.last24h(alarm.ruleId, Date.now()), 3);
});

test('whoever reads the log anew finds the same transitions at the same places', async () => {
  const random = fc.sample(
    fc.array(fc.tuple(fc.nat(3), fc.constantFrom('f', 'o', 'p'), fc.nat(6)), { minLength: 60 }),
    {
      numRuns: 3,
      seed: 7,
    },
  );
  let offset = 0;
  for (const [series, state, back] of random.flat()) {
    const given = { ruleId: ruleId(2), metric: `m${series}`, x: 1, offset: Math.max(0, ++offset - back) };
    const sinceMs = Date.now();
    if (state === 'f') await appendAlarm(storage.log, { ...given, state: firingSince(sinceMs) });
    else if (state === 'o') await appendAlarm(storage.log, { ...given, state: ok });
    else await appendAlarm(storage.log, { ...given, timeMs: sinceMs, state: { state: 'pending', sinceMs } });
  }
  await appendAlarm(storage.log, { ruleId: ruleId(3), metric: 'end', state: firingSince(1), offset: 0 });
  await waitUntil('one transition', () => transitions(store, ruleId(3)).length === 1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const other = await follow();
  assert.deepEqual(transitions(other, ruleId(2)), transitions(store, ruleId(2)));
  assert.ok(transitions(store, ruleId(2)).length > 20);
  assert.equal(formatPositions(other.feed.positions), formatPositions(store.feed.positions));
});

async function notify(given: Partial<Notification> & { readonly id: string }): Promise<Notification> {
  const notification: Notification = {
    kind: 'fired',
    alarmId: `alarm of ${given.id}`,
    ruleId: ruleId(5),
    ruleVersion: { partition: 0, offset: 0 },
    series: { name: 'cpu', tags: {} },
    x: 9,
    rule: { id: ruleId(5), metric_name: 'received-packages', threshold: 5 },
    cause: 'breach',
    timeMs: Date.now(),
    sinceMs: Date.now(),
    sample: { partition: 1, offset: 3, timestampMs: Date.now() },
    message: true,
    deferred: false,
    isPast: false,
    ...given,
  };
  const value = Buffer.from(formatNotification(notification));
  await storage.log.append(topics.notifications.name, [
    { key: Buffer.from(webhookId), value, timestampMs: Date.now(), partition: 4 },
  ]);
  return notification;
}

const deliver = async (id: string, more: object): Promise<void> => {
  const record = { notificationId: id, webhookId, atMs: Date.now(), ...more } as DeliveryRecord;
  const value = Buffer.from(formatDeliveryRecord(record));
  await storage.log.append(topics.deliveries.name, [
    { key: Buffer.from(id), value, timestampMs: Date.now(), partition: 4 },
  ]);
};

test('messages are known with what became of them: of a rule, of a webhook, of an alarm, and in numbers', async () => {
  await notify({ id: 'n1' });
  await notify({ id: 'n1' });
  await notify({ id: 'n2', alarmId: 'alarm of n1', kind: 'resolved' });
  await waitUntil('two wait', () => store.deliveries.waiting === 2);
  await deliver('n1', { kind: 'attempt', attemptId: 'a', attempt: 1, deadlineMs: Date.now() });
  await deliver('n1', { kind: 'outcome', outcome: 'delivered', messageId: '7', atMs: Date.now() + 150 });
  await waitUntil('one waits', () => store.deliveries.waiting === 1);
  const webhook = store.deliveries.webhook(webhookId)!;
  assert.deepEqual([webhook.waiting, webhook.lastDelivered?.id, webhook.paused.size], [1, 'n1', 0]);
  assert.equal(store.deliveries.lastOfRule(ruleId(5))?.outcome, 'delivered');
  const latencyMs = store.deliveries.latencyP99Ms()!;
  assert.ok(latencyMs >= 100 && latencyMs < 5_000, String(latencyMs));
  await deliver('n2', { kind: 'outcome', outcome: 'parked', reason: '404', webhook: 'wh_1', offset: 2 });
  await waitUntil('the webhook is paused', () => webhook.paused.size > 0);
  assert.deepEqual([webhook.paused.get('wh_1')?.reason, webhook.waiting, webhook.lastFailed?.id], ['404', 1, 'n2']);
  const [failure] = store.feed.newestFirst();
  assert.deepEqual(failure?.kind === 'delivery' && [failure.notificationId, failure.outcome], ['n2', 'parked']);
  assert.deepEqual(
    store.past.get('alarm of n1')!.sendings.map(({ id }) => id),
    ['n1', 'n2'],
  );
  assert.equal(store.past.fires.last24h(ruleId(5), Date.now()), 1);
  await deliver('n2', { kind: 'outcome', outcome: 'dead', reason: 'gone' });
  await waitUntil('none waits', () => store.deliveries.waiting === 0);
  const other = await follow();
  assert.deepEqual(other.deliveries.webhook(webhookId), webhook, 'read anew it is the same');
});

test('the time to Discord does not count the silence that a message tells of', async () => {
  const nowMs = Date.now();
  const sample = { partition: 1, offset: 4, timestampMs: nowMs - 3_600_000 };
  await notify({
    id: 'silent',
    kind: 'no_data',
    cause: 'no_data',
    x: undefined,
    timeMs: nowMs,
    sinceMs: nowMs,
    sample,
  });
  await deliver('silent', { kind: 'outcome', outcome: 'delivered', messageId: '8', atMs: nowMs + 6_000 });
  await waitUntil('it is delivered', () => store.deliveries.sending('silent')?.outcome === 'delivered');
  assert.equal(store.deliveries.latencyP99Ms(), 6_000);
});

test('edits of rules are told with what changed, save the secret', async () => {
  const url = (letter: string): string => `https://discord.com/api/webhooks/${webhookId}/${letter.repeat(68)}`;
  const rule = { id: ruleId(6), metric_name: 'cpu', threshold: 1, discord_webhook_url: url('a') };
  const put = async (value: object | null): Promise<void> => {
    const bytes = value === null ? null : Buffer.from(JSON.stringify(value));
    await storage.log.append(topics.rules.name, [
      { key: Buffer.from(rule.id), value: bytes, timestampMs: Date.now(), partition: 0 },
    ]);
  };
  await put(rule);
  await put({ ...rule, threshold: 2.5, discord_webhook_url: url('b') });
  await put({ ...rule, threshold: 2.5, discord_webhook_url: url('b') });
  await put(null);
  const edits = () => store.feed.newestFirst().filter((item) => item.kind === 'rule' && item.ruleId === rule.id);
  await waitUntil('three edits', () => edits().length === 3);
  const [deleted, changed, made] = edits() as { edit: string; fields: unknown; metricName: string }[];
  assert.deepEqual([deleted!.edit, changed!.edit, made!.edit, made!.metricName], ['deleted', 'changed', 'made', 'cpu']);
  assert.deepEqual(changed!.fields, [
    { field: 'threshold', from: 1, to: 2.5 },
    { field: 'discord_webhook_url', from: '…', to: '…' },
  ]);
});

test('from any position on, what follows is neither lost nor doubled; what was dropped is said', () => {
  const item = (partition: number, offset: number): FeedItem => ({
    kind: 'delivery',
    topic: 'deliveries',
    partition,
    offset,
    atMs: offset,
    notificationId: `${partition}-${offset}`,
    webhookId,
    outcome: 'dead',
    reason: undefined,
  });
  const steps = fc.array(fc.record({ partition: fc.nat(3), gap: fc.nat(3), isItem: fc.boolean() }), { maxLength: 300 });
  fc.assert(
    fc.property(steps, fc.array(fc.nat(20), { minLength: 1 }), (happened, pauses) => {
      const feed = new Feed();
      const next = [0, 0, 0, 0];
      const [all, heard]: [string[], string[]] = [[], []];
      let position = parsePositions(formatPositions(feed.positions))!;
      const hear = (): void => {
        const { items, complete } = feed.since(position);
        assert.ok(complete);
        heard.push(...items.map(({ partition, offset }) => `${partition}-${offset}`));
        position = parsePositions(formatPositions(feed.positions))!;
      };
      for (const [index, { partition, gap, isItem }] of happened.entries()) {
        const offset = next[partition]! + gap;
        next[partition] = offset + 1;
        if (isItem) {
          feed.add(item(partition, offset));
          all.push(`${partition}-${offset}`);
        }
        feed.advance('deliveries', partition, offset + 1);
        if (index % (pauses[index % pauses.length]! + 1) === 0) hear();
      }
      hear();
      assert.deepEqual(heard.sort(), all.sort());
    }),
  );
  const feed = new Feed();
  for (let offset = 0; offset < 1_000; offset++) {
    feed.add(item(0, offset));
    feed.advance('deliveries', 0, offset + 1);
  }
  const of = (offset: number) => feed.since({ alarms: [], rules: [], deliveries: [offset] });
  assert.deepEqual([of(990).items.length, of(990).complete], [10, true]);
  assert.equal(of(10).complete, false, 'what was dropped is missing');
  assert.equal(of(1_001).complete, false, 'a position beyond the end is of another log');
  for (const text of ['', 'a', '1.2-3', '1-2-3-4', `${'z'.repeat(40)}--`, '1..2--', '-1-2-3'])
    assert.equal(parsePositions(text), undefined, text);
});

test('what is held is complete from when the log was read on, not from when the store was made', async () => {
  const common = { log: storage.log, health: new Health(), meter: new Meter(), logger: testLogger };
  const rules = createRules(common);
  const madeMs = Date.now();
  let nowMs = madeMs;
  const made = new LiveStore({ ...common, rules: rules.feed, now: () => nowMs });
  const sinceMs = made.feed.completeSinceMs('deliveries');
  const hourMs = 3_600_000;
  nowMs += 10 * hourMs;
  running.push(rules.service.run(stop.signal), made.run(stop.signal));
  await waitUntil('the store has read the log', () => made.isCaughtUp);
  assert.equal(made.feed.completeSinceMs('alarms'), madeMs + 4 * hourMs, 'older states may be compacted away');
  assert.equal(made.feed.completeSinceMs('deliveries'), sinceMs + 10 * hourMs);
});
