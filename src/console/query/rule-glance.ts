// What one looks for in a rule's row: its value, how far that is from the threshold, and what became of the last message.
import type { AlarmRecord } from '../../alarm/alarm-record.ts';
import { calculators, fillBackMs } from '../../measure/measures.ts';
import { comparisons } from '../../rule/comparison.ts';
import type { Condition } from '../../rule/condition.ts';
import type { RuleEntry } from '../../rule/rule-list.ts';
import type { Tags } from '../../metric/sample.ts';
import { tagsMatch } from '../../rule/matcher.ts';
import type { LiveStore } from '../live/live-store.ts';
import type { Sending } from '../live/sending.ts';
import { hasFallenSilent, isHeldSince, type MetricCatalogue, type SeriesSeen } from '../live/metric-catalogue.ts';

export interface RuleGlance {
  /** Whether any sample that it could judge has been seen. */
  readonly isSeen: boolean;
  /** The series that is nearest to firing, or furthest beyond. */
  readonly nearest: NearestSeries | undefined;
  readonly cooldownLeftMs: number;
  /** Alarms whose message waits for the cooldown. */
  readonly deferred: number;
  readonly fires24h: number;
  readonly lastSending: Sending | undefined;
}

export interface NearestSeries {
  readonly tags: Tags;
  /** What the rule compares; undefined: its window reaches back further than what is held here. */
  readonly value: number | undefined;
  readonly atMs: number;
  /** Whether it has been silent for longer than it uses to be; then so have all that the rule judges. */
  readonly isOld: boolean;
  /** Newest last. */
  readonly spark: readonly number[];
  /** Samples in the window; undefined without one, or where it is not held. */
  readonly windowSamples: number | undefined;
}

const sparkPoints = 24;

export function glanceOf(
  entry: RuleEntry,
  { live, catalogue, nowMs }: { readonly live: LiveStore; readonly catalogue: MetricCatalogue; readonly nowMs: number },
): RuleGlance {
  const { rule, condition } = entry;
  const alarms = [...live.alarms.ofRule(rule.id)];
  const nearest = nearestOf(condition, catalogue.get(rule.metric_name)?.series.values() ?? [], nowMs);
  return {
    isSeen: nearest !== undefined || alarms.length > 0,
    nearest,
    ...cooldownOf(condition, alarms, nowMs),
    fires24h: live.past.fires.last24h(rule.id, nowMs),
    lastSending: live.deliveries.lastOfRule(rule.id),
  };
}

/** Until when the rule's next message is withheld, and how many are. */
export function cooldownOf(
  { cooldownMs }: Pick<Condition, 'cooldownMs'>,
  alarms: readonly AlarmRecord[],
  nowMs: number,
): { readonly cooldownLeftMs: number; readonly deferred: number } {
  // Of the rule's records the one that has counted most knows best.
  const best = alarms.reduce<AlarmRecord | undefined>(
    (most, alarm) => (most === undefined || alarm.ruleMemory.sentCount > most.ruleMemory.sentCount ? alarm : most),
    undefined,
  );
  const deferred = alarms.filter(({ state }) => state.state === 'firing' && state.deferred !== undefined).length;
  const lastSentMs = best?.ruleMemory.lastSentMs;
  const endsMs = lastSentMs === undefined ? 0 : lastSentMs + cooldownMs;
  return { cooldownLeftMs: Math.max(0, Math.min(cooldownMs, endsMs - nowMs)), deferred };
}

function nearestOf(condition: Condition, all: Iterable<SeriesSeen>, nowMs: number): NearestSeries | undefined {
  let nearest: ComparedSeries | undefined;
  for (const series of comparedSeries(condition, all, nowMs))
    if (nearest === undefined || compareNearness(series, nearest) < 0) nearest = series;
  if (nearest === undefined) return undefined;
  const { series, value, isOld, samples: windowSamples } = nearest;
  return { tags: series.tags, value, atMs: series.lastMs, isOld, spark: sparkOf(series), windowSamples };
}

/** What still speaks first, and of those what is nearest to firing: a host that is gone says nothing of the others. */
export function compareNearness(one: Nearness, other: Nearness): number {
  return Number(one.isOld) - Number(other.isOld) || (one.by === other.by ? 0 : other.by > one.by ? 1 : -1);
}

type Nearness = Pick<ComparedSeries, 'isOld' | 'by'>;

/** A series that the rule judges, and what it compares now. */
export interface ComparedSeries {
  readonly series: SeriesSeen;
  /** undefined: its window reaches back further than what is held here. */
  readonly value: number | undefined;
  /** In its window. */
  readonly samples: number | undefined;
  /** How far the value is beyond the threshold; below 0 what is missing; -Infinity when the value is not known. */
  readonly by: number;
  readonly isOld: boolean;
}

export function* comparedSeries(
  condition: Condition,
  all: Iterable<SeriesSeen>,
  nowMs: number,
): Generator<ComparedSeries> {
  for (const series of all) {
    if (!tagsMatch(condition.tags, series.tags)) continue;
    const { value, samples } = comparedOf(condition, series);
    const by = value === undefined ? -Infinity : comparisons[condition.operator].excess(value, condition.threshold);
    yield { series, value, samples, by, isOld: hasFallenSilent(series, nowMs) };
  }
}

export function sparkOf({ value }: SeriesSeen): readonly number[] {
  return value.slice(-sparkPoints);
}

/**
 * What the rule compares now: the last value, or the mean of its window, whose far edge is as exact as a point. A mean of a part of
 * the window is another number than the one that is judged, and would contradict the alarm beside it: there is none then.
 */
export function comparedOf(
  condition: Condition,
  series: SeriesSeen,
): { readonly value: number | undefined; readonly samples: number | undefined } {
  const { type, windowMs } = condition;
  const calculator = calculators[type];
  if (calculator === undefined) return { value: series.lastValue, samples: undefined };
  const fromMs = series.lastMs - windowMs;
  if (!isHeldSince(series, fromMs)) return { value: undefined, samples: undefined };
  let [sum, count] = [0, 0];
  for (let index = series.t.length - 1; index >= 0 && series.t[index]! > fromMs; index--) {
    sum += series.sum[index]!;
    count += series.count[index]!;
  }
  // A window that is shorter than a point may have none that is wholly in it.
  if (count === 0) return { value: undefined, samples: undefined };
  const value = calculator.ofTotals({ sum, count }) ?? measured(condition, series);
  return value === undefined ? { value, samples: undefined } : { value, samples: count };
}

/** The value by its calculator, where each point that it needs is a single sample: of a series that is not faster than the points. */
function measured({ type, windowMs, percentile }: Condition, series: SeriesSeen): number | undefined {
  const fromMs = series.lastMs - fillBackMs(type, windowMs);
  const first = series.t.findIndex((timeMs) => timeMs > fromMs);
  if (!isHeldSince(series, fromMs) || series.count.slice(first).some((count) => count > 1)) return undefined;
  const measure = calculators[type]?.create({ windowMs, percentile });
  let value: number | undefined;
  for (let index = first; index < series.t.length; index++)
    value = measure?.add(series.t[index]!, series.value[index]!);
  return value;
}
