// Single keys for those who like them. They can be switched off, since a voice that is typed would press them (WCAG 2.1.4).
import { signal } from '@preact/signals';
import { go, route } from './router.ts';

export const areKeysOn = signal(localStorage.getItem('ssrms-keys') !== 'off');
export const isHelpOpen = signal(false);
/** Rises when the search field is asked for. */
export const searchWanted = signal(0);

export const keyTable: readonly [key: string, does: string][] = [
  ['/', 'Search the rules'],
  ['n', 'New rule'],
  ['g', 'Go to what is firing now'],
  ['r', 'Go to the rules'],
  ['?', 'This list'],
];

export function setKeys(on: boolean): void {
  areKeysOn.value = on;
  localStorage.setItem('ssrms-keys', on ? 'on' : 'off');
}

export function startKeys(): void {
  document.addEventListener('keydown', (event) => {
    if (!areKeysOn.value || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target as HTMLElement;
    if (target.closest('input, textarea, select, dialog, [contenteditable]') !== null) return;
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
  else return false;
  return true;
}
