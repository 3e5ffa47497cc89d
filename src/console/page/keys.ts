// Single keys for those who like them. They can be switched off, since a voice that is typed would press them (WCAG 2.1.4).
import { signal } from '@preact/signals';
import { go, route } from './router.ts';

export const areKeysOn = signal(localStorage.getItem('ssrms-keys') !== 'off');
export const isHelpOpen = signal(false);
export const isPaletteOpen = signal(false);
/** Rises when the search field is asked for. */
export const searchWanted = signal(0);

export const keyTable: readonly [key: string, does: string][] = [
  ['Ctrl K', 'Find a screen, an order or a rule'],
  ['/', 'Search the rules'],
  ['n', 'New rule'],
  ['g', 'Go to what is firing now'],
  ['r', 'Go to the rules'],
  ['j k', 'The next row, and the one before'],
  ['Enter', 'Open the row'],
  ['e', 'Edit the rule'],
  ['t', 'Send a test message'],
  ['?', 'This list'],
];

export function setKeys(on: boolean): void {
  areKeysOn.value = on;
  localStorage.setItem('ssrms-keys', on ? 'on' : 'off');
}

export function startKeys(): void {
  document.addEventListener('keydown', (event) => {
    // No single key: it is there for everybody, wherever the focus is.
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

/** From row to row, wherever a screen has some: the link of the next one gets the focus, and Enter follows it. */
function moveInRows(by: 1 | -1): boolean {
  const rows = [...document.querySelectorAll<HTMLElement>('main [data-row]')];
  const current = rows.findIndex((row) => row.contains(document.activeElement));
  const next = rows[current < 0 ? 0 : current + by];
  (next?.querySelector<HTMLElement>('[data-row-link]') ?? next?.querySelector('a'))?.focus();
  return next !== undefined;
}

/** What a screen, or the row in focus before it, marks with the key. */
function pressMarked(key: string): boolean {
  if (!/^[a-z]$/.test(key)) return false;
  const row = document.activeElement?.closest('[data-row]');
  const mark = `[data-key=${key}]`;
  const marked =
    row?.querySelector<HTMLElement>(mark) ?? document.querySelector<HTMLElement>(`main ${mark}:not([data-row] *)`);
  marked?.click();
  return marked !== null && marked !== undefined;
}
