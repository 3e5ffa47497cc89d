// A day of alarms in a minute: the page uses no more memory at the end than at the beginning.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { ok } from '../../alarm/alarm-state.ts';
import type { NewRecord } from '../../log/record.ts';
import { topics } from '../../topics.ts';
import { startPageBrowser, type PageBrowser } from '../testing/browser-page.ts';
import { alarmRecordOf, firingSince, startConsoleSystem, type ConsoleSystem } from '../testing/console-system.ts';

const alarms = 40;
const heldBytesMax = 5_000_000;
/** Nodes not collected yet; a leak would leave one for each of 100,000 changes. */
const heldNodesMax = 2_000;

let browser: PageBrowser;
let system: ConsoleSystem;
before(async () => {
  browser = await startPageBrowser();
  system = await startConsoleSystem({ pageDir: browser.pageDir });
});
after(async () => {
  await system.stop();
  await browser.close();
});

let offset = 0;

/** The alarms fire and end one after another; when all have ended, one fires with the given value. */
async function happen(events: number, lastValue: number): Promise<void> {
  const next = (metric: string, isFiring: boolean, x: number): NewRecord => {
    const state = isFiring ? firingSince(Date.now()) : ok;
    return alarmRecordOf({ ruleId: `rule-of-${metric}`, metric, state, x, offset: offset++ }).written;
  };
  const rounds = Math.floor(events / (2 * alarms));
  for (let round = 0; round < rounds; round++) {
    const records = Array.from({ length: 2 * alarms }, (_, index) =>
      next(`metric-${index % alarms}`, index < alarms, round),
    );
    await system.storage.log.append(topics.alarms.name, records);
  }
  await system.storage.log.append(topics.alarms.name, [next('the-last', false, 0), next('the-last', true, lastValue)]);
}

interface Held {
  readonly bytes: number;
  /** Detached nodes count as long as something references them. */
  readonly nodes: number;
  readonly elements: number;
}

async function heldOf(page: Page): Promise<Held> {
  const tools = await page.context().newCDPSession(page);
  // Twice: the first collection may release further objects.
  for (let time = 0; time < 2; time++) await tools.send('HeapProfiler.collectGarbage');
  const { usedSize: bytes } = await tools.send('Runtime.getHeapUsage');
  const { nodes } = await tools.send('Memory.getDOMCounters');
  await tools.detach();
  return { bytes, nodes, elements: await page.evaluate('document.querySelectorAll("*").length') };
}

test('100,000 changes of alarms leak nothing in the page', async (t) => {
  const opened = await browser.open(`${system.url}/console/#/now`);
  const { page } = opened;
  const shows = async (value: number): Promise<void> => {
    const row = page.locator('li[data-part=alarm]', { hasText: 'the-last' });
    await row.getByText(String(value), { exact: true }).waitFor({ timeout: 120_000 });
    assert.equal(await page.locator('li[data-part=alarm]').count(), 1);
  };
  await happen(4_000, 701);
  await shows(701);
  const beforeIt = await heldOf(page);
  await happen(96_000, 702);
  await shows(702);
  const afterIt = await heldOf(page);
  t.diagnostic(`${JSON.stringify(beforeIt)} before, ${JSON.stringify(afterIt)} after`);
  assert.ok(afterIt.bytes - beforeIt.bytes < heldBytesMax, 'memory');
  assert.ok(afterIt.nodes - beforeIt.nodes < heldNodesMax, 'nodes');
  // In the recent activity, an alarm that ended has more text than one that fired.
  assert.ok(Math.abs(afterIt.elements - beforeIt.elements) <= 50, 'elements of the document');
  await opened.close();
});
