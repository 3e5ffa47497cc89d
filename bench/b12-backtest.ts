// B12: a backtest while somebody types: one partition of 4.5 M records of 144 bytes in the embedded log, of which the rule matches
// one series of ten thousand; the first count, the full one, and the same rule with another threshold. Beside it vmalert's replay of the
// same, from a store with an index.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backtest, type BacktestResult } from '../src/backtest/backtest.ts';
import { MetricPasts } from '../src/backtest/metric-pasts.ts';
import { assert } from '../src/base/assert.ts';
import { createLogger } from '../src/base/logger.ts';
import type { Log } from '../src/log/log.ts';
import { openSqliteLog } from '../src/log/sqlite/sqlite-log.ts';
import { formatSampleValue } from '../src/metric/sample-value.ts';
import type { Rule } from '../src/rule/rule.ts';
import { topics } from '../src/topics.ts';
import { pairsOf, type Options } from './support/options.ts';
import type { Result } from './support/result.ts';
import { bootstrap, median } from './support/statistics.ts';
import { vmalertReplays, type ReplayFigures } from './support/vmalert.ts';

const seriesCount = 10_000;
/** A batch has about 140 kB. */
const recordsAtOnce = 1_000;
const metric = 'http-request-duration';
const padding = 'x'.repeat(40);
const spanMs = 3_500_000;
/** Each series counts through these, and the threshold lies between the last two. */
const levels = 7;

export async function backtesting(options: Options): Promise<Result[]> {
  const records = options.isShort ? 100_000 : 4_500_000;
  const folder = mkdtempSync(join(tmpdir(), 'ssrms-backtest-'));
  try {
    const log = await openSqliteLog({ dataDir: folder, logger: createLogger('silent', 'bench') });
    try {
      await log.ensureTopics(Object.values(topics));
      await fill(log, records);
      const rounds: Measured[] = [];
      for (let round = 0; round < pairsOf(options, 7); round++) rounds.push(await measure(log, records));
      return resultsOf(rounds, await replays(records, rounds.length));
    } finally {
      await log.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fill(log: Log, records: number): Promise<void> {
  const key = Buffer.from(metric);
  const beginMs = Date.now() - 3_600_000;
  for (let at = 0; at < records; at += recordsAtOnce) {
    const batch = Array.from({ length: recordsAtOnce }, (_, index) => {
      const number = at + index;
      const tags = { host: `web-${number % seriesCount}`, note: padding };
      const value = formatSampleValue(Math.floor(number / seriesCount) % levels, tags);
      return { key, value: Buffer.from(value), timestampMs: beginMs + Math.floor((number * spanMs) / records) };
    });
    await log.append(topics.metrics.name, batch);
  }
}

function replays(records: number, rounds: number): Promise<ReplayFigures | undefined> {
  const samplesOfEach = records / seriesCount;
  const series = Array.from({ length: seriesCount }, (_, number) => ({
    tags: { host: `web-${number}`, note: padding },
    valueAt: (sample: number) => sample % levels,
  }));
  const expression = 'load{host="web-77"} > 5.5';
  const firingLeast = Math.floor(samplesOfEach / levels);
  const beginMs = Date.now() - 3_600_000;
  return vmalertReplays({ beginMs, spanMs, samplesOfEach, series, expression, firingLeast }, rounds);
}

interface Measured {
  readonly firstMs: number;
  readonly fullMs: number;
  readonly againMs: number;
}

async function measure(log: Log, records: number): Promise<Measured> {
  const pasts = new MetricPasts(log);
  const began = performance.now();
  let firstMs: number | undefined;
  let last: BacktestResult | undefined;
  for await (const result of backtest({ log, pasts }, ruleAbove(5.5), { fromMs: 0 }, new AbortController().signal)) {
    firstMs ??= performance.now() - began;
    last = result;
  }
  const fullMs = performance.now() - began;
  assert(last?.samples === records / seriesCount, 'all samples of the series are judged');
  const beganAgain = performance.now();
  for await (const result of backtest({ log, pasts }, ruleAbove(4.5), { fromMs: 0 }, new AbortController().signal))
    assert(result.isComplete, 'what was read is kept');
  return { firstMs: firstMs!, fullMs, againMs: performance.now() - beganAgain };
}

function ruleAbove(threshold: number): Rule {
  return {
    id: '00000000-0000-4000-8000-000000000000',
    metric_name: metric,
    threshold,
    tags: { host: 'web-77' },
    discord_webhook_url: '',
  };
}

function resultsOf(rounds: readonly Measured[], peer: ReplayFigures | undefined): Result[] {
  const row = (what: string, values: readonly number[], atMost?: number): Result => {
    const result = { scenario: 'B12', what, value: bootstrap(values), unit: 'ms' };
    return atMost === undefined ? result : { ...result, goal: { atMost } };
  };
  const fullMs = rounds.map((round) => round.fullMs);
  const own = [
    row(
      'backtest, one of 10,000 series: to the first count',
      rounds.map(({ firstMs }) => firstMs),
      150,
    ),
    row('to the full one', fullMs, 1_000),
    row(
      'again, with another threshold',
      rounds.map(({ againMs }) => againMs),
      20,
    ),
  ];
  if (peer === undefined) return own;
  const ratio = bootstrap(fullMs.map((ms) => median(peer.fastestMs) / ms));
  return [
    ...own,
    row('vmalert -replay of the same, from an index, at its fastest', peer.fastestMs),
    row('vmalert -replay of the same, from an index, with its own settings', peer.defaultMs),
    {
      scenario: 'B12',
      what: 'vmalert at its fastest / to the full one',
      value: ratio,
      unit: 'x',
      goal: { atLeast: 20 },
    },
  ];
}
