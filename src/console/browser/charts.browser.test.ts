// Charts in a real browser, by pointer and by keyboard.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import type { Locator, Page } from 'playwright-core';
import { waitForValue, waitUntil } from '../../../test/support/wait-until.ts';
import { startPageBrowser, type OpenPage, type PageBrowser } from '../testing/browser-page.ts';
import { axeFindings } from '../testing/wcag.ts';
import { shownValues, startShownSystem, type ShownSystem } from '../testing/shown-system.ts';

let browser: PageBrowser;
let shown: ShownSystem;
let opened: OpenPage;
let page: Page;

before(async () => {
  browser = await startPageBrowser();
  shown = await startShownSystem(browser.pageDir);
});
afterEach(async () => {
  await opened?.close();
});
after(async () => {
  await shown?.stop();
  await browser?.close();
});

async function openScreen(name: string, width = 1_280): Promise<void> {
  const { address, isThere } = shown.screens.find((each) => each.name === name)!;
  opened = await browser.open(`${shown.system.url}/console/#${address}`, { width });
  ({ page } = opened);
  await isThere(page);
}

/** The value at which the alarm fired. */
const firedAt = 91;

/** Short enough that each sample is a separate point. */
const showTenMinutes = async (): Promise<void> => page.getByRole('radio', { name: '10 min' }).check();

const cursor = (): Locator => page.getByRole('slider', { name: 'Data cursor' });
const readout = (): Locator => page.locator('[data-part=chart-readout]');
const valueAt = async (): Promise<number> => Number(/[\d.]+$/.exec(await readout().innerText())?.[0]);

for (const name of ['editor', 'rule', 'alarm'])
  test(`keys move from sample to sample, and the values are announced: ${name}`, async () => {
    await openScreen(name, name === 'rule' ? 320 : 1_280);
    if (name !== 'alarm') await showTenMinutes();
    await page
      .locator(`[data-part=chart-cursor][aria-valuetext$=" ${name === 'alarm' ? firedAt : shownValues.at(-1)}"]`)
      .waitFor();
    await cursor().focus();
    await page.locator('[data-part=chart-cursor-line]').waitFor();
    await cursor().press('Home');
    const seen = [await valueAt()];
    for (const _ of shownValues.slice(1)) {
      await cursor().press('ArrowRight');
      seen.push(await valueAt());
    }
    assert.deepEqual(seen, shownValues);
    assert.equal(await page.locator('[data-part=chart-cursor-dot]').count(), 1);
    await cursor().press('PageDown');
    assert.equal(await valueAt(), shownValues[0]);
    await cursor().press('PageUp');
    await cursor().press('ArrowLeft');
    assert.equal(await valueAt(), shownValues.at(-2));
    assert.match((await cursor().getAttribute('aria-valuetext'))!, /^\d\d:\d\d:\d\d: host=web-1 93\.25$/);
    await cursor().press('End');
    assert.equal(await valueAt(), shownValues.at(-1));
    await cursor().press('Escape');
    await page.locator('[data-part=chart-cursor-line]').waitFor({ state: 'detached' });
    assert.equal(await readout().innerText(), '');
  });

test('on an alarm’s page the cursor starts at the sample that fired', async () => {
  await openScreen('alarm');
  await cursor().focus();
  assert.equal(await valueAt(), firedAt);
});

test('the cursor follows the pointer, and nothing else moves', async () => {
  await openScreen('rule');
  // Few points: of ten samples within ten seconds several share one, wherever a border between points is.
  await page.route('**/api/v1/samples?*', (route) =>
    route.continue({ url: route.request().url().replace('points=800', 'points=4') }),
  );
  await cursor().focus();
  const all = async (): Promise<readonly string[]> => {
    await cursor().press('Home');
    const texts = [await readout().innerText()];
    for (const _ of shownValues.slice(1)) {
      await cursor().press('ArrowRight');
      texts.push(await readout().innerText());
    }
    return texts;
  };
  const isShared = (text: string): boolean => /mean [\d.]+, [\d.]+ to [\d.]+ of \d+ samples$/.test(text);
  await waitForValue('a point combines several samples', all, (texts) => texts.some(isShared));
  await page.unroute('**/api/v1/samples?*');
  await showTenMinutes();
  await page.locator(`[data-part=chart-cursor][aria-valuetext$=" ${shownValues.at(-1)}"]`).waitFor();
  const table = page.locator('[data-part=chart-table]');
  const top = async (): Promise<number> => Math.round((await table.boundingBox())!.y);
  const [stood, box] = [await top(), (await cursor().boundingBox())!];
  const find = async (wanted: number): Promise<boolean> => {
    for (let x = box.x; x < box.x + box.width; x += 8) {
      await page.mouse.move(x, box.y + box.height - 4);
      if ((await valueAt()) === wanted) return true;
    }
    return false;
  };
  assert.ok(await find(97.5));
  assert.equal(await top(), stood);
  await page.mouse.move(box.x, box.y - 40);
  await page.locator('[data-part=chart-cursor-line]').waitFor({ state: 'detached' });
});

test('new samples do not move the cursor, and the threshold keeps its keys', async () => {
  await openScreen('editor');
  await showTenMinutes();
  await page.locator(`[data-part=chart-cursor][aria-valuetext$=" ${shownValues.at(-1)}"]`).waitFor();
  await cursor().focus();
  await cursor().press('Home');
  await cursor().press('ArrowRight');
  const at = await cursor().getAttribute('aria-valuenow');
  const most = await cursor().getAttribute('aria-valuemax');
  await shown.system.publish('cpu-usage', [50], { host: 'web-1' });
  await page.locator(`[data-part=chart-cursor]:not([aria-valuemax="${most}"])`).waitFor();
  assert.equal(await cursor().getAttribute('aria-valuenow'), at);
  assert.equal(await valueAt(), shownValues[1]);
  const threshold = page.getByRole('slider', { name: 'Threshold', exact: true });
  await threshold.press('ArrowRight');
  assert.ok(Number(await threshold.getAttribute('aria-valuenow')) > 90);
  await page.locator('[data-part=chart-cursor-line]').waitFor({ state: 'detached' });
});

test('the table contains the sample that fired, however many are newer, and has pages', async () => {
  const nowMs = Date.now();
  const json = { 'content-type': 'application/json' };
  const { url } = shown.system;
  const other = (await (await fetch(`${url}/rules/${shown.rule}`)).json()) as { discord_webhook_url: string };
  const body = { metric_name: 'long', threshold: 90, discord_webhook_url: other.discord_webhook_url };
  const made = await fetch(`${url}/rules`, { method: 'POST', headers: json, body: JSON.stringify(body) });
  const { id } = (await made.json()) as { id: string };
  await untilInForce(id);
  const samples = Array.from({ length: 300 }, (_, index) => ({
    name: 'long',
    value: index === 100 ? 95 : index < 100 ? index / 2 : 91,
    timestamp: nowMs - (300 - index) * 1_000,
  }));
  await fetch(`${url}/api/v1/metrics`, { method: 'POST', headers: json, body: JSON.stringify(samples) });
  opened = await browser.open(`${url}/console/#/rules/${id}`);
  ({ page } = opened);
  await page.locator('.past-card a', { hasText: 'long' }).first().click();
  await page.getByRole('heading', { name: 'Samples', exact: true }).waitFor();
  await page.getByText('As a table').click();
  const marked = page.locator('[data-part=chart-table] .marked');
  assert.match(await marked.innerText(), /fired\s+95\s+95\s+95/);
  const status = page.locator('[data-part=table-turns] [role=status]');
  const [, from, , of] = /^points (\d+) to (\d+) of (\d+)$/.exec(await status.innerText())!.map(Number);
  assert.ok(of! > 200 && from! > 100, `${from} of ${of}`);
  for (;;) {
    if ((await page.getByRole('button', { name: 'Later' }).getAttribute('aria-disabled')) === 'true') break;
    await page.getByRole('button', { name: 'Later' }).click();
  }
  assert.match(await status.innerText(), /^points 1 to 60 of/);
  assert.equal(await marked.count(), 0);
  await page.getByRole('button', { name: 'Earlier' }).click();
  assert.match(await status.innerText(), /^points 61 to 120 of/);
  await page.evaluate('scrollTo(0, 0)');
  assert.deepEqual(await axeFindings(page), []);
});

async function untilInForce(id: string): Promise<void> {
  await waitUntil(`rule ${id} is in force`, async () => {
    const answer = await fetch(`${shown.system.url}/api/v1/rules/${id}/in-force`);
    const { in_force: inForce, of } = (await answer.json()) as { in_force?: number; of?: number };
    return of === 1 && inForce === 1;
  });
}
