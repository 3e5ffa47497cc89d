import type { AlarmRecord } from '../alarm/alarm-record.ts';
import type { SamplePlace } from '../alarm/alarm-state.ts';
import { forgottenAfterMs, forgottenAtMs, type AlarmEvent } from '../alarm/step.ts';
import type { LogRecord } from '../log/batch.ts';
import type { RecordChunk } from '../log/record.ts';
import type { MeasureRequest } from '../rule/measure-request.ts';
import type { RuleChange, RulesInForce } from '../rule/rule-book.ts';
import type { RuleEntry } from '../rule/rule-list.ts';
import { tagsMatch } from '../rule/matcher.ts';
import { Alarms } from './alarms.ts';
import type { ClockReading } from './partition-clock.ts';
import { PassingTime } from './passing-time.ts';
import { EffectsBuffer, type Effects, type EffectsSink } from './effects.ts';
import { SeriesBudget } from './series-budget.ts';
import type { WindowBudget } from './window-budget.ts';
import { SeriesRoom } from './series-room.ts';
import { SeriesIndex, type ReadSample, type Unreadable } from './series-index.ts';
import { matchingRules, requestsOf, watchesSilence, type MetricState, type SeriesState } from './series-state.ts';
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
  readonly #time: PassingTime;
  readonly #windows: WindowBudget;
  #newMetrics: string[] = [];
  #newestMs = -Infinity;
  /** The newest timestamp when what is not ok was last written. */
  #touchedMs = -Infinity;
  /** A timestamp later than this is no news of the time: some device's clock is wrong. */
  latestMs = Infinity;

  constructor(book: RulesInForce, budget = new SeriesBudget(), effects: EffectsSink = new EffectsBuffer()) {
    this.#book = book;
    this.#windows = budget.windows;
    this.#alarms = new Alarms(book, effects, this);
    this.#index = new SeriesIndex(budget, (metric) => {
      this.#newMetrics.push(metric.name);
      this.#watch(metric);
    });
    this.#time = new PassingTime(this.#index, this.#alarms, (series) => this.#rulesOf(series));
    this.#index.room = new SeriesRoom({ book, budget, index: this.#index, time: this.#time });
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

  /** Takes a record of one metric for what it leaves in one new measure of its series. */
  fillMeasure(record: LogRecord, request: MeasureRequest): void {
    const read = this.#index.read(record);
    if (typeof read === 'string') return;
    read.series.reached(record.timestampMs);
    read.series.addToMeasure(request, this.#windows, record.timestampMs, read.value);
  }

  /** Drops a measure that no rule of the metric asks for any more. */
  dropMeasure(metricName: string, key: string): void {
    for (const series of this.#index.metrics.get(metricName)?.series.values() ?? [])
      series.dropMeasure(key, this.#windows);
  }

  /** Takes the winning record of an alarm. */
  restore(record: AlarmRecord): void {
    const { sample } = record;
    this.#index.table.partition = sample.partition;
    const series = this.#index.seriesOf(record.series.name, record.series.tags);
    if ((series.last?.offset ?? -1) < sample.offset) series.saw(sample.offset, sample.timestampMs, record.value);
    series.reached(record.timeMs);
    this.#alarms.restore(record, series);
  }

  /** A record that holds in the log and came late: what was judged here holds instead (see Alarms). */
  overrule(record: AlarmRecord): void {
    const series = this.#index.seriesOf(record.series.name, record.series.tags);
    if (series.last === undefined) series.saw(record.sample.offset, record.sample.timestampMs);
    series.reached(record.timeMs);
    this.#alarms.overrule(record, series);
  }

  /** Deletes the records of alarms that are long over, all before `committed` being done; `nowMs` is performance.now(). */
  deleteFinished(committed: number, nowMs: number): void {
    this.#alarms.deleteFinished(committed, nowMs);
  }

  /**
   * Ends a restore: the restored alarms whose rule is gone, disabled or no longer matches end, since nobody was there to see it; and
   * what a former owner was about to send is sent. Evaluation begins at `start`.
   */
  finishRestore(clockMs: number, start: number): void {
    this.#alarms.position = start;
    for (const metric of this.#index.metrics.values())
      for (const series of metric.series.values()) this.#endStrangers(series, undefined, clockMs);
    this.#alarms.finishRestored(clockMs);
  }

  /**
   * A rule has changed in the book, at this time: its alarms go on under the new version, or end with it. Returns whether that concerns
   * any here.
   */
  ruleChanged(change: RuleChange, atMs: number): boolean {
    if (change.kind !== 'set' && change.kind !== 'deleted') return false;
    let isConcerned = false;
    const entry = change.kind === 'set' ? change.entry : undefined;
    const ruleId = (entry ?? change.before)!.rule.id;
    for (const name of new Set([change.before?.rule.metric_name, entry?.rule.metric_name])) {
      const metric = name === undefined ? undefined : this.#index.metrics.get(name);
      if (metric === undefined) continue;
      isConcerned = true;
      metric.requests = undefined;
      this.#watch(metric);
      for (const series of metric.series.values()) {
        series.matching = undefined;
        series.judgeAll();
        this.#endStrangers(series, entry ?? change.before, atMs);
        const alarm = series.alarms?.get(ruleId);
        if (alarm !== undefined) this.#alarms.followRule(alarm);
      }
    }
    if (entry === undefined) this.#alarms.memories.forget(ruleId);
    else this.#alarms.memories.seriesChanged(entry);
    if (isConcerned) this.#time.rulesChanged();
    return isConcerned;
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

  // What the alarms ask of their series.

  ruleTimeMs({ condition }: RuleEntry): number {
    let newestMs = -Infinity;
    for (const series of this.#index.metrics.get(condition.metricName)?.series.values() ?? []) {
      if (series.timeMs > newestMs && !series.isForgotten && tagsMatch(condition.tags, series.tags))
        newestMs = series.timeMs;
    }
    return newestMs;
  }

  evaluateFrom({ condition }: RuleEntry, timeMs: number): void {
    for (const series of this.#index.metrics.get(condition.metricName)?.series.values() ?? [])
      if (tagsMatch(condition.tags, series.tags)) series.judgeFrom(timeMs);
  }

  /** A metric is received by the partition that it belongs to: drops its alarms, their records and all else, and takes no sample of it. */
  refuseMetric(name: string): void {
    this.#index.refused.add(name);
    const metric = this.#index.metrics.get(name);
    if (metric === undefined) return;
    const series = [...metric.series.values()];
    for (const one of series) this.#alarms.drop(one);
    this.#index.remove(series, (gone) => this.#time.silence.unwatch(gone));
  }

  #sawTime(timestampMs: number): void {
    if (timestampMs > this.#newestMs && timestampMs <= this.latestMs) this.#newestMs = timestampMs;
  }

  #rulesOf(series: SeriesState): readonly RuleEntry[] {
    return matchingRules(series, this.#book);
  }

  /** A new owner waits for this: most series have no window, and leave no more than in a row. */
  #fillColumns(batch: Uint8Array): void {
    const { columns } = this.#index;
    const { series, value, offset, timestampMs } = columns;
    for (let index = 0; index < columns.count; index++) {
      const atMs = timestampMs[index]!;
      const known = atMs >= 0 ? this.#index.known(series[index]!) : undefined;
      if (known !== undefined && requestsOf(known.metric, this.#book).length === 0) {
        known.saw(offset[index]!, atMs, value[index]);
        this.#sawTime(atMs);
        continue;
      }
      const read = this.#index.readColumn(batch, index);
      if (typeof read === 'string') continue;
      read.series.saw(offset[index]!, atMs, read.value);
      this.#sawTime(atMs);
      this.#addToMeasures(read.series, atMs, read.value);
    }
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

  #watch(metric: MetricState): void {
    if (watchesSilence(this.#book.byMetric(metric.name))) this.#time.silence.watch(metric);
    else this.#time.silence.unwatch(metric);
  }

  #judge({ series, value }: ReadSample, sample: SamplePlace): Outcome {
    const beforeMs = series.timeMs;
    series.saw(sample.offset, sample.timestampMs, value);
    series.heard(this.#alarms.monotonicMs);
    this.#sawTime(sample.timestampMs);
    this.#addToMeasures(series, sample.timestampMs, value);
    const { timeMs } = series;
    const rules = this.#rulesOf(series);
    for (const rule of rules) {
      this.#alarms.memories.reached(rule, timeMs);
      this.#time.silence.heard(rule, this.#alarms.monotonicMs);
      const x = series.comparedValue(rule.condition, value);
      const alarm = x === undefined ? series.alarms?.get(rule.condition.ruleId) : series.alarm(rule.condition.ruleId);
      // Its state is of this sample or a later one already: it is being read again after a crash.
      if (alarm === undefined || sample.offset <= alarm.offset) {
        this.#alarms.take(rule, sample);
        continue;
      }
      const event: AlarmEvent =
        x === undefined ? { kind: 'data', timeMs, sample } : { kind: 'sample', x, timeMs, sample };
      const isFirst = timeMs >= forgottenAtMs(rule.condition, beforeMs);
      this.#alarms.take(rule, sample, alarm, isFirst ? [{ kind: 'forgotten', timeMs, sample }, event] : [event]);
    }
    series.settle(rules, value, (rule) => this.#alarms.memories.coolingUntilMs(rule, sample.offset));
    return sample.timestampMs < beforeMs ? 'late' : 'evaluated';
  }

  /** Adds a sample to each measure that the metric's rules ask for. */
  #addToMeasures(series: SeriesState, timestampMs: number, value: number): void {
    for (const request of requestsOf(series.metric, this.#book))
      series.addToMeasure(request, this.#windows, timestampMs, value);
  }

  /** `changed`: the rule, as it is now or was last, that the alarms of may end; undefined after a restore, when any may. */
  #endStrangers(series: SeriesState, changed: RuleEntry | undefined, atMs: number): void {
    if (series.alarms === undefined) return;
    const matching = new Set(this.#rulesOf(series).map((rule) => rule.rule.id));
    for (const alarm of series.alarms.values()) {
      if (matching.has(alarm.ruleId)) continue;
      const rule = changed?.rule.id === alarm.ruleId ? changed : this.#book.get(alarm.ruleId);
      this.#alarms.end(alarm, rule, atMs);
    }
  }
}
