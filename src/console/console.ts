import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { runTogether, type Service } from '../base/service.ts';
import type { Oidc } from '../http/oidc.ts';
import type { Routes } from '../http/http-app.ts';
import { backtestRoutes } from '../backtest/backtest-routes.ts';
import { MetricPasts } from '../backtest/metric-pasts.ts';
import { samplesRoutes } from '../backtest/samples-routes.ts';
import { alarmListRoutes } from './routes/alarm-list-routes.ts';
import { alarmRoutes } from './routes/alarm-routes.ts';
import { timelineRoutes } from './routes/timeline-routes.ts';
import { LiveHub } from './routes/live-hub.ts';
import { LiveStore, type LiveStoreOptions } from './live/live-store.ts';
import type { StatusNumbers } from '../wire/status.ts';
import { statusOf } from './query/status.ts';
import { streamRoutes } from './routes/stream-routes.ts';
import { MetricCatalogue } from './live/metric-catalogue.ts';
import { metricsRoutes } from './routes/metrics-routes.ts';
import { SampleCount } from './live/sample-count.ts';
import { pageRoutes } from './routes/page-routes.ts';
import { currentValues } from './query/current-value.ts';
import { RuleIndex } from './live/rule-index.ts';
import { ruleSearchRoutes } from './routes/rule-search-routes.ts';
import { ruleStateRoute } from './routes/rule-state-route.ts';
import { signInRoutes } from './routes/sign-in-routes.ts';
import { InstancesView } from './live/instances-view.ts';
import { LagWatch } from './live/lag-watch.ts';
import { statusRoute } from './routes/status-route.ts';
import { systemRoutes } from './routes/system-routes.ts';
import { webhooksRoutes } from './routes/webhooks-routes.ts';

export interface ConsoleOptions extends Omit<LiveStoreOptions, 'now'> {
  readonly clock: Clock;
  readonly version: string;
  /** The operator's base in place of Discord's. */
  readonly discordApiBase?: string | undefined;
  /** Where people sign in; undefined: they bring a token, or need none. */
  readonly oidc?: Oidc | undefined;
  /** Whether the server refuses every change: the page then offers none. */
  readonly isReadOnly?: boolean;
  /** Whether ingest runs behind the same address. */
  readonly takesSamples?: boolean;
  /** The page's public address, which messages link to; it may be known only when the server listens. */
  readonly consoleUrl?: (() => string | undefined) | undefined;
  /** Where the built page is. */
  readonly pageDir?: string;
  /** Whether the page is served, and signing in to it, beside what it reads. Default true. */
  readonly servesPage?: boolean;
}

export interface Console {
  /** Follows what happens, and counts what comes in. */
  readonly service: Service;
  readonly routes: Routes;
  /** Whether all that stood in the log at the start has been read. */
  readonly isCaughtUp: () => boolean;
}

/** The console: what the web page reads, and the page. The topics must be there before it runs. */
export function createConsole(options: ConsoleOptions): Console {
  const { log, rules, discordApiBase, consoleUrl, version, clock } = options;
  const now = (): number => clock.wallMs();
  const live = new LiveStore({ ...options, now });
  const samples = new SampleCount(log, clock);
  const instances = new InstancesView(log, now);
  const lagging = new LagWatch(log, instances, clock);
  const isReadOnly = options.isReadOnly === true;
  const takesSamples = options.takesSamples === true;
  const facts = { version, isReadOnly, takesSamples };
  const status = (): StatusNumbers => statusOf({ live, rules, samples, lagging, ...facts, consoleUrl: consoleUrl?.() });
  const catalogue = new MetricCatalogue(log, clock);
  const current = currentValues(catalogue, rules, now);
  const hub = new LiveHub({ live, status, current, clock, meter: options.meter });
  const pasts = new MetricPasts(log);
  const index = new RuleIndex(rules);
  const looking = { log, clock, pasts };
  const parts = [
    statusRoute(status, now),
    ruleSearchRoutes({ live, rules, index, catalogue, current, now }),
    ruleStateRoute({ live, rules, catalogue, current, now }),
    alarmListRoutes({ live, rules, current, now }),
    timelineRoutes({ live, rules, now }),
    streamRoutes(hub),
    alarmRoutes({ ...looking, now, live, rules, discordApiBase }),
    backtestRoutes(looking),
    samplesRoutes(looking),
    webhooksRoutes({ live, instances, now }),
    systemRoutes({ log, instances, rules, latencyP99Ms: () => live.deliveries.latencyP99Ms(), now, version }),
    metricsRoutes(catalogue),
  ];
  const page =
    options.servesPage === false ? [] : [signInRoutes(options.oidc), pageRoutes(options.pageDir ?? builtPage())];
  return {
    service: {
      name: 'console',
      run: (signal) =>
        runTogether(
          [
            { name: 'live store', run: (stop) => live.run(stop) },
            { name: 'live hub', run: (stop) => hub.run(stop) },
            { name: 'rule index', run: (stop) => index.run(stop) },
            { name: 'metric catalogue', run: (stop) => catalogue.run(stop) },
            { name: 'sample count', run: (stop) => samples.run(stop) },
            { name: 'lag watch', run: (stop) => lagging.run(stop) },
          ],
          signal,
        ),
    },
    async routes(app) {
      for (const routes of [...parts, ...page]) await app.register(async (part) => routes(part));
    },
    isCaughtUp: () => live.isCaughtUp,
  };
}

/** This file is in src/console of a checkout and in dist/console of the package; the page is in dist/page of both. */
function builtPage(): string {
  return join(import.meta.dirname, '..', '..', 'dist', 'page');
}
