// Each screen in unusual states: without data, with very much data, with a server that cannot answer, with a lost connection, signed
// out. Axe finds nothing, nothing is cut off at 320 px, and the page raises no error.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { topics } from '../../topics.ts';
import { lineTo } from '../testing/broken-line.ts';
import { startPageBrowser, type OpenPage, type PageBrowser } from '../testing/browser-page.ts';
import { alarmRecordOf, firingSince, startConsoleSystem, type ConsoleSystem } from '../testing/console-system.ts';
import { axeFindings, layoutFaults } from '../testing/wcag.ts';

const screens = [
  ['now', /^(\d+ alarms are firing|Connecting|No rules yet|Nothing is firing|Nothing was firing|Signed out)/],
  ['rules', 'Rules'],
  ['rules/new', 'New rule'],
  ['rules/x', /./],
  ['alarms/x', /./],
  ['alarms', /alarms/i],
  ['timeline', 'Timeline'],
  ['webhooks', 'Webhooks'],
  ['system', 'System'],
] as const;
const rowsOf = {
  now: '[data-part=alarm]',
  rules: '[data-part=rule-link]',
  alarms: '[data-part=past-alarms] > li',
  timeline: '[data-part=heat] li',
  webhooks: '.webhook',
  system: '[data-part=tile]',
};
const forms = [
  ['light', 1_280],
  ['dark', 320],
] as const;

let browser: PageBrowser;
let system: ConsoleSystem;
let guarded: ConsoleSystem;
let full: ConsoleSystem;
let opened: OpenPage | undefined;
before(async () => {
  browser = await startPageBrowser();
  const { pageDir } = browser;
  system = await startConsoleSystem({ pageDir, evaluates: true });
  guarded = await startConsoleSystem({ pageDir, auth: true });
  full = await startConsoleSystem({ pageDir });
  await fill(full, 3_000);
});
afterEach(async () => {
  await opened?.close();
  opened = undefined;
});
after(async () => {
  await full?.stop();
  await guarded?.stop();
  await system?.stop();
  await browser?.close();
});

/** Rules of forty webhooks; every tenth one fires. */
async function fill({ storage: { log } }: ConsoleSystem, count: number): Promise<void> {
  const rules = Array.from({ length: count }, (_, index) => {
    const id = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
    const webhook = `https://discord.com/api/webhooks/${123456789012345000n + BigInt(index % 40)}/${'t'.repeat(68)}`;
    return { id, metric_name: `metric-${index}`, threshold: index, discord_webhook_url: webhook };
  });
  const records = rules.map((rule) => ({
    key: Buffer.from(rule.id),
    value: Buffer.from(JSON.stringify(rule)),
    timestampMs: Date.now(),
  }));
  await log.append(topics.rules.name, records);
  const alarms = rules
    .filter((_, index) => index % 10 === 0)
    .map(({ id, metric_name: metric, threshold }, index) => {
      const state = firingSince(Date.now() - index * 1_000);
      return alarmRecordOf({ ruleId: id, metric, state, x: threshold + 1, offset: index }).written;
    });
  await log.append(topics.alarms.name, alarms);
}

/** Goes through all screens without reloading the page. */
async function goThrough(page: Page, look: (name: string) => Promise<void>): Promise<void> {
  for (const [name, heading] of screens) {
    await page.evaluate(`location.hash = '#/${name}'`);
    await page.getByRole('heading', { level: 1, name: heading }).waitFor();
    await look(name);
  }
}

/** The faults of all screens, each once its expected content is visible. */
async function faultsOf(page: Page, seen: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const faults: string[] = [];
  await goThrough(page, async (name) => {
    const wanted = seen[name];
    if (wanted !== undefined) await page.locator(wanted).first().waitFor();
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

  test(`no data yet: ${theme}, ${width} px`, async () => {
    const page = await open(system);
    await page.getByRole('heading', { name: 'No rules yet' }).waitFor();
    assert.deepEqual(await faultsOf(page), []);
  });

  test(`very much data: ${theme}, ${width} px`, async () => {
    const page = await open(full);
    assert.deepEqual(await faultsOf(page, rowsOf), []);
  });

  test(`the server cannot answer: ${theme}, ${width} px`, async () => {
    const page = await open(system);
    // Code that is not loaded yet comes from the same server.
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

  test(`the connection is lost: ${theme}, ${width} px`, async () => {
    // With no data and with much: stale data must still be readable.
    const page = await open(theme === 'light' ? system : full);
    await goThrough(page, async () => {});
    await page.context().setOffline(true);
    await page.getByText(/^(Reconnecting|Stale)/).waitFor();
    assert.deepEqual(await faultsOf(page), []);
  });

  test(`the server dies while answering: ${theme}, ${width} px`, async () => {
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

  test(`signed out: ${theme}, ${width} px`, async () => {
    const page = await open(guarded);
    const dialog = page.getByRole('dialog', { name: 'Sign in' });
    await dialog.waitFor();
    assert.deepEqual(await axeFindings(page), []);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    assert.deepEqual(await faultsOf(page), []);
  });
}
