import { useEffect } from 'preact/hooks';
import { Dialog } from '../parts/dialog.tsx';
import { leaving } from './draft-store.ts';
import { guardLeaving } from '../state/router.ts';

/** Asks before a draft is discarded; the browser asks before the tab is closed. */
export function LeaveDialog({ isDirty, onLeave }: { readonly isDirty: boolean; readonly onLeave: () => void }) {
  useEffect(() => {
    if (!isDirty) return undefined;
    const warn = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener('beforeunload', warn);
    const letGo = guardLeaving((go) => (leaving.value = { go }));
    return () => {
      removeEventListener('beforeunload', warn);
      letGo();
      leaving.value = undefined;
    };
  }, [isDirty]);
  const stay = (): void => void (leaving.value = undefined);
  return (
    <Dialog isOpen={leaving.value !== undefined} title="Leave without saving?" onClose={stay}>
      <p>Your changes will be lost.</p>
      <div class="actions">
        <button type="button" onClick={stay}>
          Stay
        </button>
        <button
          type="button"
          class="primary danger"
          onClick={() => {
            const { go } = leaving.value!;
            stay();
            onLeave();
            go();
          }}
        >
          Leave
        </button>
      </div>
    </Dialog>
  );
}
