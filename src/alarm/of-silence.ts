import type { NotificationKind } from './due.ts';
import type { Rule } from '../rule/rule.ts';

/** Whether no sample made a notification due, but the want of one: its alarm fires, or has resolved, without data. */
export function isOfSilence({
  kind,
  x,
  rule,
}: {
  readonly kind: NotificationKind;
  readonly x: number | undefined;
  readonly rule: Pick<Rule, 'resolve_without_data_seconds'>;
}): boolean {
  const isResolved = kind === 'resolved' && x === undefined && rule.resolve_without_data_seconds !== undefined;
  return kind === 'no_data' || isResolved;
}
