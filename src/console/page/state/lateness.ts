// Whether samples are evaluated, and in time. Where they are not, an alarm state may be wrong.
import { computed } from '@preact/signals';
import { durationText, grouped } from '../words/time-text.ts';
import { isStale, status } from './live.ts';

/** A backlog of fewer records, or of less than this time, is normal. */
const lateRecords = 1_000;
const lateSeconds = 5;

/** Whether samples arrive that are not evaluated: then "nothing fires" means nothing. */
export const isUnevaluated = computed(() => (status.value?.unowned ?? 0) > 0);

/** Why alarms are late or missing; undefined while they are not. */
export const lateness = computed((): string | undefined => {
  if (isStale.value) return undefined;
  return isUnevaluated.value ? unevaluatedText(status.value!.unowned) : lateText();
});

function unevaluatedText(count: number): string {
  const partitions = count === 1 ? '1 partition of metrics is' : `${count} partitions of metrics are`;
  return `${partitions} not evaluated: their alarms cannot fire until a process with alarms runs.`;
}

function lateText(): string | undefined {
  const [lag, perSecond] = [status.value?.lag ?? 0, status.value?.samples_per_second ?? 0];
  if (lag < Math.max(lateRecords, lateSeconds * perSecond)) return undefined;
  const about = perSecond > 0 ? `, about ${durationText((lag / perSecond) * 1_000)}` : '';
  return `Alarms are late: ${grouped(lag)} records are not evaluated yet${about}.`;
}
