import { systemClock, type Clock } from '../base/clock.ts';
import type { Health } from '../base/health.ts';
import type { Logger } from '../base/logger.ts';
import type { Meter } from '../base/meter.ts';
import { aborted, type Service } from '../base/service.ts';
import type { Vitals } from '../instance/instance-record.ts';
import type { Claim, Log } from '../log/log.ts';
import type { RuleFeed } from '../rule/rule-feed.ts';
import { topics } from '../topics.ts';
import { discordAddressRate } from '../receiver/discord/limits.ts';
import type { ReceiverFeed } from '../receiver/receiver-book.ts';
import type { Networks } from '../receiver/networks.ts';
import { openReceivers } from '../receiver/receivers.ts';
import { countNotify, notifyVitals, reportNotify } from './notify-meters.ts';
import { NotificationPartition } from './partition.ts';
import { Destinations } from './destinations.ts';
import { SendGates } from './send-gates.ts';

export interface NotifyOptions {
  readonly log: Log;
  readonly rules: RuleFeed;
  /** Named receivers; undefined where there are none. */
  readonly receivers?: ReceiverFeed | undefined;
  readonly health: Health;
  readonly meter: Meter;
  readonly logger: Logger;
  /** Where this instance publishes how it is. */
  readonly vitals?: Vitals;
  readonly version: string;
  /** The operator's base in place of Discord's. */
  readonly discordApiBase?: string | undefined;
  /** Hosts and networks that webhooks may lead to although they are not public. */
  readonly webhookAllow?: Networks | undefined;
  /** The page's public address, for links in messages. */
  readonly consoleUrl?: string | undefined;
  /** Requests a second that all instances behind one address make together. */
  readonly globalRps?: number;
  readonly clock?: Clock;
}

/** How often is looked whether a connection is wanted. */
const warmAskedEveryMs = 1_000;

/** The name of the group that shares the partitions of `notifications`. */
export const notifyGroup = 'ssrms-notify';

/**
 * The notifier: `notifications` in, messages to receivers out, attempts and outcomes into `deliveries`. One member of the group
 * owns a key's partition, so one process sends to its targets.
 */
export function createNotify(options: NotifyOptions): Service {
  const { log, rules, receivers, health, meter, vitals, logger, version, discordApiBase, webhookAllow, consoleUrl } =
    options;
  const { globalRps = discordAddressRate.requestsPerSecond, clock = systemClock } = options;
  const owned = new Map<number, NotificationPartition>();
  const gates = new SendGates({ ...discordAddressRate, requestsPerSecond: globalRps }, clock);
  const count = countNotify(meter, owned, gates, clock);
  const ready = health.awaitReady('notify');
  health.add('notify', () => reportNotify(owned, gates.shared, clock.wallMs()));
  if (vitals !== undefined) vitals.notify = () => notifyVitals(owned, gates.shared);

  async function run(signal: AbortSignal): Promise<void> {
    await Promise.race([Promise.all([rules.caughtUp, receivers?.caughtUp]), aborted(signal)]);
    if (signal.aborted) return;
    const open = openReceivers({ version, nowMs: () => clock.wallMs(), discordApiBase, webhookAllow });
    const destinations = new Destinations(open.receivers, receivers?.book, { discordApiBase, webhookAllow });
    ready();
    const partitions = await log.partitionCount(topics.notifications.name);
    const context = { log, rules, receivers, destinations, gates, clock, consoleUrl, logger, count };
    const sendOne = async (claim: Claim): Promise<void> => {
      const partition = new NotificationPartition(claim, context);
      owned.set(claim.partition, partition);
      shareRate(partitions);
      await partition.run().finally(() => {
        if (owned.get(claim.partition) === partition) owned.delete(claim.partition);
        shareRate(partitions);
      });
    };
    // As long as something may have to be sent, and the receiver wants to be asked at all.
    const isOpen = (): boolean => gates.shared.closedMs() === 0 && !gates.shared.pace.isBlocked();
    const warming = open.warm.map(({ kind, warm }) =>
      keepWarm(warm, () => owned.size > 0 && isOpen() && destinations.isUsed(kind, rules.book), clock, signal),
    );
    try {
      await log.process(topics.notifications.name, notifyGroup, sendOne, signal);
    } finally {
      await open.close();
      await Promise.all(warming);
    }
  }

  /** Instances share the address's rate as they share the partitions. */
  function shareRate(partitions: number): void {
    gates.shared.setRate(globalRps, Math.max(1, owned.size) / partitions);
  }

  return { name: 'notify', run };
}

/** Asks again and again for a connection, while one is wanted. */
async function keepWarm(
  warm: () => Promise<number>,
  isWanted: () => boolean,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  for (let waitMs = 0; await clock.pause(waitMs, signal);) waitMs = isWanted() ? await warm() : warmAskedEveryMs;
}
