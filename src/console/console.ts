import { join } from 'node:path';
import { runTogether, type Service } from '../base/service.ts';
import type { Routes } from '../http/server.ts';
import type { RuleFeed } from '../rule/rule-feed.ts';
import { backtestRoutes } from '../backtest/backtest-routes.ts';
import { MetricPasts } from '../backtest/metric-pasts.ts';
import { samplesRoutes } from '../backtest/samples-routes.ts';
import { alarmRoutes } from './alarm-routes.ts';
import { AlarmsView, type AlarmsViewOptions } from './alarms-view.ts';
import { consoleRoutes } from './console-routes.ts';
import { MetricCatalogue } from './metric-catalogue.ts';
import { metricsRoutes } from './metrics-routes.ts';
import { pageRoutes } from './page-routes.ts';
import { SampleCount } from './sample-count.ts';

export interface ConsoleOptions extends AlarmsViewOptions {
  /** The rules as this process follows them. The page also calls the rules API at its own origin. */
  readonly rules: RuleFeed;
  readonly version: string;
  /** The operator's base in place of Discord's. */
  readonly discordApiBase?: string | undefined;
  /** Where the built page is. */
  readonly pageDir?: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

export interface Console {
  /** Follows the `alarms` topic, and counts what comes in. */
  readonly service: Service;
  readonly routes: Routes;
}

/** The console: what the web page reads, and the page. The topics must be there before it runs. */
export function createConsole(options: ConsoleOptions): Console {
  const alarms = new AlarmsView(options);
  const samples = new SampleCount(options.log);
  let rulesCaughtUp = false;
  options.rules.caughtUp.then(
    () => (rulesCaughtUp = true),
    // Whoever follows the rules tells why they cannot be read.
    () => {},
  );
  const reading = consoleRoutes({
    alarms,
    rules: options.rules,
    isRulesCaughtUp: () => rulesCaughtUp,
    samples,
    now: options.now ?? Date.now,
    version: options.version,
  });
  const pasts = new MetricPasts(options.log);
  const catalogue = new MetricCatalogue(options.log);
  const looking = { log: options.log, pasts, now: options.now ?? Date.now };
  const explaining = alarmRoutes({ ...looking, alarms, rules: options.rules, discordApiBase: options.discordApiBase });
  const more = [explaining, backtestRoutes(looking), samplesRoutes(looking), metricsRoutes(catalogue)];
  const page = pageRoutes(options.pageDir ?? builtPage());
  return {
    service: {
      name: 'console',
      run: (signal) =>
        runTogether(
          [
            { name: 'alarms view', run: (stop) => alarms.run(stop) },
            { name: 'metric catalogue', run: (stop) => catalogue.run(stop) },
            { name: 'sample count', run: (stop) => samples.run(stop) },
          ],
          signal,
        ),
    },
    async routes(app) {
      await app.register(async (part) => reading(part));
      for (const routes of more) await app.register(async (part) => routes(part));
      await app.register(async (part) => page(part));
    },
  };
}

/** This file is in src/console of a checkout and in dist/console of the package; the page is in dist/page of both. */
function builtPage(): string {
  return join(import.meta.dirname, '..', '..', 'dist', 'page');
}
