import { forgottenAfterMs, forgottenAtMs } from '../alarm/step.ts';
import type { RulesInForce } from '../rule/rule-book.ts';
import type { RuleEntry } from '../rule/rule-list.ts';
import { alarmOf, hasRecords, type AlarmSubject } from './alarm.ts';
import type { Alarms } from './alarms.ts';
import type { Groups } from './groups.ts';
import type { ClockReading } from './partition-clock.ts';
import type { SeriesIndex } from './series-index.ts';
import { matchingRules, type MetricState, type SeriesState } from './series-state.ts';
import { SilenceWatch } from './silence-watch.ts';

interface PassingTimeOptions {
  readonly book: RulesInForce;
  readonly index: SeriesIndex;
  readonly groups: Groups;
  readonly alarms: Alarms;
}

/** How often all series are asked for it. */
const sweepEveryMs = 60_000;

/**
 * What follows from the clocks alone, in this order: alarms of series that are missing, reminders, series silent for so long that they
 * are forgotten; then what cooldowns no longer hold back.
 */
export class PassingTime {
  readonly silence = new SilenceWatch();
  readonly #book: RulesInForce;
  readonly #index: SeriesIndex;
  readonly #groups: Groups;
  readonly #alarms: Alarms;
  /** When all series were last asked whether they are to be forgotten. */
  #sweptMs = -Infinity;

  constructor({ book, index, groups, alarms }: PassingTimeOptions) {
    this.#book = book;
    this.#index = index;
    this.#groups = groups;
    this.#alarms = alarms;
  }

  /** Series that have sent nothing since are forgotten. */
  get forgottenUpToMs(): number {
    return this.#sweptMs - forgottenAfterMs;
  }

  /** Rules have changed: at the next reading all is asked again. */
  rulesChanged(): void {
    this.silence.askAll();
  }

  pass(reading: ClockReading): void {
    this.#alarms.monotonicMs = reading.monotonicMs;
    this.#findMissing(reading);
    this.#remind(reading);
    if (reading.clockMs - this.#sweptMs >= sweepEveryMs) {
      this.#sweptMs = reading.clockMs;
      this.#forgetSilent(reading);
    }
    this.#alarms.finishClock(reading);
  }

  #findMissing(reading: ClockReading): void {
    if (this.#groups.awaitFirst(reading)) this.silence.askAll();
    for (const { rule, subject, expectedMs, heardMs } of this.silence.missing(reading, (seen) =>
      this.#watchedBy(seen),
    )) {
      const alarm = alarmOf(subject, rule.condition.ruleId);
      const at = {
        timeMs: expectedMs,
        heardMs,
        x: subject.lastValue,
        sample: subject.last!,
        ordinal: this.#alarms.clockDuesOf(alarm),
      };
      this.#alarms.takeByClock(rule, alarm, { kind: 'no_data', ...at });
      // Even a sample that changes nothing ends the silence.
      subject.judgeAll();
    }
  }

  /** What may be missing: each series of the metrics that are watched, for each of its rules, and each group. */
  *#watchedBy(metrics: Iterable<MetricState>): IterableIterator<readonly [RuleEntry, AlarmSubject]> {
    for (const metric of metrics)
      for (const series of metric.series.values())
        for (const rule of matchingRules(series, this.#book))
          if (rule.condition.grouping === undefined) yield [rule, series];
    for (const [ruleId, group] of this.#groups.all()) {
      const rule = this.#book.get(ruleId);
      if (rule?.condition.enabled === true && this.#groups.isMadeBy(rule, group)) yield [rule, group];
    }
  }

  #remind(reading: ClockReading): void {
    for (const alarm of this.#alarms.remindersDue(reading)) {
      const { last: sample, timeMs } = alarm.subject;
      const rule = this.#book.get(alarm.ruleId);
      if (rule?.condition.enabled !== true || sample === undefined) continue;
      const { windowMs, grouping } = rule.condition;
      const isSent = windowMs === 0 && grouping === undefined;
      const hasValue = isSent && alarm.state.state === 'firing' && alarm.state.cause === 'breach';
      const x = hasValue ? alarm.subject.lastValue : undefined;
      this.#alarms.takeByClock(rule, alarm, {
        kind: 'remind',
        timeMs: Number.isFinite(timeMs) ? timeMs : sample.timestampMs,
        x,
        sample,
        // The sample itself may have been the first to remind.
        ordinal: this.#alarms.clockDuesOf(alarm) + 1,
      });
    }
  }

  /** Drops the series that are silent for so long that a new sample would count as their first. */
  #forgetSilent(reading: ClockReading): void {
    const { clockMs, monotonicMs } = reading;
    const gone = new Set<SeriesState>();
    const forgotten: SeriesState[] = [];
    for (const metric of this.#index.metrics.values()) {
      for (const series of metric.series.values()) {
        // A device whose clock is a day behind is not silent.
        if (clockMs - series.timeMs < forgottenAfterMs || monotonicMs - series.heardAtMs < forgottenAfterMs) continue;
        if (!series.isForgotten) {
          const rules = matchingRules(series, this.#book).filter(({ condition }) => condition.grouping === undefined);
          if (!this.#forgetForAll(series, rules, clockMs)) continue;
          gone.add(series);
        }
        // As long as `alarms` has a record of it, whoever begins anew must count on from there.
        if (!hasRecords(series) && clockMs - series.timeMs >= series.reachMs) forgotten.push(series);
      }
    }
    this.#seriesChanged(gone);
    this.#index.remove(forgotten, (metric) => this.silence.unwatch(metric));
    this.#forgetGroups(reading);
  }

  #forgetGroups({ clockMs, monotonicMs }: ClockReading): void {
    for (const [ruleId, group] of this.#groups.all()) {
      if (group.awaitedMs > -Infinity) continue;
      if (clockMs - group.timeMs < forgottenAfterMs || monotonicMs - group.heardAtMs < forgottenAfterMs) continue;
      const rule = this.#book.get(ruleId);
      if (!group.isForgotten && rule !== undefined && !this.#forgetForAll(group, [rule], clockMs)) continue;
      if (!hasRecords(group)) this.#groups.remove(ruleId, group);
    }
  }

  /** Drops series that make room for others. */
  evict(series: readonly SeriesState[]): void {
    this.#seriesChanged(new Set(series));
    this.#index.remove(series, (metric) => this.silence.unwatch(metric));
  }

  /** Without them the time of their rules may be another, and with it what the others' samples have to tell: once for all. */
  #seriesChanged(gone: ReadonlySet<SeriesState>): void {
    const rules = new Set<RuleEntry>();
    const metrics = new Set<MetricState>();
    for (const series of gone) {
      metrics.add(series.metric);
      for (const rule of matchingRules(series, this.#book)) rules.add(rule);
    }
    for (const rule of rules) this.#alarms.memories.seriesChanged(rule);
    for (const metric of metrics) for (const series of metric.series.values()) series.judgeAll();
  }

  /** Each rule forgets a subject in its own time. Returns whether all have, and no alarm fires on. */
  #forgetForAll(series: AlarmSubject, rules: readonly RuleEntry[], clockMs: number): boolean {
    const forgetful = rules.filter((rule) => clockMs >= forgottenAtMs(rule.condition, series.timeMs));
    for (const rule of forgetful) {
      const alarm = series.alarms?.get(rule.condition.ruleId);
      if (alarm === undefined || series.last === undefined) continue;
      series.judgeAll();
      this.#alarms.takeByClock(rule, alarm, { kind: 'forgotten', timeMs: clockMs, sample: series.last });
    }
    const firesOn = series.alarms?.values().some(({ state }) => state.state === 'firing') === true;
    if (forgetful.length < rules.length || firesOn) return false;
    series.forget();
    return true;
  }
}
