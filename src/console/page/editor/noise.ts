import type { BacktestView } from '../../../wire/backtest.ts';

export type Noise = 'quiet' | 'useful' | 'noisy';

/** Of a backtest: its fires, and the first and last sample that were read. */
type Fires = Pick<BacktestView, 'fired' | 'from_ms' | 'to_ms'>;
const hourMs = 3_600_000;

/**
 * More often than once an hour, and people stop looking. Counted are the hours begun between the first and the last sample that were read,
 * however long a range was asked for: one fire makes nobody noisy, and two within an hour do.
 */
export function noiseOf({ fired, from_ms: fromMs = 0, to_ms: toMs = fromMs }: Fires): Noise {
  const hours = Math.max(1, Math.ceil((toMs - fromMs) / hourMs));
  return fired === 0 ? 'quiet' : fired > hours ? 'noisy' : 'useful';
}
