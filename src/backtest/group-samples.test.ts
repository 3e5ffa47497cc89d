// A chart of groups against the evaluator: what is drawn is what was compared, whatever the rule makes of its series.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { Random } from '../../test/support/sim-log/random.ts';
import { systemClock } from '../base/clock.ts';
import { openTestLog, type TestLog } from '../http/testing/test-log.ts';
import { listeningServer, type TestServer } from '../http/testing/test-server.ts';
import type { BacktestView } from '../wire/backtest.ts';
import type { SamplesView } from '../wire/metrics.ts';
import { topics } from '../topics.ts';
import { backtestRoutes } from './backtest-routes.ts';
import { MetricPasts } from './metric-pasts.ts';
import { samplesRoutes } from './samples-routes.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const metric = 'requests';
const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
const spanMs = 20 * 60_000;

let storage: TestLog;
let it: TestServer;

before(async () => {
  storage = await openTestLog();
  const { log } = storage;
  const common = { log, pasts: new MetricPasts(log), clock: systemClock };
  it = await listeningServer([samplesRoutes(common), backtestRoutes(common)]);
  const random = new Random(seed);
  // Counters by service, host and status, of which some go silent, begin anew or come late.
  const totals = new Map<string, number>();
  const records = Array.from({ length: spanMs / 1_000 }, (_, second) => {
    const [service, host, status] = [
      'ab'[random.below(2)]!,
      `web-${random.below(3)}`,
      ['200', '500'][random.below(2)]!,
    ];
    const key = service + host + status;
    const value = random.below(50) === 0 ? 0 : (totals.get(key) ?? 0) + random.below(status === '500' ? 4 : 9);
    totals.set(key, value);
    const lateMs = random.below(12) === 0 ? random.below(90) * 1_000 : 0;
    const tags = { service, host, status };
    return {
      key: Buffer.from(metric),
      value: Buffer.from(`{"value": ${value}, "tags": ${JSON.stringify(tags)}}`),
      timestampMs: nowMs - spanMs + second * 1_000 - lateMs,
    };
  });
  await log.append(topics.metrics.name, records);
});
after(async () => {
  await it.server.close();
  await storage.remove();
});

async function chart(query: Record<string, string | number | object>): Promise<SamplesView> {
  const all = new URLSearchParams({ metric_name: metric, points: '5000' });
  for (const [name, value] of Object.entries(query))
    all.set(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
  const answer = await fetch(`${it.url}/api/v1/samples?${all.toString()}`);
  const body = await answer.text();
  assert.equal(answer.status, 200, body);
  return JSON.parse(body) as SamplesView;
}

async function backtested(rule: object, fromMs: number): Promise<BacktestView> {
  const answer = await fetch(`${it.url}/api/v1/rules/backtest`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ rule: { metric_name: metric, ...rule }, from_ms: fromMs, limit: 1_000 }),
  });
  assert.equal(answer.status, 200);
  return (await answer.json()) as BacktestView;
}

interface Shape {
  readonly groups: Readonly<Record<string, unknown>>;
  readonly tags?: object;
  readonly windowSeconds?: number;
  readonly type?: string;
  readonly thresholds: readonly number[];
}

const shapes: readonly Shape[] = [
  { groups: { group_by: ['service'], aggregate: 'sum', stale_seconds: 60 }, thresholds: [100, 400, 900] },
  { groups: { group_by: [], aggregate: 'average' }, type: 'window_increase', windowSeconds: 120, thresholds: [20, 40] },
  {
    groups: {
      group_by: ['service'],
      aggregate: 'share_where',
      aggregate_where: { operator: '>', threshold: 10 },
      min_series: 2,
    },
    type: 'window_increase',
    windowSeconds: 60,
    thresholds: [0.2, 0.5],
  },
  {
    groups: { group_by: ['service'], aggregate: 'sum', divide_by: { tags: {}, min_value: 5 } },
    tags: { status: '500' },
    type: 'window_increase',
    windowSeconds: 120,
    thresholds: [0.2, 0.35],
  },
  {
    groups: { group_by: ['host'], aggregate: 'max', divide_by: { type: 'window_count', window_duration_seconds: 30 } },
    tags: { status: '500' },
    thresholds: [10, 60],
  },
];

test('what a chart draws of a group is what the evaluator compared', async (context) => {
  context.diagnostic(`SEED=${seed}`);
  const fromMs = nowMs - spanMs + 5 * 60_000;
  let compared = 0;
  for (const { groups, tags = {}, type, windowSeconds, thresholds } of shapes) {
    const window = type !== undefined && windowSeconds !== undefined ? { type, window_seconds: windowSeconds } : {};
    const { series } = await chart({ tags, groups, from_ms: fromMs, series: 100, ...window });
    for (const threshold of thresholds) {
      const rule = { tags, type, window_duration_seconds: windowSeconds, ...groups, threshold };
      const { transitions } = await backtested(rule, fromMs);
      for (const { group, state, value, time_ms: timeMs } of transitions) {
        // A late sample may be evaluated before the group's time is in the range.
        if (value === null || timeMs < fromMs) continue;
        const text = JSON.stringify([seed, rule, group, state, value, timeMs]);
        const line = series.find((one) => JSON.stringify(one.group) === JSON.stringify(group));
        assert.ok(line !== undefined, text);
        const at = line.t.indexOf(timeMs);
        assert.ok(at >= 0 && line.min[at]! <= value && value <= line.max[at]!, text);
        if (line.count[at] === 1) assert.equal(line.mean[at], value, text);
        compared++;
      }
    }
  }
  assert.ok(compared > 50, `${compared} values`);
});

test('a chart of groups has the nearest ones first, and the members of the first', async () => {
  const groups = { group_by: ['service', 'status'], aggregate: 'sum' };
  const all = await chart({ groups, from_ms: 0, series: 2, members: 2 });
  assert.deepEqual([all.series.length, all.series_total], [2, 4]);
  const most = (lines: SamplesView['series']): number[] => lines.map(({ max }) => Math.max(...max));
  assert.deepEqual(
    most(all.series),
    most(all.series).toSorted((one, other) => other - one),
  );
  const [first] = all.series;
  const { members } = all;
  assert.deepEqual([members?.series.length, members?.total], [2, 3]);
  for (const { tags } of members!.series)
    assert.deepEqual({ service: tags?.['service'], status: tags?.['status'] }, first!.group);
  const one = await chart({ groups, from_ms: 0, group: { service: 'a', status: '500' }, members: 10 });
  assert.deepEqual(
    one.series.map(({ group }) => group),
    [{ service: 'a', status: '500' }],
  );
  assert.equal(one.members?.total, 3);
});

test('what is wrong with the groups of a chart is named', async () => {
  const refusal = async (query: Record<string, string>): Promise<string> => {
    const all = new URLSearchParams({ metric_name: metric, ...query });
    const answer = await fetch(`${it.url}/api/v1/samples?${all.toString()}`);
    assert.equal(answer.status, 400);
    return ((await answer.json()) as { detail: string }).detail;
  };
  assert.match(await refusal({ groups: '[]' }), /groups is "\[\]", and must be a JSON object/);
  assert.match(await refusal({ groups: '{"aggregate":"sum"}' }), /group_by/);
  assert.match(await refusal({ groups: '{"group_by":[],"threshold":3}' }), /groups has the field "threshold"/);
  assert.match(await refusal({ groups: '{"group_by":[],"aggregate":"most"}' }), /aggregate/);
  const one = { groups: '{"group_by":["service"],"aggregate":"sum"}', group: '{"host":"web-1"}' };
  assert.match(await refusal(one), /must have a text or null for each of \["service"\]/);
});
