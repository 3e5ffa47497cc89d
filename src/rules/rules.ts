import { systemClock, type Clock } from '../base/clock.ts';
import { runTogether, type Service } from '../base/service.ts';
import { destinationOfConfig, openReceivers, type Receivers } from '../receiver/receivers.ts';
import type { ReceiverOptions } from '../receiver/receiver-kind.ts';
import type { Routes } from '../http/http-app.ts';
import type { Networks } from '../receiver/networks.ts';
import type { ReceiverFeed } from '../receiver/receiver-book.ts';
import type { RuleFeed } from '../rule/rule-feed.ts';
import { AuditLog } from './audit-log.ts';
import { auditRoutes } from './audit-routes.ts';
import { bulkRoutes } from './bulk-routes.ts';
import { deliveriesRoutes } from './deliveries-routes.ts';
import { ParkedView, type TargetOfReceiver } from './parked-view.ts';
import { ReceiverChanges } from './receiver-changes.ts';
import { receiversRoutes } from './receivers-routes.ts';
import { ReceiversView } from './receivers-view.ts';
import { Resend } from './resend.ts';
import { RuleChanges } from './rule-changes.ts';
import { rulesRoutes, type RevealWebhookUrl } from './rules-routes.ts';
import { RulesView, type RulesViewOptions } from './rules-view.ts';
import { testSendRoutes } from './test-send-routes.ts';
import { TestSend } from './test-send.ts';

export interface RulesOptions extends Omit<RulesViewOptions, 'clock'> {
  /** Hosts and networks that webhook receivers may lead to although they are not public. */
  readonly webhookAllow?: Networks | undefined;
  /** Default `all`: a rule is returned as its author gave it. */
  readonly revealWebhookUrl?: RevealWebhookUrl;
  /** The program's version, which test messages send to Discord as User-Agent. */
  readonly version?: string;
  /** Each series of a metric may have an alarm of each of its rules. */
  readonly rulesPerMetricMax?: number;
  /** Default: this machine's. */
  readonly clock?: Clock;
}

const rulesPerMetricMaxDefault = 10_000;

export interface Rules {
  /** Follows the `rules` topic; the routes answer 503 until it has read all that was there. */
  readonly service: Service;
  readonly routes: Routes;
  /** The rules as this process follows them, for its other services. */
  readonly feed: RuleFeed;
  /** The receivers, in the same way. */
  readonly receivers: ReceiverFeed;
  /** By partition of `rules`: the first offset that this process has not applied. */
  readonly positions: () => readonly number[];
  /** Resolves when all routes answer: all that stood in the log at the start has been read. Rejects when it cannot be. */
  readonly caughtUp: Promise<unknown>;
}

/** The rules service. The topic must be there before it runs. */
export function createRules({ clock = systemClock, ...given }: RulesOptions): Rules {
  const options = { ...given, clock };
  const now = (): number => clock.wallMs();
  const view = new RulesView(options);
  const { log, meter, logger, discordApiBase, rulesPerMetricMax = rulesPerMetricMaxDefault } = options;
  const receivers = new ReceiversView(options);
  const audit = new AuditLog({ log, meter, logger });
  const changes = new RuleChanges({ ...options, view, receivers, audit, discordApiBase, rulesPerMetricMax, now });
  const { version = '0', webhookAllow } = options;
  const open = openReceivers({ version, nowMs: now, discordApiBase, webhookAllow });
  const tests = new TestSend({ ...options, view, receivers: open.receivers });
  const parked = new ParkedView(log, now, targetOf(receivers, open.receivers, { discordApiBase, webhookAllow }));
  const writing = rulesRoutes({
    view,
    changes,
    parked,
    reveal: options.revealWebhookUrl ?? 'writers',
  });
  const bulk = bulkRoutes({ view, changes, reveal: options.revealWebhookUrl ?? 'writers' });
  const testing = testSendRoutes({ view, tests });
  const resend = new Resend({ log, clock, view, changes, meter, logger, now });
  const receiverChanges = new ReceiverChanges({ ...options, rules: view, receivers, audit, now });
  const receiving = receiversRoutes({ receivers, changes: receiverChanges, tests, parked });
  return {
    service: {
      name: 'rules',
      async run(signal) {
        try {
          await runTogether(
            [
              { name: 'rules', run: (stop) => view.run(stop) },
              { name: 'receivers', run: (stop) => receivers.run(stop) },
            ],
            signal,
          );
        } finally {
          await open.close();
        }
      },
    },
    async routes(app) {
      await app.register(async (part) => writing(part));
      await app.register(async (part) => bulk(part));
      await app.register(async (part) => testing(part));
      await app.register(async (part) => deliveriesRoutes({ log, resend, view, parked, now })(part));
      await app.register(async (part) => receiving(part));
      await app.register(async (part) => auditRoutes(audit)(part));
    },
    feed: view.feed,
    receivers: receivers.feed,
    positions: () => view.positions,
    caughtUp: allCaughtUp([view.feed, receivers.feed]),
  };
}

/** The name of the target that a receiver has now. */
function targetOf(view: ReceiversView, receivers: Receivers, options: ReceiverOptions): TargetOfReceiver {
  return (name) => {
    const entry = view.book.get(name);
    const found = entry && destinationOfConfig(receivers, entry.config, options);
    return found === undefined || 'problem' in found ? undefined : found.name;
  };
}

/** A rejection reaches those who wait for it; it need not be handled otherwise. */
function allCaughtUp(feeds: readonly { readonly caughtUp: Promise<void> }[]): Promise<unknown> {
  const all = Promise.all(feeds.map(({ caughtUp }) => caughtUp));
  all.catch(() => {});
  return all;
}
