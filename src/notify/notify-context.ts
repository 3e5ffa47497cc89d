import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { DiscordClient } from '../receiver/discord/client.ts';
import type { Log } from '../log/log.ts';
import type { RuleFeed } from '../rule/rule-feed.ts';
import type { NotifyCount } from './notify-meters.ts';
import type { SendGate } from './send-gate.ts';

/** What the notifier needs of the client. */
export type Poster = Pick<DiscordClient, 'post' | 'get' | 'delete'>;

/** What all partitions of a process share. */
export interface NotifyContext {
  readonly log: Log;
  readonly rules: RuleFeed;
  readonly client: Poster;
  readonly gate: SendGate;
  readonly clock: Clock;
  readonly apiBase: string | undefined;
  readonly consoleUrl: string | undefined;
  readonly logger: Logger;
  readonly count: NotifyCount;
}
