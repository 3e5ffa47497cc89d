import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitForValue } from '../../../test/support/wait-until.ts';
import { notificationFor } from '../../../test/support/notification.ts';
import type { AlarmState, Deferred, Firing } from '../../alarm/alarm-state.ts';
import { formatNotification } from '../../alarm/notification.ts';
import { formatDeliveryRecord } from '../../notice/delivery-record.ts';
import { topics } from '../../topics.ts';
import { appendAlarm, firingSince, startConsoleSystem, type ConsoleSystem } from '../testing/console-system.ts';

const secret = 't'.repeat(68);
const webhook = `https://discord.com/api/webhooks/123456789012345678/${secret}`;

let system: ConsoleSystem;
before(async () => {
  system = await startConsoleSystem({ evaluates: true });
});
after(async () => {
  await system.stop();
});

async function call<Body>(path: string, body?: object, method = body === undefined ? 'GET' : 'POST'): Promise<Body> {
  const answer = await fetch(`${system.url}${path}`, {
    method,
    ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${path}: ${text}`);
  return JSON.parse(text) as Body;
}

interface Notified {
  readonly id: string;
  readonly alarm_id: string;
  readonly rule_id: string;
}

async function notified(ruleId: string): Promise<Notified> {
  for (;;) {
    for (const { value } of await system.storage.records(topics.notifications.name)) {
      const notification = JSON.parse(value!) as Notified;
      if (notification.rule_id === ruleId) return notification;
    }
    await sleep(10);
  }
}

async function publish(metric: string, values: readonly number[], tags?: object): Promise<void> {
  const nowMs = Date.now();
  const samples = values.map((value, index) => ({
    name: metric,
    value,
    timestamp: nowMs - (values.length - index) * 1_000,
    ...(tags !== undefined && { tags }),
  }));
  await call('/api/v1/metrics', samples);
}

interface Alarm {
  readonly alarm_id: string;
  readonly state: string;
  readonly value: number;
  readonly offset: number;
  readonly is_rule_current: boolean;
  readonly rule: { readonly threshold: number; readonly discord_webhook_url: string };
  readonly notifications: readonly { kind: string; outcome: string; message_id?: string; attempts: number }[];
}

test('an alarm tells what fired it, by which version of the rule, and what became of its message', async () => {
  const rule = await call<{ id: string }>('/rules', {
    metric_name: 'traced',
    threshold: 5,
    tags: { host: 'a' },
    discord_webhook_url: webhook,
  });
  await publish('traced', [1, 2, 9, 8], { host: 'a' });
  const { id, alarm_id: alarmId } = await notified(rule.id);
  const path = `/api/v1/alarms/${alarmId}`;
  let alarm = await call<Alarm>(path);
  assert.deepEqual(
    [alarm.state, alarm.value, alarm.offset, alarm.is_rule_current, alarm.rule.threshold],
    ['firing', 9, 2, true, 5],
  );
  assert.deepEqual([alarm.notifications.length, alarm.notifications[0]?.outcome], [1, 'waiting']);
  assert.ok(!JSON.stringify(alarm).includes(secret), 'the webhook is masked');

  const common = { notificationId: id, webhookId: '123456789012345678', attemptId: 'x', atMs: Date.now() };
  const end = {
    outcome: 'delivered',
    messageId: '77',
    reason: undefined,
    webhook: undefined,
    offset: undefined,
  } as const;
  const records = [
    formatDeliveryRecord({ ...common, kind: 'attempt', attempt: 1, deadlineMs: common.atMs + 1 }),
    formatDeliveryRecord({ ...common, ...end, kind: 'outcome', possibleRepeat: false }),
  ];
  const { partition } = (await placeOf(id))!;
  await system.storage.log.append(
    topics.deliveries.name,
    records.map((value) => ({ key: Buffer.from(id), value: Buffer.from(value), timestampMs: common.atMs, partition })),
  );
  alarm = await call<Alarm>(path);
  const [first] = alarm.notifications;
  assert.deepEqual([first?.outcome, first?.message_id, first?.attempts], ['delivered', '77', 1]);

  await publish('traced', [1], { host: 'a' });
  await call(`/rules/${rule.id}`, { metric_name: 'traced', threshold: 7, discord_webhook_url: webhook }, 'PUT');
  while ((await call<Alarm>(path)).state === 'firing') await sleep(10);
  alarm = await call<Alarm>(path);
  assert.deepEqual([alarm.is_rule_current, alarm.rule.threshold], [false, 5], 'the version that judged');
  const { versions } = await call<{ versions: { rule: { threshold: number } }[] }>(`/api/v1/rules/${rule.id}/versions`);
  assert.deepEqual(
    versions.map((version) => version.rule.threshold),
    [5, 7],
  );
});

async function placeOf(id: string): Promise<{ partition: number } | undefined> {
  const { log } = system.storage;
  for (let partition = 0; partition < topics.notifications.partitions; partition++) {
    for await (const chunk of log.read(topics.notifications.name, partition, { from: { offset: 0 } }))
      if (chunk.batches.some((batch) => Buffer.from(batch).includes(id))) return { partition };
  }
  return undefined;
}

test('what a message took is measured from its sample, and of a silence from when the next one was due', async () => {
  const nowMs = Date.now();
  const alarmId = '7b1c9f0e-0000-4000-8000-000000000001';
  const silence = { kind: 'no_data', cause: 'no_data', x: undefined, rule: { no_data_seconds: 300 } } as const;
  const sample = { partition: 1, offset: 3, timestampMs: nowMs - 300_000 };
  const again = { partition: 1, offset: 4, timestampMs: nowMs + 9_000 };
  const told = [
    notificationFor('a rule', 0, { ...silence, alarmId, timeMs: nowMs, sample }),
    notificationFor('a rule', 0, { kind: 'resolved', alarmId, timeMs: nowMs + 9_000, sample: again }),
  ];
  await system.storage.log.append(
    topics.notifications.name,
    told.map((one) => ({
      key: Buffer.from('123456789012345678'),
      value: Buffer.from(formatNotification(one)),
      timestampMs: nowMs,
    })),
  );
  let alarm: { notifications: { judgeable_ms: number }[] } = { notifications: [] };
  while (alarm.notifications.length < 2) {
    await sleep(10);
    const answer = await fetch(`${system.url}/api/v1/alarms/${alarmId}`);
    if (answer.ok) alarm = (await answer.json()) as typeof alarm;
  }
  assert.deepEqual(
    alarm.notifications.map(({ judgeable_ms: ms }) => ms),
    [nowMs, nowMs + 9_000],
  );
});

test('an alarm whose message is no longer held is not one whose message was deferred', async () => {
  const nowMs = Date.now();
  const given = { ruleId: '7b1c9f0e-0000-4000-8000-000000000002', timeMs: nowMs - 10 * 86_400_000, x: 9 };
  const firing = firingSince(given.timeMs);
  const deferredAt = (timeMs: number): Deferred => {
    const sample = { partition: 0, offset: 5, timestampMs: timeMs };
    return { kind: 'fired', sample, ordinal: 0, x: 9, timeMs };
  };
  const of = async (metric: string, state: AlarmState) => {
    const record = await appendAlarm(system.storage.log, { ...given, metric, state, offset: 5 });
    return `/api/v1/alarms/${(record.state as Firing).alarmId}`;
  };
  const [old, gone, deferred] = [
    await of('old', firing),
    await of('gone', firing),
    await of('deferred', { ...firing, notified: false, deferred: deferredAt(given.timeMs) }),
  ];
  // Older than what the console reads at its start, and still in the log.
  const message = notificationFor(given.ruleId, 9, { alarmId: old.split('/').at(-1)!, timeMs: given.timeMs });
  const [key, value] = [Buffer.from('223456789012345678'), Buffer.from(formatNotification(message))];
  await system.storage.log.append(topics.notifications.name, [{ key, value, timestampMs: given.timeMs }]);
  const again = await startConsoleSystem({ storage: system.storage });
  try {
    const told = async (path: string): Promise<[boolean, number]> => {
      const answer = await fetch(`${again.url}${path}`);
      const alarm = (await answer.json()) as { notified: boolean; notifications: unknown[] };
      return [alarm.notified, alarm.notifications.length];
    };
    assert.deepEqual(await told(old), [true, 1]);
    assert.deepEqual(await told(gone), [true, 0]);
    assert.deepEqual(await told(deferred), [false, 0]);
  } finally {
    await again.stop();
  }
});

test('a firing alarm has the highest level that fires', async () => {
  const levels = [{ threshold: 80 }, { threshold: 95, severity: 'critical' }];
  const rule = await call<{ id: string }>('/rules', { metric_name: 'leveled', levels, discord_webhook_url: webhook });
  await publish('leveled', [85, 97]);
  const { alarm_id: alarmId } = await notified(rule.id);
  const levelOf = async (): Promise<number | undefined> =>
    (await call<{ level?: number }>(`/api/v1/alarms/${alarmId}`)).level;
  await waitForValue('the level that the alarm has risen to', levelOf, (level) => level === 2);
  await publish('leveled', [10]);
  await waitForValue('no level once it has resolved', levelOf, (level) => level === undefined);
});

test('an alarm that is checked again agrees', async () => {
  const rule = await call<{ id: string }>('/rules', {
    metric_name: 'recheck',
    threshold: 5,
    type: 'window_average',
    window_duration_seconds: 10,
    discord_webhook_url: webhook,
  });
  await publish('recheck', [1, 2, 1, 9, 20, 30, 1]);
  const { alarm_id: alarmId } = await notified(rule.id);
  const result = await call<{ agrees: boolean; samples: number }>(`/api/v1/alarms/${alarmId}/recheck`, {});
  // The rule is younger than its first samples: judged is from the one that fired on, its window filled from before.
  assert.deepEqual([result.agrees, result.samples], [true, 3]);
});

test('what no alarm is called is not found', async () => {
  for (const id of ['nonsense', '00000000-0000-4000-8000-000000000000']) {
    assert.equal((await fetch(`${system.url}/api/v1/alarms/${id}`)).status, 404);
    assert.equal((await fetch(`${system.url}/api/v1/rules/${id}/versions`)).status, 404);
  }
});

interface Points {
  readonly samples: number;
  readonly series_total: number;
  readonly p99: number | null;
  readonly series: readonly {
    readonly tags?: object;
    readonly t: number[];
    readonly min: number[];
    readonly max: number[];
    readonly mean: number[];
    readonly count: number[];
    readonly window: (number | null)[];
  }[];
}

test('the series of a chart come first that are nearest to firing, whatever the operator', async () => {
  const hosts = { a: 1, b: 50, c: 90 };
  const samples = Object.entries(hosts).map(([host, value]) => ({ name: 'nearest', value, tags: { host } }));
  await call('/api/v1/metrics', samples);
  const first = async (order: string): Promise<string> => {
    const found = await call<Points>(`/api/v1/samples?metric_name=nearest&${order}`);
    return found.series.map(({ tags }) => Object.values(tags ?? {}).join()).join(' ');
  };
  assert.deepEqual([await first('order=highest'), await first('order=lowest')], ['c b a', 'a b c']);
  assert.equal(await first('order=closest&threshold=55'), 'b c a');
  assert.equal(await first('order=furthest&threshold=55'), 'a c b');
  const refused = await fetch(`${system.url}/api/v1/samples?metric_name=nearest&order=closest`);
  assert.deepEqual([refused.status, /threshold is missing/.test(await refused.text())], [400, true]);
});

test('samples are cut into stretches that keep each extreme, series by series', async () => {
  const nowMs = Date.now();
  const at = (index: number): number => nowMs - 40_000 + index * 10;
  const values = Array.from({ length: 3_000 }, (_, index) =>
    index === 1_234 ? 1_000 : index === 77 ? -5 : index % 10,
  );
  await call(
    '/api/v1/metrics',
    values.map((value, index) => ({ name: 'shape', value, timestamp: at(index) })),
  );
  await call('/api/v1/metrics', [{ name: 'shape', value: 3, timestamp: at(0), tags: { host: 'é' } }]);
  const query = `metric_name=shape&from_ms=${at(0)}&to_ms=${at(3_000)}`;
  const found = await call<Points>(`/api/v1/samples?${query}&points=100`);
  assert.deepEqual([found.samples, found.series_total, found.p99], [3_001, 2, 9]);
  const [first, second] = found.series;
  assert.equal(
    first!.count.reduce((sum, count) => sum + count, 0),
    3_000,
  );
  assert.ok(first!.max.length <= 101);
  assert.deepEqual([Math.max(...first!.max), Math.min(...first!.min)], [1_000, -5]);
  assert.deepEqual([second!.tags, second!.mean], [{ host: 'é' }, [3]]);
  const tagged = await call<Points>(`/api/v1/samples?${query}&tags=${encodeURIComponent('{"host":"é"}')}`);
  assert.deepEqual([tagged.samples, tagged.series_total], [1, 1]);
  const exact = await call<Points>(`/api/v1/samples?${query}&exact=true&window_seconds=1000&points=5000`);
  assert.deepEqual([exact.series_total, exact.series[0]!.window.length], [1, 3_000]);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  assert.ok(Math.abs(exact.series[0]!.window.at(-1)! - mean) < 1e-9);
});

test('a chart has the values of a measure beside the samples, or in their place where they are of another kind', async () => {
  const nowMs = Date.now();
  const at = (secondsAgo: number): number => nowMs - secondsAgo * 1_000;
  const samples = [[50, 10], [40, 20], [30, 5], [41.5, 90], [20, 6], [19, 7]] as const; // prettier-ignore
  for (const [secondsAgo, value] of samples)
    await call('/api/v1/metrics', [{ name: 'measured', value, timestamp: at(secondsAgo) }]);
  const chart = async (query: string): Promise<Points> =>
    call<Points>(`/api/v1/samples?metric_name=measured&from_ms=${at(60)}&to_ms=${nowMs}&points=5000&${query}`);
  const highest = await chart('type=window_max&window_seconds=11');
  const [beside] = highest.series;
  // The fourth sample is older than the window, and shown with the third.
  assert.deepEqual(beside!.mean, [10, 20, 47.5, 6, 7]);
  assert.deepEqual(beside!.window, [10, 20, 20, 6, 7]);
  assert.equal(highest.p99, 20, 'what is compared makes the suggestion');
  const rises = await chart('type=window_increase&window_seconds=11');
  const [instead] = rises.series;
  assert.deepEqual([instead!.mean, instead!.window, rises.samples], [[10, 6, 1.5, 2], [], 6]);
  assert.equal(instead!.t[0], at(40), 'without a previous sample there is no value');
  const percentile = await chart('type=window_percentile&percentile=50&window_seconds=11');
  assert.deepEqual(percentile.series[0]!.window, [10, 15, 12.5, 5.5, 6.5]);
  const refused = await fetch(
    `${system.url}/api/v1/samples?metric_name=measured&type=window_percentile&window_seconds=5`,
  );
  assert.deepEqual([refused.status, /percentile is missing/.test(await refused.text())], [400, true]);
});

test('a range that moves on keeps the points that it has', async () => {
  const nowMs = Date.now();
  await call(
    '/api/v1/metrics',
    Array.from({ length: 400 }, (_, index) => ({
      name: 'steady',
      value: index,
      timestamp: nowMs - 4_000 + index * 10,
    })),
  );
  const times = async (byMs: number): Promise<readonly number[]> => {
    const query = `metric_name=steady&from_ms=${nowMs - 4_000 + byMs}&to_ms=${nowMs + byMs}&points=50`;
    return (await call<Points>(`/api/v1/samples?${query}`)).series[0]!.t;
  };
  const [then, later] = [await times(0), await times(130)];
  assert.ok(then.length <= 50, `${then.length}`);
  // The first may be a part of its stretch.
  const moved = later.slice(1).filter((ms) => !then.includes(ms));
  assert.deepEqual(moved, []);
});

test('all that is retained is cut from its first sample on, and so is a range that is empty before it', async () => {
  const nowMs = Date.now();
  await call(
    '/api/v1/metrics',
    Array.from({ length: 300 }, (_, index) => ({
      name: 'all',
      value: index,
      timestamp: nowMs - (300 - index) * 1_000,
    })),
  );
  const { series, samples } = await call<Points>('/api/v1/samples?metric_name=all&from_ms=0&points=101');
  assert.equal(samples, 300);
  const { length } = series[0]!.t;
  assert.ok(length >= 75 && length <= 101, `${length} points`);
  const query = `metric_name=all&from_ms=${nowMs - 24 * 3_600_000}&points=800`;
  const day = await call<Points>(`/api/v1/samples?${query}`);
  assert.equal(day.series[0]!.t.length, 300, 'each by itself');
});

const byName = (one: readonly unknown[], other: readonly unknown[]): number =>
  String(one[0]) < String(other[0]) ? -1 : 1;

test('metrics that flow are found by a part of their name, with their tags', async () => {
  await publish('flow-a', [1, 2], { host: 'x' });
  await publish('flow-b', [7]);
  interface Found {
    readonly total: number;
    readonly metrics: readonly { readonly name: string; readonly last_value: number; readonly series: number }[];
  }
  let found: Found;
  do {
    await sleep(50);
    found = await call<Found>('/api/v1/metrics?q=FLOW');
  } while (found.total < 2);
  assert.deepEqual(found.metrics.map(({ name, last_value, series }) => [name, last_value, series]).sort(byName), [
    ['flow-a', 2, 1],
    ['flow-b', 7, 1],
  ]);
  const one = await call<{ tags: object }>('/api/v1/metrics/tags?name=flow-a');
  assert.deepEqual(one.tags, { host: ['x'] });
});
