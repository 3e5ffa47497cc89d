// Single-key shortcuts. They can be turned off, since dictated text would trigger them (WCAG 2.1.4).
import { signal } from '@preact/signals';
import { go, route } from './router.ts';

export const areKeysOn = signal(localStorage.getItem('ssrms-keys') !== 'off');
export const isHelpOpen = signal(false);
export const isPaletteOpen = signal(false);
/** Each increment focuses the search field. */
export const searchWanted = signal(0);

export const keyTable: readonly [key: string, does: string][] = [
  ['Ctrl K', 'Find a page, command or rule'],
  ['/', 'Search the rules'],
  ['n', 'New rule'],
  ['g', 'Go to Now'],
  ['r', 'Go to Rules'],
  ['j k', 'Next and previous row'],
  ['Enter', 'Open the row'],
  ['e', 'Edit the rule'],
  ['t', 'Send a test message'],
  ['?', 'Show this list'],
];

export function setKeys(on: boolean): void {
  areKeysOn.value = on;
  localStorage.setItem('ssrms-keys', on ? 'on' : 'off');
}

export function startKeys(): void {
  document.addEventListener('keydown', (event) => {
    // Not a single key: always available, wherever the focus is.
    if (
      (event.ctrlKey || event.metaKey) &&
      event.key.toLowerCase() === 'k' &&
      document.querySelector('dialog[open]') === null
    ) {
      event.preventDefault();
      isPaletteOpen.value = true;
      return;
    }
    if (!areKeysOn.value || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target as HTMLElement;
    if (target.closest('input:not([type=checkbox]), textarea, select, dialog, [contenteditable]') !== null) return;
    if (!press(event.key)) return;
    event.preventDefault();
  });
}

function press(key: string): boolean {
  if (key === '/') {
    if (route.value.screen !== 'rules') go({ screen: 'rules', search: '' });
    searchWanted.value++;
  } else if (key === 'n') go({ screen: 'editor', id: undefined });
  else if (key === 'g') go({ screen: 'now' });
  else if (key === 'r') go({ screen: 'rules', search: '' });
  else if (key === '?') isHelpOpen.value = true;
  else if (key === 'j' || key === 'k') return moveInRows(key === 'j' ? 1 : -1);
  else return pressMarked(key);
  return true;
}

const rowMsMax = 5_000;

/** Steps that wait for their rows, and the element that had the focus. */
let awaited: { steps: number; from: Element | null; readonly untilMs: number } | undefined;

/** Moves from row to row on any screen: the next row's link gets the focus, and Enter follows it. */
function moveInRows(by: 1 | -1): boolean {
  if (awaited !== undefined && awaited.from === document.activeElement) awaited.steps += by;
  else if (stepInRows(by)) awaited = undefined;
  else {
    const current = document.activeElement?.closest<HTMLElement>('[data-rank]');
    if (current === undefined || current === null || !hasRow(current, by)) return false;
    awaited = { steps: by, from: document.activeElement, untilMs: performance.now() + rowMsMax };
    // A long list holds only the rows near the window.
    current.scrollIntoView({ block: 'nearest' });
    requestAnimationFrame(stepLater);
  }
  return true;
}

/** Takes the steps whose rows have arrived, unless the focus has moved meanwhile. */
function stepLater(): void {
  if (awaited === undefined) return;
  if (awaited.from !== document.activeElement || performance.now() > awaited.untilMs) awaited.steps = 0;
  while (awaited.steps !== 0 && stepInRows(awaited.steps > 0 ? 1 : -1)) {
    awaited.steps -= Math.sign(awaited.steps);
    awaited.from = document.activeElement;
  }
  if (awaited.steps === 0) awaited = undefined;
  else requestAnimationFrame(stepLater);
}

/** Whether the row exists. In a long list it is the one of the next rank, since not all rows are in the document. */
function stepInRows(by: 1 | -1): boolean {
  const rows = [...document.querySelectorAll<HTMLElement>('main [data-row]')];
  const current = rows.findIndex((row) => row.contains(document.activeElement));
  const rank = rows[current]?.dataset['rank'];
  const next =
    rank === undefined
      ? rows[current < 0 ? 0 : current + by]
      : rows.find((row) => row.dataset['rank'] === String(Number(rank) + by));
  (next?.querySelector<HTMLElement>('[data-row-link]') ?? next?.querySelector('a'))?.focus();
  return next !== undefined;
}

/** Whether the list has another row in that direction, in the document or not. */
function hasRow(row: HTMLElement, by: 1 | -1): boolean {
  const [rank, rowCount] = [Number(row.dataset['rank']), Number(row.closest('[role=table]')?.ariaRowCount)];
  // The header is a row as well.
  return by < 0 ? rank > 0 : rowCount === -1 || rank + 2 < rowCount;
}

/** Clicks what the focused row, or else the screen, marks with the key. */
function pressMarked(key: string): boolean {
  if (!/^[a-z]$/.test(key)) return false;
  const row = document.activeElement?.closest('[data-row]');
  const mark = `[data-key=${key}]`;
  const marked =
    row?.querySelector<HTMLElement>(mark) ?? document.querySelector<HTMLElement>(`main ${mark}:not([data-row] *)`);
  marked?.click();
  return marked !== null && marked !== undefined;
}
