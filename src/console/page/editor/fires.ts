import type { BacktestView, FiringView } from '../../../wire/backtest.ts';

/** The part of a backtest that comparing its alarms needs. */
interface Past<Fire extends PastFire> extends Pick<BacktestView, 'fired' | 'from_ms' | 'to_ms'> {
  /** The newest ones, oldest first. */
  readonly firings: readonly Fire[];
}

type PastFire = Pick<FiringView, 'tags' | 'since_ms' | 'fired_ms' | 'ended_ms'>;

/**
 * The alarms that one backtest has and the other has not, within the time that both list. With another threshold an alarm may start at
 * another sample: two of one series that overlap count as the same.
 */
export function missingFires<Fire extends PastFire>(of: Past<Fire>, other: Past<PastFire>): readonly Fire[] {
  const fromMs = Math.max(...[of, other].map(knownFromMs));
  const toMs = Math.min(of.to_ms ?? 0, other.to_ms ?? 0);
  const isSame = (one: PastFire, two: PastFire): boolean =>
    JSON.stringify(one.tags) === JSON.stringify(two.tags) &&
    one.since_ms <= (two.ended_ms ?? Infinity) &&
    two.since_ms <= (one.ended_ms ?? Infinity);
  return of.firings.filter(
    (fire) =>
      fire.fired_ms >= fromMs && fire.fired_ms <= toMs && !other.firings.some((another) => isSame(fire, another)),
  );
}

/** Alarms older than the listed ones are only counted. */
function knownFromMs({ fired, firings, from_ms: fromMs = 0 }: Past<PastFire>): number {
  return fired > firings.length ? Math.max(fromMs, firings[0]?.fired_ms ?? Infinity) : fromMs;
}
