import type { BacktestView } from '../../../wire/backtest.ts';

export type Noise = 'quiet' | 'useful' | 'noisy';

/** Of a backtest: its alarms, and the first and last sample that were read. */
type Fires = Pick<BacktestView, 'fired' | 'from_ms' | 'to_ms'>;
const hourMs = 3_600_000;

/**
 * More than one alarm per hour is noisy: people stop looking. Counted are the hours begun between the first and the last sample that were
 * read, however long the requested range is: one alarm is never noisy, two within an hour are.
 */
export function noiseOf({ fired, from_ms: fromMs = 0, to_ms: toMs = fromMs }: Fires): Noise {
  const hours = Math.max(1, Math.ceil((toMs - fromMs) / hourMs));
  return fired === 0 ? 'quiet' : fired > hours ? 'noisy' : 'useful';
}
