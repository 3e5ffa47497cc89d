// Whether samples are judged, and in time: calm means nothing where they are not.
import { computed } from '@preact/signals';
import { durationText, grouped } from '../words/time-text.ts';
import { isStale, status } from './live.ts';

/** Fewer records, or what comes in within such a time, are on their way and not late. */
const lateRecords = 1_000;
const lateSeconds = 5;

/** Whether samples come in that nobody judges: then calm means nothing. */
export const isUnjudged = computed(() => (status.value?.unowned ?? 0) > 0);

/** Why alarms come late, or not at all; undefined while they do not. */
export const lateness = computed((): string | undefined => {
  if (isStale.value) return undefined;
  return isUnjudged.value ? unjudgedText(status.value!.unowned) : lateText();
});

function unjudgedText(count: number): string {
  const partitions = count === 1 ? '1 partition of metrics is' : `${count} partitions of metrics are`;
  return `${partitions} judged by nobody: no alarm of theirs fires until a process with alarms runs.`;
}

function lateText(): string | undefined {
  const [lag, perSecond] = [status.value?.lag ?? 0, status.value?.samples_per_second ?? 0];
  if (lag < Math.max(lateRecords, lateSeconds * perSecond)) return undefined;
  const about = perSecond > 0 ? `, about ${durationText((lag / perSecond) * 1_000)}` : '';
  return `Alarms come late: ${grouped(lag)} records are not evaluated yet${about}.`;
}
