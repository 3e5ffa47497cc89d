import { formatAlarmRecord, keyOfAlarmRecord, type AlarmRecord } from '../alarm/alarm-record.ts';
import type { Clock } from '../base/clock.ts';
import { failpoint } from '../base/failpoint.ts';
import type { Logger } from '../base/logger.ts';
import { measuresBackMs } from '../rule/measure-request.ts';
import { recordsOf } from '../log/batch.ts';
import type { Claim, Log } from '../log/log.ts';
import type { NewRecord } from '../log/record.ts';
import type { Condition } from '../rule/condition.ts';
import type { RulesInForce } from '../rule/rule-book.ts';
import { topics } from '../topics.ts';
import { PartitionEvaluator } from './partition-evaluator.ts';
import type { SeriesBudget } from './series-budget.ts';
import { readStates } from './stored-states.ts';

export interface Restored {
  readonly evaluator: PartitionEvaluator;
  /** The offset of the first record to judge. */
  readonly start: number;
  /** Where the records of `alarms` ended that were read, those that were put right included. */
  readonly statesNext: number;
}

export interface RestoreOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly book: RulesInForce;
  readonly logger: Logger;
  /** Shared by the partitions of an instance. */
  readonly budget?: SeriesBudget;
  /** Whether the samples of a metric belong to the partition; without it all do. */
  readonly owns?: (metricName: string) => boolean;
}

/** Windows and series are filled from so far before the start at the least: clocks of devices differ. */
const fillBackMsMin = 10 * 60_000;

/**
 * Brings a partition's evaluator to where its last owner was. Of each alarm's records the one that `supersedes` the others
 * holds; where a late record of a former owner stands after it, the good one is written again, before anything else. All before the largest of these offsets is done; judging begins there, or at the committed position if that is
 * later, the windows having been filled from the log before it.
 */
export async function restore(claim: Claim, options: RestoreOptions): Promise<Restored> {
  const { states, toRepair, unreadable, next } = await readStates(options.log, options.clock, claim.partition);
  if (unreadable > 0)
    options.logger.error(
      { partition: claim.partition, unreadable },
      'records of alarms could not be read, and are left out',
    );
  if (toRepair.length > 0) {
    options.logger.warn(
      { partition: claim.partition, alarms: toRepair.length },
      'states of a former owner came late: the good ones are written again',
    );
    await claim.append(topics.alarms.name, toRepair);
  }
  const largest = states.reduce((most, { sample }) => Math.max(most, sample.offset), -1);
  const wanted = Math.max(largest, claim.start);
  const start = await startIn(claim, wanted, options);
  const restored = wanted > start ? await rewind(states, start, { claim, clock: options.clock }) : states;

  const evaluator = new PartitionEvaluator(options.book, options.budget);
  evaluator.place = { partition: claim.partition, owns: options.owns ?? (() => true) };
  evaluator.beganAt(options.clock.monotonicMs());
  try {
    for (const record of restored) evaluator.restore(record);
    failpoint('evaluate.in-restore');
    await fillBefore(start, claim.partition, evaluator, options);
  } catch (error) {
    evaluator.close();
    throw error;
  }
  evaluator.finishRestore(options.clock.wallMs(), start);
  return { evaluator, start, statesNext: next + toRepair.length };
}

/**
 * What is left of the states when the log has lost its tail: offsets beyond its end will be given again, to other samples, and
 * a state that keeps such an offset would outlive them all. It is set back to the last sample that is still there; the
 * tombstone before it lets the smaller offset win.
 */
async function rewind(
  states: readonly AlarmRecord[],
  start: number,
  { claim, clock }: { readonly claim: Claim; readonly clock: Clock },
): Promise<AlarmRecord[]> {
  const kept = states.filter((state) => state.sample.offset < start);
  const lost = states.filter((state) => state.sample.offset >= start);
  // Without any sample left there is nothing that a state could be of: these alarms begin anew.
  const moved = start === 0 ? [] : lost.map((state) => movedTo(state, start - 1));
  const timestampMs = clock.wallMs();
  const toRecord = (state: AlarmRecord, value: string | null): NewRecord => ({
    key: Buffer.from(keyOfAlarmRecord(state)),
    value: value === null ? null : Buffer.from(value),
    timestampMs,
    partition: claim.partition,
  });
  const records = [
    ...lost.map((state) => toRecord(state, null)),
    ...moved.map((state) => toRecord(state, formatAlarmRecord(state))),
  ];
  if (records.length > 0) await claim.append(topics.alarms.name, records);
  return [...kept, ...moved];
}

/** A state as of an earlier sample. The sample at which its rule last sent may be gone, too: its offset is given again. */
function movedTo(state: AlarmRecord, offset: number): AlarmRecord {
  const ruleMemory = { ...state.ruleMemory, lastSentOffset: undefined };
  return { ...state, ruleMemory, sample: { ...state.sample, offset } };
}

/** Within what the log holds: retention may have overtaken us, or the log may have lost its tail. Both are said aloud. */
async function startIn(claim: Claim, wanted: number, { log, logger }: RestoreOptions): Promise<number> {
  const { first, next } = await log.bounds(topics.metrics.name, claim.partition);
  if (wanted < first) {
    logger.error(
      { partition: claim.partition, wanted, first },
      'samples were deleted before they were evaluated: going on from the first that is held',
    );
    return first;
  }
  if (wanted > next) {
    logger.error(
      { partition: claim.partition, wanted, next },
      'the log was rewound: it ends before what was evaluated; going on from its end',
    );
    return next;
  }
  return wanted;
}

/** How far before the start the log must be read for what a rule needs. */
function neededMs(condition: Condition): number {
  const { noDataMs = 0, grouping } = condition;
  return Math.max(measuresBackMs(condition) + (grouping?.staleMs ?? 0), noDataMs);
}

async function fillBefore(
  start: number,
  partition: number,
  evaluator: PartitionEvaluator,
  { log, clock, book }: RestoreOptions,
): Promise<void> {
  let backMs = fillBackMsMin;
  for (const rule of book) {
    if (rule.condition.enabled) backMs = Math.max(backMs, neededMs(rule.condition) + fillBackMsMin);
  }
  const timestampMs = Math.max(0, (await timeAt(start, partition, { log, clock })) - backMs);
  const range = { from: { timestampMs }, to: start, lends: true };
  for await (const chunk of log.read(topics.metrics.name, partition, range)) {
    evaluator.fillChunk(chunk);
  }
}

/** Records so far back are looked at for a time: markers of transactions are none. */
const timeWithinRecords = 32;

/**
 * The time that judging has come to: that of the record at an offset, at the head of the log that of the last before it. Not
 * the wall clock's, since after a long stop, or where old samples are written, what came last may lie far behind it.
 */
async function timeAt(
  offset: number,
  partition: number,
  { log, clock }: Pick<RestoreOptions, 'log' | 'clock'>,
): Promise<number> {
  let timeMs = Infinity;
  const range = { from: { offset: Math.max(0, offset - timeWithinRecords) }, to: offset + 1 };
  for await (const chunk of log.read(topics.metrics.name, partition, range)) {
    for (const record of recordsOf(chunk)) timeMs = record.timestampMs;
  }
  return Math.min(clock.wallMs(), timeMs);
}
