// The screens with past events, in a real browser against the whole system and a fake Discord.
import { after, afterEach, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Locator, Page } from 'playwright-core';
import { startFakeDiscord, type FakeDiscord } from '../../../test/support/fake-discord/fake-discord.ts';
import { partitionOf } from '../../log/murmur2.ts';
import { formatDeliveryRecord } from '../../notice/delivery-record.ts';
import { topics } from '../../topics.ts';
import { startPageBrowser, type OpenPage, type PageBrowser } from '../testing/browser-page.ts';
import { startConsoleSystem, type ConsoleSystem } from '../testing/console-system.ts';

const stepMs = 20_000;
const consoleUrl = 'https://alarms.example.org/console';

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
  const { pageDir } = browser;
  system = await startConsoleSystem({ pageDir, evaluates: true, discordApiBase: discord.apiBase, consoleUrl });
  opened = await browser.open(`${system.url}/console/`, { height: 900 });
  ({ page } = opened);
});
afterEach(async () => {
  try {
    await opened.close();
  } finally {
    await system.stop();
  }
});

async function send<Body>(method: string, path: string, body?: object): Promise<Body> {
  const answer = await fetch(`${system.url}${path}`, {
    method,
    ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${text}`);
  return JSON.parse(text) as Body;
}

const make = (fields: object): Promise<{ id: string }> =>
  send('POST', '/rules', { discord_webhook_url: webhook, ...fields });

/** Waits until this many alarms have fired. */
async function fired(count: number): Promise<void> {
  const deadline = Date.now() + stepMs;
  const total = async (): Promise<number> => (await send<{ total: number }>('GET', '/api/v1/alarms/history')).total;
  while ((await total()) < count) {
    assert.ok(Date.now() < deadline, 'the alarms were not made in time');
    await sleep(50);
  }
}

const go = (address: string): Promise<unknown> => page.goto(`${system.url}/console/${address}`);

test('a rule’s page shows the state, the series, the alarms, the messages and the versions', async () => {
  const fields = { metric_name: 'cpu', threshold: 50, discord_webhook_url: webhook };
  const { id } = await make(fields);
  await system.publish('cpu', [10, 60, 20, 70, 30], { host: 'a' });
  await system.publish('cpu', [10, 20, 42], { host: 'b' });
  await system.publish('cpu', [10, 99], { host: 'c' });
  await fired(3);
  await send('PUT', `/rules/${id}`, { ...fields, threshold: 45, description: 'Look at the fans' });
  await go(`#/rules/${id}`);
  await page.getByText('Fires when cpu is above 45.').waitFor();
  await page.getByText('Look at the fans').first().waitFor();
  await page.locator('.figure', { hasText: 'State' }).getByText('Firing').waitFor();
  await page.getByText('Shaded: 3 alarms.').waitFor();
  const rows = page.locator('[data-part=series] tbody tr');
  await rows.nth(2).waitFor();
  const series = (await rows.allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' '));
  assert.match(series[0]!, /c ▲\s?Firing for .* 99 54 above threshold/);
  assert.match(series[1]!, /b ✓\s?OK 42 3 below threshold/);
  assert.match(series[2]!, /a ✓\s?OK 30 15 below threshold/);
  assert.equal(await page.locator('[data-part=past-alarms] > li').count(), 3);
  await page.getByRole('img', { name: /^cpu: fired 3 times in 24 hours/ }).waitFor();
  await page.locator('[data-part=deliveries] > li', { hasText: 'delivered' }).nth(2).waitFor();
  const changed = page.locator('[data-part=versions] ul');
  assert.match(
    (await changed.innerText()).replaceAll(/\s+/g, ' '),
    /threshold 50 → to 45.*description added: Look at the fans/,
  );

  await page.getByRole('button', { name: 'Send test' }).click();
  await page.getByText(/^✓ 200 in \d+ ms/).waitFor();
  await page.getByRole('switch').click();
  await page.locator('.figure', { hasText: 'State' }).getByText('Disabled').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.locator('.figure', { hasText: 'State' }).getByText('OK', { exact: true }).waitFor();
  await page.locator('[data-part=past-alarms] a').first().click();
  await page.getByRole('link', { name: 'View rule', exact: true }).click();
  await page.getByRole('link', { name: 'Edit', exact: true }).click();
  await page.getByRole('heading', { name: 'Edit rule' }).waitFor();
  assert.match(page.url(), new RegExp(`#/rules/${id}/edit$`));
});

test('older alarms are read in pages, and the filter is in the address', async () => {
  await make({ metric_name: 'flaps', threshold: 5 });
  await make({ metric_name: 'other', threshold: 5 });
  await system.publish(
    'flaps',
    Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? 9 : 1)),
  );
  await system.publish('other', [9]);
  await fired(26);
  await go('#/alarms');
  const rows = page.locator('[data-part=past-alarms] > li');
  await page.getByText(/^20 of 26/).waitFor();
  await page.getByRole('button', { name: 'Show older' }).click();
  await page.getByText(/^26 of 26/).waitFor();
  assert.equal(await rows.count(), 26);
  assert.equal(await page.getByRole('button', { name: 'Show older' }).count(), 0);
  await page.getByLabel('State').selectOption('firing');
  await page.getByText(/^1 of 1/).waitFor();
  assert.match(await rows.innerText(), /Firing[\s\S]*other/);
  assert.match(page.url(), /#\/alarms\?state=firing$/);
  await go('#/alarms?metric=flaps&state=ended');
  await page.getByText(/^20 of 25/).waitFor();
  assert.equal(await page.getByLabel('Metric').inputValue(), 'flaps');
  const metric = page.getByLabel('Metric');
  const deadline = Date.now() + stepMs;
  while ((await page.locator('#known-metrics option[value=other]').count()) === 0) {
    assert.ok(Date.now() < deadline, 'it is completed');
    // The console reads samples every two seconds: a metric that is not known yet is requested again.
    await metric.fill('o');
    await page.waitForTimeout(400);
    await metric.fill('ot');
    await page.waitForTimeout(400);
  }
  await metric.fill('*th*');
  await metric.press('Enter');
  await page.getByText('No alarm matches.').waitFor();
  await page.getByLabel('State').selectOption('');
  await page.getByText(/^1 of 1/).waitFor();
  assert.match(page.url(), /metric=\*th\*$/);
});

const clean = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

test('the timeline shows alarms, edits and failed messages, and the filter is in the address', async () => {
  const { id } = await make({ metric_name: 'flaps', threshold: 5 });
  const gone = webhook.replace(/\d{17,20}/, '111111111111111111');
  await make({ metric_name: 'lost', threshold: 5, discord_webhook_url: gone });
  await system.publish('flaps', [9, 1, 9, 1]);
  await system.publish('lost', [9]);
  await fired(3);
  await send('PUT', `/rules/${id}`, { metric_name: 'flaps', threshold: 6, discord_webhook_url: webhook });
  await go('#/timeline');
  const rows = page.locator('[data-part=timeline] > li');
  const row = (words: string): Locator => rows.filter({ hasText: words });
  await row('Parked').waitFor();
  // The last alarm may end after the first request.
  await row('ended at 1').nth(1).waitFor();
  await row('fired at 9').nth(2).waitFor();
  await row('Changed').waitFor();
  assert.match(clean(await row('Parked').innerText()), /lost to webhook \d+: .*404/);
  assert.match(clean(await row('Changed').innerText()), /flaps threshold 5 → to 6/);
  assert.equal(await row('fired at 9').count(), 3);
  assert.equal(await row('ended at 1').count(), 2);
  await page.getByText(/^Complete since/).waitFor();
  await page.getByRole('img', { name: /^flaps is above 6: fired 2 times in 24 hours/ }).waitFor();

  await page.getByLabel('Alarms', { exact: true }).uncheck();
  await row('fired').first().waitFor({ state: 'detached' });
  // The list is empty until the new filter is answered.
  await rows.nth(3).waitFor();
  assert.equal(await rows.count(), 4);
  assert.match(page.url(), /#\/timeline\?kind=rule%2Creceiver%2Cdelivery$/);
  await page.goto('about:blank');
  await go('#/timeline?kind=rule&metric=lost');
  await page.getByText('1 of 1').waitFor();
  assert.match(clean(await rows.innerText()), /Made lost rule created/);
  assert.equal(await page.getByLabel('Metric').inputValue(), 'lost');
  assert.equal(await page.getByLabel('Alarms', { exact: true }).isChecked(), false);
  await page.getByRole('link', { name: 'flaps is above 6' }).waitFor({ state: 'detached' });
  await page.getByLabel('Metric').fill('fl*');
  await page.getByLabel('Metric').press('Enter');
  await page.getByText('2 of 2').waitFor();
  await page.getByRole('link', { name: 'flaps is above 6' }).waitFor();
});

test('the brush zooms by pointer, by keys and by typed times, to the same range', async () => {
  await make({ metric_name: 'flaps', threshold: 5 });
  await system.publish('flaps', [9, 1]);
  await fired(1);
  await go('#/timeline');
  await page.getByText('3 of 3').waitFor();
  const range = (): { fromMs: number; toMs: number } => {
    const query = new URLSearchParams(page.url().split('?')[1]);
    return { fromMs: Number(query.get('from')), toMs: Number(query.get('to')) };
  };
  const box = (await page.locator('[data-part=brush]').boundingBox())!;
  const at = (share: number): [number, number] => [box.x + box.width * share, box.y + box.height / 2];
  await page.mouse.move(...at(0.25));
  await page.mouse.down();
  await page.mouse.move(...at(0.5), { steps: 5 });
  await page.mouse.up();
  await page.getByText('No events in this time.').waitFor();
  const drawn = range();
  const quarterMs = 6 * 3_600_000;
  assert.ok(Math.abs(drawn.toMs - drawn.fromMs - quarterMs) < 60_000, `${drawn.toMs - drawn.fromMs} ms`);
  assert.ok(Math.abs(drawn.toMs - (Date.now() - 12 * 3_600_000)) < 120_000);

  await page.getByRole('button', { name: 'Last 24 hours' }).click();
  await page.getByText('3 of 3').waitFor();
  const from = page.getByRole('slider', { name: 'Show from' });
  await from.focus();
  for (const key of ['PageUp', 'PageUp', 'ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowRight'])
    await page.keyboard.press(key);
  assert.equal(await from.getAttribute('aria-valuenow'), '24');
  await page.getByRole('slider', { name: 'Show up to' }).focus();
  for (let count = 0; count < 48; count++) await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Enter');
  await page.getByText('No events in this time.').waitFor();
  const keyed = range();
  assert.ok(Math.abs(keyed.fromMs - drawn.fromMs) < 120_000 && Math.abs(keyed.toMs - drawn.toMs) < 120_000);

  await page.getByRole('button', { name: 'Last 24 hours' }).click();
  await page.getByText('3 of 3').waitFor();
  const local = (ms: number): string =>
    new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
  await page.getByLabel('To', { exact: true }).fill(local(keyed.toMs));
  await page.getByLabel('To', { exact: true }).press('Tab');
  await page.getByText('No events in this time.').waitFor();
  assert.equal(range().toMs, Math.floor(keyed.toMs / 1_000) * 1_000);
  await page.goBack();
  await page.getByText('3 of 3').waitFor();
});

test('rows of the timeline hold still under the pointer, and a pill counts the new ones', async () => {
  await make({ metric_name: 'flaps', threshold: 5 });
  await system.publish('flaps', [9]);
  await fired(1);
  await go('#/timeline');
  await page.getByText('2 of 2').waitFor();
  await page.locator('[data-part=timeline] > li').first().hover();
  await system.publish('flaps', [1, 9]);
  await page.getByRole('button', { name: '2 new' }).waitFor();
  assert.equal(await page.locator('[data-part=timeline] > li').count(), 2);
  await page.mouse.move(0, 0);
  await page.getByText('4 of 4').waitFor();
});

test('webhooks are listed with their states, failing ones first, and without their tokens', async () => {
  const gone = webhook.replace(/\d{17,20}/, '111111111111111111');
  const { id } = await make({ metric_name: 'flaps', threshold: 5 });
  await make({ metric_name: 'lost', threshold: 5, discord_webhook_url: gone });
  await make({
    metric_name: 'quiet',
    threshold: 5,
    discord_webhook_url: webhook.replace(/\d{17,20}/, '222222222222222222'),
  });
  await system.publish('flaps', [9]);
  await system.publish('lost', [9]);
  await go('#/webhooks');
  const cards = page.locator('.webhook');
  await cards
    .filter({ hasText: 'Parked' })
    .getByText(/Next retry in 59 min/)
    .waitFor();
  await cards.filter({ hasText: /OK/ }).waitFor();
  const texts = (await cards.allInnerTexts()).map(clean);
  assert.match(
    texts[0]!,
    /Parked https:\/\/discord.com\/api\/webhooks\/1111…\/\*{4} id 1{18} Paused for .*: 404 .*lost is above 5/,
  );
  assert.match(texts[1]!, /OK .* Queued 0 messages .* Last delivered .* flaps .*flaps is above 5/);
  assert.match(texts[2]!, /Quiet .*quiet is above 5/);
  const token = webhook.split('/').at(-1)!;
  assert.ok(!(await page.content()).includes(token));
  const healthy = cards.nth(1);
  await healthy.getByRole('button', { name: 'Send test' }).click();
  await healthy.getByText(/^✓ 200 in/).waitFor();
  await healthy.getByText('Recent messages').click();
  await healthy.locator('[data-part=deliveries] > li', { hasText: 'fired at 9' }).waitFor();
  await page.getByLabel('Search').fill('parked');
  await cards.nth(1).waitFor({ state: 'detached' });
  assert.match(page.url(), /#\/webhooks\?q=parked$/);
  await go('#/webhooks');
  await page.getByRole('link', { name: 'flaps is above 5' }).click();
  await page.getByText('Fires when flaps is above 5.').waitFor();
  assert.match(page.url(), new RegExp(id));
});

test('webhooks and past alarms keep their positions under the pointer, and the test key does nothing without a focused webhook', async () => {
  const other = discord.addWebhook().url;
  await make({ metric_name: 'one', threshold: 1 });
  await make({ metric_name: 'two', threshold: 1, discord_webhook_url: other });
  await system.publish('one', [2, 0]);
  await fired(1);
  await system.publish('two', [2, 0]);
  await fired(2);
  await go('#/webhooks');
  const cards = page.locator('.webhook');
  const first = (text: string): Promise<void> => cards.first().getByText(text).first().waitFor();
  await first('two is above 1');
  await cards.first().hover();
  await system.publish('one', [2, 0]);
  await fired(3);
  // The list is polled every two seconds.
  await page.waitForTimeout(5_000);
  await first('two is above 1');
  await page.keyboard.press('t');
  await page.mouse.move(0, 0);
  await first('one is above 1');
  assert.equal(await page.locator('[data-part=send-test] :is(.agrees, .error)').count(), 0, 'no test was sent');

  await go('#/alarms');
  const alarms = page.locator('[data-part=past-alarms] > li');
  await alarms.nth(2).waitFor();
  await alarms.nth(1).hover();
  await system.publish('two', [2, 0]);
  await page.getByRole('button', { name: '1 change' }).click();
  await alarms.nth(3).waitFor();
});

test('Discord’s answers are shown as text on every screen', async () => {
  const { id } = await make({ metric_name: 'answered', threshold: 5 });
  await system.publish('answered', [9]);
  await fired(1);
  const known = async (topic: string): Promise<{ id?: string; kind?: string }[]> =>
    (await system.storage.records(topic)).map(({ value }) => JSON.parse(value!) as { id?: string; kind?: string });
  while (!(await known('deliveries')).some(({ kind }) => kind === 'outcome')) await sleep(20);
  const [notification] = await known('notifications');
  const hostile = '<img src=x onerror=alert(1)><script>alert(2)</script>';
  const [webhookId] = /\d{17,20}/.exec(webhook)!;
  const record = formatDeliveryRecord({
    kind: 'outcome',
    notificationId: notification!.id!,
    webhookId,
    outcome: 'dead',
    reason: hostile,
    messageId: undefined,
    attemptId: undefined,
    webhook: undefined,
    offset: undefined,
    possibleRepeat: false,
    atMs: Date.now() + 60_000,
  });
  const partition = partitionOf(Buffer.from(webhookId), topics.deliveries.partitions);
  await system.storage.log.append(topics.deliveries.name, [
    { key: Buffer.from(notification!.id!), value: Buffer.from(record), timestampMs: Date.now(), partition },
  ]);
  for (const address of ['#/timeline', '#/webhooks', `#/rules/${id}`]) {
    await go(address);
    await page.getByText(hostile).first().waitFor();
    assert.equal(await page.locator('main img, main script').count(), 0, address);
  }
});

test('the preview of a message has the strings that Discord receives, truncated at the same place', async () => {
  const many = Array.from({ length: 12 }, (_, n) => [`tag-${n}`, `${n} ${'long '.repeat(60)}`] as const);
  const tags = { host: 'a`b', zone: '<@1>', ...Object.fromEntries(many) };
  const description = `**Look** [here](http://evil.example) ${'x'.repeat(900)}`;
  const fields = {
    metric_name: 'pre|view',
    threshold: 5,
    tags,
    description,
    cooldown_seconds: 0,
    notify_on_resolve: true,
  };
  const { id } = await make(fields);
  // As far over the threshold as the preview's example.
  await system.publish('pre|view', [6], tags);
  await fired(1);
  interface Embed {
    readonly title: string;
    readonly description: string;
    readonly fields: readonly { readonly name: string; readonly value: string }[];
  }
  const sent = async (): Promise<Embed | undefined> => {
    const answer = (await (await fetch(`${discord.origin}/_messages`)).json()) as { messages: { embeds: Embed[] }[] };
    return answer.messages.flatMap(({ embeds }) => embeds).find(({ fields: [first] }) => first?.value === id);
  };
  while ((await sent()) === undefined) await sleep(20);
  const embed = (await sent())!;
  await go(`#/rules/${id}/edit`);
  const card = page.locator('[data-part=embed]');
  await card.waitFor();
  // The preview shows an alarm that does not exist yet.
  const unnamed = (text: string): string => text.replace(/(?<=alarms\/)[-0-9a-f]{36}/, '‹id›');
  const bare = (text: string): string => unnamed(clean(text.replaceAll('`', '')));
  assert.equal(clean(await page.locator('[data-part=embed-title]').innerText()), embed.title);
  assert.equal(clean(await page.locator('.embed-description').innerText()), bare(embed.description));
  const shown = await page.locator('[data-part=embed-field]').allInnerTexts();
  assert.deepEqual(
    shown.map(bare),
    embed.fields.map(({ name, value }) => `${name} ${bare(value)}`),
  );
  assert.equal(bare(shown.at(-1)!), `Alarm ${consoleUrl}/#/alarms/‹id›`);
  assert.ok(
    shown.some((text) => /and \d+ more$/.test(text)),
    'the tags are cut',
  );
  const counts = (await page.locator('[data-part=discord-counts] > div').allInnerTexts()).map(clean);
  const longest = Math.max(...embed.fields.map(({ value }) => Array.from(value).length));
  assert.deepEqual([counts[0], counts[3]], ['Title 15 of 256', `Longest field ${longest} of 1,024`]);
  const texts = [embed.title, embed.description, ...embed.fields.flatMap(({ name, value }) => [name, value])];
  const all = texts.reduce((sum, text) => sum + Array.from(text).length, 0).toLocaleString('en');
  assert.equal(counts[4], `Total ${all} of 6,000`);
  await page.getByLabel('Resolved', { exact: true }).check();
  await page.getByText('Alarm resolved').waitFor();
  assert.match(clean(await card.innerText()), /Duration 4 min/);
});

test('the figures of the Now screen are those of the server', async () => {
  await make({ metric_name: 'flaps', threshold: 5 });
  await system.publish('flaps', [9]);
  await fired(1);
  await go('#/now');
  const figure = (word: string): Locator => page.locator('.figure', { hasText: word }).locator('dd');
  await figure('Delivery time (p99)')
    .getByText(/^[\d.]+ (ms|s)$/)
    .waitFor();
  await figure('Queued messages').getByText('0', { exact: true }).waitFor();
  await figure('Backlog').getByText('0', { exact: true }).waitFor();
  await figure('Rules').getByText('1', { exact: true }).waitFor();
  await figure('Samples per second')
    .getByText(/^[\d.]+$/)
    .waitFor();
  await go('#/system');
  await figure('Delivery time (p99)')
    .getByText(/^[\d.]+ (ms|s)$/)
    .waitFor();
});
