// What one looks for in a rule's row: its value, how far that is from the threshold, and what became of the last message.
import type { AlarmRecord } from '../../alarm/alarm-record.ts';
import { comparisons } from '../../rule/comparison.ts';
import type { Condition } from '../../rule/condition.ts';
import type { RuleEntry } from '../../rule/rule-list.ts';
import type { Tags } from '../../metric/sample.ts';
import { tagsMatch } from '../../rule/matcher.ts';
import type { Subject } from '../../metric/subject.ts';
import type { LiveStore } from '../live/live-store.ts';
import type { Sending } from '../live/sending.ts';
import { hasFallenSilent, type MetricCatalogue, type SeriesSeen } from '../live/metric-catalogue.ts';
import { comparedGroups } from './compared-groups.ts';
import { measuredOf } from './measured.ts';

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

/** Until when the rule's next message is deferred, and how many are. */
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

/** A series, or a group of series, that the rule evaluates, and what it compares now. */
export interface ComparedSeries {
  /** The series, or the group whose newest member it is. */
  readonly subject: Subject;
  readonly series: SeriesSeen;
  /** undefined: its window reaches back further than what is held here. */
  readonly value: number | undefined;
  /** In its window. */
  readonly samples: number | undefined;
  /** How far the value is beyond the threshold; below 0 what is missing; -Infinity when there is no value, or no threshold. */
  readonly by: number;
  readonly isOld: boolean;
}

export function* comparedSeries(
  condition: Condition,
  all: Iterable<SeriesSeen>,
  nowMs: number,
): Generator<ComparedSeries> {
  if (condition.grouping !== undefined) {
    for (const { subject, value, newest } of comparedGroups(condition, all)) {
      const by = excessOf(condition, value);
      // What its members sent is another number than what is compared.
      const series = { ...newest, tags: subject.tags, value: [] };
      yield { subject, series, value, samples: undefined, by, isOld: hasFallenSilent(newest, nowMs) };
    }
    return;
  }
  for (const series of all) {
    if (!tagsMatch(condition.tags, series.tags)) continue;
    const { value, samples } = measuredOf(condition, series);
    const subject = { name: condition.metricName, tags: series.tags };
    const by = excessOf(condition, value);
    yield { subject, series, value, samples, by, isOld: hasFallenSilent(series, nowMs) };
  }
}

function excessOf({ operator, threshold }: Condition, value: number | undefined): number {
  return value === undefined || threshold === undefined ? -Infinity : comparisons[operator].excess(value, threshold);
}

export function sparkOf({ value }: SeriesSeen): readonly number[] {
  return value.slice(-sparkPoints);
}
