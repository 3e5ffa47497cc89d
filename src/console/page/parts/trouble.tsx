import type { TargetState } from '../../../wire/deliveries.ts';
import { nowMs } from '../state/live.ts';
import { durationText, grouped, momentText } from '../words/time-text.ts';

/** Why nothing arrives at a target: what it answers, since when, how often it was tried, and when it is next. */
export function Trouble({ trouble }: { readonly trouble: TargetState }) {
  const { webhook_id: id, receiver, target, reason, since_ms: sinceMs, tries, next_try_ms: nextMs } = trouble;
  return (
    <p class="disagrees">
      {receiver === undefined ? `Webhook ${id}` : `Receiver ${receiver}`}: {reason}, for{' '}
      {durationText(Math.max(0, nowMs.value - sinceMs))}
      {tries !== undefined && `, ${grouped(tries)} ${tries === 1 ? 'try' : 'tries'}`}.{' '}
      <time dateTime={new Date(nextMs).toISOString()} title={momentText(nextMs)}>
        {nextMs > nowMs.value ? `Next try in ${durationText(nextMs - nowMs.value)}.` : 'Trying now.'}
      </time>{' '}
      <span class="hint">{target}</span>
    </p>
  );
}
