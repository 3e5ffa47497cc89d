import * as css from './rule-import.module.css';
import { isSecretField } from '../../../rule/rule-fields.ts';
import type { ImportRow } from '../../../wire/bulk.ts';
import { useSignal } from '@preact/signals';
import { countText, importRules } from '../state/bulk.ts';
import { Dialog } from '../parts/dialog.tsx';
import { showNotice } from '../parts/notices.tsx';

export interface RuleImportProps {
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly onImported: () => void;
}

interface Plan {
  readonly rows: readonly unknown[];
  readonly results: readonly ImportRow[];
}

const outcomes = ['new', 'changed', 'same', 'refused'] as const;
/** Rows listed for each result; the others are counted. */
const listedMax = 100;

/** Imports rules from a file: a dry run shows the result for each, and only a second step writes what is new or changed. */
export function RuleImport({ isOpen, onClose, onImported }: RuleImportProps) {
  const plan = useSignal<Plan | undefined>(undefined);
  const failure = useSignal('');
  const busy = useSignal('');
  const progress = (done: number, of: number): void => void (busy.value = `${done} of ${of}`);
  const close = (): void => {
    plan.value = undefined;
    failure.value = '';
    onClose();
  };
  const during = async (work: () => Promise<void>): Promise<void> => {
    failure.value = '';
    busy.value = 'Reading';
    try {
      await work();
    } catch (error) {
      failure.value = error instanceof Error ? error.message : String(error);
    }
    busy.value = '';
  };
  const read = (file: File): Promise<void> =>
    during(async () => {
      plan.value = undefined;
      const rows = rowsOf(await file.text());
      plan.value = { rows, results: await importRules(rows, true, progress) };
    });
  const write = (): Promise<void> =>
    during(async () => {
      const { rows, results } = plan.value!;
      const wanted = rows.filter((_, index) => ['new', 'changed'].includes(results[index]!.outcome));
      const written = await importRules(wanted, false, progress);
      onImported();
      const refused = written.filter(({ outcome }) => outcome === 'refused');
      if (refused.length > 0) {
        plan.value = { rows: wanted.filter((_, index) => refused.includes(written[index]!)), results: refused };
        failure.value = `${countText(refused.length)} could not be saved; the others were.`;
        return;
      }
      showNotice(`Imported ${countText(written.length)}.`);
      close();
    });
  const count = (outcome: ImportRow['outcome']): number =>
    plan.value?.results.filter((row) => row.outcome === outcome).length ?? 0;
  const writable = count('new') + count('changed');
  return (
    <Dialog isOpen={isOpen} title="Import rules" onClose={close}>
      <div class="stack rule-import">
        <div class="field">
          <label for="import-file">A JSON file exported from SSRMS</label>
          <input
            id="import-file"
            type="file"
            accept=".json,application/json"
            onChange={(event) => {
              const [file] = event.currentTarget.files ?? [];
              if (file !== undefined) void read(file);
            }}
          />
        </div>
        {busy.value !== '' && <p role="status">{busy.value}…</p>}
        {failure.value !== '' && (
          <p class="error" role="alert">
            {failure.value}
          </p>
        )}
        {plan.value !== undefined && (
          <div class={css.importPlan} tabIndex={0} role="region" aria-label="Result for each rule">
            {outcomes.map((outcome) => (
              <OutcomeRows
                key={outcome}
                outcome={outcome}
                rows={plan.value!.results.flatMap((row, index) => (row.outcome === outcome ? [{ row, index }] : []))}
              />
            ))}
          </div>
        )}
        <div class="actions">
          <button type="button" onClick={close}>
            Close
          </button>
          {writable > 0 && (
            <button type="button" class="primary" disabled={busy.value !== ''} onClick={() => void write()}>
              Save {count('new')} new and {count('changed')} changed
            </button>
          )}
        </div>
      </div>
    </Dialog>
  );
}

function rowsOf(text: string): readonly unknown[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`The file is not JSON: ${(error as Error).message}`, { cause: error });
  }
  if (Array.isArray(json)) {
    if (json.length === 0) throw new Error('The file contains no rules.');
    return json;
  }
  if (typeof json === 'object' && json !== null) return [json];
  throw new Error('The file must contain an array of rules.');
}

const headings: Record<ImportRow['outcome'], string> = {
  new: '+ New',
  changed: '± Changed',
  same: '= Unchanged',
  refused: '✗ Refused',
};

interface OutcomeRowsProps {
  readonly outcome: ImportRow['outcome'];
  readonly rows: readonly { readonly row: ImportRow; readonly index: number }[];
}

function OutcomeRows({ outcome, rows }: OutcomeRowsProps) {
  if (rows.length === 0) return null;
  return (
    <section data-outcome={outcome}>
      <h3>
        {headings[outcome]}: {rows.length}
      </h3>
      {outcome !== 'same' && (
        <ul>
          {rows.slice(0, listedMax).map(({ row, index }) => (
            <li key={index}>
              <b>Row {index + 1}</b> <span class="part-metric">{row.metric_name ?? row.id ?? ''}</span>{' '}
              {row.reason !== undefined && <span class="error">{row.reason}</span>}
              {row.fields?.map(({ field, from, to }) => (
                <p class="hint" key={field}>
                  {field}
                  {!isSecretField(field) && (
                    <>
                      : {textOf(from)} → {textOf(to)}
                    </>
                  )}
                </p>
              ))}
            </li>
          ))}
        </ul>
      )}
      {outcome !== 'same' && rows.length > listedMax && <p class="hint">… and {rows.length - listedMax} more</p>}
    </section>
  );
}

const textOf = (value: unknown): string => (value === null || value === undefined ? 'left out' : JSON.stringify(value));
