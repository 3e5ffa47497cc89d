import type { Notification } from '../../alarm/notification.ts';
import type { DeliveryState } from '../../notice/delivery-state.ts';

/** One notification under one key, and what happened to it so far. Times are milliseconds since the epoch. */
export interface Sending extends DeliveryState {
  /** The notification's id; when it was resent with `~` and which time it was. */
  readonly id: string;
  readonly webhookId: string;
  /** undefined when only its outcome is still held. */
  notification: Notification | undefined;
  appendedMs: number | undefined;
}
