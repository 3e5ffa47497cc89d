import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from 'undici';
import { openBrowser } from '../test-browser.ts';
import { startFakeDiscord } from './fake-discord.ts';

test('the page shows messages as Discord would, as they come, and asks nobody else', async (t) => {
  const fake = await startFakeDiscord();
  t.after(() => fake.close());
  const { url, webhook } = fake.addWebhook();
  const post = (body: unknown) =>
    request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'test' },
      body: JSON.stringify(body),
    });
  const browser = await openBrowser();
  t.after(() => browser.close());
  const page = await browser.newPage();
  const [origins, complaints] = [new Set<string>(), [] as string[]];
  page.on('request', (sent) => origins.add(new URL(sent.url()).origin));
  page.on('console', (said) => complaints.push(said.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(`${fake.origin}/`);

  const hostile = '<img src=x onerror=alert(1)>';
  await post({
    embeds: [
      { title: 'Alarm triggered', description: hostile, color: 0xff_00_00, fields: [{ name: 'Tags', value: '`a b`' }] },
    ],
  });
  await page.waitForSelector('.embed');
  assert.equal(await page.locator('.embed h2').textContent(), 'Alarm triggered');
  assert.equal(await page.locator('.embed p').textContent(), hostile);
  assert.equal(await page.locator('.embed dd code').textContent(), 'a b');
  assert.match((await page.locator('.embed').getAttribute('style')) ?? '', /rgb\(255, 0, 0\)|#ff0000/);

  await post({ content: '**bold** a_b_c @everyone <t:1700000000:R>' });
  await page.waitForSelector('.content');
  assert.equal(await page.locator('.content strong').textContent(), 'bold');
  assert.equal(await page.locator('.content em').count(), 0);
  assert.equal(await page.locator('.content .mention').textContent(), '@everyone');
  assert.match((await page.locator('.content .moment').textContent()) ?? '', /days ago/);

  const [first] = fake.ledger.accepted(webhook.id);
  fake.webhooks.deleteMessage(first?.messageId ?? '');
  await page.locator('.embed').waitFor({ state: 'detached' });
  assert.equal(await page.locator('article').count(), 1);
  assert.deepEqual([[...origins], complaints], [[fake.origin], []]);
});
