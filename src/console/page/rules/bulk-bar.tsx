import * as css from './bulk-bar.module.css';
import { useSignal, type Signal } from '@preact/signals';
import {
  bulkMax,
  changeRules,
  countText,
  exportRules,
  idsOf,
  saveFile,
  type BulkAction,
  type Changed,
} from '../state/bulk.ts';
import { Dialog } from '../parts/dialog.tsx';
import { showNotice, showError } from '../parts/notices.tsx';
import { nothingSelected, type Selected } from './rule-table.tsx';
import { grouped } from '../words/time-text.ts';

interface BulkBarProps {
  readonly search: string;
  /** How many rules the search matches, if known. */
  readonly total: number | undefined;
  readonly selected: Signal<Selected>;
  readonly onChanged: () => void;
}

const words: Record<BulkAction, { readonly done: string; readonly undo?: BulkAction }> = {
  enable: { done: 'Enabled', undo: 'disable' },
  disable: { done: 'Disabled', undo: 'enable' },
  delete: { done: 'Deleted' },
};

/** The commands for the selected rules. What can be undone needs no confirmation. */
export function BulkBar({ search, total, selected, onChanged }: BulkBarProps) {
  const busy = useSignal('');
  const deleting = useSignal<readonly string[] | undefined>(undefined);
  const { isAll, ids: named } = selected.value;
  const count = !isAll ? named.size : total === undefined ? undefined : total - named.size;
  const isNone = count === 0;
  const progress = (done: number, of: number): void => void (busy.value = `${grouped(done)} of ${grouped(of)}`);
  const during = async (work: () => Promise<void>): Promise<void> => {
    busy.value = 'Working';
    try {
      await work();
    } catch (error) {
      showError(error instanceof Error ? error.message : String(error));
    }
    busy.value = '';
  };
  const selectedIds = async (): Promise<readonly string[]> => {
    if (!isAll) return [...named];
    const found = await idsOf(search);
    if (!found.isAll) showNotice(`Only the first ${grouped(bulkMax)} rules are taken at once.`);
    return found.ids.filter((id) => !named.has(id));
  };
  const change = (action: BulkAction, rules: readonly Changed[]): Promise<void> =>
    during(async () => {
      const { changed, unchanged, refused, failure } = await changeRules(action, rules, progress);
      const { done, undo } = words[action];
      const rest = [
        unchanged.length > 0 && `${grouped(unchanged.length)} were already ${action}d`,
        refused.length > 0 && `${grouped(refused.length)} refused: ${refused[0]!.reason}`,
        failure !== undefined && `Stopped: ${failure}. The other rules may be unchanged.`,
      ].filter((each) => each !== false);
      const said = [`${done} ${countText(changed.length)}.`, ...rest].join(' ');
      showNotice(said, undo === undefined || changed.length === 0 ? undefined : () => void change(undo, changed));
      if (action === 'delete' && failure === undefined) selected.value = nothingSelected;
      onChanged();
    });
  const order = (action: BulkAction) => (): void =>
    void during(async () =>
      change(
        action,
        (await selectedIds()).map((id) => ({ id })),
      ),
    );
  const keep = (): Promise<void> =>
    during(async () =>
      saveFile(
        'ssrms-rules.json',
        `${JSON.stringify(await exportRules(await selectedIds(), progress), undefined, 2)}\n`,
      ),
    );
  const isBusy = busy.value !== '';
  return (
    <div
      class={isNone ? css.bulkBar : `${css.bulkBar} ${css.isOn}`}
      data-part={isNone ? undefined : 'bulk-bar-on'}
      role="group"
      aria-label="Selected rules"
    >
      <label class="check">
        <input
          type="checkbox"
          checked={isAll}
          onChange={(event) => (selected.value = { ...nothingSelected, isAll: event.currentTarget.checked })}
        />
        {search === '' ? 'All' : 'Select all matching'}
      </label>
      <span class={css.bulkCount} role="status">
        {isBusy ? busy.value : isNone ? '' : count === undefined ? allText(named.size) : `${grouped(count)} selected`}
      </span>
      {!isNone && (
        <>
          <button type="button" class="small writes" disabled={isBusy} onClick={order('enable')}>
            Enable
          </button>
          <button type="button" class="small writes" disabled={isBusy} onClick={order('disable')}>
            Disable
          </button>
          <button type="button" class="small" disabled={isBusy} onClick={() => void keep()}>
            Export
          </button>
          <button
            type="button"
            class="small quiet danger writes"
            disabled={isBusy}
            onClick={() => void during(async () => void (deleting.value = await selectedIds()))}
          >
            Delete…
          </button>
          <button type="button" class="small quiet" onClick={() => (selected.value = nothingSelected)}>
            Clear
          </button>
        </>
      )}
      <BulkDeleteDialog
        ids={deleting.value}
        onClose={() => (deleting.value = undefined)}
        onConfirmed={(ids) => {
          deleting.value = undefined;
          void change(
            'delete',
            ids.map((id) => ({ id })),
          );
        }}
      />
    </div>
  );
}

const allText = (spared: number): string => (spared === 0 ? 'All selected' : `All except ${grouped(spared)} selected`);

interface BulkDeleteDialogProps {
  readonly ids: readonly string[] | undefined;
  readonly onClose: () => void;
  readonly onConfirmed: (ids: readonly string[]) => void;
}

/** Deleting several rules cannot be undone, so it is confirmed by typing how many. */
function BulkDeleteDialog({ ids, onClose, onConfirmed }: BulkDeleteDialogProps) {
  const typed = useSignal('');
  const count = String(ids?.length ?? 0);
  const isRight = typed.value.trim().replaceAll(',', '') === count && count !== '0';
  const close = (): void => {
    typed.value = '';
    onClose();
  };
  return (
    <Dialog isOpen={ids !== undefined} title={`Delete ${countText(ids?.length ?? 0)}?`} onClose={close}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!isRight) return;
          typed.value = '';
          onConfirmed(ids!);
        }}
      >
        <p>
          Their alarms will be closed without a notification. This cannot be undone: export them first to be able to
          restore them.
        </p>
        <div class="field">
          <label for="bulk-count">Type {count} to confirm</label>
          <input
            id="bulk-count"
            inputMode="numeric"
            autocomplete="off"
            value={typed.value}
            onInput={(event) => (typed.value = event.currentTarget.value)}
          />
        </div>
        <div class="actions">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="primary danger" disabled={!isRight}>
            Delete {countText(ids?.length ?? 0)}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
