// B12: a backtest while somebody types: one partition of 4.5 M records of 144 bytes in the embedded log, of which the rule matches
// one series of ten thousand; the first count, the full one, and the same rule with another threshold. Beside it vmalert's replay of the
// same, from a store with an index.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert } from '../src/base/assert.ts';
import { createLogger } from '../src/base/logger.ts';
import type { Log } from '../src/log/log.ts';
import { openSqliteLog } from '../src/log/sqlite/sqlite-log.ts';
import { formatSampleValue } from '../src/metric/sample-value.ts';
import { topics } from '../src/topics.ts';
import { pairsOf, type Options } from './support/options.ts';
import { runPairs } from './support/pairs.ts';
import { nodeCommand, runSubject } from './support/processes.ts';
import type { Result } from './support/result.ts';
import { bootstrap, median } from './support/statistics.ts';
import { vmalertReplays, type ReplayFigures } from './support/vmalert.ts';
import type { BacktestFigures } from './subjects/backtests.ts';

const seriesCount = 10_000;
/** A batch has about 140 kB. */
const recordsAtOnce = 1_000;
const metric = 'http-request-duration';
const padding = 'x'.repeat(40);
const spanMs = 3_500_000;
/** Each series counts through these, and the threshold lies between the last two. */
const levels = 7;

interface Round {
  readonly cold: BacktestFigures;
  readonly warm: BacktestFigures;
}

export async function backtesting(options: Options): Promise<Result[]> {
  const records = options.isShort ? 100_000 : 4_500_000;
  const folder = mkdtempSync(join(tmpdir(), 'ssrms-backtest-'));
  try {
    const log = await openSqliteLog({ dataDir: folder, logger: createLogger('silent', 'bench') });
    try {
      await log.ensureTopics(Object.values(topics));
      await fill(log, records);
    } finally {
      await log.close();
    }
    const ours = async (): Promise<Round> => {
      const round = await runSubject<Round>(nodeCommand('subjects/backtests.ts', folder, metric));
      for (const { samples, fired } of [round.cold, round.warm]) {
        assert(samples === records / seriesCount, 'all samples of the series are judged');
        assert(fired === Math.floor(samples / levels), 'each crossing fires');
      }
      return round;
    };
    const describe = ({ warm }: Round): string =>
      `first ${warm.firstMs.toFixed(0)} ms, full ${warm.fullMs.toFixed(0)} ms (CPU ${warm.fullCpuMs.toFixed(0)}), again ${warm.againMs.toFixed(1)} ms`;
    const plan = { scenario: 'B12', pairs: pairsOf(options, 7), subjects: { ours }, describe };
    const rounds = (await runPairs(plan, options)).ours;
    return resultsOf(rounds, await replays(records, rounds.length));
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

function resultsOf(rounds: readonly Round[], peer: ReplayFigures | undefined): Result[] {
  const row = (what: string, values: readonly number[], goal?: Result['goal']): Result => {
    const result = { scenario: 'B12', what, value: bootstrap(values), unit: goal?.atLeast === undefined ? 'ms' : 'x' };
    return goal === undefined ? result : { ...result, goal };
  };
  const [warm, cold] = [rounds.map((round) => round.warm), rounds.map((round) => round.cold)];
  const fullMs = warm.map((one) => one.fullMs);
  const firstMs = ({ firstMs: ms }: BacktestFigures): number => ms;
  const own = [
    row('backtest, one of 10,000 series: to the first count', warm.map(firstMs), { atMost: 150 }),
    row('to the full one', fullMs, { atMost: 1_000 }),
    row(
      'to the full one, CPU',
      warm.map((one) => one.fullCpuMs),
    ),
    row(
      'again, with another threshold',
      warm.map((one) => one.againMs),
      { atMost: 20 },
    ),
    row('the first one of a new process: to the first count', cold.map(firstMs)),
    row(
      'the first one of a new process: to the full one',
      cold.map((one) => one.fullMs),
    ),
  ];
  if (peer === undefined) return own;
  return [
    ...own,
    row('vmalert -replay of the same, from an index, at its fastest', peer.fastestMs),
    row('vmalert -replay of the same, from an index, with its own settings', peer.defaultMs),
    row(
      'vmalert at its fastest / to the full one',
      fullMs.map((ms) => median(peer.fastestMs) / ms),
      { atLeast: 20 },
    ),
  ];
}
