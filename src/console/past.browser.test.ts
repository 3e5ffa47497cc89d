// The screens that tell of the past, in a real browser against the whole system and a stand-in for Discord.
import { after, afterEach, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { build } from 'vite';
import { startFakeDiscord, type FakeDiscord } from '../../test/support/fake-discord/fake-discord.ts';
import { startConsoleSystem, type ConsoleSystem } from './testing/console-system.ts';

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
const stepMs = 20_000;

let pageDir: string;
let browser: Browser;
let discord: FakeDiscord;
let webhook: string;
let system: ConsoleSystem;
let context: BrowserContext;
let page: Page;
let faults: string[] = [];

before(async () => {
  pageDir = await mkdtemp(join(tmpdir(), 'ssrms-page-'));
  const configFile = join(import.meta.dirname, 'page', 'vite.config.ts');
  await build({ configFile, logLevel: 'warn', build: { outDir: pageDir } });
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: flags });
  discord = await startFakeDiscord();
});
after(async () => {
  await browser?.close();
  await discord?.close();
  await rm(pageDir, { recursive: true, force: true });
});
beforeEach(async () => {
  faults = [];
  webhook = discord.addWebhook().url;
  system = await startConsoleSystem({ pageDir, evaluates: true, discordApiBase: discord.apiBase });
  context = await browser.newContext({ viewport: { width: 1_280, height: 900 } });
  context.setDefaultTimeout(stepMs);
  page = await context.newPage();
  page.on('pageerror', (error) => faults.push(`page error: ${error.message}`));
  page.on('dialog', () => faults.push('something ran'));
  page.on('request', (request) => {
    if (!request.url().startsWith(system.url)) faults.push(`request to elsewhere: ${request.url()}`);
  });
});
afterEach(async () => {
  await context.close();
  await system.stop();
  assert.deepEqual(faults, []);
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

async function publish(metric: string, values: readonly number[], more: object = {}): Promise<void> {
  const nowMs = Date.now();
  const timestamp = (index: number): number => nowMs - (values.length - index) * 1_000;
  const samples = values.map((value, index) => ({ name: metric, value, timestamp: timestamp(index), ...more }));
  await send('POST', '/api/v1/metrics', samples);
}

/** How many alarms there have been. */
async function fired(count: number): Promise<void> {
  const deadline = Date.now() + stepMs;
  const total = async (): Promise<number> => (await send<{ total: number }>('GET', '/api/v1/alarms/history')).total;
  while ((await total()) < count) {
    assert.ok(Date.now() < deadline, 'the alarms were not made in time');
    await sleep(50);
  }
}

const go = (address: string): Promise<unknown> => page.goto(`${system.url}/console/${address}`);

test('a rule’s page tells how it is, what it watches, what it did and what it was before', async () => {
  const fields = { metric_name: 'cpu', threshold: 50, discord_webhook_url: webhook };
  const { id } = await make(fields);
  await publish('cpu', [10, 60, 20, 70, 30], { tags: { host: 'a' } });
  await publish('cpu', [10, 20, 42], { tags: { host: 'b' } });
  await publish('cpu', [10, 99], { tags: { host: 'c' } });
  await fired(3);
  await send('PUT', `/rules/${id}`, { ...fields, threshold: 45, description: 'Look at the fans' });
  await go(`#/rules/${id}`);
  await page.getByText('Fires when cpu is above 45.').waitFor();
  await page.getByText('Look at the fans').first().waitFor();
  await page.locator('.figure', { hasText: 'State' }).getByText('Firing').waitFor();
  await page.getByText('Shaded: when it fired, 3 times.').waitFor();
  const rows = page.locator('.list-table tbody tr');
  await rows.nth(2).waitFor();
  const series = (await rows.allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' '));
  assert.match(series[0]!, /c ▲\s?Firing for .* 99 54 beyond/);
  assert.match(series[1]!, /b ✓\s?OK 42 3 to go/);
  assert.match(series[2]!, /a ✓\s?OK 30 15 to go/);
  assert.equal(await page.locator('.past-alarms > li').count(), 3);
  await page.getByRole('img', { name: /^cpu: fired 3 times in 24 hours/ }).waitFor();
  await page.locator('.deliveries > li', { hasText: 'delivered' }).nth(2).waitFor();
  const changed = page.locator('.changed-fields');
  assert.match(
    (await changed.innerText()).replaceAll(/\s+/g, ' '),
    /threshold 50 → to 45.*description added: Look at the fans/,
  );

  await page.getByRole('button', { name: 'Send test' }).click();
  await page.getByText(/^✓ 200 in \d+ ms/).waitFor();
  await page.getByRole('switch').click();
  await page.locator('.figure', { hasText: 'State' }).getByText('Disabled').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.locator('.figure', { hasText: 'State' }).getByText('OK').waitFor();
  await page.locator('.past-alarms a').first().click();
  await page.getByRole('link', { name: 'The rule', exact: true }).click();
  await page.getByRole('link', { name: 'Edit', exact: true }).click();
  await page.getByRole('heading', { name: 'Edit rule' }).waitFor();
  assert.match(page.url(), new RegExp(`#/rules/${id}/edit$`));
});

test('older alarms come by the page, and a filter stands in the address', async () => {
  await make({ metric_name: 'flaps', threshold: 5 });
  await make({ metric_name: 'other', threshold: 5 });
  await publish(
    'flaps',
    Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? 9 : 1)),
  );
  await publish('other', [9]);
  await fired(26);
  await go('#/alarms');
  const rows = page.locator('.past-alarms > li');
  await page.getByText(/^20 of 26/).waitFor();
  await page.getByRole('button', { name: 'Show older' }).click();
  await page.getByText(/^26 of 26/).waitFor();
  assert.equal(await rows.count(), 26);
  assert.equal(await page.getByRole('button', { name: 'Show older' }).count(), 0);
  await page.getByLabel('State').selectOption('firing');
  await page.getByText(/^1 of 1/).waitFor();
  assert.match(await rows.innerText(), /Firing[\s\S]*other/);
  assert.match(page.url(), /#\/alarms\?state=firing$/);
  await go('#/alarms?metric=flaps&state=ended');
  await page.getByText(/^20 of 25/).waitFor();
  assert.equal(await page.getByLabel('Metric').inputValue(), 'flaps');
});
