// Each screen in the states that a screen with data does not show: nothing there yet, a server that cannot answer, a line that is cut,
// nobody signed in. Axe finds nothing, nothing is cut off at 320 px, and the page itself raises no error.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { lineTo } from './testing/broken-line.ts';
import { startPageBrowser, type OpenPage, type PageBrowser } from './testing/browser-page.ts';
import { startConsoleSystem, type ConsoleSystem } from './testing/console-system.ts';
import { axeFindings, layoutFaults } from './testing/wcag.ts';

const screens = [
  ['now', /^(Connecting|No rules yet|Nothing is firing|Nothing was firing|Signed out)/],
  ['rules', 'Rules'],
  ['rules/new', 'New rule'],
  ['rules/x', /./],
  ['alarms/x', /./],
  ['alarms', /alarms/i],
  ['timeline', 'Timeline'],
  ['webhooks', 'Webhooks'],
  ['system', 'System'],
] as const;
const forms = [
  ['light', 1_280],
  ['dark', 320],
] as const;

let browser: PageBrowser;
let system: ConsoleSystem;
let guarded: ConsoleSystem;
let opened: OpenPage | undefined;
before(async () => {
  browser = await startPageBrowser();
  const { pageDir } = browser;
  system = await startConsoleSystem({ pageDir, evaluates: true });
  guarded = await startConsoleSystem({ pageDir, auth: true });
});
afterEach(async () => {
  await opened?.close();
  opened = undefined;
});
after(async () => {
  await guarded.stop();
  await system.stop();
  await browser.close();
});

/** Goes through all screens, without loading the page anew. */
async function goThrough(page: Page, look: (name: string) => Promise<void>): Promise<void> {
  for (const [name, heading] of screens) {
    await page.evaluate(`location.hash = '#/${name}'`);
    await page.getByRole('heading', { level: 1, name: heading }).waitFor();
    await look(name);
  }
}

/** What is wrong on any screen. */
async function faultsOf(page: Page): Promise<string[]> {
  const faults: string[] = [];
  await goThrough(page, async (name) => {
    faults.push(...(await axeFindings(page)).map((finding) => `${name}: ${finding}`));
    const { overflow } = (await page.evaluate(layoutFaults)) as { overflow: number };
    if (overflow > 0) faults.push(`${name}: ${overflow} px wider than the screen`);
  });
  return faults;
}

for (const [theme, width] of forms) {
  const open = async ({ url }: { readonly url: string }): Promise<Page> => {
    opened = await browser.open(`${url}/console/#/now`, { theme, width });
    return opened.page;
  };

  test(`nothing is there yet: ${theme}, ${width} px`, async () => {
    const page = await open(system);
    await page.getByRole('heading', { name: 'No rules yet' }).waitFor();
    assert.deepEqual(await faultsOf(page), []);
  });

  test(`the server cannot answer: ${theme}, ${width} px`, async () => {
    const page = await open(system);
    // What is not loaded yet comes from the same server.
    await goThrough(page, async () => {});
    await page.route('**/api/v1/**', (route) =>
      route.fulfill({
        status: 503,
        contentType: 'application/problem+json',
        body: JSON.stringify({ code: 'unavailable', status: 503, title: 'the log cannot be read right now' }),
      }),
    );
    await page.reload();
    assert.deepEqual(await faultsOf(page), []);
  });

  test(`the line is cut: ${theme}, ${width} px`, async () => {
    const page = await open(system);
    await goThrough(page, async () => {});
    await page.context().setOffline(true);
    await page.getByText(/^(Reconnecting|Stale)/).waitFor();
    assert.deepEqual(await faultsOf(page), []);
  });

  test(`the server dies amid its answers: ${theme}, ${width} px`, async () => {
    const line = await lineTo(system.url);
    try {
      const page = await open(line);
      await page.getByText('Live', { exact: true }).waitFor();
      await goThrough(page, async () => {});
      line.breakOff();
      await goThrough(page, async () => {});
      await page.getByText(/^(Reconnecting|Stale)/).waitFor();
      assert.deepEqual(await faultsOf(page), []);
    } finally {
      line.close();
    }
  });

  test(`nobody is signed in: ${theme}, ${width} px`, async () => {
    const page = await open(guarded);
    const dialog = page.getByRole('dialog', { name: 'Sign in' });
    await dialog.waitFor();
    assert.deepEqual(await axeFindings(page), []);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    assert.deepEqual(await faultsOf(page), []);
  });
}
