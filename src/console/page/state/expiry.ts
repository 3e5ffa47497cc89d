import { computed, signal } from '@preact/signals';
import { token } from './api.ts';
import { nowMs } from './live.ts';

/** From so long before its end on a token's time is counted down. */
const toldMs = 10 * 60_000;

/** Whether somebody wants to sign in anew before the token has ended. */
export const isRenewing = signal(false);

/** When the token ends, as it says itself; the server decides. */
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

/** How long the token is good for, once that is not for long. */
export const leftMs = computed((): number | undefined => {
  const left = endsMs.value === undefined ? undefined : endsMs.value - nowMs.value;
  return left === undefined || left > toldMs ? undefined : Math.max(0, left);
});
