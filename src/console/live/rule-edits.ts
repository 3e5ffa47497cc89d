import { isSecretField } from '../../rule/rule-fields.ts';
import type { RuleChange } from '../../rule/rule-book.ts';
import type { RuleFeed } from '../../rule/rule-feed.ts';
import type { Feed, RuleEdit } from './feed.ts';

/** Puts the edits of rules into the feed, for as long as the process runs. */
export function followRuleEdits(rules: RuleFeed, feed: Feed): void {
  rules.subscribe((change, place) => {
    const { partition, offset, timestampMs: atMs } = place;
    const edit = editOf(change);
    if (edit !== undefined) feed.add({ kind: 'rule', topic: 'rules', partition, offset, atMs, ...edit });
    feed.advance('rules', partition, offset + 1);
  });
}

function editOf(change: RuleChange): Pick<RuleEdit, 'ruleId' | 'metricName' | 'edit' | 'fields'> | undefined {
  if (change.kind === 'deleted') {
    const { id, metric_name: metricName } = change.before.rule;
    return { ruleId: id, metricName, edit: 'deleted', fields: [] };
  }
  if (change.kind !== 'set') return undefined;
  const { entry, before } = change;
  const { id, metric_name: metricName } = entry.rule;
  if (before === undefined) return { ruleId: id, metricName, edit: 'made', fields: [] };
  const fields = differences(before.rule, entry.rule);
  // A rule that is written again as it is makes its parked messages due: no edit that anybody made.
  return fields.length === 0 ? undefined : { ruleId: id, metricName, edit: 'changed', fields };
}

const secret = '…';

/** The fields in which two versions of a rule or a receiver differ. */
export function differences(before: object, after: object): RuleEdit['fields'] {
  const one: Readonly<Record<string, unknown>> = { ...before };
  const other: Readonly<Record<string, unknown>> = { ...after };
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names]
    .filter((field) => JSON.stringify(one[field]) !== JSON.stringify(other[field]))
    .map((field) =>
      isSecretField(field) ? { field, from: secret, to: secret } : { field, from: one[field], to: other[field] },
    );
}
