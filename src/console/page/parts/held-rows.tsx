import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { missedChanges } from './missed-changes.ts';

export interface HeldRows<Item> {
  /** What is shown, each as it is now, or as it last was. */
  readonly rows: readonly { readonly item: Item; readonly isGone: boolean }[];
  /** How many came or went that are not shown so. */
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
 * Rows never move under the pointer, nor away from who is at them by keyboard: while one is hovered or focused their order holds. `of` is
 * what they are of, such as a search: for another one they are shown at once.
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

/** Says what held rows miss, and shows it. */
export function MissedPill({ missed, release }: Pick<HeldRows<unknown>, 'missed' | 'release'>) {
  if (missed === 0) return null;
  return (
    <button type="button" class="pill" onClick={release}>
      {missed === 1 ? '1 change' : `${missed} changes`}
    </button>
  );
}
