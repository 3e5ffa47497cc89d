// B12's subject: the same backtest twice in a process that has just begun, each from the log alone; the second is what counts. Arguments:
// the log's folder, the metric's name. Prints both.
import { systemClock } from '../../src/base/clock.ts';
import { backtest, type BacktestResult } from '../../src/backtest/backtest.ts';
import { MetricPasts } from '../../src/backtest/metric-pasts.ts';
import { assert } from '../../src/base/assert.ts';
import { createLogger } from '../../src/base/logger.ts';
import { openSqliteLog } from '../../src/log/sqlite/sqlite-log.ts';
import type { Rule } from '../../src/rule/rule.ts';

export interface BacktestFigures {
  readonly firstMs: number;
  readonly fullMs: number;
  /** Of all threads, to the full one. */
  readonly fullCpuMs: number;
  readonly againMs: number;
  /** That the rule matched. */
  readonly samples: number;
  readonly fired: number;
}

const [dataDir, metric] = process.argv.slice(2) as [string, string];
const log = await openSqliteLog({ dataDir, logger: createLogger('silent', 'bench') });
const cold = await measure();
console.log(JSON.stringify({ cold, warm: await measure() }));
await log.close();

async function measure(): Promise<BacktestFigures> {
  const pasts = new MetricPasts(log);
  const cpuBefore = process.cpuUsage();
  const began = performance.now();
  let firstMs: number | undefined;
  let last: BacktestResult | undefined;
  for await (const result of backtest(
    { log, clock: systemClock, pasts },
    ruleAbove(5.5),
    { fromMs: 0 },
    new AbortController().signal,
  )) {
    firstMs ??= performance.now() - began;
    last = result;
  }
  const fullMs = performance.now() - began;
  const { user, system } = process.cpuUsage(cpuBefore);
  const beganAgain = performance.now();
  for await (const result of backtest(
    { log, clock: systemClock, pasts },
    ruleAbove(4.5),
    { fromMs: 0 },
    new AbortController().signal,
  ))
    assert(result.isComplete, 'what was read is kept');
  const againMs = performance.now() - beganAgain;
  const { samples, recorded } = last!;
  return {
    firstMs: firstMs!,
    fullMs,
    fullCpuMs: (user + system) / 1_000,
    againMs,
    samples,
    fired: recorded.counts.fired,
  };
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
