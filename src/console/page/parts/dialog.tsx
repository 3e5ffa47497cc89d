import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

interface DialogProps {
  readonly isOpen: boolean;
  readonly title: string;
  /** Escape, or another way in which the browser closes it. */
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

let dialogCount = 0;

/** The browser's modal dialog: it traps the focus, closes with Escape, and returns the focus to the opener. */
export function Dialog({ isOpen, title, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const opener = useRef<Element | null>(null);
  const id = useRef(`dialog-${++dialogCount}`);
  // Before the first paint: a key pressed at once must find the dialog open and the focus inside.
  useLayoutEffect(() => {
    const dialog = element.current!;
    if (isOpen && !dialog.open) {
      opener.current = document.activeElement;
      dialog.showModal();
    }
    if (!isOpen && dialog.open) dialog.close();
    if (!isOpen && opener.current instanceof HTMLElement) {
      // The opener may have been deleted; the screen's heading is the next best place.
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
        // Escape closes it like every other way, so that the state and the document never differ.
        event.preventDefault();
        onClose();
      }}
      onClose={(event) => {
        // The event is late: the dialog may be open again.
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
