// How much of the time translated rules and Prometheus agree, beside Prometheus and itself evaluated half an interval later.
import { translateFiles } from '../../src/prometheus/translate-files.ts';
import type { Translated } from '../../src/prometheus/translate.ts';
import { randomHistory, scrapeIntervalMs } from './histories.ts';
import { firingInOurs } from './our-evaluation.ts';
import { firingInPrometheus } from './promtool.ts';
import { subjectKeyOf, type Timelines } from './timelines.ts';

export interface Comparison {
  readonly alert: string;
  /** Milliseconds of all subjects that ever fired, and how many of them they differ in. */
  readonly subjectMs: number;
  readonly oursMs: number;
  readonly halfLaterMs: number;
  /** How often it fired in Prometheus. */
  readonly firings: number;
}

/** A rule may differ from Prometheus by so many points more than Prometheus does from itself. */
export const pointsMax = 4;

/** By how many points it does. */
export function pointsOf({ subjectMs, oursMs, halfLaterMs }: Comparison): number {
  return (100 * (oursMs - halfLaterMs)) / subjectMs;
}

/** At the beginning nothing is known of what was before. */
const warmUpMs = 600_000;

export function translated(rules: string): readonly Translated[] {
  const [file] = translateFiles([{ path: 'rules.yml', text: rules }], {
    scrapeIntervalMs,
    isPushed: false,
    receiver: undefined,
  });
  const refused = [file!.problem ?? [], file!.refused.map(({ name, reason }) => `${name}: ${reason}`)].flat();
  if (refused.length > 0) throw new Error(`not translated: ${refused.join('; ')}`);
  return file!.translated;
}

export async function compare(rules: string, seed: number, durationMs: number): Promise<Comparison[]> {
  const all = translated(rules);
  const series = randomHistory(seed, durationMs);
  const prometheus = project(firingInPrometheus(rules, series, { durationMs, offsetMs: 0 }), all);
  const halfLater = project(firingInPrometheus(rules, series, { durationMs, offsetMs: scrapeIntervalMs / 2 }), all);
  const ours = await firingInOurs(all, series, durationMs);
  return all.map(({ alerts: [{ name }] }) => {
    const keys = new Set([prometheus, halfLater, ours].flatMap((each) => each.subjectsOf(name)));
    const differing = (other: Timelines): number =>
      [...keys].reduce((sum, key) => sum + differingMs(prometheus.turnsOf(key), other.turnsOf(key), durationMs), 0);
    return {
      alert: name,
      subjectMs: keys.size * (durationMs - warmUpMs),
      oursMs: differing(ours),
      halfLaterMs: differing(halfLater),
      firings: [...keys].reduce((sum, key) => sum + Math.ceil(prometheus.turnsOf(key).length / 2), 0),
    };
  });
}

/** A group's alert has the labels of the group alone, where Prometheus keeps those of its largest series. */
function project(timelines: Timelines, rules: readonly Translated[]): Timelines {
  for (const {
    alerts: [alert],
    rule,
  } of rules) {
    const by = rule.group_by;
    if (by === undefined || rule.threshold === undefined) continue;
    for (const key of timelines.subjectsOf(alert.name)) {
      const [, labels] = JSON.parse(key) as [string, Record<string, string>];
      const own = Object.fromEntries(Object.entries(labels).filter(([label]) => by.includes(label)));
      timelines.merge(key, subjectKeyOf(alert.name, own));
    }
  }
  return timelines;
}

/** How long one fires and the other does not. */
function differingMs(one: readonly number[], other: readonly number[], endMs: number): number {
  const turns = [...one, ...other].sort((a, b) => a - b);
  let [differing, sinceMs, isDifferent] = [0, 0, false];
  for (const turnMs of [...turns, endMs]) {
    if (isDifferent) differing += Math.max(0, turnMs - Math.max(sinceMs, warmUpMs));
    isDifferent = !isDifferent;
    sinceMs = turnMs;
  }
  return differing;
}
