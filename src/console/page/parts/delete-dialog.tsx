import * as css from './delete-dialog.module.css';
import { useSignal } from '@preact/signals';
import type { Rule } from '../../../rule/rule.ts';
import { ApiError, api } from '../state/api.ts';
import { conditionSentence } from '../words/condition-sentence.ts';
import { Dialog } from './dialog.tsx';
import { showNotice } from './notices.tsx';
import { Sentence } from './state-mark.tsx';

interface DeleteDialogProps {
  /** The rule to delete; undefined: the dialog is closed. */
  readonly rule: Rule | undefined;
  /** The version that was shown, if one was. */
  readonly etag?: string | undefined;
  readonly onClose: () => void;
  readonly onDeleted: () => void;
}

export function DeleteDialog({ rule, etag, onClose, onDeleted }: DeleteDialogProps) {
  const failure = useSignal('');
  const isBusy = useSignal(false);
  const close = (): void => {
    failure.value = '';
    onClose();
  };
  const remove = async (): Promise<void> => {
    isBusy.value = true;
    try {
      await api.remove(rule!.id, etag);
      failure.value = '';
      showNotice('The rule was deleted.');
      onDeleted();
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) onDeleted();
      else failure.value = error instanceof Error ? error.message : String(error);
    }
    isBusy.value = false;
  };
  return (
    <Dialog isOpen={rule !== undefined} title="Delete this rule?" onClose={close}>
      <p class={`sentence ${css.quoted}`}>{rule !== undefined && <Sentence parts={conditionSentence(rule)} />}</p>
      <p>Its alarms will be closed without a notification. To keep the rule but stop alarms, disable it.</p>
      {failure.value !== '' && (
        <p class="error" role="alert">
          {failure.value}
        </p>
      )}
      <div class="actions">
        <button type="button" onClick={close}>
          Cancel
        </button>
        <button type="button" class="primary danger" disabled={isBusy.value} onClick={() => void remove()}>
          Delete
        </button>
      </div>
    </Dialog>
  );
}
