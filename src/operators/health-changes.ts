import { unreachable } from '../base/assert.ts';

/** What operators were last told of a process, and what is seen of it since. Times are of the monotonic clock. */
export type HealthState =
  | { readonly kind: 'well' }
  | { readonly kind: 'failing'; readonly sinceMs: number }
  | { readonly kind: 'told_failing' }
  | { readonly kind: 'recovering'; readonly sinceMs: number };

export type HealthNews = 'failed' | 'recovered';

/** A failure that is over sooner is not worth waking anybody: a broker that restarts, a leader that moves. */
const failingMsMin = 10_000;
/** What fails again sooner had not recovered. */
const recoveredMsMin = 30_000;

/** One look at health: the next state, and what is to be said. */
export function afterLook(
  state: HealthState,
  isFailing: boolean,
  nowMs: number,
): { readonly next: HealthState; readonly news?: HealthNews } {
  switch (state.kind) {
    case 'well':
      return { next: isFailing ? { kind: 'failing', sinceMs: nowMs } : state };
    case 'failing':
      if (!isFailing) return { next: { kind: 'well' } };
      return nowMs - state.sinceMs < failingMsMin
        ? { next: state }
        : { next: { kind: 'told_failing' }, news: 'failed' };
    case 'told_failing':
      return { next: isFailing ? state : { kind: 'recovering', sinceMs: nowMs } };
    case 'recovering':
      if (isFailing) return { next: { kind: 'told_failing' } };
      return nowMs - state.sinceMs < recoveredMsMin ? { next: state } : { next: { kind: 'well' }, news: 'recovered' };
    default:
      return unreachable(state);
  }
}
