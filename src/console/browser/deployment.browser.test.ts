// The page as it is deployed: below a path of a reverse proxy, and read-only.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startPageBrowser, type PageBrowser } from '../testing/browser-page.ts';
import { startConsoleSystem } from '../testing/console-system.ts';

const webhook = `https://discord.com/api/webhooks/123456789012345678/${'t'.repeat(68)}`;
const prefix = '/tools/ssrms';

let browser: PageBrowser;
before(async () => {
  browser = await startPageBrowser();
});
after(async () => {
  await browser?.close();
});

/** Forwards what is below the prefix, without it and with the original Host; everything else is foreign. */
async function startProxy(to: string): Promise<{ url: string; foreign: string[]; server: Server }> {
  const foreign: string[] = [];
  const server = createServer((asked, answer) => {
    const path = asked.url ?? '';
    if (!path.startsWith(`${prefix}/`)) {
      foreign.push(path);
      answer.writeHead(404).end();
      return;
    }
    const onward = request(
      `${to}${path.slice(prefix.length)}`,
      { method: asked.method, headers: asked.headers },
      (found) => {
        answer.writeHead(found.statusCode!, found.headers);
        found.pipe(answer);
      },
    );
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    asked.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, foreign, server };
}

test('below a path of a reverse proxy everything works, and nothing is requested outside it', async () => {
  const system = await startConsoleSystem({ pageDir: browser.pageDir });
  const proxy = await startProxy(system.url);
  try {
    const opened = await browser.open(`${proxy.url}${prefix}/`);
    const { page } = opened;
    await page.waitForURL(`${proxy.url}${prefix}/console/**`);
    await page.getByText('Live', { exact: true }).waitFor();
    await page.goto(`${proxy.url}${prefix}/console/#/rules/new`);
    await page.getByLabel('Metric', { exact: true }).fill('cpu');
    await page.locator('#threshold').fill('90');
    await page.locator('#discord_webhook_url').fill(webhook);
    await page.getByRole('tab', { name: 'curl' }).click();
    await page.getByText(`'${proxy.url}${prefix}/rules'`).waitFor();
    await page.getByRole('button', { name: 'Create rule' }).click();
    await page.getByText('Rule created').waitFor();
    for (const [screen, heading] of [
      ['rules', 'Rules'],
      ['alarms', 'Alarms'],
      ['timeline', 'Timeline'],
      ['webhooks', 'Webhooks'],
      ['system', 'System'],
    ]) {
      await page.goto(`${proxy.url}${prefix}/console/#/${screen}`);
      await page.getByRole('heading', { name: heading!, exact: true, level: 1 }).waitFor();
    }
    await opened.close();
    // The browser requests an icon before it has read the page.
    assert.deepEqual(
      proxy.foreign.filter((path) => path !== '/favicon.ico'),
      [],
    );
  } finally {
    proxy.server.closeAllConnections();
    proxy.server.close();
    await system.stop();
  }
});

test('a read-only console shows everything, offers no change, and accepts none', async () => {
  const writing = await startConsoleSystem();
  const system = await startConsoleSystem({ pageDir: browser.pageDir, isReadOnly: true, storage: writing.storage });
  try {
    const rule = { metric_name: 'cpu', threshold: 90, discord_webhook_url: webhook };
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(rule) };
    assert.equal((await fetch(`${system.url}/rules`, init)).status, 403);
    assert.equal((await fetch(`${writing.url}/rules`, init)).status, 201);
    const opened = await browser.open(`${system.url}/console/#/rules`);
    const { page } = opened;
    await page.getByRole('link', { name: 'cpu is above 90' }).waitFor();
    await page.getByText('This console is read-only').waitFor();
    for (const name of [/^New rule/, /^Edit/, /^Delete/, /^Enable/, 'Import']) {
      assert.equal(await page.getByRole('button', { name }).count(), 0, String(name));
      assert.equal(await page.getByRole('link', { name }).count(), 0, String(name));
    }
    assert.equal(await page.getByRole('switch').count(), 0);
    await opened.close();
  } finally {
    await system.stop();
    await writing.stop();
  }
});
