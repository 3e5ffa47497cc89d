// How old or missing values are shown, in a real browser against the whole system.
import { after, afterEach, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { startFakeDiscord, type FakeDiscord } from '../../../test/support/fake-discord/fake-discord.ts';
import { startPageBrowser, type OpenPage, type PageBrowser } from '../testing/browser-page.ts';
import { appendAlarm, firingSince, startConsoleSystem, type ConsoleSystem } from '../testing/console-system.ts';

const stepMs = 20_000;

let browser: PageBrowser;
let discord: FakeDiscord;
let webhook: string;
let system: ConsoleSystem;
let opened: OpenPage;
let page: Page;

before(async () => {
  browser = await startPageBrowser();
  discord = await startFakeDiscord();
});
after(async () => {
  await browser?.close();
  await discord?.close();
});
beforeEach(async () => {
  webhook = discord.addWebhook().url;
  system = await startConsoleSystem({ pageDir: browser.pageDir, evaluates: true, discordApiBase: discord.apiBase });
  opened = await browser.open(`${system.url}/console/`, { height: 900 });
  ({ page } = opened);
});
afterEach(async () => {
  try {
    await opened.close();
  } finally {
    await system.stop();
  }
});

async function send<Body>(method: string, path: string, body?: object): Promise<Body> {
  const answer = await fetch(`${system.url}${path}`, {
    method,
    ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${text}`);
  return JSON.parse(text) as Body;
}

const make = (fields: object): Promise<{ id: string }> =>
  send('POST', '/rules', { discord_webhook_url: webhook, ...fields });

/** Waits until this many alarms have fired. */
async function fired(count: number): Promise<void> {
  const deadline = Date.now() + stepMs;
  const total = async (): Promise<number> => (await send<{ total: number }>('GET', '/api/v1/alarms/history')).total;
  while ((await total()) < count) {
    assert.ok(Date.now() < deadline, 'the alarms were not made in time');
    await sleep(50);
  }
}

const go = (address: string): Promise<unknown> => page.goto(`${system.url}/console/${address}`);

test('old or missing data is marked: an old value, a window longer than the samples, a message no longer kept', async () => {
  const at = (value: number, secondsAgo: number, host: string): object => ({
    name: 'load',
    value,
    tags: { host },
    timestamp: Date.now() - secondsAgo * 1_000,
  });
  const { id } = await make({ metric_name: 'load', threshold: 500, tags: { host: 'gone' } });
  const { id: meanId } = await make({
    metric_name: 'load',
    threshold: 500,
    tags: { host: 'live' },
    type: 'window_average',
    window_duration_seconds: 600,
  });
  await send('POST', '/api/v1/metrics', [
    at(495, 20 * 60, 'gone'),
    ...Array.from({ length: 100 }, (_, index) => at(10, 300 - index * 3, 'live')),
  ]);
  await go(`#/rules/${id}`);
  const figure = page.locator('.figure', { hasText: 'Value closest to the threshold' });
  await figure.getByText(/5 below threshold, 20 min .*ago/).waitFor();
  assert.equal(await figure.getAttribute('data-kind'), 'zero');
  await go(`#/rules/${meanId}`);
  await page.locator('.figure', { hasText: 'Average of 10 min' }).getByText('The window is longer than').waitFor();
  await page.locator('[data-part=series]').getByText('The window is longer than the samples held here').waitFor();
  await go('#/rules');
  await page
    .locator('[data-part=rule-value].hint', { hasText: '495' })
    .getByText(/5 below, 20 min .*ago/)
    .waitFor();
  await page.locator('.rule', { hasText: 'averages' }).getByText('The window is longer than the samples').waitFor();

  const timeMs = Date.now() - 40 * 86_400_000;
  const given = { ruleId: id, metric: 'load', tags: { host: 'gone' }, x: 501, offset: 1_000, timeMs };
  const { state } = await appendAlarm(system.storage.log, { ...given, state: firingSince(timeMs) });
  assert.ok(state.state === 'firing');
  await fired(1);
  await go('#/now');
  await page.locator('[data-part=alarm-figures]', { hasText: 'Fired at' }).getByText('501').waitFor();
  await system.publish('load', [480], { host: 'gone' });
  await page.locator('[data-part=alarm-figures]', { hasText: 'Value' }).getByText('480').waitFor();
  await go(`#/alarms/${state.alarmId}`);
  await page.getByText('The message is no longer kept.').waitFor();
});
