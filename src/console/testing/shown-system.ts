// A system with data on every screen, the same each time: names, ids and values are fixed, only times and offsets are not.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { waitUntil } from '../../../test/support/wait-until.ts';
import { startFakeDiscord } from '../../../test/support/fake-discord/fake-discord.ts';
import { topics } from '../../topics.ts';
import { bucketMs } from '../live/fire-counts.ts';
import { startConsoleSystem, type ConsoleSystem } from './console-system.ts';

const webhookId = '123456789012345678';
const goneId = '111111111111111111';
const webhookToken = 't'.repeat(68);
const ruleId = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

/** The metric of the screens with charts, and its values: it fires, ends, and fires again. */
export const shownMetric = 'cpu-usage';
export const shownValues: readonly number[] = [41, 52, 95, 97.5, 40, 44, 91, 92, 93.25, 96];

const rules = [
  {
    metric_name: shownMetric,
    threshold: 90,
    resolve_threshold: 60,
    notify_on_resolve: true,
    tags: { host: 'web-1' },
    description: 'web-1 is out of breath',
  },
  { metric_name: 'failed-requests', threshold: 2, cooldown_seconds: 3_600, webhookId: goneId },
  { metric_name: 'disk-free', threshold: 5, operator: '<', enabled: false },
  { metric_name: 'queue-depth', threshold: 10, for_seconds: 3_600, description: 'No consumer' },
];

/** A screen, and how to wait for its data. */
export interface ShownScreen {
  readonly name: string;
  /** What follows the `#`. */
  readonly address: string;
  readonly isThere: (page: Page) => Promise<void>;
}

export interface ShownSystem {
  readonly system: ConsoleSystem;
  readonly rule: string;
  readonly screens: readonly ShownScreen[];
  stop(): Promise<void>;
}

/** Starts it, and waits for everything that its screens show. */
export async function startShownSystem(pageDir: string): Promise<ShownSystem> {
  const discord = await startFakeDiscord();
  const { url: webhook } = discord.addWebhook({ id: webhookId, token: webhookToken });
  const consoleUrl = 'https://alarms.example.org/console';
  const system = await startConsoleSystem({ pageDir, evaluates: true, discordApiBase: discord.apiBase, consoleUrl });
  // Each has its own time, so that sorting by time is unambiguous.
  for (const [index, { webhookId: id = webhookId, ...fields }] of rules.entries()) {
    const rule = { id: ruleId(index), ...fields, discord_webhook_url: webhook.replace(webhookId, id) };
    const [key, value] = [Buffer.from(rule.id), Buffer.from(JSON.stringify(rule))];
    await system.storage.log.append(topics.rules.name, [
      { key, value, timestampMs: Date.now() - 60_000 + index * 1_000 },
    ]);
  }
  const get = async <Body>(path: string): Promise<Body> => (await (await fetch(`${system.url}${path}`)).json()) as Body;
  await waitUntil('the rules are in force', async () => {
    const active = await Promise.all(
      rules.map((_, index) => get<{ in_force: number; of: number }>(`/api/v1/rules/${ruleId(index)}/in-force`)),
    );
    return active.every(({ in_force: inForce, of }) => of === 1 && inForce === 1);
  });
  const outcomes = (wanted: string, count: number): Promise<unknown> =>
    waitUntil(`${wanted}: ${count}`, async () => {
      const all = (await system.storage.records('deliveries')).map(({ value }) => JSON.parse(value ?? '{}') as object);
      return all.filter((record) => 'outcome' in record && record.outcome === wanted).length >= count;
    });
  await system.publish(shownMetric, [30], { host: 'web-2' });
  // The list of metrics is sorted by rate, and a metric's first reading weighs more than later ones: this sample
  // must be read on its own, on machines of every speed.
  await waitUntil('the console has read the metric', async () => {
    const { metrics } = await get<{ metrics: readonly unknown[] }>(`/api/v1/metrics?q=${shownMetric}`);
    return metrics.length > 0;
  });
  // All alarms are within the same 15 minutes, the bucket of the strips.
  const spanMs = shownValues.length * 1_000;
  await sleep(Math.max(0, spanMs - (Date.now() % bucketMs)));
  await system.publish(shownMetric, shownValues, { host: 'web-1' });
  await outcomes('delivered', 3);
  // Twice, so that it comes before queue-depth in the list of metrics, whenever the console reads either.
  await system.publish('failed-requests', [3, 3]);
  await outcomes('parked', 1);
  await system.publish('queue-depth', [12]);
  // The console reads samples every two seconds.
  await waitUntil('each rule has its last value', async () => {
    const { rules: listed } = await get<{ rules: { value?: number }[] }>('/api/v1/rules');
    return [shownValues.at(-1), 3, 12].every((value) => listed.some((rule) => rule.value === value));
  });
  const { alarms } = await get<{ alarms: { alarm_id: string }[] }>(`/api/v1/alarms?state=firing&rule_id=${ruleId(0)}`);
  return {
    system,
    rule: ruleId(0),
    screens: screensOf(ruleId(0), alarms[0]!.alarm_id),
    async stop() {
      await system.stop();
      await discord.close();
    },
  };
}

function screensOf(rule: string, alarm: string): ShownScreen[] {
  const seen =
    (...wanted: readonly (readonly [selector: string, text: string | RegExp])[]) =>
    async (page: Page): Promise<void> => {
      for (const [selector, hasText] of wanted) await page.locator(selector, { hasText }).first().waitFor();
    };
  const screens: Record<string, readonly [address: string, isThere: (page: Page) => Promise<void>]> = {
    now: [
      '/now',
      seen(['h1', '2 alarms are firing'], ['[data-part=alarm]', 'No consumer'], ['[data-part=changes]', 'Ended']),
    ],
    rules: ['/rules', seen(['p', '4 rules'], ['.rule', 'disk-free is below 5'], ['.rule', /delivered in/])],
    'new-rule': ['/rules/new', seen(['[data-part=picker]', 'queue-depth'])],
    editor: [
      `/rules/${rule}/edit`,
      seen(['[data-part=backtest]', /Would have fired/], ['[data-part=embed]', 'web-1 is out of breath']),
    ],
    rule: [
      `/rules/${rule}`,
      seen(
        ['p', /^Shaded: /],
        ['[data-part=deliveries]', 'Resolved at 40'],
        ['[data-part=versions]', 'version'],
        ['dd', '1 of 1'],
      ),
    ],
    alarm: [
      `/alarms/${alarm}`,
      seen(['[data-part=waterfall]', /delivered .* after the sample/], ['summary', 'As a table']),
    ],
    alarms: ['/alarms', seen(['p', /^3 of 3/])],
    timeline: [
      '/timeline',
      seen(['p', /^Complete since/], ['[data-part=heat]', 'failed-requests is'], ['p', '10 of 10']),
    ],
    webhooks: ['/webhooks', seen(['p', /^2 webhooks, 1 failing/], ['.webhook', 'queue-depth is'])],
    system: ['/system', seen(['p', 'All partitions assigned'], ['[data-part=outcome]', '14'])],
  };
  return Object.entries(screens).map(([name, [address, isThere]]) => ({ name, address, isThere }));
}
