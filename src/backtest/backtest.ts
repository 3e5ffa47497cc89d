import type { Clock } from '../base/clock.ts';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { futureMsMax } from '../evaluate/head-clock.ts';
import { PartitionEvaluator } from '../evaluate/partition-evaluator.ts';
import { SeriesBudget } from '../evaluate/series-budget.ts';
import { silenceMs, type Condition } from '../rule/condition.ts';
import { recordCount, recordsOf } from '../log/batch.ts';
import { OffsetGone, type Log } from '../log/log.ts';
import type { RecordChunk } from '../log/record.ts';
import { RuleBook } from '../rule/rule-book.ts';
import { formatRule, type Rule } from '../rule/rule.ts';
import { measuresBackMs } from '../rule/measure-request.ts';
import { noMatchers, type TagMatchers } from '../rule/matcher.ts';
import { topics } from '../topics.ts';
import type { MetricPast, PastRange } from './metric-past.ts';
import type { MetricPasts } from './metric-pasts.ts';
import { BacktestRecorder } from './backtest-recorder.ts';

/** Event time in milliseconds since the epoch. Without `toMs` up to the head of the log. */
export interface BacktestRange {
  readonly fromMs: number;
  readonly toMs?: number | undefined;
}

export interface BacktestResult {
  /** Whether all of the range was judged, or as much of it as could be. */
  readonly isComplete: boolean;
  /** Why older samples of the range were left out. */
  readonly cutShort: 'retention' | 'too_many_samples' | undefined;
  readonly partition: number;
  /** The offsets that were judged: [from, to). */
  readonly range: PastRange;
  /** The first and last timestamps judged; undefined without any sample. */
  readonly spanMs: readonly [number, number] | undefined;
  /** Records of the partition that were looked at, and samples of the rule among them. */
  readonly records: number;
  readonly samples: number;
  readonly series: number;
  readonly unreadable: number;
  readonly firingNow: number;
  readonly recorded: BacktestRecorder;
  readonly tookMs: number;
}

/** A new owner fills as much at the least before it judges. */
const fillBackMsMin = 10 * 60_000;
/** Records judged without a turn for others. */
const turnRecords = 5_000;

/**
 * What a rule would have done: the evaluator itself, with this one rule, over what `metrics` retains. Gives a first result for
 * the newest slice and further ones as it reads back; the last is complete. A rule that had been made when the range begins,
 * its windows filled from before, would have come to the same, offset for offset.
 */
export async function* backtest(
  { log, clock, pasts }: { readonly log: Log; readonly clock: Clock; readonly pasts: MetricPasts },
  rule: Rule,
  range: BacktestRange,
  signal: AbortSignal,
): AsyncGenerator<BacktestResult, void> {
  const beganMs = clock.monotonicMs();
  const book = bookOf(rule);
  const { condition } = book.get(rule.id)!;
  const fillMs = reachMsOf(condition) + (condition.noDataMs ?? 0) + fillBackMsMin;
  const tags = tagsRead(condition);
  // One step at a time, so that others who ask for the same past have their turn between two.
  const step = async (): Promise<BacktestResult> =>
    pasts.use(rule.metric_name, tags, async (past) => {
      await past.readOn(signal);
      const ends = await findEnds(log, past.partition, range, fillMs);
      await past.readBack(ends.fillFrom, signal);
      const isReached = past.range.from <= ends.fillFrom;
      const isAll = isReached || past.isFull;
      const begins = isReached ? ends.from : Math.max(ends.from, past.range.from);
      const judged = { from: Math.min(begins, ends.to), to: ends.to };
      const cutShort = !isAll ? undefined : begins > ends.from ? 'too_many_samples' : ends.cutShort;
      const judging = { past, book, judged, fillFrom: Math.max(ends.fillFrom, past.range.from), clock, signal };
      const found = await judge(judging, range.toMs);
      return { ...found, isComplete: isAll, cutShort, tookMs: clock.monotonicMs() - beganMs };
    });
  for (;;) {
    const result = await step();
    yield result;
    if (result.isComplete) return;
  }
}

/** How far before a sample the log must be read, so that what is compared at it is what a rule that has always been would compare. */
export function reachMsOf(condition: Condition): number {
  const { windowMs, grouping } = condition;
  const longestMs = Math.max(windowMs, grouping?.divideBy?.windowMs ?? 0);
  return longestMs + measuresBackMs(condition) + (grouping?.staleMs ?? 0);
}

/** The tags of the series that a rule reads: the two values of a ratio are made of series with different tags. */
export function tagsRead({ tags, grouping }: Condition): TagMatchers {
  return grouping?.divideBy === undefined ? tags : noMatchers;
}

/** Stands in for a rule's webhook, which may be on a base of the operator's own, or not be there yet: nothing is sent to it. */
export const noWebhook = `https://discord.com/api/webhooks/100000000000000000/${'0'.repeat(68)}`;

/** The rule as the only one, enabled. */
export function bookOf(rule: Rule): RuleBook {
  const book = new RuleBook();
  const judged = { ...rule, discord_webhook_url: noWebhook, enabled: true };
  book.apply({ key: rule.id, value: formatRule(judged), partition: 0, offset: 0 });
  return book;
}

interface Ends extends PastRange {
  /** From where windows are filled. */
  readonly fillFrom: number;
  readonly cutShort: 'retention' | undefined;
}

async function findEnds(log: Log, partition: number, range: BacktestRange, fillMs: number): Promise<Ends> {
  const { first, next } = await log.bounds(topics.metrics.name, partition);
  const from = await offsetSince(log, partition, range.fromMs);
  const fillFrom = await offsetSince(log, partition, range.fromMs - fillMs);
  const to = range.toMs === undefined ? next : await offsetSince(log, partition, range.toMs);
  // What was asked for may have been older than what is held; an empty log hides nothing.
  const isHidden = from <= first && first > 0;
  return { from, to: Math.max(from, to), fillFrom, cutShort: isHidden ? 'retention' : undefined };
}

/** The first offset whose record is so new; the head when there is none. */
export async function offsetSince(log: Log, partition: number, timestampMs: number): Promise<number> {
  const { first, next } = await log.bounds(topics.metrics.name, partition);
  if (timestampMs <= 0) return first;
  try {
    for await (const chunk of log.read(topics.metrics.name, partition, { from: { timestampMs }, to: next }))
      return chunk.firstOffset;
  } catch (error) {
    if (!(error instanceof OffsetGone)) throw error;
    return error.bounds.first;
  }
  return next;
}

interface Judging {
  readonly past: MetricPast;
  readonly book: RuleBook;
  readonly judged: PastRange;
  readonly fillFrom: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

async function judge({ past, book, judged, fillFrom, clock, signal }: Judging, toMs: number | undefined) {
  const recorded = new BacktestRecorder();
  const evaluator = new PartitionEvaluator(book, new SeriesBudget(), recorded);
  const latestMs = clock.wallMs() + futureMsMax;
  evaluator.place = { partition: past.partition, owns: () => true };
  evaluator.latestMs = latestMs;
  for await (const chunk of inTurns(past.chunk({ from: fillFrom, to: judged.from }), signal))
    evaluator.fillChunk(chunk);
  const counted = { samples: 0, unreadable: 0 };
  const count = (outcome: string, records: number): void => {
    if (outcome === 'evaluated' || outcome === 'late') counted.samples += records;
    else counted.unreadable += records;
  };
  const [only] = book;
  const watchesSilence = silenceMs(only!.condition) !== undefined;
  // The time passes with the timestamps alone, and so do both clocks.
  let clockMs = -Infinity;
  const passTime = (timestampMs: number): void => {
    clockMs = Math.max(clockMs, Math.min(timestampMs, latestMs));
    evaluator.passTime({ clockMs, monotonicMs: clockMs, isAtHead: false });
  };
  for await (const chunk of inTurns(past.chunk(judged), signal)) {
    if (!watchesSilence) evaluator.evaluateChunk(chunk, count);
    else {
      for (const record of recordsOf(chunk)) {
        // What is missing before this sample came is found before it.
        passTime(record.timestampMs);
        count(evaluator.evaluate(record), 1);
      }
    }
  }
  const endMs = Math.min(past.newestMs, toMs ?? Infinity, latestMs);
  if (Number.isFinite(endMs)) passTime(endMs);
  const series = evaluator.seriesCount();
  const { firingNow } = recorded.finish(endMs);
  return {
    partition: past.partition,
    range: judged,
    spanMs: spanOf(past.chunk(judged)),
    records: judged.to - judged.from,
    ...counted,
    unreadable: counted.unreadable + past.refusedSeries,
    series,
    firingNow,
    recorded,
  };
}

/** A chunk in parts, with a turn for others between two. */
export async function* inTurns(chunk: RecordChunk, signal: AbortSignal): AsyncGenerator<RecordChunk, void> {
  let [batches, records] = [[] as Uint8Array[], 0];
  for (const batch of chunk.batches) {
    batches.push(batch);
    records += recordCount(batch);
    if (records < turnRecords) continue;
    yield { ...chunk, batches };
    [batches, records] = [[], 0];
    await nextTurn();
    signal.throwIfAborted();
  }
  if (batches.length > 0) yield { ...chunk, batches };
}

/** The oldest and newest timestamps of a chunk's first and last records. */
export function spanOf(chunk: RecordChunk): readonly [number, number] | undefined {
  const { batches } = chunk;
  const span: [number, number] = [Infinity, -Infinity];
  for (const ends of [batches.slice(0, 1), batches.slice(-1)]) {
    for (const { timestampMs } of recordsOf({ ...chunk, batches: ends })) {
      span[0] = Math.min(span[0], timestampMs);
      span[1] = Math.max(span[1], timestampMs);
    }
  }
  return Number.isFinite(span[0]) ? span : undefined;
}
