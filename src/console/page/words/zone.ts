import { signal } from '@preact/signals';

type Zone = 'local' | 'UTC';

/** The zone in which times are shown; the choice is kept in this browser. */
export const zone = signal<Zone>(globalThis.localStorage?.getItem('ssrms-zone') === 'UTC' ? 'UTC' : 'local');

export function setZone(wanted: Zone): void {
  zone.value = wanted;
  localStorage.setItem('ssrms-zone', wanted);
}

/** The options for toLocaleString. */
export const zoneOption = (): { timeZone?: 'UTC' } => (zone.value === 'UTC' ? { timeZone: 'UTC' } : {});
