import { fillBackMs, type RuleType } from '../measure/measures.ts';
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

/** How far before T the log must be read for a rule's value, or for both values of a ratio; 0 without a window. */
export function measuresBackMs({ type, windowMs, grouping }: Condition): number {
  const second = grouping?.divideBy;
  return Math.max(fillBackMs(type, windowMs), second === undefined ? 0 : fillBackMs(second.type, second.windowMs));
}

/** None when the rule is disabled, or compares the newest samples alone; two of a ratio of two measures. */
export function measureRequestsOf(condition: Condition): readonly MeasureRequest[] {
  if (!condition.enabled) return [];
  const second = condition.grouping?.divideBy;
  const requests = [condition, ...(second === undefined ? [] : [second])]
    .filter(({ windowMs }) => windowMs > 0)
    .map(({ type, windowMs, percentile }) => ({
      key: measureKey({ type, windowMs, percentile }),
      type,
      windowMs,
      percentile,
    }));
  return requests.filter(({ key }, index) => requests.findIndex((other) => other.key === key) === index);
}
