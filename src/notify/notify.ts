import { systemClock, type Clock } from '../base/clock.ts';
import type { Health } from '../base/health.ts';
import type { Logger } from '../base/logger.ts';
import type { Meter } from '../base/meter.ts';
import { aborted, type Service } from '../base/service.ts';
import type { Vitals } from '../instance/instance-record.ts';
import type { Claim, Log } from '../log/log.ts';
import type { RuleFeed } from '../rule/rule-feed.ts';
import { topics } from '../topics.ts';
import { DiscordClient } from '../receiver/discord/client.ts';
import { countNotify, notifyVitals, reportNotify } from './notify-meters.ts';
import { NotificationPartition } from './partition.ts';
import { SendGate } from './send-gate.ts';

export interface NotifyOptions {
  readonly log: Log;
  readonly rules: RuleFeed;
  readonly health: Health;
  readonly meter: Meter;
  readonly logger: Logger;
  /** Where this instance publishes how it is. */
  readonly vitals?: Vitals;
  readonly version: string;
  /** The operator's base in place of Discord's. */
  readonly discordApiBase?: string | undefined;
  /** The page's public address, for links in messages. */
  readonly consoleUrl?: string | undefined;
  /** Requests a second that all instances behind one address make together. */
  readonly globalRps?: number;
  readonly clock?: Clock;
}

/** The name of the group that shares the partitions of `notifications`. */
export const notifyGroup = 'ssrms-notify';

/** Discord allows 50 requests a second and address; some room is left for others behind the same one. */
const globalRpsDefault = 40;

/**
 * The notifier: `notifications` in, messages to Discord out, attempts and outcomes into `deliveries`. One member of the group
 * owns a webhook's partition, so one process sends to it.
 */
export function createNotify(options: NotifyOptions): Service {
  const { log, rules, health, meter, vitals, logger, discordApiBase: apiBase, consoleUrl } = options;
  const { globalRps = globalRpsDefault, clock = systemClock } = options;
  const owned = new Map<number, NotificationPartition>();
  const gate = new SendGate(globalRps, clock);
  const count = countNotify(meter, owned, gate, clock);
  const ready = health.awaitReady('notify');
  health.add('notify', () => reportNotify(owned, gate));
  if (vitals !== undefined) vitals.notify = () => notifyVitals(owned, gate);

  async function run(signal: AbortSignal): Promise<void> {
    await Promise.race([rules.caughtUp, aborted(signal)]);
    if (signal.aborted) return;
    const client = new DiscordClient({ version: options.version, privateAddresses: apiBase !== undefined });
    ready();
    const partitions = await log.partitionCount(topics.notifications.name);
    const context = { log, rules, client, gate, clock, apiBase, consoleUrl, logger, count };
    const sendOne = async (claim: Claim): Promise<void> => {
      const partition = new NotificationPartition(claim, context);
      owned.set(claim.partition, partition);
      shareRate(partitions);
      await partition.run().finally(() => {
        if (owned.get(claim.partition) === partition) owned.delete(claim.partition);
        shareRate(partitions);
      });
    };
    try {
      await log.process(topics.notifications.name, notifyGroup, sendOne, signal);
    } finally {
      await client.close();
    }
  }

  /** Instances share the address's rate as they share the partitions. */
  function shareRate(partitions: number): void {
    gate.setRate(globalRps, Math.max(1, owned.size) / partitions);
  }

  return { name: 'notify', run };
}
