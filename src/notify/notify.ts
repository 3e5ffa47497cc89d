import type { Health } from '../base/health.ts';
import type { Logger } from '../base/logger.ts';
import type { Meter } from '../base/meter.ts';
import { aborted, type Service } from '../base/service.ts';
import type { Vitals } from '../instance/instance-record.ts';
import type { Log } from '../log/log.ts';
import type { RuleFeed } from '../rule/rule-feed.ts';
import { topics } from '../topics.ts';
import { DiscordClient } from '../discord/discord-client.ts';
import { systemClock } from '../base/clock.ts';
import { countNotify, notifyVitals, reportNotify } from './notify-meters.ts';
import { Outbox } from './outbox.ts';
import { SendGate } from './send-gate.ts';

export interface NotifyOptions {
  readonly log: Log;
  readonly rules: RuleFeed;
  readonly health: Health;
  readonly meter: Meter;
  readonly logger: Logger;
  /** Where what is told of this instance is left. */
  readonly vitals?: Vitals;
  readonly version: string;
  /** The operator's base in place of Discord's. */
  readonly discordApiBase?: string | undefined;
  /** The page's public address, for links in messages. */
  readonly consoleUrl?: string | undefined;
  /** Requests a second that all instances behind one address make together. */
  readonly globalRps?: number;
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
  const { log, rules, logger, discordApiBase: apiBase, consoleUrl, globalRps = globalRpsDefault } = options;
  const outboxes = new Set<Outbox>();
  const owned = new Set<number>();
  const gate = new SendGate(globalRps, systemClock);
  const count = countNotify(options.meter, outboxes, gate);
  const ready = options.health.awaitReady('notify');
  options.health.add('notify', () => reportNotify(outboxes, gate));
  if (options.vitals !== undefined) options.vitals.notify = () => notifyVitals(outboxes, gate, owned);
  return {
    name: 'notify',
    async run(signal) {
      await Promise.race([rules.caughtUp, aborted(signal)]);
      if (signal.aborted) return;
      const client = new DiscordClient({ version: options.version, privateAddresses: apiBase !== undefined });
      ready();
      // Instances share the address's rate as they share the partitions.
      const share = (): void => gate.setRate(globalRps, Math.max(1, outboxes.size) / partitions);
      const partitions = await log.partitionCount(topics.notifications.name);
      try {
        await log.process(
          topics.notifications.name,
          notifyGroup,
          async (claim) => {
            const context = { log, rules, client, gate, clock: systemClock, apiBase, consoleUrl, logger, count };
            const outbox = new Outbox(claim, context);
            outboxes.add(outbox);
            owned.add(claim.partition);
            share();
            await outbox.run().finally(() => {
              outboxes.delete(outbox);
              owned.delete(claim.partition);
              share();
            });
          },
          signal,
        );
      } finally {
        await client.close();
      }
    },
  };
}
