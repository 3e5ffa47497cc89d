// Alerts that differ in their severity and threshold alone are one rule with levels.
import { ruleFields } from '../rule/rule-fields.ts';
import { severities, type Severity } from '../rule/severity.ts';
import { sideOf, type Limit } from './limit.ts';
import type { RuleDraft, Translated } from './translate.ts';

interface Level {
  readonly severity: Severity;
  readonly threshold: number;
}

/** In the order of the first alert of each rule. */
export function withLevels(all: readonly Translated[]): Translated[] {
  const alike = new Map<string, Translated[]>();
  for (const each of all) {
    const key = keyOf(each);
    alike.set(key, [...(alike.get(key) ?? []), each]);
  }
  return [...alike.values()].flatMap((group) => {
    const levels = levelsOf(group);
    return levels === undefined ? group : [joined(group, levels)];
  });
}

/** All but severity and threshold. */
function keyOf({ rule }: Translated): string {
  const { severity: _severity, threshold: _threshold, ...rest } = rule;
  return JSON.stringify(rest);
}

/** The least severe first; undefined where the more severe one is not further away. */
function levelsOf(group: readonly Translated[]): readonly Level[] | undefined {
  const { least, most } = ruleFields.levels;
  if (group.length < least || group.length > most) return undefined;
  const levels = group
    .flatMap(({ rule: { severity, threshold } }) =>
      severity === undefined || threshold === undefined ? [] : [{ severity, threshold }],
    )
    .sort((one, other) => rank(one) - rank(other));
  if (levels.length < group.length) return undefined;
  const { operator = ruleFields.operator.default } = group[0]!.rule;
  const isRising = levels.every((level, index) => index === 0 || isBeyond(level, levels[index - 1]!, operator));
  return isRising ? levels : undefined;
}

function rank({ severity }: Level): number {
  return severities.indexOf(severity);
}

function isBeyond(level: Level, before: Level, operator: Limit['operator']): boolean {
  const side = sideOf({ operator, threshold: before.threshold });
  const [low, high] = side === 'above' ? [before, level] : [level, before];
  return side !== undefined && rank(level) > rank(before) && low.threshold < high.threshold;
}

function joined(group: readonly Translated[], levels: readonly Level[]): Translated {
  const { severity: _severity, threshold: _threshold, ...rest } = group[0]!.rule;
  const fields = Object.entries(rest);
  // Where the threshold would stand.
  const at = fields.findIndex(([field]) => field === 'operator') + 1;
  const [first, ...more] = group.flatMap(({ alerts }) => alerts);
  return {
    kind: 'translated',
    alerts: [first!, ...more],
    rule: Object.fromEntries([...fields.slice(0, at), ['levels', levels], ...fields.slice(at)]) as RuleDraft,
    notes: [...new Set(group.flatMap(({ notes }) => notes))],
  };
}
