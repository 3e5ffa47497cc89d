/**
 * What rules have alarms about, a series each or a group of series, as rules change, records are restored and metrics move.
 */
import type { AlarmRecord } from '../alarm/alarm-record.ts';
import type { RuleChange, RulesInForce } from '../rule/rule-book.ts';
import { concerns } from '../rule/condition.ts';
import type { RuleEntry } from '../rule/rule-list.ts';
import { hasRecords } from './alarm.ts';
import type { Alarms } from './alarms.ts';
import type { GroupState } from './group-state.ts';
import type { Groups } from './groups.ts';
import type { PassingTime } from './passing-time.ts';
import type { RuleSeries } from './rule-memories.ts';
import type { SeriesIndex } from './series-index.ts';
import { matchingRules, watchesSilence, type MetricState, type SeriesState } from './series-state.ts';

interface Parts {
  readonly book: RulesInForce;
  readonly index: SeriesIndex;
  readonly groups: Groups;
  readonly alarms: Alarms;
  readonly time: PassingTime;
}

export class RuleSubjects {
  readonly #book: RulesInForce;
  readonly #index: SeriesIndex;
  readonly #groups: Groups;
  readonly #alarms: Alarms;
  readonly #time: PassingTime;

  constructor({ book, index, groups, alarms, time }: Parts) {
    this.#book = book;
    this.#index = index;
    this.#groups = groups;
    this.#alarms = alarms;
    this.#time = time;
  }

  /** The enabled rules that a series concerns, in the order of their ids. */
  rulesOf(series: SeriesState): readonly RuleEntry[] {
    return matchingRules(series, this.#book);
  }

  /** Notes whether a rule of the metric fires for want of data. */
  watch(metric: MetricState): void {
    if (watchesSilence(this.#book.byMetric(metric.name))) this.#time.silence.watch(metric);
    else this.#time.silence.unwatch(metric);
  }

  /** Takes the winning record of an alarm. */
  restore(record: AlarmRecord): void {
    const { sample } = record;
    this.#index.table.partition = sample.partition;
    if (record.series.group !== undefined) {
      this.#alarms.restore(record, this.#groups.restore(record));
      return;
    }
    const series = this.#index.seriesOf(record.series.name, record.series.tags);
    if ((series.last?.offset ?? -1) < sample.offset) series.saw(sample.offset, sample.timestampMs, record.value);
    series.reached(record.timeMs);
    this.#alarms.restore(record, series);
  }

  /** A record that holds in the log and came late: what was judged here holds instead (see Alarms). */
  overrule(record: AlarmRecord): void {
    if (record.series.group !== undefined) {
      this.#alarms.overrule(record, this.#groups.restore(record));
      return;
    }
    const series = this.#index.seriesOf(record.series.name, record.series.tags);
    if (series.last === undefined) series.saw(record.sample.offset, record.sample.timestampMs);
    series.reached(record.timeMs);
    this.#alarms.overrule(record, series);
  }

  /**
   * Ends a restore: the restored alarms whose rule is gone, disabled or no longer matches end, since nobody was there to see it; and
   * what a former owner was about to send is sent.
   */
  finishRestore(clockMs: number): void {
    for (const metric of this.#index.metrics.values())
      for (const series of metric.series.values()) this.#endStrangers(series, undefined, clockMs);
    for (const [ruleId, group] of this.#groups.all())
      if (!this.#groups.isMadeBy(this.#book.get(ruleId), group)) this.#endGroup(ruleId, group, undefined, clockMs);
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
    // First, so that the records of alarms that end have the rule time of the new version.
    if (entry !== undefined) this.#alarms.memories.seriesChanged(entry);
    for (const name of new Set([change.before?.rule.metric_name, entry?.rule.metric_name])) {
      const metric = name === undefined ? undefined : this.#index.metrics.get(name);
      if (metric === undefined) continue;
      isConcerned = true;
      metric.requests = undefined;
      metric.hasGroups = undefined;
      this.watch(metric);
      for (const series of metric.series.values()) {
        series.matching = undefined;
        series.memberships?.delete(ruleId);
        series.judgeAll();
        this.#endStrangers(series, entry ?? change.before, atMs);
        const alarm = series.alarms?.get(ruleId);
        if (alarm !== undefined) this.#alarms.followRule(alarm);
      }
    }
    for (const group of this.#groups.of(ruleId)) {
      isConcerned = true;
      if (!this.#groups.isMadeBy(entry, group)) this.#endGroup(ruleId, group, entry ?? change.before, atMs);
      else for (const alarm of group.alarms?.values() ?? []) this.#alarms.followRule(alarm);
    }
    if (entry !== undefined && this.#groups.await(entry)) isConcerned = true;
    if (entry === undefined) this.#alarms.memories.forget(ruleId);
    if (isConcerned) this.#time.rulesChanged();
    return isConcerned;
  }

  /** A metric is received by the partition that it belongs to: drops its alarms, their records and all else, and takes no sample of it. */
  refuseMetric(name: string): void {
    this.#index.refused.add(name);
    const metric = this.#index.metrics.get(name);
    if (metric === undefined) return;
    const series = [...metric.series.values()];
    for (const one of series) this.#alarms.drop(one);
    for (const [ruleId, group] of this.#groups.all()) {
      if (group.name !== name) continue;
      this.#alarms.drop(group);
      this.#groups.remove(ruleId, group);
    }
    this.#index.remove(series, (gone) => this.#time.silence.unwatch(gone));
  }

  /** The groups of a rule are about to be filled. */
  emptyGroups(rule: RuleEntry): void {
    this.#groups.empty(rule);
  }

  /** The least G of a rule's groups; Infinity without any. */
  oldestGroupMs(ruleId: string): number {
    let oldestMs = Infinity;
    for (const { timeMs } of this.#groups.of(ruleId)) if (timeMs !== -Infinity) oldestMs = Math.min(oldestMs, timeMs);
    return oldestMs;
  }

  /** A rule's groups are made otherwise than by the version before; those that are gone end at this time. */
  beginGroups(rule: RuleEntry, before: RuleEntry | undefined, atMs: number): void {
    const known = this.#index.metrics.get(rule.rule.metric_name)?.series.values() ?? [];
    for (const group of this.#groups.begin(rule, before, known)) this.#endGroup(rule.rule.id, group, rule, atMs);
  }

  /** `changed`: the rule, as it is now or was last, that the alarms of may end; undefined after a restore, when any may. */
  #endStrangers(series: SeriesState, changed: RuleEntry | undefined, atMs: number): void {
    if (series.alarms === undefined) return;
    const own = this.rulesOf(series).filter(({ condition }) => condition.grouping === undefined);
    const matching = new Set(own.map((rule) => rule.rule.id));
    for (const alarm of series.alarms.values()) {
      if (matching.has(alarm.ruleId)) continue;
      const rule = changed?.rule.id === alarm.ruleId ? changed : this.#book.get(alarm.ruleId);
      this.#alarms.end(alarm, rule, atMs);
    }
  }

  /** A group that its rule no longer makes: its alarm ends. */
  #endGroup(ruleId: string, group: GroupState, rule: RuleEntry | undefined, atMs: number): void {
    for (const alarm of group.alarms?.values() ?? []) this.#alarms.end(alarm, rule ?? this.#book.get(ruleId), atMs);
    group.forget();
    if (!hasRecords(group)) this.#groups.remove(ruleId, group);
  }
}

/** The series that the metric of a rule has. */
export class SeriesOfRules implements RuleSeries {
  readonly #index: SeriesIndex;

  constructor(index: SeriesIndex) {
    this.#index = index;
  }

  ruleTimeMs({ condition }: RuleEntry): number {
    let newestMs = -Infinity;
    for (const series of this.#index.metrics.get(condition.metricName)?.series.values() ?? []) {
      if (series.timeMs > newestMs && !series.isForgotten && concerns(condition, series.tags)) newestMs = series.timeMs;
    }
    return newestMs;
  }

  evaluateFrom({ condition }: RuleEntry, timeMs: number): void {
    for (const series of this.#index.metrics.get(condition.metricName)?.series.values() ?? [])
      if (concerns(condition, series.tags)) series.judgeFrom(timeMs);
  }
}
