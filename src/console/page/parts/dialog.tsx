import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

interface DialogProps {
  readonly isOpen: boolean;
  readonly title: string;
  /** Escape, or the browser's own way of closing. */
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

let dialogCount = 0;

/** The browser's own modal dialog: it traps the focus, closes with Escape, and gives the focus back to the opener. */
export function Dialog({ isOpen, title, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const opener = useRef<Element | null>(null);
  const id = useRef(`dialog-${++dialogCount}`);
  // Before anything is painted: a key pressed at once must find the dialog, and the focus, where they belong.
  useLayoutEffect(() => {
    const dialog = element.current!;
    if (isOpen && !dialog.open) {
      opener.current = document.activeElement;
      dialog.showModal();
    }
    if (!isOpen && dialog.open) dialog.close();
    if (!isOpen && opener.current instanceof HTMLElement) {
      // The opener may be gone with what was deleted; the heading of the screen is then the next best place.
      const back = opener.current.isConnected ? opener.current : document.querySelector<HTMLElement>('h1');
      back?.focus();
      opener.current = null;
    }
  }, [isOpen]);
  return (
    <dialog
      ref={element}
      aria-labelledby={id.current}
      onCancel={(event) => {
        // Escape goes the way of every other closing, so that what is shown and what is known never differ.
        event.preventDefault();
        onClose();
      }}
      onClose={(event) => {
        // It comes late: the dialog may have been opened again meanwhile.
        if (!event.currentTarget.open) onClose();
      }}
    >
      {isOpen && (
        <>
          <h2 id={id.current}>{title}</h2>
          {children}
        </>
      )}
    </dialog>
  );
}
