import type { Health } from '../base/health.ts';
import type { Logger } from '../base/logger.ts';
import type { Meter } from '../base/meter.ts';
import { aborted, type Service } from '../base/service.ts';
import type { Log } from '../log/log.ts';
import type { RuleFeed } from '../rule/rule-feed.ts';
import { topics } from '../topics.ts';
import { DiscordClient } from '../discord/discord-client.ts';
import { Outbox, type OutboxContext } from './outbox.ts';
import { SendGate } from './send-gate.ts';

export interface NotifyOptions {
  readonly log: Log;
  readonly rules: RuleFeed;
  readonly health: Health;
  readonly meter: Meter;
  readonly logger: Logger;
  readonly version: string;
  /** The operator's base in place of Discord's. */
  readonly discordApiBase?: string | undefined;
}

/** The name of the group that shares the partitions of `notifications`. */
export const notifyGroup = 'ssrms-notify';

const troublesNamedMax = 5;
const delayBucketsSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3_600];

/**
 * The notifier: `notifications` in, messages to Discord out, attempts and outcomes into `deliveries`. One member of the group
 * owns a webhook's partition, so one process sends to it.
 */
export function createNotify(options: NotifyOptions): Service {
  const { log, rules, logger, discordApiBase } = options;
  const outboxes = new Set<Outbox>();
  const gate = new SendGate();
  const count = meters(options.meter, outboxes);
  const ready = options.health.awaitReady('notify');
  options.health.add('notify', () => report(outboxes, gate));
  return {
    name: 'notify',
    async run(signal) {
      await Promise.race([rules.caughtUp, aborted(signal)]);
      if (signal.aborted) return;
      const client = new DiscordClient({ version: options.version, privateAddresses: discordApiBase !== undefined });
      ready();
      try {
        await log.process(
          topics.notifications.name,
          notifyGroup,
          async (claim) => {
            const outbox = new Outbox(claim, { log, rules, client, gate, apiBase: discordApiBase, logger, count });
            outboxes.add(outbox);
            await outbox.run().finally(() => outboxes.delete(outbox));
          },
          signal,
        );
      } finally {
        await client.close();
      }
    },
  };
}

function meters(meter: Meter, outboxes: ReadonlySet<Outbox>): OutboxContext['count'] {
  const ended = meter.counter('notify_notifications_total', 'Notifications that came to an end, by outcome', [
    'outcome',
  ]);
  const answers = meter.counter('notify_answers_total', "Discord's answers, by what followed", ['action']);
  const unreadable = meter.counter('notify_unreadable_total', 'Records of notifications that could not be read');
  const delay = meter.histogram(
    'notify_delay_seconds',
    'From the append of a notification to its delivery',
    delayBucketsSeconds,
  );
  meter.gauge('notify_waiting', 'Notifications in memory that have not ended', [], (gauge) =>
    gauge.set([...outboxes].reduce((sum, outbox) => sum + outbox.waiting, 0)),
  );
  meter.gauge('notify_oldest_seconds', 'Age of the oldest notification that has not ended', [], (gauge) => {
    const oldest = Math.min(...[...outboxes].map((outbox) => outbox.oldestMs ?? Infinity));
    gauge.set(Number.isFinite(oldest) ? Math.max(0, Date.now() - oldest) / 1_000 : 0);
  });
  return {
    ended(outcome, delayMs) {
      ended.inc({ outcome });
      if (outcome === 'delivered') delay.observe(Math.max(0, delayMs) / 1_000);
    },
    answered: (action) => answers.inc({ action }),
    unreadable: () => unreadable.inc(),
  };
}

function report(outboxes: ReadonlySet<Outbox>, gate: SendGate): { status: 'pass' | 'warn'; detail: string } {
  const troubles = [...outboxes].flatMap((outbox) => outbox.troubles());
  const waiting = [...outboxes].reduce((sum, outbox) => sum + outbox.waiting, 0);
  const closed = gate.isClosed ? 'Discord has closed the door for this address for a while; ' : '';
  if (troubles.length === 0)
    return { status: gate.isClosed ? 'warn' : 'pass', detail: `${closed}${waiting} notifications waiting` };
  const named = troubles.slice(0, troublesNamedMax).map(({ webhook, reason }) => `${webhook}: ${reason}`);
  const more = troubles.length > named.length ? `; and ${troubles.length - named.length} more` : '';
  return {
    status: 'warn',
    detail: `${closed}${waiting} notifications waiting; webhooks in trouble: ${named.join('; ')}${more}`,
  };
}
