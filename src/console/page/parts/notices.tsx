import * as css from './notices.module.css';
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

interface Notice {
  readonly text: string;
  readonly isError: boolean;
  readonly undo?: () => void;
}

const shownMs = 8_000;
const notice = signal<Notice | undefined>(undefined);

export function showNotice(text: string, undo?: () => void): void {
  notice.value = { text, isError: false, ...(undo && { undo }) };
}

export function showError(text: string): void {
  notice.value = { text, isError: true };
}

/** Whether this notice is the one shown now. */
export const isTold = (text: string): boolean => notice.value?.text === text;

/** The last action, with Undo where that is possible. Errors of a field are shown at the field, not here. */
export function Notices() {
  const shown = notice.value;
  useEffect(() => {
    if (shown === undefined || shown.isError) return undefined;
    const timer = setTimeout(() => (notice.value = undefined), shownMs);
    return () => clearTimeout(timer);
  }, [shown]);
  return (
    <div class={css.notices} data-part="notices" role="status" aria-live="polite">
      {shown !== undefined && (
        <div class={shown.isError ? `${css.notice} ${css.noticeError}` : css.notice}>
          <span>{shown.text}</span>
          {shown.undo !== undefined && (
            <button
              type="button"
              onClick={() => {
                notice.value = undefined;
                shown.undo!();
              }}
            >
              Undo
            </button>
          )}
          <button type="button" class="quiet icon" aria-label="Dismiss" onClick={() => (notice.value = undefined)}>
            <span aria-hidden="true">✕</span>
          </button>
        </div>
      )}
    </div>
  );
}
