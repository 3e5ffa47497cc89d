// Named receivers on the page: added, refused with the reason at its field, masked, tested, replaced and deleted; and a rule that
// names one and needs no Discord webhook.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startFakeDiscord, type FakeDiscord } from '../../../test/support/fake-discord/fake-discord.ts';
import { startPageBrowser, type PageBrowser } from '../testing/browser-page.ts';
import { startConsoleSystem, type ConsoleSystem } from '../testing/console-system.ts';

let browser: PageBrowser;
let discord: FakeDiscord;
let system: ConsoleSystem;
before(async () => {
  browser = await startPageBrowser();
  discord = await startFakeDiscord();
  system = await startConsoleSystem({ pageDir: browser.pageDir, discordApiBase: discord.apiBase, evaluates: true });
});
after(async () => {
  await system?.stop();
  await discord?.close();
  await browser?.close();
});

test('a receiver is added, tested, named by a rule, notified, and deleted once no rule names it', async () => {
  const opened = await browser.open(`${system.url}/console/#/webhooks`);
  const { page } = opened;
  try {
    await page.getByRole('button', { name: 'Add receiver' }).click();
    await page.getByLabel('Name', { exact: true }).fill('ops');
    await page.getByLabel('Kind').selectOption('discord');
    await page.getByLabel('Address').fill('https://example.com/no-webhook');
    await page.getByRole('button', { name: 'Save receiver' }).click();
    await page.getByText(/^address must be/).waitFor();
    const { url, webhook } = discord.addWebhook();
    await page.getByLabel('Address').fill(url);
    await page.getByRole('button', { name: 'Save receiver' }).click();
    const row = page.getByRole('region', { name: 'Receivers' }).getByRole('listitem');
    await row.getByRole('heading', { name: 'ops' }).waitFor();
    assert.ok(!(await page.content()).includes(webhook.token), 'the token is nowhere on the page');
    await row.getByRole('button', { name: 'Send test' }).click();
    await row.getByText(/^✓ 200/).waitFor();

    await page.goto(`${system.url}/console/#/rules/new`);
    await page.getByLabel('Metric', { exact: true }).fill('cpu');
    await page.locator('#threshold').fill('90');
    await page.getByText('Notifications', { exact: true }).click();
    await page.getByLabel('Receivers').fill('ops');
    await page.getByRole('button', { name: 'Create rule' }).click();
    await page.getByText('Rule created').waitFor();
    await system.publish('cpu', [95]);
    while (discord.ledger.entries.filter((entry) => entry.method === 'POST').length < 2)
      await new Promise((resolve) => setTimeout(resolve, 20));

    await page.goto(`${system.url}/console/#/webhooks`);
    await row.getByRole('button', { name: 'Delete receiver ops' }).click();
    await page.getByText(/receiver ops is named by the rules/).waitFor();
    const [rule] = (await (await fetch(`${system.url}/rules`)).json()) as [{ id: string }];
    await fetch(`${system.url}/rules/${rule.id}`, { method: 'DELETE' });
    await row.getByRole('button', { name: 'Delete receiver ops' }).click();
    await page.getByText('Receiver ops deleted').waitFor();
    await page.getByText('None yet. A receiver').waitFor();
  } finally {
    await opened.close();
  }
});
