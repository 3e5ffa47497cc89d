import { assert } from '../base/assert.ts';
import { ok, type AlarmState, type SamplePlace } from '../alarm/alarm-state.ts';
import { calculators, fillBackMs } from '../measure/measures.ts';
import type { Measure } from '../measure/measure.ts';
import { comparisons } from '../rule/comparison.ts';
import { tagsMatch } from '../rule/matcher.ts';
import type { Condition } from '../rule/condition.ts';
import { measureKey, measureRequestOf, type MeasureRequest } from '../rule/measure-request.ts';
import { seriesKey, type Series } from '../metric/series.ts';
import type { Tags } from '../metric/sample.ts';
import type { RulesInForce } from '../rule/rule-book.ts';
import type { RuleEntry, RuleList } from '../rule/rule-list.ts';
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
  type SeriesTable,
} from './series-table.ts';
import type { WindowBudget } from './window-budget.ts';

/** One rule on one series: its state, and the sample that this state is a function of. */
export interface Alarm {
  readonly ruleId: string;
  readonly series: SeriesState;
  state: AlarmState;
  /** -1 before any state was written. */
  offset: number;
  /** How many states were written at this sample before the last one. */
  revision: number;
  /** How many messages its rule had sent when what is deferred was. */
  deferredAfter: number;
  /** How many notifications a clock has made due at this sample. */
  clockDues: number;
  /** The same, as soon as it is written; undefined when nothing was made due since. */
  duesByClock: number | undefined;
  /** What was compared when the state was last written; undefined when it was none for a value. */
  x: number | undefined;
  /** How many notifications its rule had sent when the state was last written. */
  sentCount: number;
  /** When it was first seen to be ok, by performance.now(); undefined before. */
  seenOkMs: number | undefined;
  /** When its last message was sent, by the monotonic clock. */
  messagedAtMs: number;
  /** When it ended, if no sample has ended it. */
  endedMs: number | undefined;
}

/** One series, as far as its partition has been read. What every sample touches of it stands in the table's columns. */
export class SeriesState implements Series {
  readonly name: string;
  readonly tags: Tags;
  readonly key: string;
  readonly metric: MetricState;
  /** Its row in the table. */
  readonly number: number;
  /** By the request's key; undefined before there is one. */
  measures: Map<string, KeptMeasure> | undefined;
  /** By rule id; undefined before there is one. */
  alarms: Map<string, Alarm> | undefined;
  /** The enabled rules that match it; undefined when they must be found anew. */
  matching: readonly RuleEntry[] | undefined;
  /** Silent for so long that it owes nothing, until it speaks again. */
  isForgotten = false;
  readonly #table: SeriesTable;

  constructor(table: SeriesTable, metric: MetricState, tags: Tags, key: string) {
    this.#table = table;
    this.metric = metric;
    this.name = metric.name;
    this.tags = tags;
    this.key = key;
    this.number = table.add();
  }

  get #row(): number {
    return this.number * rowLength;
  }

  /** T: the largest timestamp seen; -Infinity before the first sample. */
  get timeMs(): number {
    return this.#table.rows[this.#row + timeMsAt]!;
  }

  /** The newest sample in log order; undefined before the first. */
  get last(): SamplePlace | undefined {
    const offset = this.#table.rows[this.#row + lastOffsetAt]!;
    if (offset < 0) return undefined;
    return { partition: this.#table.partition, offset, timestampMs: this.#table.rows[this.#row + lastTimestampMsAt]! };
  }

  /** The value of the newest sample in log order; undefined when it is not known. */
  get lastValue(): number | undefined {
    const value = this.#table.rows[this.#row + lastValueAt]!;
    return Number.isNaN(value) ? undefined : value;
  }

  /** When its newest sample was read, by the monotonic clock; -Infinity when that was not by this process. */
  get heardAtMs(): number {
    return this.#table.rows[this.#row + heardAtMsAt]!;
  }

  /** Takes note of a sample. Its value is left out where only a record of its alarm tells of it. */
  saw(offset: number, timestampMs: number, value = Number.NaN): void {
    this.isForgotten = false;
    this.#table.rows[this.#row + lastOffsetAt] = offset;
    this.#table.rows[this.#row + lastTimestampMsAt] = timestampMs;
    this.#table.rows[this.#row + lastValueAt] = value;
    this.reached(timestampMs);
  }

  /** A sample of it was just read. */
  heard(atMs: number): void {
    this.#table.rows[this.#row + heardAtMsAt] = atMs;
  }

  /** T is at least this. */
  reached(timeMs: number): void {
    if (timeMs > this.timeMs) this.#table.rows[this.#row + timeMsAt] = timeMs;
  }

  alarm(ruleId: string): Alarm {
    this.alarms ??= new Map();
    let alarm = this.alarms.get(ruleId);
    if (alarm === undefined) {
      alarm = {
        ruleId,
        series: this,
        state: ok,
        offset: -1,
        revision: 0,
        deferredAfter: 0,
        clockDues: 0,
        duesByClock: undefined,
        x: undefined,
        sentCount: 0,
        seenOkMs: undefined,
        messagedAtMs: -Infinity,
        endedMs: undefined,
      };
      this.alarms.set(ruleId, alarm);
    }
    return alarm;
  }

  forget(): void {
    this.isForgotten = true;
    // Its next sample must be judged, to be heard of again.
    this.judgeAll();
  }

  /** Whether the topic `alarms` holds a record of one of its alarms. */
  hasRecords(): boolean {
    return this.alarms?.values().some(({ offset }) => offset >= 0) === true;
  }

  /** Adds a sample to the measure that a request asks for; one that is not there is made, as far as the budget has room. */
  addToMeasure(request: MeasureRequest, budget: WindowBudget, timestampMs: number, value: number): void {
    const kept = this.measures?.get(request.key) ?? this.#newMeasure(request, budget);
    kept.value = kept.measure.add(timestampMs, value);
    const { bytes } = kept.measure;
    if (bytes === kept.bytes) return;
    budget.resized(bytes - kept.bytes);
    kept.bytes = bytes;
  }

  #newMeasure(request: MeasureRequest, budget: WindowBudget): KeptMeasure {
    const calculator = calculators[request.type];
    assert(calculator !== undefined, 'only a measure with a window is kept');
    const isRefused = !budget.hasRoom && this.alarms?.values().some(({ state }) => state.state !== 'ok') !== true;
    if (isRefused) budget.refuse(this.name, request);
    const measure = isRefused ? noMeasure : calculator.create(request);
    const kept: KeptMeasure = { request, measure, value: undefined, bytes: 0 };
    this.measures ??= new Map();
    this.measures.set(request.key, kept);
    return kept;
  }

  dropMeasure(key: string, budget: WindowBudget): void {
    const kept = this.measures?.get(key);
    if (kept === undefined) return;
    this.measures!.delete(key);
    budget.resized(-kept.bytes);
    if (kept.measure === noMeasure) budget.release(this.name, kept.request);
  }

  dropMeasures(budget: WindowBudget): void {
    for (const key of this.measures?.keys() ?? []) this.dropMeasure(key, budget);
  }

  /** How far back its measures look, from T on: for so long a silent series is not dropped. */
  get reachMs(): number {
    let reachMs = 0;
    for (const { request } of this.measures?.values() ?? [])
      reachMs = Math.max(reachMs, fillBackMs(request.type, request.windowMs));
    return reachMs;
  }

  /**
   * What a rule compares after a sample was added to the measures: `value` itself, or that of its window. Undefined when the
   * sample is older than the window.
   */
  comparedValue(condition: Condition, value: number): number | undefined {
    return condition.windowMs === 0 ? value : this.measures?.get(measureKey(condition))?.value;
  }

  /** Every sample is to be judged until the interval is set again. */
  judgeAll(): void {
    this.#table.rows[this.#row + lowAt] = Infinity;
    this.#table.rows[this.#row + highAt] = -Infinity;
  }

  /** From this T on each sample is to be judged. */
  judgeFrom(timeMs: number): void {
    const at = this.#row + judgeFromMsAt;
    if (timeMs < this.#table.rows[at]!) this.#table.rows[at] = timeMs;
  }

  /**
   * Sets the interval of values in which no matching rule changes anything, and until when that is so: `coolingUntilMs` says for each
   * rule from which T on its cooldown may be over. `value`: of the newest sample.
   */
  settle(rules: readonly RuleEntry[], value: number, coolingUntilMs: (rule: RuleEntry) => number): void {
    let low = -Infinity;
    let high = Infinity;
    let fromMs = Infinity;
    for (const rule of rules) {
      const { condition } = rule;
      fromMs = Math.min(fromMs, coolingUntilMs(rule));
      const state = this.alarms?.get(condition.ruleId)?.state ?? ok;
      if (mustJudge(condition, state)) return this.judgeAll();
      const { operator, threshold, resolveThreshold } = condition;
      const { unchanged } = comparisons[operator];
      const interval = unchanged(threshold, resolveThreshold, state.state === 'firing', value);
      low = Math.max(low, interval[0]);
      high = Math.min(high, interval[1]);
    }
    this.#table.rows[this.#row + lowAt] = low;
    this.#table.rows[this.#row + highAt] = high;
    this.#table.rows[this.#row + judgeFromMsAt] = fromMs;
  }
}

/** Whether even a sample that stays where it was may change something. */
function mustJudge(condition: Condition, state: AlarmState): boolean {
  if (condition.windowMs > 0 || state.state === 'pending') return true;
  if (state.state !== 'firing') return false;
  const isSilent = state.cause === 'no_data' || state.silentSinceMs !== undefined;
  return isSilent || state.deferred !== undefined || condition.everySample || condition.remindMs !== undefined;
}

/** A measure of one series, and its value with the newest sample; undefined when that was older than the window. */
interface KeptMeasure {
  readonly request: MeasureRequest;
  readonly measure: Measure;
  value: number | undefined;
  /** As they were told to the budget. */
  bytes: number;
}

/** In place of a window that the budget had no room for: its rules are not evaluated. */
const noMeasure: Measure = { bytes: 0, add: () => undefined };

/** All series of one metric in this partition, and the measures that its rules ask for. */
export interface MetricState {
  readonly name: string;
  readonly series: Map<string, SeriesState>;
  /** Without repetitions; undefined when they must be gathered again. */
  requests: readonly MeasureRequest[] | undefined;
}

/** Whether one of a metric's rules fires for want of data. */
export function watchesSilence(rules: RuleList): boolean {
  for (const { condition } of rules) if (condition.enabled && condition.noDataMs !== undefined) return true;
  return false;
}

/** The series with exactly these tags, made when it is not there. */
export function seriesOf(table: SeriesTable, metric: MetricState, tags: Tags): SeriesState {
  const key = seriesKey(metric.name, tags);
  let series = metric.series.get(key);
  if (series === undefined) {
    series = new SeriesState(table, metric, tags, key);
    metric.series.set(key, series);
  }
  return series;
}

/** The enabled rules that match a series. */
export function matchingRules(series: SeriesState, book: RulesInForce): readonly RuleEntry[] {
  series.matching ??= [...book.byMetric(series.name)].filter(
    ({ condition }) => condition.enabled && tagsMatch(condition.tags, series.tags),
  );
  return series.matching;
}

/** The distinct measures that the metric's enabled rules ask for. */
export function requestsOf(metric: MetricState, book: RulesInForce): readonly MeasureRequest[] {
  if (metric.requests === undefined) {
    const byKey = new Map<string, MeasureRequest>();
    for (const { condition } of book.byMetric(metric.name)) {
      const request = measureRequestOf(condition);
      if (request !== undefined) byKey.set(request.key, request);
    }
    metric.requests = [...byKey.values()];
  }
  return metric.requests;
}
