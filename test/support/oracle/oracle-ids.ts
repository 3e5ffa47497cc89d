/** The ids of alarms and notifications, computed from their description alone (UUID v5, RFC 9562 section 5.5). */
import { createHash } from 'node:crypto';

const alarmNamespace = '5d5b7c3e-8e0b-4c0e-9a0d-6f0a3a1c7b51';
const notificationNamespace = 'c2f0a7d4-3b1e-4f6a-8a55-1b9be1d0e2a7';

/** The record of `metrics` that something happened at. */
export interface At {
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
}

/** `ordinal`: how many notifications a clock had made due of the alarm at this sample. */
export function oracleAlarmId(of: {
  ruleId: string;
  series: string;
  at: At;
  cause: 'breach' | 'no_data';
  ordinal?: number;
}): string {
  const { ruleId, series, at, cause, ordinal = 0 } = of;
  const name: unknown[] = [ruleId, series, at.partition, at.offset, at.timestampMs];
  if (cause === 'no_data') name.push('no_data');
  if (cause === 'no_data' && ordinal > 0) name.push(ordinal);
  return uuidOf(alarmNamespace, JSON.stringify(name));
}

/** `receiver`: the key of a named receiver; undefined for the rule's own webhook. */
export function oracleNotificationId(
  of: { alarmId: string; kind: string; at: At; ordinal?: number },
  receiver?: string,
): string {
  const { alarmId, kind, at, ordinal = 0 } = of;
  const name: unknown[] = [alarmId, kind];
  if (kind !== 'ended') name.push(at.offset, at.timestampMs);
  if (kind !== 'ended' && ordinal > 0) name.push(ordinal);
  if (receiver !== undefined) name.push(receiver);
  return uuidOf(notificationNamespace, JSON.stringify(name));
}

/** The one text of a series: its name and its tags, in the order of their keys. */
export function oracleSeriesKey(name: string, tags: ReadonlyMap<string, string>): string {
  const pairs = [...tags].sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([name, ...pairs.flat()]);
}

function uuidOf(namespace: string, name: string): string {
  const hash = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest();
  hash[6] = (hash[6]! & 0x0f) | 0x50;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  const hex = hash.subarray(0, 16).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
