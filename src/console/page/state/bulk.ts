// What is done to many rules at once: to those that were chosen, or to all that a search finds.
import type { BulkOrder, BulkOutcome, ExportOrder, ImportOrder, ImportRow, ImportedView } from '../../../wire/bulk.ts';
import type { RuleIdsFound } from '../../../wire/rules.ts';
import type { Rule } from '../../../rule/rule.ts';
import { ask } from './api.ts';
import { grouped } from '../words/time-text.ts';

export type BulkAction = BulkOrder['action'];

/** Rules in one request; each is a record of the log. */
const atOnce = 500;
const idsAtOnce = 5_000;
/** So many are changed in one go from a page: whoever has more has a script, too. */
export const bulkMax = 20_000;

export type Changed = BulkOutcome['changed'][number];

/** What was done of many requests, and why not all of it. */
export interface BulkResult extends BulkOutcome {
  readonly failure: string | undefined;
}

type Progress = (done: number, of: number) => void;

function post<Answer>(path: string, body: object): Promise<Answer> {
  return ask('POST', `api/v1/rules/${path}`, { body, signal: AbortSignal.timeout(60_000) });
}

/** The ids of all rules that a search finds, up to bulkMax of them. */
export async function idsOf(search: string): Promise<{ readonly ids: readonly string[]; readonly isAll: boolean }> {
  const ids: string[] = [];
  let after: string | undefined;
  do {
    const query = new URLSearchParams({ limit: String(Math.min(idsAtOnce, bulkMax - ids.length)) });
    if (search !== '') query.set('q', search);
    if (after !== undefined) query.set('after', after);
    const answer = await ask<RuleIdsFound>('GET', `api/v1/rules/ids?${query}`);
    ids.push(...answer.ids);
    after = answer.next;
  } while (after !== undefined && ids.length < bulkMax);
  return { ids, isAll: after === undefined };
}

/** Ends at the first request that fails: what was done before it stands, and is told. */
export async function changeRules(
  action: BulkAction,
  rules: readonly Changed[],
  onProgress: Progress = () => {},
): Promise<BulkResult> {
  const outcome = {
    changed: [] as Changed[],
    unchanged: [] as string[],
    refused: [] as BulkOutcome['refused'][number][],
  };
  for (let at = 0; at < rules.length; at += atOnce) {
    const part = rules
      .slice(at, at + atOnce)
      .map(({ id, etag }) => ({ id, ...(etag !== undefined && { if_match: etag }) }));
    let answer: BulkOutcome;
    try {
      answer = await post<BulkOutcome>('bulk', { action, rules: part } satisfies BulkOrder);
    } catch (error) {
      return { ...outcome, failure: error instanceof Error ? error.message : String(error) };
    }
    outcome.changed.push(...answer.changed);
    outcome.unchanged.push(...answer.unchanged);
    outcome.refused.push(...answer.refused);
    onProgress(at + part.length, rules.length);
  }
  return { ...outcome, failure: undefined };
}

export async function exportRules(ids: readonly string[], onProgress: Progress = () => {}): Promise<readonly Rule[]> {
  const rules: Rule[] = [];
  for (let at = 0; at < ids.length; at += atOnce) {
    rules.push(...(await post<Rule[]>('export', { ids: ids.slice(at, at + atOnce) } satisfies ExportOrder)));
    onProgress(Math.min(ids.length, at + atOnce), ids.length);
  }
  return rules;
}

/** Judges rows, or writes them when it is no dry run; a row's verdict stands at its place. */
export async function importRules(
  rows: readonly unknown[],
  isDry: boolean,
  onProgress: Progress = () => {},
): Promise<readonly ImportRow[]> {
  const judged: ImportRow[] = [];
  for (let at = 0; at < rows.length; at += atOnce) {
    const body: ImportOrder = { rules: rows.slice(at, at + atOnce), ...(isDry && { dry_run: true }) };
    judged.push(...(await post<ImportedView>('import', body)).rows);
    onProgress(judged.length, rows.length);
  }
  return judged;
}

/** Hands the browser a file to keep. */
export function saveFile(name: string, text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export const countText = (count: number): string => `${grouped(count)} rule${count === 1 ? '' : 's'}`;
