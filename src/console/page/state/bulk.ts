// Edits of many rules at once: of the selected ones, or of all that a search matches.
import type { BulkOrder, BulkOutcome, ExportOrder, ImportOrder, ImportRow, ImportedView } from '../../../wire/bulk.ts';
import type { RuleIdsFound } from '../../../wire/rules.ts';
import type { Rule } from '../../../rule/rule.ts';
import { ask } from './api.ts';
import { grouped } from '../words/time-text.ts';

export type BulkAction = BulkOrder['action'];

/** Rules per request; each is a record of the log. */
const atOnce = 500;
const idsAtOnce = 5_000;
/** The limit of one bulk edit from the page; larger ones need a script. */
export const bulkMax = 20_000;

export type Changed = BulkOutcome['changed'][number];

/** The outcome of many requests, and why it is incomplete, if it is. */
export interface BulkResult extends BulkOutcome {
  readonly failure: string | undefined;
}

type Progress = (done: number, of: number) => void;

function post<Answer>(path: string, body: object): Promise<Answer> {
  return ask('POST', `api/v1/rules/${path}`, { body, signal: AbortSignal.timeout(60_000) });
}

/** The ids of all rules that a search matches, at most bulkMax. */
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

/** Stops at the first request that fails; the outcome has what was done before. */
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

/** Validates rows, or writes them unless it is a dry run. The results are in the order of the rows. */
export async function importRules(
  rows: readonly unknown[],
  isDry: boolean,
  onProgress: Progress = () => {},
): Promise<readonly ImportRow[]> {
  const results: ImportRow[] = [];
  for (let at = 0; at < rows.length; at += atOnce) {
    const body: ImportOrder = { rules: rows.slice(at, at + atOnce), ...(isDry && { dry_run: true }) };
    results.push(...(await post<ImportedView>('import', body)).rows);
    onProgress(results.length, rows.length);
  }
  return results;
}

/** Offers a file as a download. */
export function saveFile(name: string, text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export const countText = (count: number): string => `${grouped(count)} rule${count === 1 ? '' : 's'}`;
