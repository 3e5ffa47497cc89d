// A new user's first two minutes, in a real browser against the whole system and a fake Discord: from an empty page to the
// alarm's page, by pointer and by keyboard alone. Also invariants of the screens with charts.
import { after, afterEach, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Locator, Page } from 'playwright-core';
import { startFakeDiscord, type FakeDiscord } from '../../../test/support/fake-discord/fake-discord.ts';
import { startPageBrowser, type OpenPage, type PageBrowser } from '../testing/browser-page.ts';
import { startConsoleSystem, type ConsoleSystem } from '../testing/console-system.ts';

const stepMs = 15_000;

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
  page.setDefaultTimeout(stepMs);
});
afterEach(async () => {
  try {
    await opened.close();
  } finally {
    await system.stop();
  }
});

const button = (name: string | RegExp): Locator => page.getByRole('button', { name });
const threshold = (): Locator => page.getByRole('slider', { name: 'Threshold', exact: true });

async function rules(): Promise<{ id: string; threshold: number }[]> {
  return (await (await fetch(`${system.url}/rules`)).json()) as { id: string; threshold: number }[];
}

/** From the message to the alarm's page, where the alarm is re-checked. */
async function seeAlarm(): Promise<void> {
  await page.getByRole('heading', { name: '1 alarm is firing' }).waitFor();
  const sent = (): boolean => discord.ledger.entries.some(({ alarms }) => alarms.length > 0);
  while (!sent()) await sleep(20);
}

/** Drags the threshold to the top of the chart. Resolves to its value. */
async function dragUp(): Promise<number> {
  const box = (await threshold().boundingBox())!;
  await page.mouse.move(box.x + box.width - 40, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width - 40, box.y - 400, { steps: 5 });
  await page.mouse.up();
  const dragged = Number(await threshold().getAttribute('aria-valuenow'));
  assert.equal(await page.locator('#threshold').inputValue(), String(dragged), 'the field has the same value');
  return dragged;
}

async function hasNotFired(): Promise<boolean> {
  const words = page.getByText('Would not have fired');
  return words.waitFor({ timeout: 3_000 }).then(
    () => true,
    () => false,
  );
}

test('the first two minutes by pointer, from an empty page to the alarm’s page', async () => {
  await page.getByRole('heading', { name: 'No rules yet' }).waitFor();
  await page.getByRole('link', { name: 'Create a rule' }).click();
  await button('Start a demo metric').click();
  await button(/^Set the threshold to .* percentile of the samples$/).click();
  await threshold().waitFor();
  await page.getByText(/^Would have fired/).waitFor();
  let dragged = await dragUp();
  // Later samples of the demo metric are higher: then the threshold is dragged again, on a chart that has grown.
  while (!(await hasNotFired())) dragged = await dragUp();
  await page.locator('#discord_webhook_url').fill(webhook);
  await button('Send test').click();
  await page.getByText(/✓ 200 in \d+ ms/).waitFor();
  await button('Create rule').click();
  await page.getByText('Rule created').waitFor();
  assert.equal((await rules())[0]!.threshold, dragged);
  await page.getByRole('link', { name: /^Now/ }).click();
  await button('Trigger a spike').click();
  await seeAlarm();
  await page.getByRole('link', { name: 'demo-packages' }).first().click();
  await page.getByText(/✓ delivered .* after the sample/).waitFor();
  await button('Re-check this alarm').click();
  await page.getByText(/✓ Run again over the log/).waitFor();
});

const focusedName = `(() => {
  const element = document.activeElement;
  return (element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? element.textContent).trim();
})()`;
const focusFault = `(() => {
  const element = document.activeElement;
  if (element === document.body) return '';
  const header = document.querySelector('header').getBoundingClientRect();
  const isAbove = element.closest('header, dialog, [data-part=notices], [data-part=skip]') !== null;
  // A radio button is hidden behind its label, which shows the focus.
  const shown = element.type === 'radio' ? element.nextElementSibling : element;
  if (getComputedStyle(shown).outlineStyle === 'none') return 'no outline';
  return !isAbove && shown.getBoundingClientRect().bottom <= header.bottom ? 'below the header' : '';
})()`;

async function tabTo(name: RegExp): Promise<void> {
  for (let count = 0; count < 60; count++) {
    await page.keyboard.press('Tab');
    const reached = (await page.evaluate(focusedName)) as string;
    assert.equal(await page.evaluate(focusFault), '', `the focus on "${reached}" is not to be seen`);
    if (name.test(reached)) return;
  }
  assert.fail(`no Tab leads to ${name}`);
}

test('the first two minutes by keyboard alone', async () => {
  await page.getByRole('heading', { name: 'No rules yet' }).waitFor();
  await page.keyboard.press('n');
  await page.locator('#metric_name:focus').waitFor();
  await button('Start a demo metric').waitFor();
  await tabTo(/^Start a demo metric$/);
  await page.keyboard.press('Enter');
  await button(/percentile of the samples$/).waitFor();
  await tabTo(/percentile of the samples$/);
  await page.keyboard.press('Enter');
  await threshold().waitFor();
  await tabTo(/^Threshold$/);
  const suggested = Number(await page.locator('#threshold').inputValue());
  while ((await page.evaluate('document.activeElement.getAttribute("role")')) !== 'slider') await tabTo(/^Threshold$/);
  await page.keyboard.press('ArrowUp');
  const one = Number(await threshold().getAttribute('aria-valuenow'));
  assert.ok(one > suggested, `${one} is not above ${suggested}`);
  await page.keyboard.press('End');
  const most = Number(await threshold().getAttribute('aria-valuenow'));
  assert.ok(most > one);
  await tabTo(/^Discord webhook URL$/);
  await page.keyboard.type(webhook);
  await tabTo(/^Send test$/);
  await page.keyboard.press('Enter');
  await page.getByText(/✓ 200 in \d+ ms/).waitFor();
  await tabTo(/^Create rule$/);
  await page.keyboard.press('Enter');
  await page.getByText('Rule created').waitFor();
  assert.equal((await rules())[0]!.threshold, most);
  await tabTo(/^Trigger a spike$/);
  await page.keyboard.press('Enter');
  await tabTo(/^Now/);
  await page.keyboard.press('Enter');
  await seeAlarm();
  await tabTo(/^demo-packages$/);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'demo-packages' }).waitFor();
  await page.getByText(/✓ delivered .* after the sample/).waitFor();
  await tabTo(/^Re-check this alarm$/);
  await page.keyboard.press('Enter');
  await page.getByText(/✓ Run again over the log/).waitFor();
});

test('the preview agrees with the API and with the alarms of the same samples', async () => {
  const values = Array.from({ length: 300 }, (_, index) => (index % 37 === 5 ? 90.5 : index % 41 < 3 ? 80 : 10));
  const answer = await fetch(`${system.url}/rules`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ metric_name: 'cpu', threshold: 79.5, discord_webhook_url: webhook }),
  });
  const rule = (await answer.json()) as { id: string };
  await system.publish('cpu', values);
  await page.goto(`${system.url}/console/#/rules/${rule.id}/edit`);
  const words = page.getByText(/^Would have fired/);
  await words.waitFor();
  const said = await fetch(`${system.url}/api/v1/rules/backtest`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ rule, last_seconds: 3_600 }),
  });
  const { fired, due } = (await said.json()) as { fired: number; due: { id: string }[] };
  assert.ok(fired > 5);
  assert.match(await words.innerText(), new RegExp(`^Would have fired ${fired} times`));
  const made = async (): Promise<string[]> =>
    (await system.storage.records('notifications'))
      .map(({ value }) => JSON.parse(value!) as { id: string; message?: boolean })
      .filter(({ message }) => message !== false)
      .map(({ id }) => id);
  while ((await made()).length < due.length) await sleep(20);
  assert.deepEqual(
    await made(),
    due.map(({ id }) => id),
  );
  await page.locator('#threshold').fill('85.25');
  await page.getByText(/Now \d+, before \d+\./).waitFor();
  assert.equal(await threshold().getAttribute('aria-valuenow'), '85.25', 'a fraction is kept');
});

test('hostile text is shown as text on the alarm’s page and beside the editor', async () => {
  const metric = '<img src=x onerror=alert(1)>"\'`[x](http://evil)';
  const tags = { '<b>k</b>': '"><script>alert(2)</script>' };
  await fetch(`${system.url}/rules`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ metric_name: metric, threshold: 5, discord_webhook_url: webhook, description: metric }),
  });
  await system.publish(metric, [1, 9], tags);
  await page.getByRole('link', { name: metric }).first().click();
  await page.getByRole('heading', { name: metric }).waitFor();
  await page.getByText('"><script>alert(2)</script>').first().waitFor();
  await page.getByText('As a table').click();
  await page.getByRole('link', { name: 'Edit rule' }).click();
  await page.getByText(/^Would have fired/).waitFor();
  assert.equal(await page.locator('img, script:not([src]), b > b').count(), 0);
});

test('an unknown alarm id is reported as not found', async () => {
  await page.goto(`${system.url}/console/#/alarms/00000000-0000-5000-8000-000000000000`);
  await page.getByRole('heading', { name: 'Alarm not found' }).waitFor();
});
