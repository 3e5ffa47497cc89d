import { parseAlarmRecord, type AlarmRecord } from '../../alarm/alarm-record.ts';
import { isEnd } from '../../alarm/due.ts';
import { parseNotification, type Notification } from '../../alarm/notification.ts';
import { maxTimestamp, recordsOf, type LogRecord } from '../../log/batch.ts';
import type { Log } from '../../log/log.ts';
import { deliveryAfter, parseDeliveriesEntry } from '../../notice/delivery-state.ts';
import { RuleBook, type RuleRecord } from '../../rule/rule-book.ts';
import type { RuleEntry } from '../../rule/rule-list.ts';
import { topics } from '../../topics.ts';
import { newSending } from '../live/deliveries-view.ts';
import type { Sending } from '../live/sending.ts';

/** A message of an alarm, whose notification is known. */
export type SentNotification = Sending & { readonly notification: Notification; readonly appendedMs: number };

/** All that the log still tells of one alarm. */
export interface AlarmTrace {
  readonly alarmId: string;
  /** In the order of the log, as far as they were not compacted away. */
  readonly states: AlarmRecord[];
  readonly sendings: SentNotification[];
  /** When it ended, as far as a notification says. */
  endedMs: number | undefined;
}

export interface RuleVersionSeen {
  readonly entry: RuleEntry;
  readonly atMs: number;
}

const heldMs = 31 * 24 * 3_600_000;

/**
 * Looks an alarm up in the topics themselves: the link in a message may be followed weeks later, and an index of all alarms ever
 * made would cost more than to look. Batches that do not hold the id are passed over without being read.
 */
export async function traceAlarm(log: Log, alarmId: string, nowMs: number): Promise<AlarmTrace | undefined> {
  const trace: AlarmTrace = { alarmId, states: [], sendings: [], endedMs: undefined };
  const key = Buffer.from(alarmId);
  // Kept in no order by time: a state may be old, and is found where its key was last written.
  await find(log, { topic: topics.alarms.name, texts: [key], fromMs: 0 }, (record) => {
    const state = record.value === null ? undefined : parseAlarmRecord(record.value);
    if (state === undefined || 'problem' in state) return;
    if (state.state.state === 'firing' && state.state.alarmId === alarmId) trace.states.push(state);
  });
  let webhookPartition = 0;
  await find(log, { topic: topics.notifications.name, texts: [key], fromMs: nowMs - heldMs }, (record) => {
    const notification = record.value === null ? undefined : parseNotification(record.value);
    if (notification === undefined || 'problem' in notification || notification.alarmId !== alarmId) return;
    if (isEnd(notification.kind)) trace.endedMs = notification.timeMs;
    if (!notification.message || trace.sendings.some(({ id }) => id === notification.id)) return;
    webhookPartition = record.partition;
    const sending = newSending(notification.id, Buffer.from(record.key ?? []).toString());
    trace.sendings.push(Object.assign(sending, { notification, appendedMs: record.timestampMs }));
  });
  if (trace.states.length + trace.sendings.length === 0) return undefined;
  if (trace.sendings.length > 0) await addDeliveries(log, trace, webhookPartition);
  return trace;
}

/** What became of the notifications stands in the partition of `deliveries` that has the number of theirs. */
async function addDeliveries(log: Log, trace: AlarmTrace, partition: number): Promise<void> {
  const texts = trace.sendings.map(({ id }) => Buffer.from(id));
  const fromMs = Math.min(...trace.sendings.map(({ appendedMs }) => appendedMs));
  const wanted = { topic: topics.deliveries.name, texts, fromMs, partition };
  await find(log, wanted, (stored) => {
    const record = parseDeliveriesEntry(stored);
    if (record === undefined || record.kind === 'parking') return;
    const sending = trace.sendings.find(({ id }) => id === record.notificationId);
    if (sending !== undefined) Object.assign(sending, deliveryAfter(sending, record));
  });
}

/** The versions of a rule that the `rules` log still holds, oldest first. */
export async function ruleVersions(
  log: Log,
  ruleId: string,
  options: { apiBase?: string | undefined },
): Promise<RuleVersionSeen[]> {
  const versions: RuleVersionSeen[] = [];
  await find(log, { topic: topics.rules.name, texts: [Buffer.from(ruleId)], fromMs: 0 }, (record) => {
    if (record.key === null || record.value === null || Buffer.from(record.key).toString() !== ruleId) return;
    const book = new RuleBook({ apiBase: options.apiBase });
    const change = book.apply(record as RuleRecord);
    if (change.kind === 'set') versions.push({ entry: change.entry, atMs: record.timestampMs });
  });
  return versions;
}

interface Wanted {
  readonly topic: string;
  readonly texts: readonly Buffer[];
  readonly fromMs: number;
  /** undefined: all. */
  readonly partition?: number;
}

/** Visits the records of batches that hold one of the texts, and no others before a time. */
async function find(log: Log, { topic, texts, fromMs, partition: only }: Wanted, visit: (record: LogRecord) => void) {
  const count = await log.partitionCount(topic);
  for (let partition = only ?? 0; partition < (only === undefined ? count : only + 1); partition++) {
    for await (const chunk of log.read(topic, partition, { from: { timestampMs: Math.max(0, fromMs) } })) {
      const batches = chunk.batches.filter((batch) => {
        if (maxTimestamp(batch) < fromMs) return false;
        const bytes = Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength);
        return texts.some((text) => bytes.includes(text));
      });
      if (batches.length === 0) continue;
      for (const record of recordsOf({ ...chunk, batches })) visit(record);
    }
  }
}
