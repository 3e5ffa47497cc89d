// Many rules at once: switched on and off, deleted, and brought in from a file. Each is changed as it would be alone, side by side, and
// tells what became of it: one that is refused holds up no other.
import { entityTag } from './if-match.ts';
import { isSecretField } from '../rule/rule-fields.ts';
import { randomUUID } from 'node:crypto';
import { Failure } from '../base/failure.ts';
import { isRuleId, ruleIdAllowed } from '../rule/rule-id.ts';
import { formatRule, type Rule } from '../rule/rule.ts';
import type { BulkOrder, BulkOutcome, ImportRow } from '../wire/bulk.ts';
import type { FieldChange } from '../wire/fields.ts';
import { noRule, type RuleChanges, type StoredRule } from './rule-changes.ts';
import type { RulesView } from './rules-view.ts';

interface Order extends BulkOrder {
  readonly subject: string;
}

/** A BulkOutcome that grows. */
type Outcome = { [List in keyof BulkOutcome]: BulkOutcome[List] extends readonly (infer Item)[] ? Item[] : never };

export class BulkChanges {
  readonly #view: RulesView;
  readonly #changes: RuleChanges;

  constructor(view: RulesView, changes: RuleChanges) {
    this.#view = view;
    this.#changes = changes;
  }

  async run({ action, rules, subject }: Order): Promise<BulkOutcome> {
    const { book } = this.#view;
    const outcome: Outcome = { changed: [], unchanged: [], refused: [] };
    const one = async (id: string, ifMatch: string | undefined): Promise<void> => {
      const order = { id, subject, ifMatch };
      try {
        if (action === 'delete') {
          await this.#changes.remove(order);
          outcome.changed.push({ id });
          return;
        }
        const entry = book.get(id);
        if (entry === undefined) throw noRule(id);
        if (entry.condition.enabled === (action === 'enable')) return void outcome.unchanged.push(id);
        // What its author wrote stays as it is; a rule is enabled by leaving the field out.
        const { id: _id, enabled: _enabled, ...fields } = entry.rule;
        const wanted = action === 'enable' ? fields : { ...fields, enabled: false };
        const { place } = await this.#changes.replace(wanted, { ...order, ifMatch: ifMatch ?? entityTag(entry) });
        outcome.changed.push({ id, etag: entityTag(place) });
      } catch (error) {
        outcome.refused.push({ id, ...refusalOf(error) });
      }
    };
    await Promise.all(rules.map(({ id, if_match: ifMatch }) => one(id, ifMatch)));
    return outcome;
  }

  /** Checks each row, and writes new and changed rules unless it is a dry run. A row with an id is that rule, others are new. */
  async import(
    rows: readonly unknown[],
    { isDry, subject }: { isDry: boolean; subject: string },
  ): Promise<ImportRow[]> {
    const seen = new Map<string, number>();
    const judged = rows.map((row, index) => {
      try {
        return this.#judge(row, index, seen);
      } catch (error) {
        return { outcome: 'refused' as const, ...idOf(row), ...refusalOf(error) };
      }
    });
    if (isDry) return judged;
    return Promise.all(
      judged.map(async (row, index): Promise<ImportRow> => {
        if (row.outcome !== 'new' && row.outcome !== 'changed') return row;
        const id = row.id ?? randomUUID();
        try {
          const { rule }: StoredRule = await this.#changes.put(rows[index], { id, subject, ifMatch: undefined });
          return { ...row, id: rule.id };
        } catch (error) {
          return { outcome: 'refused', id, ...refusalOf(error) };
        }
      }),
    );
  }

  #judge(row: unknown, index: number, seen: Map<string, number>): ImportRow {
    const { id } = idOf(row);
    if (id !== undefined) {
      if (!isRuleId(id)) throw new Failure('invalid_field', `id ${ruleIdAllowed}, or be left out`);
      const former = seen.get(id);
      if (former !== undefined) throw new Failure('conflict', `row ${former + 1} has the same id`);
      seen.set(id, index);
    }
    const current = id === undefined ? undefined : this.#view.book.get(id);
    const rule = this.#changes.parse(row, id ?? randomUUID());
    const { metric_name: metricName, name } = rule;
    const former = name === undefined ? undefined : seen.get(nameKey(name));
    if (former !== undefined) throw new Failure('conflict', `row ${former + 1} has the same name`);
    if (name !== undefined) seen.set(nameKey(name), index);
    if (current === undefined) return { outcome: 'new', ...(id !== undefined && { id }), metric_name: metricName };
    const fields = differences(current.rule, rule);
    // Fields in another order are the same rule.
    const isSame = fields.length === 0 || formatRule(current.rule) === formatRule(rule);
    return { outcome: isSame ? 'same' : 'changed', id: rule.id, metric_name: metricName, ...(!isSame && { fields }) };
  }
}

/** Apart from all ids. */
const nameKey = (name: string): string => `name ${name}`;

function idOf(row: unknown): { id?: string } {
  const id = typeof row === 'object' && row !== null ? (row as { id?: unknown }).id : undefined;
  return id === undefined ? {} : { id: typeof id === 'string' ? id : JSON.stringify(id).slice(0, 80) };
}

function refusalOf(error: unknown): { code: string; reason: string } {
  if (error instanceof Failure) return { code: error.code, reason: error.message };
  throw error;
}

function differences(before: Rule, after: Rule): FieldChange[] {
  const [one, other]: Readonly<Record<string, unknown>>[] = [{ ...before }, { ...after }];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((field) => textOf(one![field]) !== textOf(other![field]))
    .map((field) =>
      isSecretField(field) ? { field } : { field, from: one![field] ?? null, to: other![field] ?? null },
    );
}

/** Tags in another order are the same tags. */
function textOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? '';
  return JSON.stringify(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}
