// Interaction in a real browser: palette, shortcuts, pause, time zone, an expiring token.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { ok } from '../../alarm/alarm-state.ts';
import { bearer } from '../../http/testing/test-server.ts';
import {
  startPageBrowser,
  untilTrue,
  type OpenPage,
  type PageBrowser,
  type PageOptions,
} from '../testing/browser-page.ts';
import { appendAlarm, firingSince, startConsoleSystem, type ConsoleSystem } from '../testing/console-system.ts';
import { axeFindings } from '../testing/wcag.ts';

const webhook = `https://discord.com/api/webhooks/123456789012345678/${'t'.repeat(68)}`;

let browser: PageBrowser;
let system: ConsoleSystem;
let opened: OpenPage;
let page: Page;

before(async () => {
  browser = await startPageBrowser();
});
after(async () => {
  await browser?.close();
});
afterEach(async () => {
  try {
    await opened.close();
  } finally {
    await system.stop();
  }
});

async function open({ auth = false, ...options }: PageOptions & { auth?: boolean } = {}): Promise<void> {
  system = await startConsoleSystem({ pageDir: browser.pageDir, auth });
  opened = await browser.open(`${system.url}/console/`, options);
  ({ page } = opened);
}

async function make(metric: string): Promise<string> {
  const answer = await fetch(`${system.url}/rules`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ metric_name: metric, threshold: 90, discord_webhook_url: webhook }),
  });
  return ((await answer.json()) as { id: string }).id;
}

const palette = () => page.getByRole('dialog', { name: 'Search or run a command' });

test('the palette finds pages, commands and rules by a few letters, and returns the focus', async () => {
  await open();
  const id = await make('cpu-usage');
  await page.getByRole('heading', { name: 'Nothing is firing' }).waitFor();
  await page.getByRole('button', { name: 'Keyboard shortcuts' }).focus();
  await page.keyboard.press('Control+k');
  await palette().waitFor();
  assert.deepEqual(await axeFindings(page), []);
  await page.keyboard.press('Escape');
  await palette().waitFor({ state: 'hidden' });
  assert.equal(await page.evaluate('document.activeElement.ariaLabel'), 'Keyboard shortcuts');

  await page.keyboard.press('Control+k');
  await page.keyboard.type('disabled');
  await page.keyboard.press('Enter');
  await page.waitForURL(/#\/rules\?q=state%3Adisabled$/);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('cpu-us');
  await page.getByRole('option', { name: 'cpu-usage is above 90' }).waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL(new RegExp(`#/rules/${id}$`));
  await page.keyboard.press('Control+k');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.waitForURL(/#\/(?!rules\/)/);
});

test('single-key shortcuts can be turned off, and the palette stays', async () => {
  await open();
  await page.getByRole('heading', { name: 'No rules yet' }).waitFor();
  await page.keyboard.press('?');
  await page.getByLabel('Single-key shortcuts are on').uncheck();
  await page.keyboard.press('Escape');
  await page.keyboard.press('n');
  await page.keyboard.press('r');
  await page.keyboard.press('Control+k');
  await palette().waitFor();
  assert.match(page.url(), /#?(\/now)?$/, 'no key went anywhere');
  await page.keyboard.press('Escape');
  await page.reload();
  await page.getByRole('heading', { name: 'No rules yet' }).waitFor();
  await page.keyboard.press('n');
  await page.keyboard.press('Control+k');
  await palette().waitFor();
  assert.doesNotMatch(page.url(), /rules/, 'it is remembered');
});

test('j and k move through firing alarms, Enter opens one, and e edits the rule', async () => {
  await open();
  const ruleId = await make('cpu');
  for (const [host, offset] of [
    ['a', 1],
    ['b', 2],
  ] as const) {
    const given = { ruleId, metric: 'cpu', tags: { host }, x: 95, offset };
    await appendAlarm(system.storage.log, { ...given, state: firingSince(Date.now() - 60_000 + offset) });
  }
  await page.getByRole('heading', { name: '2 alarms are firing' }).waitFor();
  await page.locator('[data-part=alarm]').nth(1).waitFor();
  const isIn = (row: number): string =>
    `document.querySelectorAll('[data-part=alarm]')[${row}].contains(document.activeElement)`;
  for (const [key, row] of [
    ['j', 0],
    ['j', 1],
    ['k', 0],
  ] as const) {
    await page.keyboard.press(key);
    await untilTrue(page, isIn(row));
  }
  await page.keyboard.press('Enter');
  await page.waitForURL(/#\/alarms\//);
  await page.getByRole('link', { name: 'Edit rule' }).waitFor();
  await page.keyboard.press('e');
  await page.waitForURL(/\/edit$/);
  await page.goto(`${system.url}/console/#/rules/${ruleId}`);
  await page.getByRole('link', { name: 'Edit', exact: true }).waitFor();
  await page.keyboard.press('e');
  await page.waitForURL(/\/edit$/);
});

test('a new value redraws only its own alarm; rules are read in one request, and the stream is opened once', async () => {
  system = await startConsoleSystem({ pageDir: browser.pageDir });
  const { log } = system.storage;
  const hosts = Array.from({ length: 40 }, (_, index) => `web-${index}`);
  const alarms = [];
  for (const [index, host] of hosts.entries()) {
    const given = { ruleId: await make(`metric-${index}`), metric: `metric-${index}`, tags: { host }, offset: index };
    // Days ago, so that the duration text does not change within a second.
    const state = firingSince(Date.now() - 3 * 86_400_000 + index);
    alarms.push({ ...given, state: (await appendAlarm(log, { ...given, state, x: 95 })).state });
  }
  opened = await browser.open(`${system.url}/api/v1/status`);
  ({ page } = opened);
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(`${system.url}/console/`);
  const row = (index: number) => page.locator('[data-part=alarm]', { hasText: `metric-${index} is above 90` });
  await row(39).waitFor();
  assert.equal(await page.locator('[data-part=alarm]', { hasText: 'is above 90' }).count(), 40);
  const count = (path: RegExp): number => asked.filter((one) => path.test(one)).length;
  assert.deepEqual([count(/stream$/), count(/^\/rules\//), count(/rules\/export$/)], [1, 0, 1]);

  // Drawing a row computes the address of the alarm.
  await page.evaluate(`
    globalThis.drawn = 0;
    const encode = encodeURIComponent;
    globalThis.encodeURIComponent = (text) => (drawn++, encode(text));
    globalThis.written = [];
    new MutationObserver((list) => written.push(...list.map(({ target }) => target.parentElement?.dataset.part ?? '')))
      .observe(document.querySelector('[data-part=alarms]'), { subtree: true, childList: true, attributes: true, characterData: true });
  `);
  await appendAlarm(log, { ...alarms[7]!, x: 97.5, offset: 100, isRepeat: true });
  await row(7).getByText('97.5', { exact: true }).waitFor();
  assert.deepEqual(await page.evaluate('[drawn, written]'), [0, ['value']]);
});

test('while paused nothing changes or moves, and nothing is missed after resuming', async () => {
  await open();
  const ruleId = await make('cpu');
  await page.getByRole('heading', { name: 'Nothing is firing' }).waitFor();
  await page.getByText('Live', { exact: true }).waitFor();
  const { log } = system.storage;
  await appendAlarm(log, { ruleId, metric: 'cpu', state: firingSince(1_000), x: 95, offset: 1 });
  await page.getByRole('heading', { name: '1 alarm is firing' }).waitFor();
  await page.getByRole('button', { name: 'Pause live data and motion' }).click();
  await page.getByText('Paused', { exact: true }).waitFor();
  await appendAlarm(log, { ruleId, metric: 'cpu', state: ok, x: 5, offset: 2 });
  await appendAlarm(log, { ruleId, metric: 'cpu', state: firingSince(2_000), x: 96, offset: 3 });
  await appendAlarm(log, { ruleId, metric: 'cpu', state: ok, x: 5, offset: 4 });
  // Far longer than the 100 ms after which a change would be shown.
  await page.waitForTimeout(1_500);
  assert.equal(await page.getByRole('heading', { name: /alarm was firing/ }).count(), 1, 'it is not shown as live');
  const running = `document.getAnimations().filter(({ playState }) => playState === 'running').length`;
  assert.equal(await page.evaluate(running), 0);
  await page.getByRole('button', { name: 'Resume live data and motion' }).click();
  await page.getByRole('heading', { name: 'Nothing is firing' }).waitFor();
  await page.locator('[data-part=changes] > li').nth(3).waitFor();
  assert.equal(await page.locator('[data-part=changes] > li').count(), 4);
});

test('times are in the local zone or in UTC, and the choice is kept', async () => {
  await open({ timezoneId: 'Asia/Tokyo' });
  const ruleId = await make('cpu');
  const timeMs = Date.UTC(2026, 0, 2, 20, 30, 0);
  await appendAlarm(system.storage.log, {
    ruleId,
    metric: 'cpu',
    state: firingSince(timeMs),
    x: 95,
    offset: 1,
    timeMs,
  });
  const time = page.locator('[data-part=alarm] time').first();
  await time.waitFor();
  assert.match((await time.getAttribute('title'))!, /Jan 3, 2026.* 05:30:00$/);
  await page.getByRole('button', { name: /^Times: this computer/ }).click();
  await untilTrue(page, `document.querySelector('[data-part=alarm] time').title.endsWith('UTC')`);
  assert.match((await time.getAttribute('title'))!, /Jan 2, 2026.* 20:30:00 UTC$/);
  await page.reload();
  await time.waitFor();
  assert.match((await time.getAttribute('title'))!, /UTC$/);
  assert.match(await page.title(), /^\(1\) /);
  assert.match((await page.locator('link[rel=icon]').getAttribute('href'))!, /favicon-firing/);
});

test('the time left of a token is shown, and signing in again keeps the draft', async () => {
  await open({ auth: true });
  const all = 'rules:read rules:write alarms:read';
  const dialog = page.getByRole('dialog', { name: 'Sign in' });
  await dialog.getByLabel('Token').fill(await bearer({ scope: all, lifetimeSeconds: 200 }));
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'hidden' });
  await page.keyboard.press('n');
  await page.getByLabel('Metric', { exact: true }).fill('kept');
  const left = page.getByRole('button', { name: /^Signed in for [23]:\d\d/ });
  await left.waitFor();
  const first = await left.innerText();
  await untilTrue(page, `document.querySelector('[data-part=expiry]').innerText !== ${JSON.stringify(first)}`);
  await left.click();
  await dialog.getByLabel('Token').fill(await bearer({ scope: all, lifetimeSeconds: 3_600 }));
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'hidden' });
  await left.waitFor({ state: 'detached' });
  assert.equal(await page.getByLabel('Metric', { exact: true }).inputValue(), 'kept');
});
