import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Log } from '../log/log.ts';
import type { ReceiverFeed } from '../receiver/receiver-book.ts';
import type { RuleFeed } from '../rule/rule-feed.ts';
import type { Destinations } from './destinations.ts';
import type { NotifyCount } from './notify-meters.ts';
import type { SendGates } from './send-gates.ts';

/** What all partitions of a process share. */
export interface NotifyContext {
  readonly log: Log;
  readonly rules: RuleFeed;
  /** Undefined where there are no named receivers. */
  readonly receivers: ReceiverFeed | undefined;
  readonly destinations: Destinations;
  readonly gates: SendGates;
  readonly clock: Clock;
  readonly consoleUrl: string | undefined;
  readonly logger: Logger;
  readonly count: NotifyCount;
}
