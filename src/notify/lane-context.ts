import type { Action } from '../discord/answer.ts';
import type { DiscordClient } from '../discord/discord-client.ts';
import type { Claim } from '../log/log.ts';
import type { RuleBook } from '../rule/rule-book.ts';
import type { Webhook } from '../rule/webhook-url.ts';
import type { Clock } from '../base/clock.ts';
import type { DeliveryLog, Ending, Waiting } from './delivery-log.ts';
import type { ParkedWebhooks } from './parked-webhooks.ts';
import type { SendGate } from './send-gate.ts';

/** What a lane needs of the client. */
export type Poster = Pick<DiscordClient, 'post' | 'get' | 'delete'>;

export interface LaneContext {
  readonly claim: Claim;
  /** Aborts when nothing more is to be sent. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly book: RuleBook;
  readonly client: Poster;
  readonly gate: SendGate;
  readonly deliveries: DeliveryLog;
  readonly parked: ParkedWebhooks;
  readonly apiBase: string | undefined;
  readonly consoleUrl: string | undefined;
  /** Resolves when all of the webhook's that stood in the log at the start is in the lane, as far as there is room. */
  readonly caughtUp: () => Promise<void>;
  /** Appends a notification anew, under the webhook that its rule has now. */
  readonly reroute: (waiting: Waiting, webhook: Webhook) => Promise<void>;
  /** These have an outcome in `deliveries`. */
  readonly ended: (endings: readonly Ending[]) => void;
  /** So many have left the lane. */
  readonly dropped: (count: number) => void;
  readonly answered: (action: Action['kind']) => void;
  readonly limited: (waitMs: number) => void;
  /** The webhook cannot be reached, or for a new reason. */
  readonly troubled: (trouble: LaneTrouble) => void;
}

/** What is wrong with a webhook, for health and log: named by hash, never by its URL. */
export interface LaneTrouble {
  readonly webhook: string;
  readonly reason: string;
}
