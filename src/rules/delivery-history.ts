import { setImmediate as turn } from 'node:timers/promises';
import { parseNotification, type Notification } from '../alarm/notification.ts';
import { recordsOf } from '../log/batch.ts';
import type { Log } from '../log/log.ts';
import { deliveryAfter, notAttempted, parseDeliveriesEntry, type DeliveryState } from '../notice/delivery-state.ts';
import { topics } from '../topics.ts';

/** One delivery of a notification to a webhook, joined from both topics. */
export interface Delivery extends DeliveryState {
  /** The notification's; when it was resent with `~` and which time it was. */
  readonly id: string;
  readonly webhookId: string;
  /** Undefined when its record is no longer held, or was appended before the time that is looked at. */
  notification: Notification | undefined;
  /** When the notification was appended; of an unknown one, when it was first attempted. */
  appendedMs: number;
  /** When its last record was written. */
  atMs: number;
}

export interface DeliveryFilter {
  readonly sinceMs: number;
  readonly webhookId?: string | undefined;
  readonly ruleId?: string | undefined;
  readonly outcome?: Delivery['outcome'] | undefined;
  /** Only these notifications, and their resends. */
  readonly ids?: ReadonlySet<string> | undefined;
}

/** An outcome's notification may have been appended this long before it, because then it expires. */
const appendedBeforeMs = 25 * 3_600_000;
/** Deliveries of one partition in memory at a time; past them the oldest are left out. */
const heldMax = 50_000;

/** The notification that a sending is of: the first, or one that an operator ordered. */
export function originOf(id: string): string {
  const mark = id.indexOf('~');
  return mark === -1 ? id : id.slice(0, mark);
}

/** How often it had been resent: 0 for the first sending. */
export function resendOf(id: string): number {
  const mark = id.indexOf('~');
  return mark === -1 ? 0 : Number(id.slice(mark + 1)) || 0;
}

/**
 * Reads the deliveries of all partitions that match, in no order of the partitions. Both topics are partitioned alike, so one
 * partition is joined and filtered at a time. `leftOut` is how many were too many to be kept.
 */
export async function readDeliveries(
  log: Log,
  filter: DeliveryFilter,
  visit: (delivery: Delivery) => void,
): Promise<{ leftOut: number }> {
  let leftOut = 0;
  const partitions = await log.partitionCount(topics.notifications.name);
  for (let partition = 0; partition < partitions; partition++) {
    const held = await readPartition(log, partition, filter);
    leftOut += held.leftOut;
    for (const delivery of held.deliveries) if (isWanted(delivery, filter)) visit(delivery);
  }
  return { leftOut };
}

function isWanted({ atMs, webhookId, notification, outcome }: Delivery, filter: DeliveryFilter): boolean {
  return (
    atMs >= filter.sinceMs &&
    (filter.webhookId === undefined || filter.webhookId === webhookId) &&
    (filter.ruleId === undefined || filter.ruleId === notification?.ruleId) &&
    (filter.outcome === undefined || filter.outcome === outcome)
  );
}

class Held {
  readonly #deliveries = new Map<string, Delivery>();
  readonly #ids: ReadonlySet<string> | undefined;
  leftOut = 0;

  constructor(ids: ReadonlySet<string> | undefined) {
    this.#ids = ids;
  }

  get deliveries(): Iterable<Delivery> {
    return this.#deliveries.values();
  }

  /** The delivery, created when missing; undefined when it is not asked for. */
  of(id: string, webhookId: string, atMs: number): Delivery | undefined {
    if (this.#ids !== undefined && !this.#ids.has(originOf(id))) return undefined;
    const key = `${webhookId} ${id}`;
    const before = this.#deliveries.get(key);
    if (before !== undefined) return before;
    const delivery: Delivery = { ...notAttempted, id, webhookId, notification: undefined, appendedMs: atMs, atMs };
    this.#deliveries.set(key, delivery);
    if (this.#deliveries.size > heldMax) {
      this.#deliveries.delete(this.#deliveries.keys().next().value!);
      this.leftOut++;
    }
    return delivery;
  }
}

async function readPartition(log: Log, partition: number, filter: DeliveryFilter): Promise<Held> {
  const held = new Held(filter.ids);
  const from = { timestampMs: Math.max(0, filter.sinceMs - appendedBeforeMs) };
  for await (const chunk of log.read(topics.notifications.name, partition, { from })) {
    for (const { key, value, timestampMs } of recordsOf(chunk)) {
      const notification = value === null ? { problem: 'a tombstone' } : parseNotification(value);
      // The notifier counts and skips these; of some no message is sent.
      if ('problem' in notification || !notification.message) continue;
      const delivery = held.of(notification.id, Buffer.from(key ?? []).toString(), timestampMs);
      if (delivery !== undefined) delivery.notification ??= notification;
    }
    // Yield: a long history must not delay other requests.
    await turn();
  }
  for await (const chunk of log.read(topics.deliveries.name, partition, { from })) {
    for (const stored of recordsOf(chunk)) {
      const record = parseDeliveriesEntry(stored);
      if (record === undefined || record.kind === 'parking') continue;
      const delivery = held.of(record.notificationId, record.webhookId, record.atMs);
      if (delivery === undefined) continue;
      Object.assign(delivery, deliveryAfter(delivery, record), { atMs: Math.max(delivery.atMs, record.atMs) });
    }
    await turn();
  }
  return held;
}
