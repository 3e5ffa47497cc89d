import { assert } from '../base/assert.ts';
import { ok, type AlarmState, type SamplePlace } from '../alarm/alarm-state.ts';
import { levelStates } from '../alarm/level-states.ts';
import { calculators, fillBackMs } from '../measure/measures.ts';
import type { Measure } from '../measure/measure.ts';
import { comparisons } from '../rule/comparison.ts';
import { concerns, silenceMs, type Condition } from '../rule/condition.ts';
import { measureKey, measureRequestsOf, type MeasureRequest } from '../rule/measure-request.ts';
import { seriesKey } from '../metric/series.ts';
import type { Tags } from '../metric/sample.ts';
import type { Alarm, AlarmSubject } from './alarm.ts';
import type { Membership } from './group-state.ts';
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

/** One series, as far as its partition has been read. What every sample touches of it stands in the table's columns. */
export class SeriesState implements AlarmSubject {
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
  /** By rule id, of rules with groups; undefined before there is one. */
  memberships: Map<string, Membership> | undefined;
  readonly awaitedMs = -Infinity;
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

  forget(): void {
    this.isForgotten = true;
    // Its next sample must be judged, to be heard of again.
    this.judgeAll();
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
  comparedValue(condition: Pick<Condition, 'type' | 'windowMs' | 'percentile'>, value: number): number | undefined {
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
      const { operator, threshold, resolveThreshold, levels } = condition;
      if (threshold === undefined || resolveThreshold === undefined) continue;
      const { unchanged } = comparisons[operator];
      if (levels !== undefined) {
        const states = levelStates(levels, state);
        for (const [index, level] of levels.entries()) {
          const isFiring = states[index]!.state === 'firing';
          const interval = unchanged(level.threshold, level.threshold, isFiring, value);
          low = Math.max(low, interval[0]);
          high = Math.min(high, interval[1]);
        }
        continue;
      }
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
  if (condition.windowMs > 0 || condition.grouping !== undefined || state.state === 'pending') return true;
  if (state.state !== 'firing') return false;
  const isSilent = state.cause === 'no_data' || state.silentSinceMs !== undefined;
  const isClear = state.clearSinceMs !== undefined;
  const isChanging =
    state.levels?.some((level) => level.state === 'pending' || level.clearSinceMs !== undefined) === true;
  return (
    isSilent ||
    isClear ||
    isChanging ||
    condition.threshold === undefined ||
    condition.forSamples !== undefined ||
    state.deferred !== undefined ||
    condition.everySample ||
    condition.remindMs !== undefined
  );
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
  /** Whether a rule makes groups of its series; undefined when the rules must be asked again. */
  hasGroups: boolean | undefined;
}

/** Whether one of a metric's rules fires, or resolves, for want of data. */
export function watchesSilence(rules: RuleList): boolean {
  for (const { condition } of rules) if (condition.enabled && silenceMs(condition) !== undefined) return true;
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

/** Whether one of a metric's rules makes groups of its series. */
export function hasGroups(metric: MetricState, book: RulesInForce): boolean {
  metric.hasGroups ??= [...book.byMetric(metric.name)].some(
    ({ condition }) => condition.enabled && condition.grouping !== undefined,
  );
  return metric.hasGroups;
}

/** The enabled rules that match a series. */
export function matchingRules(series: SeriesState, book: RulesInForce): readonly RuleEntry[] {
  series.matching ??= [...book.byMetric(series.name)].filter(
    ({ condition }) => condition.enabled && concerns(condition, series.tags),
  );
  return series.matching;
}

/** The distinct measures that the metric's enabled rules ask for. */
export function requestsOf(metric: MetricState, book: RulesInForce): readonly MeasureRequest[] {
  if (metric.requests === undefined) {
    const byKey = new Map<string, MeasureRequest>();
    for (const { condition } of book.byMetric(metric.name)) {
      for (const request of measureRequestsOf(condition)) byKey.set(request.key, request);
    }
    metric.requests = [...byKey.values()];
  }
  return metric.requests;
}
