import type { Claim } from '../log/log.ts';
import type { DeliveryWriter } from './delivery-writer.ts';
import type { NotificationQueues } from './notification-queues.ts';
import type { NotifyContext } from './notify-context.ts';
import type { Parking } from './parking.ts';

/** What the parts of one partition's notifier share. */
export interface PartitionContext extends NotifyContext {
  readonly claim: Claim;
  /** Aborts when nothing more is to be sent. */
  readonly signal: AbortSignal;
  readonly deliveries: DeliveryWriter;
  readonly parking: Parking;
  readonly queues: NotificationQueues;
}
