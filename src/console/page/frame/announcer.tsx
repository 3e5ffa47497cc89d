import { effect, signal } from '@preact/signals';
import { lateness } from '../state/lateness.ts';
import { connection, firing, isStale, status } from '../state/live.ts';

/** Transitions are announced at most this often: a screen reader that never stops is turned off. */
const everyMs = 5_000;

const polite = signal('');
const assertive = signal('');
let announcedMs = -Infinity;
let announcedCount: number | undefined;
let wasLost = false;

effect(() => {
  const count = status.value?.alarms.firing;
  if (count === undefined || count === announcedCount) return;
  const isFirst = announcedCount === undefined;
  // The next status of the server triggers this again.
  if (performance.now() - announcedMs < everyMs) return;
  announcedCount = count;
  if (isFirst && count === 0) return;
  announcedMs = performance.now();
  const newest = firing.value.at(-1)?.view.value;
  const which = newest === undefined ? '' : ` Newest: ${newest.metric_name}.`;
  polite.value = count === 0 ? 'All alarms have resolved.' : `${count} firing.${which}`;
});

effect(() => {
  const isLost = connection.value.state === 'stale';
  if (isLost === wasLost) return;
  wasLost = isLost;
  assertive.value = isLost ? 'Connection lost. Showing old data.' : 'Connected again.';
});

let wasLate = false;

effect(() => {
  // Stale data must not be announced as the current state.
  if (isStale.value) return;
  const isLate = lateness.value !== undefined;
  if (isLate === wasLate) return;
  wasLate = isLate;
  polite.value = lateness.value ?? 'Samples are evaluated in time again.';
});

/** Announces changes to screen readers. */
export function Announcer() {
  return (
    <div class="visually-hidden">
      <div aria-live="polite">{polite.value}</div>
      <div aria-live="assertive">{assertive.value}</div>
    </div>
  );
}
