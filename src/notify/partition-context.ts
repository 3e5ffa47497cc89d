import type { Claim } from '../log/log.ts';
import type { World } from './fate.ts';
import type { DeliveryWriter } from './delivery-writer.ts';
import type { NotificationQueues } from './notification-queues.ts';
import type { NotifyContext } from './notify-context.ts';
import type { Parking } from './parking.ts';
import type { Troubles } from './troubles.ts';

/** What the parts of one partition's notifier share. */
export interface PartitionContext extends NotifyContext {
  readonly claim: Claim;
  /** Aborts when nothing more is to be sent. */
  readonly signal: AbortSignal;
  readonly deliveries: DeliveryWriter;
  readonly parking: Parking;
  readonly queues: NotificationQueues;
  readonly troubles: Troubles;
}

/** What the fate of a notification depends on, as it is now. */
export function worldOf({ clock, rules, deliveries, parking, destinations }: PartitionContext): World {
  return { nowMs: clock.wallMs(), rules: rules.book, sent: deliveries.sent, parking, destinations };
}
