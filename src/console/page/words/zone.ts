import { signal } from '@preact/signals';

type Zone = 'local' | 'UTC';

/** In which zone times are written; the choice stays in this browser. */
export const zone = signal<Zone>(globalThis.localStorage?.getItem('ssrms-zone') === 'UTC' ? 'UTC' : 'local');

export function setZone(wanted: Zone): void {
  zone.value = wanted;
  localStorage.setItem('ssrms-zone', wanted);
}

/** What toLocaleString is told. */
export const zoneOption = (): { timeZone?: 'UTC' } => (zone.value === 'UTC' ? { timeZone: 'UTC' } : {});
