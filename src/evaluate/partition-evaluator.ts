import type { AlarmRecord } from '../alarm/alarm-record.ts';
import type { SamplePlace } from '../alarm/alarm-state.ts';
import type { AlarmEvent } from '../alarm/alarm-event.ts';
import { forgottenAfterMs, forgottenAtMs } from '../alarm/step.ts';
import type { LogRecord } from '../log/batch.ts';
import type { RecordChunk } from '../log/record.ts';
import type { MeasureRequest } from '../rule/measure-request.ts';
import type { RuleChange, RulesInForce } from '../rule/rule-book.ts';
import { concerns } from '../rule/condition.ts';
import type { RuleEntry } from '../rule/rule-list.ts';
import { Alarms } from './alarms.ts';
import type { ClockReading } from './partition-clock.ts';
import { alarmOf, type AlarmSubject } from './alarm.ts';
import { Groups, type PartitionPlace } from './groups.ts';
import { PassingTime } from './passing-time.ts';
import { EffectsBuffer, type Effects, type EffectsSink } from './effects.ts';
import { RuleSubjects, SeriesOfRules } from './rule-subjects.ts';
import { SeriesBudget } from './series-budget.ts';
import type { WindowBudget } from './window-budget.ts';
import { SeriesRoom } from './series-room.ts';
import { SeriesIndex, type ReadSample, type Unreadable } from './series-index.ts';
import { hasGroups, requestsOf, type MetricState, type SeriesState } from './series-state.ts';
import {
  heardAtMsAt,
  highAt,
  judgeFromMsAt,
  lastOffsetAt,
  lastTimestampMsAt,
  lastValueAt,
  lowAt,
  rowLength,
  timeMsAt,
} from './series-table.ts';

/** What became of a record, for the counters. */
export type Outcome = 'evaluated' | 'late' | 'damaged' | Unreadable;

/** In event time: at least twice as often as a restore reads back (fillBackMsMin), whatever the pace of reading. */
export const touchEveryMs = 5 * 60_000;

/**
 * One partition of `metrics`: its series, their windows and alarms. A function of the log: it reads no clock and writes
 * nothing; what is to be appended gathers until the caller drains it. The alarm room's SPEC.md says what a step may do; here
 * is only which alarms a sample meets, in the order of their rules' ids.
 *
 *   batch ──> scan ──> look up ──> inside the interval? ──yes──> T and the newest sample are noted, and that is all
 *              │          │                 │no
 *              │odd       │unknown          └──> judge: windows, matching rules, steps, a new interval
 *              └──────────┴──> read with care ──────┘
 */
export class PartitionEvaluator {
  readonly #book: RulesInForce;
  readonly #index: SeriesIndex;
  readonly #alarms: Alarms;
  readonly #groups: Groups;
  readonly #time: PassingTime;
  readonly #windows: WindowBudget;
  readonly #subjects: RuleSubjects;
  #newMetrics: string[] = [];
  #newestMs = -Infinity;
  /** The newest timestamp when what is not ok was last written. */
  #touchedMs = -Infinity;
  /** A timestamp later than this is no news of the time: some device's clock is wrong. */
  latestMs = Infinity;

  constructor(book: RulesInForce, budget = new SeriesBudget(), effects: EffectsSink = new EffectsBuffer()) {
    this.#book = book;
    this.#windows = budget.windows;
    this.#index = new SeriesIndex(budget, (metric) => {
      this.#newMetrics.push(metric.name);
      this.#subjects.watch(metric);
    });
    this.#alarms = new Alarms(book, effects, new SeriesOfRules(this.#index));
    this.#groups = new Groups(book);
    const parts = { book, index: this.#index, groups: this.#groups, alarms: this.#alarms };
    this.#time = new PassingTime(parts);
    this.#subjects = new RuleSubjects({ ...parts, time: this.#time });
    this.#index.room = new SeriesRoom({ book, budget, index: this.#index, time: this.#time });
  }

  /** Which partition it is; to be set before anything is taken. */
  set place(place: PartitionPlace) {
    this.#groups.place = place;
  }

  /** What the monotonic clock says at the records that are taken next. */
  set monotonicMs(nowMs: number) {
    this.#alarms.monotonicMs = nowMs;
  }

  /**
   * The process, or its claim of the partition, began at this time of the monotonic clock, or woke from a pause: what was read before
   * says nothing about who has sent since, and no cooldown ends by a clock that nobody watched.
   */
  beganAt(monotonicMs: number): void {
    this.#alarms.beganMs = monotonicMs;
    this.#time.silence.beganAt(monotonicMs);
  }

  /** The partition is somebody else's: gives back what this one takes of the budget. */
  close(): void {
    this.#index.close();
  }

  /** The newest timestamp read: the clock of silence as long as the reader is behind. */
  get newestMs(): number {
    return this.#newestMs;
  }

  get metrics(): ReadonlyMap<string, MetricState> {
    return this.#index.metrics;
  }

  seriesCount(): number {
    return this.#index.seriesCount();
  }

  /** The names of the metrics first seen since the last call. */
  takeNewMetrics(): readonly string[] {
    const names = this.#newMetrics;
    if (names.length > 0) this.#newMetrics = [];
    return names;
  }

  /** Takes what was gathered since the last call. */
  drain(): Effects {
    if (this.#newestMs - this.#touchedMs >= touchEveryMs) {
      this.#touchedMs = this.#newestMs;
      this.#alarms.touch();
    }
    return this.#alarms.drain();
  }

  /**
   * Takes a chunk's records in order and judges the alarms they meet: the same as `evaluate` of each, faster. Calls `count`
   * with how many came to what.
   */
  evaluateChunk(chunk: RecordChunk, count: (outcome: Outcome, records: number) => void): void {
    this.#index.table.partition = chunk.partition;
    if (chunk.unreadable !== undefined) count('damaged', chunk.unreadable);
    for (const batch of chunk.batches) {
      this.#index.scan(batch, chunk.firstOffset, chunk.nextOffset);
      this.#evaluateColumns(batch, count);
    }
    this.#alarms.position = chunk.nextOffset;
  }

  /** Takes one record of the partition and judges the alarms it meets. Records come in the order of their offsets. */
  evaluate(record: LogRecord): Outcome {
    const read = this.#index.read(record);
    if (typeof read === 'string') return read;
    const { partition, offset, timestampMs } = record;
    this.#alarms.position = offset + 1;
    return this.#judge(read, { partition, offset, timestampMs });
  }

  /** Takes a chunk's records for what they leave in series and windows, judging nothing: they were judged before. */
  fillChunk(chunk: RecordChunk): void {
    this.#index.table.partition = chunk.partition;
    for (const batch of chunk.batches) {
      this.#index.scan(batch, chunk.firstOffset, chunk.nextOffset);
      this.#fillColumns(batch);
    }
  }

  /** Takes a record of one metric for what it leaves in new measures of its series and, with a rule, in the groups of that. */
  fill(record: LogRecord, requests: readonly MeasureRequest[], rule: RuleEntry | undefined): void {
    const read = this.#index.read(record);
    if (typeof read === 'string') return;
    const { series, value } = read;
    const { partition, offset, timestampMs } = record;
    series.reached(timestampMs);
    for (const request of requests) series.addToMeasure(request, this.#windows, timestampMs, value);
    const isGone = series.last === undefined && timestampMs <= this.#time.forgottenUpToMs;
    if (rule === undefined || series.isForgotten || isGone || !concerns(rule.condition, series.tags)) return;
    this.#groups.take(rule, series, {
      value,
      sample: { partition, offset, timestampMs },
      heardAtMs: series.heardAtMs,
      isFill: true,
    });
  }

  /** The series and groups that rules are about, as these change. */
  get subjects(): RuleSubjects {
    return this.#subjects;
  }

  /** Drops a measure that no rule of the metric asks for any more. */
  dropMeasure(metricName: string, key: string): void {
    for (const series of this.#index.metrics.get(metricName)?.series.values() ?? [])
      series.dropMeasure(key, this.#windows);
  }

  /** Takes the winning record of an alarm. */
  restore(record: AlarmRecord): void {
    this.#subjects.restore(record);
  }

  /** A record that holds in the log and came late: what was judged here holds instead (see Alarms). */
  overrule(record: AlarmRecord): void {
    this.#subjects.overrule(record);
  }

  /** Deletes the records of alarms that are long over, all before `committed` being done; `nowMs` is performance.now(). */
  deleteFinished(committed: number, nowMs: number): void {
    this.#alarms.deleteFinished(committed, nowMs);
  }

  /** Ends a restore (see RuleSubjects). Evaluation begins at `start`. */
  finishRestore(clockMs: number, start: number): void {
    this.#alarms.position = start;
    this.#subjects.finishRestore(clockMs);
  }

  /** A rule has changed in the book, at this time (see RuleSubjects). Returns whether that concerns anything here. */
  ruleChanged(change: RuleChange, atMs: number): boolean {
    return this.#subjects.ruleChanged(change, atMs);
  }

  /**
   * What follows from the clocks alone: alarms of series that are missing, reminders, cooldowns that are over, series silent for so
   * long that they are forgotten.
   */
  passTime(reading: ClockReading): void {
    this.#time.pass(reading);
  }

  /** A metric that was refused is received nowhere else any more. */
  takeMetric(name: string): void {
    this.#index.refused.delete(name);
  }

  /** A metric is received by the partition that it belongs to (see RuleSubjects). */
  refuseMetric(name: string): void {
    this.#subjects.refuseMetric(name);
  }

  #sawTime(timestampMs: number): void {
    if (timestampMs > this.#newestMs && timestampMs <= this.latestMs) this.#newestMs = timestampMs;
  }

  /** A new owner waits for this: most series have no window, and leave no more than in a row. */
  #fillColumns(batch: Uint8Array): void {
    const { columns } = this.#index;
    const { series, value, offset, timestampMs } = columns;
    for (let index = 0; index < columns.count; index++) {
      const atMs = timestampMs[index]!;
      const known = atMs >= 0 ? this.#index.known(series[index]!) : undefined;
      if (
        known !== undefined &&
        requestsOf(known.metric, this.#book).length === 0 &&
        !hasGroups(known.metric, this.#book)
      ) {
        known.saw(offset[index]!, atMs, value[index]);
        this.#sawTime(atMs);
        continue;
      }
      const read = this.#index.readColumn(batch, index);
      if (typeof read === 'string') continue;
      read.series.saw(offset[index]!, atMs, read.value);
      this.#sawTime(atMs);
      this.#addToMeasures(read.series, atMs, read.value);
      if (hasGroups(read.series.metric, this.#book)) this.#fillGroupsOf(read, offset[index]!, atMs);
    }
  }

  #fillGroupsOf({ series, value }: ReadSample, offset: number, timestampMs: number): void {
    const sample = { partition: this.#index.table.partition, offset, timestampMs };
    for (const rule of this.#subjects.rulesOf(series))
      if (rule.condition.grouping !== undefined)
        this.#groups.take(rule, series, { value, sample, heardAtMs: series.heardAtMs, isFill: true });
  }

  #evaluateColumns(batch: Uint8Array, count: (outcome: Outcome, records: number) => void): void {
    const { columns } = this.#index;
    const { series, value, offset, timestampMs } = columns;
    let { rows } = this.#index.table;
    let evaluated = 0;
    let late = 0;
    const { latestMs } = this;
    const { monotonicMs } = this.#alarms;
    let newestMs = this.#newestMs;
    for (let index = 0; index < columns.count; index++) {
      const number = series[index]!;
      const x = value[index]!;
      const atMs = timestampMs[index]!;
      if (number >= 0 && atMs >= 0) {
        const row = number * rowLength;
        const sinceMs = atMs - rows[row + timeMsAt]!;
        if (
          x >= rows[row + lowAt]! &&
          x <= rows[row + highAt]! &&
          atMs < rows[row + judgeFromMsAt]! &&
          sinceMs < forgottenAfterMs
        ) {
          if (sinceMs >= 0) rows[row + timeMsAt] = atMs;
          else late++;
          if (atMs > newestMs && atMs <= latestMs) newestMs = atMs;
          rows[row + lastOffsetAt] = offset[index]!;
          rows[row + lastTimestampMsAt] = atMs;
          rows[row + heardAtMsAt] = monotonicMs;
          rows[row + lastValueAt] = x;
          evaluated++;
          continue;
        }
      }
      this.#newestMs = newestMs;
      count(this.#evaluateOne(batch, index), 1);
      newestMs = this.#newestMs;
      // A new series may have moved the rows to a larger array.
      ({ rows } = this.#index.table);
    }
    this.#newestMs = newestMs;
    if (evaluated > late) count('evaluated', evaluated - late);
    if (late > 0) count('late', late);
  }

  #evaluateOne(batch: Uint8Array, index: number): Outcome {
    const read = this.#index.readColumn(batch, index);
    if (typeof read === 'string') return read;
    const { offset, timestampMs } = this.#index.columns;
    return this.#judge(read, {
      partition: this.#index.table.partition,
      offset: offset[index]!,
      timestampMs: timestampMs[index]!,
    });
  }

  #judge({ series, value }: ReadSample, sample: SamplePlace): Outcome {
    const beforeMs = series.timeMs;
    series.saw(sample.offset, sample.timestampMs, value);
    series.heard(this.#alarms.monotonicMs);
    this.#sawTime(sample.timestampMs);
    this.#addToMeasures(series, sample.timestampMs, value);
    const rules = this.#subjects.rulesOf(series);
    for (const rule of rules) {
      this.#alarms.memories.reached(rule, series.timeMs);
      this.#time.silence.heard(rule, this.#alarms.monotonicMs);
      const { subject, subjectBeforeMs, x } = this.#subjectOf(rule, { series, value, beforeMs }, sample);
      const { timeMs } = subject;
      const alarm =
        x === undefined ? subject.alarms?.get(rule.condition.ruleId) : alarmOf(subject, rule.condition.ruleId);
      // Its state is of this sample or a later one already: it is being read again after a crash.
      if (alarm === undefined || sample.offset <= alarm.offset) {
        this.#alarms.take(rule, sample);
        continue;
      }
      const event: AlarmEvent =
        x === undefined ? { kind: 'data', timeMs, sample } : { kind: 'sample', x, timeMs, sample };
      const isFirst = timeMs >= forgottenAtMs(rule.condition, subjectBeforeMs);
      this.#alarms.take(rule, sample, alarm, isFirst ? [{ kind: 'forgotten', timeMs, sample }, event] : [event]);
    }
    series.settle(rules, value, (rule) => this.#alarms.memories.coolingUntilMs(rule, sample.offset));
    return sample.timestampMs < beforeMs ? 'late' : 'evaluated';
  }

  /** What a rule's alarm is about that a sample meets, with what is compared; undefined when nothing is evaluated. */
  #subjectOf(
    rule: RuleEntry,
    { series, value, beforeMs }: ReadSample & { readonly beforeMs: number },
    sample: SamplePlace,
  ): { readonly subject: AlarmSubject; readonly subjectBeforeMs: number; readonly x: number | undefined } {
    if (rule.condition.grouping === undefined)
      return { subject: series, subjectBeforeMs: beforeMs, x: series.comparedValue(rule.condition, value) };
    const group = this.#groups.groupOf(rule, series);
    const subjectBeforeMs = group.timeMs;
    const x = this.#groups.take(rule, series, { value, sample, heardAtMs: this.#alarms.monotonicMs, isFill: false });
    return { subject: group, subjectBeforeMs, x };
  }

  /** Adds a sample to each measure that the metric's rules ask for. */
  #addToMeasures(series: SeriesState, timestampMs: number, value: number): void {
    for (const request of requestsOf(series.metric, this.#book))
      series.addToMeasure(request, this.#windows, timestampMs, value);
  }
}
