import * as css from './fire-strip.module.css';
import { clockText, timesText } from '../words/time-text.ts';

interface FireStripProps {
  readonly name: string;
  /** How often it fired in each bucket, oldest first; the last bucket is the current one. */
  readonly counts: readonly number[];
  readonly bucketMs: number;
  readonly nowMs: number;
}

/** Shades besides "none", by the share of the largest count. */
const shades = 4;

/** How often a rule fired over the last day: one cell for 15 minutes, darker for more alarms. */
export function FireStrip({ name, counts, bucketMs, nowMs }: FireStripProps) {
  const most = Math.max(1, ...counts);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const clock = (index: number): string => {
    const atMs = (Math.floor(nowMs / bucketMs) - counts.length + 1 + index) * bucketMs;
    return clockText(atMs, { hour: '2-digit', minute: '2-digit' });
  };
  const busiest = counts.indexOf(most);
  const words =
    total === 0
      ? `${name}: has not fired in 24 hours`
      : `${name}: fired ${timesText(total)} in 24 hours, most often, ${timesText(most)}, in the 15 minutes from ${clock(busiest)}`;
  return (
    <div class={css.fireStrip} data-part="fire-strip" role="img" aria-label={words}>
      {counts.map((count, index) => (
        <i
          key={index}
          data-heat={count === 0 ? undefined : Math.ceil((count / most) * shades)}
          title={count === 0 ? undefined : `${clock(index)}: ${timesText(count)}`}
        />
      ))}
    </div>
  );
}
