import type { RuleType } from '../measure/measures.ts';
import type { Condition } from './condition.ts';

/** What a rule needs kept of each series it matches. Rules that need the same share it. */
export interface MeasureRequest {
  readonly key: string;
  readonly type: RuleType;
  readonly windowMs: number;
  readonly percentile: number | undefined;
}

/** Two rules with equal keys share a measure. Only of a condition with a window. */
export function measureKey({ type, windowMs, percentile }: Omit<MeasureRequest, 'key'>): string {
  return percentile === undefined ? `${type} ${windowMs}` : `${type} ${windowMs} ${percentile}`;
}

/** Undefined when the rule is disabled, or compares the newest sample alone. */
export function measureRequestOf(condition: Condition): MeasureRequest | undefined {
  if (!condition.enabled || condition.windowMs === 0) return undefined;
  const { type, windowMs, percentile } = condition;
  return { key: measureKey(condition), type, windowMs, percentile };
}
