// The real program under the page of somebody who watches: killed, away for ten seconds, and started again on the same data.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPageBrowser } from '../../src/console/testing/browser-page.ts';
import { startFakeDiscord } from '../support/fake-discord/fake-discord.ts';
import { startSsrms, type SsrmsProcess } from '../support/ssrms-process.ts';
import { makeRule, newMetric, postJson } from './scenario.ts';

const awayMs = 10_000;
/** Stale is said after two seconds; the rest is for a busy machine. */
const saidMsMax = 6_000;

test('a server that is killed and away for 10 s: the page says so, goes on by itself, and tells each transition once', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'ssrms-killed-'));
  const fake = await startFakeDiscord();
  const browser = await startPageBrowser();
  const start = (port: string): Promise<SsrmsProcess> =>
    startSsrms(['up'], { env: { DATA_DIR: dataDir, DISCORD_API_BASE: fake.apiBase, LOG_LEVEL: 'warn', PORT: port } });
  let up = await start('0');
  const { url } = up;
  try {
    const metric = newMetric();
    await makeRule({ rulesUrl: url, ingestUrl: url, fake }, { metric_name: metric, threshold: 500 });
    const opened = await browser.open(`${url}/console/`);
    const { page } = opened;
    const changes = page.locator('[data-part=changes] > li', { hasText: metric });
    const word = (text: string): Promise<void> => page.getByText(text, { exact: true }).waitFor({ timeout: saidMsMax });
    const publish = async (values: readonly number[]): Promise<void> => {
      for (const value of values) {
        const { status } = await postJson(`${url}/api/v1/metrics`, { name: metric, value });
        assert.equal(status, 200);
      }
    };
    await word('Live');
    await publish([550, 450, 550, 450, 550]);
    await changes.nth(4).waitFor();
    await up.kill();
    await word('Reconnecting');
    await word('Stale');
    assert.ok(await page.locator('main').evaluate((main) => main.classList.contains('stale')));
    await page.waitForTimeout(awayMs);
    assert.equal(await changes.count(), 5, 'what was seen stays');
    up = await start(new URL(url).port);
    await word('Live');
    assert.ok(!(await page.locator('main').evaluate((main) => main.classList.contains('stale'))));
    await publish([450, 550]);
    await changes.nth(6).waitFor();
    await page.waitForTimeout(1_000);
    assert.equal(await changes.count(), 7, 'each once');
    await page.getByRole('heading', { name: '1 alarm is firing' }).waitFor();
    await opened.close();
  } finally {
    await browser.close();
    await up.stop();
    await fake.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
});
