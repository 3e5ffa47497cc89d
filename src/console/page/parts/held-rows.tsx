import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { missedChanges } from './missed-changes.ts';

export interface HeldRows<Item> {
  /** The shown rows, each as it is now, or as it was last. */
  readonly rows: readonly { readonly item: Item; readonly isGone: boolean }[];
  /** How many rows came or went and are not shown. */
  readonly missed: number;
  readonly release: () => void;
  /** For the element around the rows. */
  readonly holds: {
    readonly onPointerEnter: () => void;
    readonly onPointerLeave: () => void;
    readonly onFocusCapture: () => void;
    readonly onBlurCapture: () => void;
  };
}

/**
 * Rows never move under the pointer or the keyboard focus: while one is hovered or focused, the order is held. `of` identifies the list,
 * such as its search: the rows of another one are shown at once.
 */
export function useHeldRows<Item>(items: readonly Item[], keyOf: (item: Item) => string, of = ''): HeldRows<Item> {
  const hovered = useSignal<string | undefined>(undefined);
  const focused = useSignal<string | undefined>(undefined);
  const before = useRef(items);
  const isHeld = hovered.value === of || focused.value === of;
  if (!isHeld) before.current = items;
  const now = new Map(items.map((item) => [keyOf(item), item]));
  return {
    rows: before.current.map((item) => ({ item: now.get(keyOf(item)) ?? item, isGone: !now.has(keyOf(item)) })),
    missed: isHeld ? missedChanges(before.current.map(keyOf), [...now.keys()]) : 0,
    release: () => (hovered.value = focused.value = undefined),
    holds: {
      onPointerEnter: () => (hovered.value = of),
      onPointerLeave: () => (hovered.value = undefined),
      onFocusCapture: () => (focused.value = of),
      onBlurCapture: () => (focused.value = undefined),
    },
  };
}

/** Says how many changes are held back, and shows them. */
export function MissedPill({ missed, release }: Pick<HeldRows<unknown>, 'missed' | 'release'>) {
  if (missed === 0) return null;
  return (
    <button type="button" class="pill" onClick={release}>
      {missed === 1 ? '1 change' : `${missed} changes`}
    </button>
  );
}
