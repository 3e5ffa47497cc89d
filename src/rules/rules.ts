import type { Service } from '../base/service.ts';
import { DiscordClient } from '../receiver/discord/client.ts';
import type { Routes } from '../http/server.ts';
import type { RuleFeed } from '../rule/rule-feed.ts';
import { bulkRoutes } from './bulk-routes.ts';
import { deliveriesRoutes } from './deliveries-routes.ts';
import { ParkedView } from './parked-view.ts';
import { Resend } from './resend.ts';
import { RuleChanges } from './rule-changes.ts';
import { rulesRoutes, type RevealWebhookUrl } from './rules-routes.ts';
import { RulesView, type RulesViewOptions } from './rules-view.ts';
import { testSendRoutes } from './test-send-routes.ts';
import { TestSend } from './test-send.ts';

export interface RulesOptions extends RulesViewOptions {
  /** Default `all`: a rule is returned as its author gave it. */
  readonly revealWebhookUrl?: RevealWebhookUrl;
  /** Of the program, as Discord is told it with test messages. */
  readonly version?: string;
  /** Each series of a metric may have an alarm of each of its rules. */
  readonly rulesPerMetricMax?: number;
}

const rulesPerMetricMaxDefault = 10_000;

export interface Rules {
  /** Follows the `rules` topic; the routes answer 503 until it has read all that was there. */
  readonly service: Service;
  readonly routes: Routes;
  /** The rules as this process follows them, for its other services. */
  readonly feed: RuleFeed;
  /** By partition of `rules`: the first offset that this process has not applied. */
  readonly positions: () => readonly number[];
}

/** The rules service. The topic must be there before it runs. */
export function createRules(options: RulesOptions): Rules {
  const view = new RulesView(options);
  const { log, meter, logger, discordApiBase, rulesPerMetricMax = rulesPerMetricMaxDefault } = options;
  const changes = new RuleChanges({ log, view, meter, logger, discordApiBase, rulesPerMetricMax });
  const client = new DiscordClient({ version: options.version ?? '0', privateAddresses: discordApiBase !== undefined });
  const tests = new TestSend({ view, client, meter, logger, discordApiBase, now: () => performance.now() });
  const writing = rulesRoutes({
    view,
    changes,
    parked: new ParkedView(log, Date.now),
    reveal: options.revealWebhookUrl ?? 'all',
  });
  const bulk = bulkRoutes({ view, changes, reveal: options.revealWebhookUrl ?? 'all' });
  const testing = testSendRoutes({ view, tests });
  const resend = new Resend({ log, view, changes, meter, logger });
  const deliveries = deliveriesRoutes({ log, resend, now: Date.now });
  return {
    service: {
      name: 'rules',
      async run(signal) {
        try {
          await view.run(signal);
        } finally {
          await client.close();
        }
      },
    },
    async routes(app) {
      await app.register(async (part) => writing(part));
      await app.register(async (part) => bulk(part));
      await app.register(async (part) => testing(part));
      await app.register(async (part) => deliveries(part));
    },
    feed: view.feed,
    positions: () => view.positions,
  };
}
