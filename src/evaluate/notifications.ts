import type { Due } from '../alarm/due.ts';
import { notificationId } from '../alarm/identity.ts';
import { notificationOf, type Members } from '../alarm/notification.ts';
import type { Subject } from '../metric/subject.ts';
import { receiverKey } from '../receiver/receiver-config.ts';
import { comparisons } from '../rule/comparison.ts';
import { receiversAt } from '../rule/rule-level.ts';
import type { RuleEntry } from '../rule/rule-list.ts';
import type { AlarmSubject } from './alarm.ts';
import type { EffectsSink } from './effects.ts';
import { GroupState } from './group-state.ts';

/** Appends each notification for each place that the rule names. */
export function appendNotifications(
  effects: EffectsSink,
  rule: RuleEntry,
  subject: AlarmSubject,
  dues: readonly Due[],
): void {
  if (dues.length === 0) return;
  const series = subjectOf(subject);
  const members = membersOf(rule, subject);
  for (const due of dues) {
    const append = (key: string, id: string): void =>
      effects.addNotification(key, { ...notificationOf(id, due, rule, series), ...(members && { members }) });
    if (rule.webhook !== undefined) append(rule.webhook.id, notificationId(due));
    for (const name of receiversAt(rule.rule, due.forLevels)) {
      const key = receiverKey(name);
      append(key, notificationId(due, key));
    }
  }
}

/** What an alarm is about, without what the evaluator keeps of it. */
export function subjectOf({ name, tags, group }: AlarmSubject): Subject {
  return group === undefined ? { name, tags } : { name, tags, group };
}

/** So many members of a group a message and a page name. */
const namedMax = 10;

/** The members that make a group's value, the worst first; undefined for a series. */
function membersOf({ condition }: RuleEntry, subject: AlarmSubject): Members | undefined {
  if (!(subject instanceof GroupState)) return undefined;
  const { operator, threshold } = condition.grouping?.where ?? condition;
  const { excess } = comparisons[operator];
  const { members } = subject;
  const all =
    threshold === undefined
      ? members
      : members.toSorted((one, other) => excess(other.value, threshold) - excess(one.value, threshold));
  const first = all.slice(0, namedMax).map(({ series, value }) => ({ tags: series.tags, value }));
  const { divisor } = subject;
  return { first, total: all.length, ...(divisor !== undefined && { divisor }) };
}
