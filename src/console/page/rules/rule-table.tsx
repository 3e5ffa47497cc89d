import * as css from './rule-table.module.css';
import { useSignal, type Signal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Rule } from '../../../rule/rule.ts';
import { RuleRow } from './rule-row.tsx';
import type { FollowedRules, RuleRows } from './rule-rows.ts';
import { rowsAround, virtualRows, type VirtualRows } from './virtual-rows.ts';

/** The selection for a bulk edit: these rules, or all that the search matches except these. */
export interface Selected {
  readonly isAll: boolean;
  readonly ids: ReadonlySet<string>;
}

export const nothingSelected: Selected = { isAll: false, ids: new Set() };

interface RuleTableProps {
  readonly followed: FollowedRules;
  readonly found: RuleRows;
  readonly selected: Signal<Selected>;
  readonly onChanged: () => void;
  readonly onDelete: (rule: Rule) => void;
}

const columns = ['Select', 'State', 'Rule', 'Now', 'Actions'];
/** The minimum height of a row; the tallest row that was seen sets the height of all. */
const leastRowPx = 64;

/**
 * A virtual table: only the rows near the window are in the document. It scrolls with the page, so the scroll bar reaches the middle of a
 * million rules. While a row is hovered or focused, the order is held.
 */
export function RuleTable({ followed, found, selected, onChanged, onDelete }: RuleTableProps) {
  const body = useRef<HTMLDivElement>(null);
  const rowPx = useSignal(leastRowPx);
  const view = useView(body);
  const focused = useRef<number | undefined>(undefined);
  const { count, total, rows } = found;
  const shown = virtualRows({ count, rowPx: rowPx.value, ...view.value });
  useLayoutEffect(() => followed.look(shown.first, Math.max(shown.last, shown.first + 1)));
  useTallest(body, rowPx);
  const held = useRef({ hover: false, focus: false });
  const hold = (why: 'hover' | 'focus', is: boolean): void => {
    held.current[why] = is;
    followed.hold(held.current.hover || held.current.focus);
  };
  const ranks = Array.from({ length: shown.last - shown.first }, (_, index) => shown.first + index);
  // The focused row stays in the document, wherever the page is scrolled to.
  const kept = focused.current;
  if (kept !== undefined && kept < count && !ranks.includes(kept)) ranks.push(kept);
  ranks.sort((one, other) => one - other);
  const select =
    (id: string) =>
    (isSelected: boolean): void => {
      const { isAll } = selected.value;
      const ids = new Set(selected.value.ids);
      if (isSelected === isAll) ids.delete(id);
      else ids.add(id);
      selected.value = { isAll, ids };
    };
  return (
    <div
      role="table"
      class={css.ruleList}
      data-live
      aria-label="Rules"
      aria-rowcount={total === undefined ? -1 : total + 1}
      onPointerEnter={() => hold('hover', true)}
      onPointerLeave={() => hold('hover', false)}
      onFocusCapture={(event) => {
        hold('focus', true);
        focused.current = rankOf(event.target as HTMLElement);
        reveal(body.current!, shown, focused.current);
      }}
      onBlurCapture={() => {
        hold('focus', false);
        focused.current = undefined;
      }}
    >
      <div role="rowgroup" class={css.ruleHeads}>
        <div role="row" aria-rowindex={1}>
          {columns.map((name) => (
            <span role="columnheader" key={name}>
              <span class={name === 'Select' || name === 'Actions' ? 'visually-hidden' : ''}>{name}</span>
            </span>
          ))}
        </div>
      </div>
      <div role="rowgroup" class={css.ruleBody} ref={body} style={{ height: `${shown.heightPx}px` }}>
        {ranks.map((rank) => {
          const style = { transform: `translateY(${shown.topOf(rank)}px)`, minHeight: `${rowPx.value}px` };
          const row = rows.get(rank);
          return row === undefined ? (
            <div role="row" class="rule" aria-rowindex={rank + 2} key={`rank ${rank}`} style={style}>
              <div role="cell" class="hint">
                …
              </div>
            </div>
          ) : (
            <RuleRow
              key={row.rule.id}
              view={row}
              rank={rank}
              style={style}
              isSelected={selected.value.isAll !== selected.value.ids.has(row.rule.id)}
              onSelect={select(row.rule.id)}
              onChanged={onChanged}
              onDelete={onDelete}
            />
          );
        })}
      </div>
    </div>
  );
}

function rankOf(target: HTMLElement): number | undefined {
  const rank = target.closest<HTMLElement>('[data-rank]')?.dataset['rank'];
  return rank === undefined ? undefined : Number(rank);
}

/** In a list that scrolls in larger steps, the browser's own scrolling to the focused row goes too far. */
function reveal(body: HTMLElement, shown: VirtualRows, rank: number | undefined): void {
  if (rank === undefined || shown.scrollFor(1) === shown.topOf(1) - shown.topOf(0)) return;
  requestAnimationFrame(() => {
    const row = body.querySelector(`[data-rank="${rank}"]`);
    const box = row?.getBoundingClientRect();
    if (box !== undefined && box.top >= headerPx() && box.bottom <= innerHeight) return;
    const top = body.getBoundingClientRect().top + scrollY - headerPx();
    scrollTo(scrollX, top + shown.scrollFor(Math.max(0, rank - 2)));
  });
}

const headerPx = (): number => document.querySelector('header')?.getBoundingClientRect().height ?? 0;

interface View {
  readonly screenPx: number;
  readonly scrolledPx: number;
  readonly widthPx: number;
  readonly beyond: number;
}

/** The height of what is above the list, more on a narrow window. */
const aboveListPx = 340;
/** Until the list's position is known, only as many rows are drawn as may fit: the user waits for them. */
const firstView = (): View => ({
  screenPx: innerHeight,
  scrolledPx: -aboveListPx,
  widthPx: innerWidth,
  beyond: 0,
});

/** The position of the list in the window, measured at most once a frame. */
function useView(body: { readonly current: HTMLElement | null }): Signal<View> {
  const view = useSignal<View>(firstView());
  useEffect(() => {
    let frame = 0;
    const look = (): void => {
      frame = 0;
      if (body.current === null) return;
      const scrolledPx = headerPx() - body.current.getBoundingClientRect().top;
      const [now, before] = [
        { screenPx: innerHeight, scrolledPx, widthPx: innerWidth, beyond: rowsAround },
        view.value,
      ];
      if (Object.entries(before).some(([name, px]) => px !== now[name as keyof View])) view.value = now;
    };
    const soon = (): void => void (frame ||= requestAnimationFrame(look));
    look();
    addEventListener('scroll', soon, { passive: true });
    addEventListener('resize', soon);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener('scroll', soon);
      removeEventListener('resize', soon);
    };
  }, []);
  return view;
}

/** Gives all rows the height of the tallest one that was seen, so that nothing is cut off and positions can be computed. */
function useTallest(body: { readonly current: HTMLElement | null }, rowPx: Signal<number>): void {
  const width = useRef(0);
  useLayoutEffect(() => {
    const list = body.current!;
    if (list.clientWidth !== width.current) {
      width.current = list.clientWidth;
      // Until they are redrawn, rows have the height that the old width gave them.
      if (rowPx.value !== leastRowPx) {
        rowPx.value = leastRowPx;
        return;
      }
    }
    let tallest = rowPx.value;
    for (const row of list.children) tallest = Math.max(tallest, (row as HTMLElement).offsetHeight);
    rowPx.value = tallest;
  });
}
