import { computed, signal } from '@preact/signals';
import { token } from './api.ts';
import { nowMs } from './live.ts';

/** The time left is shown from this long before the token expires. */
const toldMs = 10 * 60_000;

/** Whether the user wants to sign in again before the token expires. */
export const isRenewing = signal(false);

/** When the token expires, by its own claim; the server decides. */
const endsMs = computed((): number | undefined => {
  const [, payload] = token.value.split('.');
  if (payload === undefined) return undefined;
  try {
    const { exp } = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))) as { exp?: unknown };
    return typeof exp === 'number' ? exp * 1_000 : undefined;
  } catch {
    return undefined;
  }
});

/** How long the token is still valid, once that is short. */
export const leftMs = computed((): number | undefined => {
  const left = endsMs.value === undefined ? undefined : endsMs.value - nowMs.value;
  return left === undefined || left > toldMs ? undefined : Math.max(0, left);
});
