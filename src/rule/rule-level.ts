// A rule with several thresholds has levels, the least severe first, numbered from 1. What a level leaves out is the rule's own.
import type { Rule, RuleLevel } from './rule.ts';
import type { Severity } from './severity.ts';

export const levelFields = [
  'severity',
  'threshold',
  'for_seconds',
  'notify',
] as const satisfies readonly (keyof RuleLevel)[];

type Leveled = Pick<Rule, 'threshold' | 'levels' | 'severity' | 'notify'>;

/** The threshold of a level; without one the lowest, or the rule's only one; undefined of a rule about absence alone. */
export function thresholdAt({ threshold, levels }: Leveled, level?: number): number | undefined {
  if (levels === undefined) return threshold;
  return (levels[(level ?? 1) - 1] ?? levels[0])?.threshold;
}

/** All thresholds of a rule, the least severe first. */
export function thresholdsOf({ threshold, levels }: Leveled): readonly number[] {
  if (levels !== undefined) return levels.map((level) => level.threshold);
  return threshold === undefined ? [] : [threshold];
}

/** How bad an alarm at a level is. */
export function severityAt({ severity, levels }: Leveled, level: number | undefined): Severity | undefined {
  return (level === undefined ? undefined : levels?.[level - 1]?.severity) ?? severity;
}

/** All that a rule's alarms may be. */
export function severitiesOf({ severity, levels = [] }: Pick<Rule, 'severity' | 'levels'>): readonly Severity[] {
  const all = [severity, ...levels.map((level) => level.severity)];
  return [...new Set(all.filter((one) => one !== undefined))];
}

/** The receivers of what is sent at these levels; without any those of the rule itself. */
export function receiversAt(rule: Leveled, levels: readonly number[] = []): readonly string[] {
  const own = rule.notify ?? [];
  if (levels.length === 0) return own;
  return [...new Set(levels.flatMap((level) => rule.levels?.[level - 1]?.notify ?? own))];
}

/** All receivers that a rule may notify. */
export function receiversOf(rule: Leveled): readonly string[] {
  return [...new Set([...(rule.notify ?? []), ...(rule.levels ?? []).flatMap(({ notify = [] }) => notify)])];
}
