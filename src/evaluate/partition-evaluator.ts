import type { AlarmRecord } from '../alarm/alarm-record.ts';
import type { SamplePlace } from '../alarm/alarm-state.ts';
import { forgottenAtMs, noDataDueMs, type AlarmEvent } from '../alarm/step.ts';
import type { LogRecord } from '../log/batch.ts';
import type { RecordChunk } from '../log/record.ts';
import type { MeasureRequest } from '../rule/measure-request.ts';
import type { RuleBook, RuleChange } from '../rule/rule-book.ts';
import type { RuleEntry } from '../rule/rule-list.ts';
import { Alarms } from './alarms.ts';
import { EffectsBuffer, type Effects, type EffectsSink } from './effects.ts';
import { SeriesBudget } from './series-budget.ts';
import { SeriesIndex, type ReadSample, type Unreadable } from './series-index.ts';
import { matchingRules, requestsOf, watchesSilence, type MetricState, type SeriesState } from './series-state.ts';
import { highAt, lastOffsetAt, lastTimestampMsAt, lowAt, rowLength, timeMsAt } from './series-table.ts';

/** What became of a record, for the counters. */
export type Outcome = 'evaluated' | 'late' | 'damaged' | Unreadable;

/** A series of any rule, and of none, is forgotten no earlier than after this silence. */
const forgottenAfterMs = 24 * 3_600_000;
/** How often all series are asked for it. */
const sweepEveryMs = 60_000;
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
  readonly #book: RuleBook;
  readonly #index: SeriesIndex;
  readonly #alarms: Alarms;
  /** The metrics whose rules fire for want of data. */
  readonly #watched = new Set<MetricState>();
  #newMetrics: string[] = [];
  #newestMs = -Infinity;
  /** No series owes a sample before this: till then none has to be asked. */
  #nextDueMs = -Infinity;
  /** When all series were last asked whether they are to be forgotten. */
  #sweptMs = -Infinity;
  /** The newest timestamp when what is not ok was last written. */
  #touchedMs = -Infinity;
  /** A timestamp later than this is no news of the time: some device's clock is wrong. */
  latestMs = Infinity;

  constructor(book: RuleBook, budget = new SeriesBudget(), effects: EffectsSink = new EffectsBuffer()) {
    this.#book = book;
    this.#alarms = new Alarms(book, effects);
    this.#index = new SeriesIndex(budget, (metric) => {
      this.#newMetrics.push(metric.name);
      this.#watch(metric);
    });
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
  }

  /** Takes one record of the partition and judges the alarms it meets. Records come in the order of their offsets. */
  evaluate(record: LogRecord): Outcome {
    const read = this.#index.read(record);
    if (typeof read === 'string') return read;
    const { partition, offset, timestampMs } = record;
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
    read.series.measure(request).measure.add(record.timestampMs, read.value);
  }

  /** Drops a measure that no rule of the metric asks for any more. */
  dropMeasure(metricName: string, key: string): void {
    for (const series of this.#index.metrics.get(metricName)?.series.values() ?? []) series.measures?.delete(key);
  }

  /** Takes the winning record of an alarm. */
  restore(record: AlarmRecord): void {
    const { sample } = record;
    this.#index.table.partition = sample.partition;
    const series = this.#index.seriesOf(record.series.name, record.series.tags);
    if ((series.last?.offset ?? -1) < sample.offset) series.saw(sample.offset, sample.timestampMs);
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

  /** Ends the restored alarms whose rule is gone, disabled or no longer matches: nobody was there to see it. */
  endOrphans(): void {
    for (const metric of this.#index.metrics.values())
      for (const series of metric.series.values()) this.#endStrangers(series);
  }

  /** A rule has changed in the book: its alarms go on under the new version, or end with it. Returns whether that concerns any here. */
  ruleChanged(change: RuleChange): boolean {
    if (change.kind !== 'set' && change.kind !== 'deleted') return false;
    let isConcerned = false;
    const after = change.kind === 'set' ? change.entry.rule.metric_name : undefined;
    for (const name of new Set([change.before?.rule.metric_name, after])) {
      const metric = name === undefined ? undefined : this.#index.metrics.get(name);
      if (metric === undefined) continue;
      isConcerned = true;
      metric.requests = undefined;
      this.#watch(metric);
      for (const series of metric.series.values()) {
        series.matching = undefined;
        series.judgeAll();
        this.#endStrangers(series);
      }
    }
    if (change.kind === 'deleted') this.#alarms.forgetRule(change.before.rule.id);
    if (isConcerned) this.#nextDueMs = -Infinity;
    return isConcerned;
  }

  /**
   * Fires the alarms of series that owe a sample since before `clockMs`, and forgets those silent for too long. `clockMs` is
   * the wall clock at the head of the log, else the newest timestamp read.
   */
  judgeSilence(clockMs: number): void {
    if (clockMs > this.#nextDueMs) this.#judgeOwed(clockMs);
    if (clockMs - this.#sweptMs < sweepEveryMs) return;
    this.#sweptMs = clockMs;
    this.#forgetSilent(clockMs);
  }

  #judgeOwed(clockMs: number): void {
    const owed: { rule: RuleEntry; series: SeriesState; dueMs: number }[] = [];
    this.#nextDueMs = Infinity;
    for (const metric of this.#watched) {
      for (const series of metric.series.values()) {
        if (series.isForgotten) continue;
        for (const rule of this.#rulesOf(series)) {
          const dueMs = noDataDueMs(rule.condition, series.timeMs);
          if (dueMs === undefined) continue;
          if (clockMs > dueMs) owed.push({ rule, series, dueMs });
          else this.#nextDueMs = Math.min(this.#nextDueMs, dueMs);
        }
      }
    }
    // In the order in which they came due, and in that of their samples, since a rule's cooldown goes by it.
    owed.sort((a, b) => a.dueMs - b.dueMs || (a.series.last?.offset ?? 0) - (b.series.last?.offset ?? 0));
    for (const { rule, series } of owed) this.#judgeSilenceOf(rule, series, clockMs);
  }

  /** Drops the series that are silent for so long that a new sample would count as their first. */
  #forgetSilent(clockMs: number): void {
    const forgotten: SeriesState[] = [];
    for (const metric of this.#index.metrics.values()) {
      for (const series of metric.series.values()) {
        if (clockMs - series.timeMs < forgottenAfterMs) continue;
        // Each rule forgets it in its own time; when all have, so does the index.
        const rules = this.#rulesOf(series);
        const forgetful = rules.filter((rule) => clockMs >= forgottenAtMs(rule.condition, series.timeMs));
        if (!series.isForgotten) for (const rule of forgetful) this.#judgeSilenceOf(rule, series, clockMs);
        if (forgetful.length < rules.length && !series.isForgotten) continue;
        series.forget();
        // As long as `alarms` has a record of it, whoever begins anew must count on from there.
        if (series.hasRecords()) continue;
        forgotten.push(series);
      }
    }
    this.#index.remove(forgotten, (metric) => this.#watched.delete(metric));
  }

  #sawTime(timestampMs: number): void {
    if (timestampMs > this.#newestMs && timestampMs <= this.latestMs) this.#newestMs = timestampMs;
  }

  #rulesOf(series: SeriesState): readonly RuleEntry[] {
    return matchingRules(series, this.#book);
  }

  #judgeSilenceOf(rule: RuleEntry, series: SeriesState, clockMs: number): void {
    // Whatever comes of it: only a sample that is judged tells when the one after it is due.
    series.judgeAll();
    const { last } = series;
    if (last === undefined) return;
    if (clockMs >= forgottenAtMs(rule.condition, series.timeMs)) {
      const alarm = series.alarms?.get(rule.condition.ruleId);
      if (alarm !== undefined) this.#alarms.take(rule, alarm, [{ kind: 'forgotten' }]);
      return;
    }
    const dueMs = noDataDueMs(rule.condition, series.timeMs);
    if (dueMs === undefined || clockMs <= dueMs) return;
    const alarm = series.alarm(rule.condition.ruleId);
    if (alarm.silenceJudgedMs >= dueMs) return;
    alarm.silenceJudgedMs = dueMs;
    this.#alarms.take(rule, alarm, [{ kind: 'no_data', timeMs: dueMs, sample: last }]);
  }

  /** A new owner waits for this: most series have no window, and leave no more than in a row. */
  #fillColumns(batch: Uint8Array): void {
    const { columns } = this.#index;
    const { series, offset, timestampMs } = columns;
    for (let index = 0; index < columns.count; index++) {
      const atMs = timestampMs[index]!;
      const known = atMs >= 0 ? this.#index.known(series[index]!) : undefined;
      if (known !== undefined && requestsOf(known.metric, this.#book).length === 0) {
        known.saw(offset[index]!, atMs);
        this.#sawTime(atMs);
        continue;
      }
      const read = this.#index.readColumn(batch, index);
      if (typeof read === 'string') continue;
      read.series.saw(offset[index]!, atMs);
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
    let newestMs = this.#newestMs;
    for (let index = 0; index < columns.count; index++) {
      const number = series[index]!;
      const x = value[index]!;
      const atMs = timestampMs[index]!;
      if (number >= 0 && atMs >= 0) {
        const row = number * rowLength;
        const sinceMs = atMs - rows[row + timeMsAt]!;
        if (x >= rows[row + lowAt]! && x <= rows[row + highAt]! && sinceMs < forgottenAfterMs) {
          if (sinceMs >= 0) rows[row + timeMsAt] = atMs;
          else late++;
          if (atMs > newestMs && atMs <= latestMs) newestMs = atMs;
          rows[row + lastOffsetAt] = offset[index]!;
          rows[row + lastTimestampMsAt] = atMs;
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
    if (watchesSilence(this.#book.byMetric(metric.name))) this.#watched.add(metric);
    else this.#watched.delete(metric);
  }

  #judge({ series, value }: ReadSample, sample: SamplePlace): Outcome {
    const beforeMs = series.timeMs;
    series.saw(sample.offset, sample.timestampMs);
    this.#sawTime(sample.timestampMs);
    this.#addToMeasures(series, sample.timestampMs, value);
    const rules = this.#rulesOf(series);
    for (const rule of rules) {
      this.#nextDueMs = Math.min(this.#nextDueMs, noDataDueMs(rule.condition, series.timeMs) ?? Infinity);
      const x = series.comparedValue(rule.condition, value);
      // A sample older than the window is no event for its rule.
      if (x === undefined) continue;
      const alarm = series.alarm(rule.condition.ruleId);
      // Its state is of this sample or a later one already: it is being read again after a crash.
      if (sample.offset <= alarm.offset) continue;
      const event: AlarmEvent = { kind: 'sample', x, timeMs: series.timeMs, sample };
      const isFirst = series.timeMs >= forgottenAtMs(rule.condition, beforeMs);
      this.#alarms.take(rule, alarm, isFirst ? [{ kind: 'forgotten' }, event] : [event]);
    }
    series.settle(rules);
    return sample.timestampMs < beforeMs ? 'late' : 'evaluated';
  }

  /** Adds a sample to each measure that the metric's rules ask for. */
  #addToMeasures(series: SeriesState, timestampMs: number, value: number): void {
    for (const request of requestsOf(series.metric, this.#book)) {
      const kept = series.measure(request);
      kept.value = kept.measure.add(timestampMs, value);
    }
  }

  #endStrangers(series: SeriesState): void {
    if (series.alarms === undefined) return;
    const matching = new Set(this.#rulesOf(series).map((rule) => rule.rule.id));
    for (const alarm of series.alarms.values()) {
      if (matching.has(alarm.ruleId)) continue;
      this.#alarms.end(alarm);
    }
  }
}
