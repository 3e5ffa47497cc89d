// The rule table in a real browser, with many more rules than fit the window.
import { after, afterEach, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import type { Page } from 'playwright-core';
import { topics } from '../../topics.ts';
import { startPageBrowser, untilTrue, type OpenPage, type PageBrowser } from '../testing/browser-page.ts';
import { startConsoleSystem, type ConsoleSystem } from '../testing/console-system.ts';
import { axeFindings, layoutFaults } from '../testing/wcag.ts';

const webhook = `https://discord.com/api/webhooks/123456789012345678/${'t'.repeat(68)}`;
const id = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

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
beforeEach(async () => {
  system = await startConsoleSystem({ pageDir: browser.pageDir });
});
afterEach(async () => {
  try {
    await opened.close();
  } finally {
    await system.stop();
  }
});

async function fill(count: number, fields: (index: number) => object = () => ({})): Promise<void> {
  const atOnce = 2_000;
  for (let at = 0; at < count; at += atOnce) {
    const records = Array.from({ length: Math.min(atOnce, count - at) }, (_, offset) => {
      const index = at + offset;
      const rule = { id: id(index), metric_name: `metric-${index}`, threshold: 500, discord_webhook_url: webhook };
      const value = Buffer.from(JSON.stringify({ ...rule, ...fields(index) }));
      return { key: Buffer.from(id(index)), value, timestampMs: Date.now() };
    });
    await system.storage.log.append(topics.rules.name, records);
  }
  for (;;) {
    const answer = await fetch(`${system.url}/api/v1/status`);
    if (answer.ok && ((await answer.json()) as { rules: number }).rules === count) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function open(path = '#/rules', options = {}): Promise<void> {
  opened = await browser.open(`${system.url}/console/${path}`, options);
  ({ page } = opened);
  await page.locator('[data-part=rule-link]').first().waitFor();
}

interface Stored {
  readonly id: string;
  readonly enabled?: boolean;
  readonly threshold: number;
}
const stored = async (): Promise<Stored[]> => (await (await fetch(`${system.url}/rules`)).json()) as Stored[];
const link = (metric: string) => page.getByRole('link', { name: `${metric} is above 500`, exact: true });
const rows = () => page.locator('.rule').count();

test('of 200,000 rules about 40 rows are in the document; the middle and the end can be scrolled to', async () => {
  const count = 200_000;
  await fill(count);
  let bytes = 0;
  await open();
  page.on('response', (answer) => {
    if (answer.url().includes('/api/v1/rules?'))
      answer.body().then(
        (body) => (bytes = Math.max(bytes, body.length)),
        // The last request may still be running when the page is closed.
        () => {},
      );
  });
  assert.equal(await page.getByRole('table', { name: 'Rules' }).getAttribute('aria-rowcount'), String(count + 1));
  assert.ok((await rows()) <= 60, `${await rows()} rows are there`);
  await page.evaluate('scrollTo(0, document.documentElement.scrollHeight / 2)');
  await page.locator('.rule[aria-rowindex="100002"] [data-part=rule-link]').waitFor();
  assert.match(await page.locator('.rule[aria-rowindex="100002"]').innerText(), /metric-100000 is above/);
  await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)');
  await link(`metric-${count - 1}`).waitFor();
  assert.ok((await rows()) <= 60);
  await page.getByLabel('Search the rules').fill('metric:metric-123456');
  await link('metric-123456').waitFor();
  await page.getByText('1 matches').waitFor();
  assert.equal(await page.getByRole('table', { name: 'Rules' }).getAttribute('aria-rowcount'), '2');
  assert.match(page.url(), /q=metric%3Ametric-123456/);
  assert.ok(bytes > 0 && bytes < 100_000, `an answer had ${bytes} bytes`);
});

test('a search with too many matches to count continues as far as the user scrolls', async () => {
  await fill(30_000, (index) => ({ description: index % 2 === 0 ? 'even' : 'odd' }));
  await open('#/rules?q=even');
  await page.getByText(/and more match$/).waitFor();
  assert.equal(await page.getByRole('table', { name: 'Rules' }).getAttribute('aria-rowcount'), '-1');
  const row = page.locator('.rule[aria-rowindex="302"] [data-part=rule-main]');
  const deadline = Date.now() + 60_000;
  while ((await row.count()) === 0) {
    assert.ok(Date.now() < deadline, 'scrolling to the end leads on');
    await page.evaluate('scrollBy(0, 1000)');
    await page.waitForTimeout(20);
  }
  assert.match(await row.innerText(), /metric-600 /);
});

test('the keyboard moves the focus through virtual rows, and it never leaves the window', async () => {
  await fill(60_000);
  await open();
  // Keys are faster than the server: steps wait for rows that have not arrived.
  await page.route('**/api/v1/rules?*', async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    await route.continue();
  });
  await link('metric-0').focus();
  for (let step = 1; step <= 60; step++) await page.keyboard.press('j');
  await untilTrue(page, `document.activeElement.closest('[data-rank]')?.dataset.rank === '60'`);
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  const box = (await link('metric-60').boundingBox())!;
  assert.ok(box.y >= 60 && box.y < 860, `the row in focus is at ${box.y}`);
  assert.ok((await rows()) <= 60);
  await page.keyboard.press('k');
  await untilTrue(page, `document.activeElement.closest('[data-rank]')?.dataset.rank === '59'`);
  for (let stop = 0; stop < 60; stop++) {
    await page.keyboard.press('Tab');
    const seen = await page.evaluate(`(() => {
      const box = document.activeElement.getBoundingClientRect();
      return box.top >= document.querySelector('header').getBoundingClientRect().bottom - 1 && box.bottom <= innerHeight;
    })()`);
    if (seen !== true)
      await untilTrue(
        page,
        `document.activeElement.getBoundingClientRect().top >= 0 && document.activeElement.getBoundingClientRect().bottom <= innerHeight`,
      );
  }
  await page.keyboard.press('e');
  await page.getByRole('heading', { name: 'Edit rule' }).waitFor();
});

test('selected rules are enabled, disabled and exported at once, with Undo; deleting asks for their number', async () => {
  await fill(3_000, (index) => ({ description: index % 3 === 0 ? 'third' : 'other' }));
  await open('#/rules?q=third');
  await page.getByText('1,000 match').waitFor();
  await page.getByLabel('Select all matching').check();
  await page.getByText('1,000 selected').waitFor();
  await page.getByRole('button', { name: 'Disable', exact: true }).click();
  await page.getByText('Disabled 1,000 rules.').waitFor();
  assert.equal((await stored()).filter(({ enabled }) => enabled === false).length, 1_000);
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('Enabled 1,000 rules.').waitFor();
  assert.equal((await stored()).filter(({ enabled }) => enabled === false).length, 0);

  await page.getByRole('button', { name: 'Clear' }).click();
  await page.getByLabel('Select: metric-0 is above 500').check();
  await page.getByLabel('Select: metric-6 is above 500').check();
  await page.getByText('2 selected').waitFor();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Export' }).click(),
  ]);
  const exported = JSON.parse(await text(await download.createReadStream())) as Stored[];
  assert.deepEqual(
    exported,
    (await stored()).filter((rule) => [id(0), id(6)].includes(rule.id)),
  );

  await page.getByRole('button', { name: 'Delete…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Delete 2 rules?' });
  const confirm = dialog.getByRole('button', { name: 'Delete 2 rules' });
  assert.ok(await confirm.isDisabled());
  await dialog.getByLabel('Type 2').fill('3');
  assert.ok(await confirm.isDisabled());
  await dialog.getByLabel('Type 2').fill('2');
  await confirm.click();
  await page.getByText('Deleted 2 rules.').waitFor();
  assert.equal((await stored()).length, 2_998);

  const rules = JSON.stringify([...exported, { ...(await stored())[0]!, threshold: 7 }, { threshold: 1 }]);
  const file = { name: 'import.json', mimeType: 'application/json', buffer: Buffer.from(rules) };
  await page.getByRole('button', { name: 'Import' }).click();
  await page.getByLabel(/^A JSON file/).setInputFiles(file);
  await page.getByRole('heading', { name: '+ New: 2' }).waitFor();
  await page.getByText('threshold: 500 → 7').waitFor();
  await page.getByText(/metric_name is missing/).waitFor();
  assert.equal((await stored()).length, 2_998, 'nothing is written before Save');
  await page.getByRole('button', { name: 'Save 2 new and 1 changed' }).click();
  await page.getByText('Imported 3 rules.').waitFor();
  const now = await stored();
  assert.equal(now.length, 3_000);
  assert.equal(now.filter(({ threshold }) => threshold === 7).length, 1);
  await untilTrue(page, `document.activeElement.textContent === 'Import'`);
});

test('all but one are selected, and a request that fails reports what was done before, with Undo', async () => {
  await fill(1_200);
  await open();
  await page.getByLabel('All', { exact: true }).check();
  await page.getByLabel('Select: metric-1 is above 500').uncheck();
  await page.getByText('1,199 selected').waitFor();
  let asked = 0;
  await page.route('**/api/v1/rules/bulk', (route) => (++asked === 2 ? route.abort() : route.continue()));
  await page.getByRole('button', { name: 'Disable', exact: true }).click();
  await page.getByText('Disabled 500 rules. Stopped: The server cannot be reached.').waitFor();
  const off = (await stored()).filter(({ enabled }) => enabled === false).map((rule) => rule.id);
  assert.equal(off.length, 500);
  assert.ok(!off.includes(id(1)));
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('Enabled 500 rules.').waitFor();
  assert.equal((await stored()).filter(({ enabled }) => enabled === false).length, 0);
});

test('a server slower than the polling interval still fills the list', async () => {
  await fill(3);
  opened = await browser.open(`${system.url}/console/#/now`);
  ({ page } = opened);
  await page.route('**/api/v1/rules?*', async (route) => {
    await page.waitForTimeout(3_000);
    await route.continue();
  });
  await page.route('**/api/v1/webhooks?*', async (route) => {
    await page.waitForTimeout(3_000);
    await route.continue();
  });
  await page.goto(`${system.url}/console/#/rules`);
  await link('metric-1').waitFor();
  await page.goto(`${system.url}/console/#/webhooks`);
  await page.locator('.webhook').waitFor();
});

test('rows keep their order under the pointer, and a pill counts the missed changes', async () => {
  await fill(20);
  await open();
  await link('metric-3').hover();
  await fetch(`${system.url}/rules/${id(1)}`, { method: 'DELETE' });
  const body = JSON.stringify({
    metric_name: 'metric-5',
    threshold: 500,
    discord_webhook_url: webhook,
    enabled: false,
  });
  await fetch(`${system.url}/rules/${id(5)}`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body });
  await page.getByRole('button', { name: '1 change' }).waitFor();
  await page.locator('.rule[aria-rowindex="7"] [data-part=state]', { hasText: 'Disabled' }).waitFor();
  assert.equal(await link('metric-1').count(), 1, 'it keeps its place');
  await page.mouse.move(0, 0);
  await link('metric-1').waitFor({ state: 'detached' });
  assert.equal(await page.getByRole('button', { name: '1 change' }).count(), 0);
});

test('rows are as high as their content, also after the window was narrow', async () => {
  await fill(5, () => ({ description: 'd '.repeat(80), tags: { host: 'y'.repeat(90) } }));
  await open();
  const heights = `[...document.querySelectorAll('.rule')].map((row) => row.offsetHeight)`;
  const wide: number[] = await page.evaluate(heights);
  await page.setViewportSize({ width: 320, height: 860 });
  await untilTrue(page, `${heights}.every((height) => height > ${1.5 * wide[0]!})`);
  await page.setViewportSize({ width: 1_280, height: 860 });
  await untilTrue(page, `JSON.stringify(${heights}) === ${JSON.stringify(JSON.stringify(wide))}`);
});

for (const [theme, width] of [
  ['light', 1_280],
  ['dark', 1_280],
  ['light', 320],
  ['dark', 320],
] as const) {
  test(`axe finds nothing in the list, ${theme}, ${width} px, and nothing is cut off or too small`, async () => {
    await fill(500, (index) => ({
      description: 'x'.repeat(index % 300) || 'd',
      tags: { host: 'y'.repeat(90), zone: 'eu' },
      enabled: index % 2 === 0,
    }));
    await open('#/rules', { theme, width });
    await page
      .getByLabel(/^Select: /)
      .first()
      .check();
    await page.getByRole('button', { name: 'Export' }).waitFor();
    assert.deepEqual(await axeFindings(page), []);
    assert.deepEqual(await page.evaluate(layoutFaults), { overflow: 0, small: [] });
    const cut = await page.evaluate(
      `[...document.querySelectorAll('.rule')].filter((row, index, all) => index > 0 && row.getBoundingClientRect().top < all[index - 1].getBoundingClientRect().bottom - 1).length`,
    );
    assert.equal(cut, 0, 'no row reaches into the next');
  });
}
