import { forgottenAfterMs, forgottenAtMs } from '../alarm/step.ts';
import type { RuleEntry } from '../rule/rule-list.ts';
import type { Alarms } from './alarms.ts';
import type { ClockReading } from './partition-clock.ts';
import type { SeriesIndex } from './series-index.ts';
import type { MetricState, SeriesState } from './series-state.ts';
import { SilenceWatch } from './silence-watch.ts';

/** How often all series are asked for it. */
const sweepEveryMs = 60_000;

/**
 * What follows from the clocks alone, in this order: alarms of series that are missing, reminders, series silent for so long that they
 * are forgotten; then what cooldowns no longer hold back.
 */
export class PassingTime {
  readonly silence = new SilenceWatch();
  readonly #index: SeriesIndex;
  readonly #alarms: Alarms;
  readonly #rulesOf: (series: SeriesState) => readonly RuleEntry[];
  /** When all series were last asked whether they are to be forgotten. */
  #sweptMs = -Infinity;

  constructor(index: SeriesIndex, alarms: Alarms, rulesOf: (series: SeriesState) => readonly RuleEntry[]) {
    this.#index = index;
    this.#alarms = alarms;
    this.#rulesOf = rulesOf;
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
    for (const { rule, series, expectedMs, heardMs } of this.silence.missing(reading, this.#rulesOf)) {
      const alarm = series.alarm(rule.condition.ruleId);
      const at = {
        timeMs: expectedMs,
        heardMs,
        x: series.lastValue,
        sample: series.last!,
        ordinal: this.#alarms.clockDuesOf(alarm),
      };
      this.#alarms.takeByClock(rule, alarm, { kind: 'no_data', ...at });
      // Even a sample that changes nothing ends the silence.
      series.judgeAll();
    }
  }

  #remind(reading: ClockReading): void {
    for (const alarm of this.#alarms.remindersDue(reading)) {
      const { series } = alarm;
      const { last: sample, timeMs } = series;
      const rule = this.#rulesOf(series).find(({ condition }) => condition.ruleId === alarm.ruleId);
      if (rule === undefined || sample === undefined) continue;
      const hasValue =
        rule.condition.windowMs === 0 && alarm.state.state === 'firing' && alarm.state.cause === 'breach';
      const x = hasValue ? series.lastValue : undefined;
      this.#alarms.takeByClock(rule, alarm, {
        kind: 'remind',
        timeMs,
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
          if (!this.#forgetForAll(series, clockMs)) continue;
          gone.add(series);
        }
        // As long as `alarms` has a record of it, whoever begins anew must count on from there.
        if (!series.hasRecords() && clockMs - series.timeMs >= series.reachMs) forgotten.push(series);
      }
    }
    this.#seriesChanged(gone);
    this.#index.remove(forgotten, (metric) => this.silence.unwatch(metric));
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
      for (const rule of this.#rulesOf(series)) rules.add(rule);
    }
    for (const rule of rules) this.#alarms.memories.seriesChanged(rule);
    for (const metric of metrics) for (const series of metric.series.values()) series.judgeAll();
  }

  /** Each rule forgets a series in its own time. Returns whether all have, and no alarm fires on. */
  #forgetForAll(series: SeriesState, clockMs: number): boolean {
    const rules = this.#rulesOf(series);
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
