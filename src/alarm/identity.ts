import { nameUuid, uuidNamespace } from '../base/name-uuid.ts';
import type { Cause, SamplePlace } from './alarm-state.ts';
import type { NotificationKind } from './due.ts';

/** The namespaces of our UUIDs (version 5, RFC 9562 section 5.5). They must never change: ids would. */
const alarmNamespace = uuidNamespace('5d5b7c3e-8e0b-4c0e-9a0d-6f0a3a1c7b51');
const notificationNamespace = uuidNamespace('c2f0a7d4-3b1e-4f6a-8a55-1b9be1d0e2a7');

/**
 * The id of an alarm: a function of the rule, the series (its key) and the sample that fired it, so that evaluating the
 * same log twice gives the same. A firing for want of data is named after the last sample, and is not the firing that this
 * same sample may have caused by its value.
 */
export function alarmId(ruleId: string, seriesKey: string, sample: SamplePlace, cause: Cause): string {
  const name = [ruleId, seriesKey, sample.partition, sample.offset, sample.timestampMs];
  return nameUuid(alarmNamespace, JSON.stringify(cause === 'breach' ? name : [...name, cause]));
}

/**
 * The id of a notification: a function of its alarm, its kind and the sample it is about, and of the named receiver that it is
 * for. What goes to the rule's own Discord webhook has no `receiver` in its name, as in all versions.
 */
export function notificationId(alarm: string, kind: NotificationKind, sample: SamplePlace, receiver?: string): string {
  const name = [alarm, kind, sample.offset, sample.timestampMs, ...(receiver === undefined ? [] : [receiver])];
  return nameUuid(notificationNamespace, JSON.stringify(name));
}
