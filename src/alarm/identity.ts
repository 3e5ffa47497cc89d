import { nameUuid, uuidNamespace } from '../base/name-uuid.ts';
import type { Cause, SamplePlace } from './alarm-state.ts';
import type { Due } from './due.ts';

/** The namespaces of our UUIDs (version 5, RFC 9562 section 5.5). They must never change: ids would. */
const alarmNamespace = uuidNamespace('5d5b7c3e-8e0b-4c0e-9a0d-6f0a3a1c7b51');
const notificationNamespace = uuidNamespace('c2f0a7d4-3b1e-4f6a-8a55-1b9be1d0e2a7');

/**
 * The id of an alarm: a function of the rule, the series or group (its key) and the sample that fired it, so that evaluating the
 * same log twice gives the same. One that fires without data is named after the last sample, and is not the alarm that this
 * same sample may have caused by its value; `ordinal` tells it from one that a clock has fired before at the same sample.
 * An ordinal of 0 is left out, as in all versions.
 */
export function alarmId(
  ruleId: string,
  subjectKey: string,
  { ordinal = 0, ...sample }: SamplePlace & { readonly ordinal?: number },
  cause: Cause,
): string {
  const name = [ruleId, subjectKey, sample.partition, sample.offset, sample.timestampMs];
  return nameUuid(alarmNamespace, JSON.stringify(cause === 'breach' ? name : [...name, cause, ...unlessZero(ordinal)]));
}

/**
 * The id of a notification: a function of its alarm, its kind, what made it due, and of the named receiver that it is for. What
 * goes to the rule's own Discord webhook has no `receiver` in its name, as in all versions. An alarm ends without a sample only
 * once, and whatever the newest sample then is, the id is the same.
 */
export function notificationId(
  { alarmId: alarm, kind, sample, ordinal }: Pick<Due, 'alarmId' | 'kind' | 'sample' | 'ordinal'>,
  receiver?: string,
): string {
  const cause = kind === 'ended' ? [] : [sample.offset, sample.timestampMs, ...unlessZero(ordinal)];
  const name = [alarm, kind, ...cause, ...(receiver === undefined ? [] : [receiver])];
  return nameUuid(notificationNamespace, JSON.stringify(name));
}

function unlessZero(ordinal: number): number[] {
  return ordinal === 0 ? [] : [ordinal];
}
