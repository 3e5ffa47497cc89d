import { systemClock } from '../../base/clock.ts';
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { openTestLog } from '../../http/testing/test-log.ts';
import type { Tags } from '../../metric/sample.ts';
import { compileRule } from '../../rule/condition.ts';
import type { Rule } from '../../rule/rule.ts';
import { topics } from '../../topics.ts';
import { MetricCatalogue } from '../live/metric-catalogue.ts';
import { startConsoleSystem } from '../testing/console-system.ts';
import { comparedSeries, compareNearness, type ComparedSeries } from './rule-glance.ts';

const json = { 'content-type': 'application/json' };
const webhook = `https://discord.com/api/webhooks/123456789012345678/${'t'.repeat(68)}`;

interface Row {
  readonly rule: { readonly description?: string };
  readonly is_seen: boolean;
  readonly value?: number;
  readonly value_tags?: object;
  readonly spark?: readonly number[];
  readonly window_samples?: number;
  readonly cooldown_left_ms?: number;
  readonly fires_24h: number;
}

test('a row tells the series nearest to firing, its window, the cooldown and the fires; an unknown metric is told as such', async () => {
  const system = await startConsoleSystem({ evaluates: true });
  try {
    const post = async (path: string, body: object): Promise<void> => {
      const answer = await fetch(`${system.url}${path}`, { method: 'POST', headers: json, body: JSON.stringify(body) });
      assert.ok(answer.ok, await answer.text());
    };
    const make = (fields: object): Promise<void> => post('/rules', { discord_webhook_url: webhook, ...fields });
    const rule = { metric_name: 'cpu', threshold: 50 };
    await make({ ...rule, description: 'above', cooldown_seconds: 600 });
    await make({ ...rule, description: 'below', operator: '<', threshold: 1 });
    await make({ ...rule, description: 'tagged', tags: { host: 'a' } });
    await make({ ...rule, description: 'mean', threshold: 500, type: 'window_average', window_duration_seconds: 10 });
    await make({ ...rule, description: 'typo', metric_name: 'cpuu' });
    const nowMs = Date.now();
    const at = (host: string, value: number, secondsAgo: number): object => {
      return { name: 'cpu', value, tags: { host }, timestamp: nowMs - secondsAgo * 1_000 };
    };
    await post('/api/v1/metrics', [at('a', 10, 30), at('b', 20, 30), at('b', 80, 6), at('b', 100, 3), at('a', 30, 2)]);
    const rows = async (): Promise<Map<string, Row>> => {
      const answer = (await (await fetch(`${system.url}/api/v1/rules`)).json()) as { rules: Row[] };
      return new Map(answer.rules.map((row) => [row.rule.description!, row]));
    };
    const deadline = Date.now() + 15_000;
    let seen = await rows();
    // The fires are counted from `notifications`, the cooldown is told by `alarms`: either may be read first.
    const isComplete = ({ fires_24h: fires, value, cooldown_left_ms: leftMs }: Row): boolean =>
      fires === 1 && value !== undefined && leftMs !== undefined;
    while (!isComplete(seen.get('above')!)) {
      assert.ok(Date.now() < deadline, JSON.stringify([...seen.values()]));
      await sleep(50);
      seen = await rows();
    }
    const of = (name: string) => {
      const { is_seen, value, value_tags: tags, window_samples: samples } = seen.get(name)!;
      return { is_seen, value, tags, samples };
    };
    const [a, b] = [{ host: 'a' }, { host: 'b' }];
    assert.deepEqual(of('above'), { is_seen: true, value: 100, tags: b, samples: undefined });
    assert.deepEqual(of('below'), { is_seen: true, value: 30, tags: a, samples: undefined });
    assert.deepEqual(of('tagged'), { is_seen: true, value: 30, tags: a, samples: undefined });
    assert.deepEqual(of('mean'), { is_seen: true, value: 90, tags: b, samples: 2 });
    assert.deepEqual(of('typo'), { is_seen: false, value: undefined, tags: undefined, samples: undefined });
    assert.deepEqual(seen.get('above')!.spark, [20, 80, 100]);
    const { cooldown_left_ms: leftMs = 0 } = seen.get('above')!;
    assert.ok(leftMs > 500_000 && leftMs <= 600_000, String(leftMs));
    assert.deepEqual([seen.get('below')!.fires_24h, seen.get('below')!.cooldown_left_ms], [0, undefined]);
  } finally {
    await system.stop();
  }
});

interface At {
  readonly value: number;
  readonly secondsAgo: number;
  readonly tags?: Tags;
}

/** What rules compare of the samples of one metric, in the order in which they come. */
async function compared(rule: Partial<Rule>, samples: readonly At[]): Promise<ComparedSeries[]> {
  const storage = await openTestLog();
  const stop = new AbortController();
  const catalogue = new MetricCatalogue(storage.log, systemClock);
  const [name, nowMs] = ['seen', Date.now()];
  let running = Promise.resolve();
  try {
    await storage.log.append(
      topics.metrics.name,
      samples.map(({ value, secondsAgo, tags = {} }) => ({
        key: Buffer.from(name),
        value: Buffer.from(JSON.stringify({ value, tags })),
        timestampMs: nowMs - secondsAgo * 1_000,
      })),
    );
    running = catalogue.run(stop.signal);
    while (catalogue.get(name) === undefined) await sleep(5);
    const made = { id: 'r', metric_name: name, threshold: 50, discord_webhook_url: webhook, ...rule };
    return [...comparedSeries(compileRule(made), catalogue.get(name)!.series.values(), nowMs)];
  } finally {
    stop.abort();
    await running;
    await storage.remove();
  }
}

test('what still speaks comes before what is silent for longer than it uses to be, however near that was', async () => {
  const every = (host: string, value: number, seconds: number, lastSecondsAgo: number): At[] =>
    Array.from({ length: 5 }, (_, index) => ({
      value,
      secondsAgo: lastSecondsAgo + seconds * (4 - index),
      tags: { host },
    }));
  const hour = 3_600;
  const found = await compared({}, [
    ...every('gone', 49, 2, 24 * hour),
    ...every('silent', 48, 2, 310),
    ...every('second', 10, 2, 290),
    ...every('ten minutes', 20, 600, 1_700),
    ...every('ten minutes, gone', 47, 600, 1_900),
    { value: 30, secondsAgo: 890, tags: { host: 'once' } },
    { value: 46, secondsAgo: 910, tags: { host: 'once, long ago' } },
  ]);
  assert.deepEqual(
    found.toSorted(compareNearness).map(({ series, isOld }) => [series.tags['host'], isOld]),
    [
      ['once', false],
      ['ten minutes', false],
      ['second', false],
      ['gone', true],
      ['silent', true],
      ['ten minutes, gone', true],
      ['once, long ago', true],
    ],
  );
});

test('the mean of a window is told where all of the window is held, and not otherwise', async () => {
  const mean = (seconds: number): Partial<Rule> => ({ type: 'window_average', window_duration_seconds: seconds });
  const of = async (seconds: number, samples: readonly At[]) => {
    const [{ value, samples: held, by } = {}] = await compared(mean(seconds), samples);
    return [value, held, by];
  };
  const none = [undefined, undefined, -Infinity];
  // 100 points, of which 90 are kept: 270 seconds.
  const long = Array.from({ length: 100 }, (_, index) => ({ value: index, secondsAgo: 300 - index * 3 }));
  assert.deepEqual(await of(30, long), [94.5, 10, 44.5]);
  assert.deepEqual(await of(600, long), none, 'more than what is kept');
  assert.deepEqual(
    await of(600, long.slice(-5)),
    [97, 5, 47],
    'a series that is younger than the window is known whole',
  );
  // Of the start the newest 5,000 records are looked at.
  const flood = Array.from({ length: 5_100 }, (_, index) => ({ value: 1, secondsAgo: 51 - index / 100 }));
  assert.deepEqual(await of(60, flood), none, 'records were passed over');
  assert.deepEqual((await of(20, flood))[0], 1);
  const late = [
    { value: 90, secondsAgo: 40 },
    { value: 10, secondsAgo: 0 },
    { value: 70, secondsAgo: 20 },
  ];
  assert.deepEqual(await of(10, late), [10, 1, -40], 'a late sample that the window is past does not count');
  assert.deepEqual(await of(30, late), [40, 2, -10], 'one that is inside does');
});

test('other measures are told where each point is a single sample', async () => {
  const of = async (fields: Partial<Rule>, samples: readonly At[]) =>
    (await compared({ window_duration_seconds: 60, ...fields }, samples))[0]?.value;
  const slow = [10, 40, 20, 30].map((value, index) => ({ value, secondsAgo: 150 - index * 40 }));
  assert.equal(await of({ type: 'window_max' }, slow), 30);
  assert.equal(await of({ type: 'window_percentile', percentile: 50 }, slow), 25);
  assert.equal(
    await of({ type: 'window_increase' }, slow),
    20,
    'after 40 the counter is reset to 20, half of it inside',
  );
  const fast = [10, 40, 20].map((value, index) => ({ value, secondsAgo: 1 - index / 4 }));
  assert.equal(await of({ type: 'window_max' }, fast), undefined);
  assert.equal(await of({ type: 'window_sum' }, fast), 70);
});
