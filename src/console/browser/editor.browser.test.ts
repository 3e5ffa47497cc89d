// The rule editor in a real browser: JSON and curl, the recovery threshold, and drafts.
import { after, afterEach, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Locator, Page } from 'playwright-core';
import { waitForValue, waitUntil } from '../../../test/support/wait-until.ts';
import { topics } from '../../topics.ts';
import { startPageBrowser, untilTrue, type OpenPage, type PageBrowser } from '../testing/browser-page.ts';
import { startConsoleSystem, type ConsoleSystem } from '../testing/console-system.ts';
import { axeFindings } from '../testing/wcag.ts';

const secret = 't'.repeat(68);
const webhook = `https://discord.com/api/webhooks/123456789012345678/${secret}`;
const json = { 'content-type': 'application/json' };

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
  const samples = Array.from({ length: 60 }, (_, index) => ({
    name: 'cpu',
    value: 40 + (index % 20),
    tags: { host: `web-${index % 2}` },
    timestamp: Date.now() - (60 - index) * 1_000,
  }));
  const answer = await fetch(`${system.url}/api/v1/metrics`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify(samples),
  });
  assert.ok(answer.ok);
  opened = await browser.open(`${system.url}/console/#/rules/new`);
  ({ page } = opened);
  await field('Metric').waitFor();
});
afterEach(async () => {
  try {
    await opened.close();
  } finally {
    await system.stop();
  }
});

/** The input; a slider may have the same name. */
const field = (label: string): Locator =>
  page.getByLabel(label, { exact: true }).and(page.locator(':not([role=slider])'));
const button = (name: string): Locator => page.getByRole('button', { name });
const rules = async (): Promise<Record<string, unknown>[]> =>
  (await (await fetch(`${system.url}/rules`)).json()) as Record<string, unknown>[];

async function write(more: Record<string, string> = {}): Promise<void> {
  for (const [label, text] of Object.entries({ Metric: 'cpu', Threshold: '55', ...more }))
    await field(label).fill(text);
}

test('the rule is edited as JSON, which reports what is wrong, and the curl command creates it', async () => {
  await write({ 'Discord webhook URL': webhook });
  await page.getByRole('tab', { name: 'Form' }).press('ArrowRight');
  const text = field('The rule as JSON');
  assert.deepEqual(JSON.parse(await text.inputValue()), {
    metric_name: 'cpu',
    threshold: 55,
    discord_webhook_url: webhook,
  });
  await text.fill('{"metric_name":');
  await page.getByText(/^Not JSON/).waitFor();
  await text.fill(JSON.stringify({ metric_name: 'cpu', treshold: 1 }));
  await page.getByText(/^treshold: not a field of a rule/).waitFor();
  const wanted = {
    metric_name: "it's",
    threshold: 56.5,
    discord_webhook_url: webhook,
    tags: { host: 'a' },
    for_seconds: 3,
  };
  await text.fill(JSON.stringify(wanted));
  await page.getByText(/^treshold/).waitFor({ state: 'detached' });
  await page.getByRole('tab', { name: 'curl' }).click();
  const command = await page.getByRole('region', { name: 'The rule as a curl command' }).innerText();
  const { stdout } = await promisify(execFile)('sh', [
    '-c',
    `SSRMS_TOKEN=none; ${command.replace('curl', 'curl -sS')}`,
  ]);
  const made = JSON.parse(stdout) as { id: string };
  assert.deepEqual(await rules(), [{ ...wanted, id: made.id }]);
  await page.getByRole('tab', { name: 'Form' }).click();
  assert.equal(await field('Threshold').inputValue(), '56.5');
});

test('the saved threshold is the shown one, whether dragged, moved by keys, clicked or typed, fractions included', async () => {
  const samples = Array.from({ length: 40 }, (_, at) => ({
    name: 'load',
    value: 0.1 + (at % 10) / 40,
    timestamp: Date.now() - at * 900,
  }));
  await fetch(`${system.url}/api/v1/metrics`, { method: 'POST', headers: json, body: JSON.stringify(samples) });
  const slider = page.getByRole('slider', { name: 'Threshold', exact: true });
  const ways: Record<string, () => Promise<void>> = {
    async dragged() {
      await slider.scrollIntoViewIfNeeded();
      const box = (await slider.boundingBox())!;
      await page.mouse.move(box.x + box.width - 40, box.y + box.height / 2);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width - 40, box.y + box.height / 2 - 33, { steps: 4 });
      await page.mouse.up();
    },
    keys: async () => slider.press('ArrowDown'),
    async clicked() {
      await field('Threshold').fill('');
      await button('Set the threshold to').click();
    },
    typed: async () => field('Threshold').fill('0.3125'),
  };
  const seen = new Set<number>();
  for (const [way, set] of Object.entries(ways)) {
    await page.goto(`${system.url}/console/#/rules/new`);
    await write({ Metric: 'load', Threshold: '0.2', 'Discord webhook URL': webhook });
    await slider.waitFor();
    await set();
    const text = await field('Threshold').inputValue();
    await page.locator(`[role=slider][aria-label=Threshold][aria-valuenow="${text}"]`).waitFor();
    assert.ok(!Number.isInteger(Number(text)) && text !== '0.2', `${way}: ${text}`);
    await button('Create rule').click();
    await page.waitForURL(/#\/rules$/);
    const threshold = Number(text);
    assert.ok(
      (await rules()).some((rule) => rule['threshold'] === threshold),
      `${way}: ${text} is not stored`,
    );
    seen.add(threshold);
  }
  assert.equal(seen.size, Object.keys(ways).length);
});

test('Discord’s answer to a test message is shown as text', async () => {
  const hostile = '<img src=x onerror=alert(1)><script>alert(2)</script>';
  await page.route('**/api/v1/webhooks/test', (route) =>
    route.fulfill({ json: { delivered: false, status: 400, took_ms: 3, reason: hostile } }),
  );
  await write({ 'Discord webhook URL': webhook });
  await button('Send test').click();
  await page.getByText(`400 in 3 ms: ${hostile}`).waitFor();
  assert.equal(await page.locator('main img, main script').count(), 0);
});

test('the recovery threshold is a slider that never gets to the wrong side', async () => {
  await write({ 'Discord webhook URL': webhook });
  await button('Add recovery threshold').click();
  const ends = page.getByRole('slider', { name: 'Recovery threshold' });
  const threshold = page.getByRole('slider', { name: 'Threshold', exact: true });
  const valueOf = async (of: Locator): Promise<number> => Number(await of.getAttribute('aria-valuenow'));
  assert.ok((await valueOf(ends)) < 55);
  await ends.press('End');
  assert.equal(await valueOf(ends), 55, 'no further than the threshold');
  await ends.press('PageDown');
  assert.ok((await valueOf(ends)) < 55);
  await threshold.press('Home');
  assert.equal(await valueOf(ends), await valueOf(threshold), 'the threshold takes it along');
  await field('Condition').selectOption('below');
  await ends.press('Home');
  assert.equal(await valueOf(ends), await valueOf(threshold), 'mirrored for below');
  await ends.press('PageUp');
  const [at, endsAt] = [await valueOf(threshold), await valueOf(ends)];
  assert.ok(endsAt > at);
  await button('Create rule').click();
  await page.getByText('Rule created').waitFor();
  const [made] = await rules();
  assert.deepEqual([made!['threshold'], made!['resolve_threshold'], made!['operator']], [at, endsAt, '<']);
});

test('a draft survives a reload without its webhook, and leaving it needs a confirmation', async () => {
  await write({ Threshold: '77', 'Discord webhook URL': webhook });
  await untilTrue(page, `sessionStorage.length === 1`);
  assert.doesNotMatch(await page.evaluate('JSON.stringify(sessionStorage)'), /webhooks|tttt/);
  await page.reload();
  await page.getByText(/^Your draft was kept/).waitFor();
  assert.equal(await field('Threshold').inputValue(), '77');
  assert.equal(await field('Discord webhook URL').inputValue(), '');

  const dialog = page.getByRole('dialog', { name: 'Leave without saving?' });
  await page.getByRole('link', { name: 'Rules', exact: true }).first().click();
  await dialog.waitFor();
  assert.match(page.url(), /#\/rules\/new$/, 'the address is what is shown');
  await dialog.getByRole('button', { name: 'Stay' }).click();
  assert.equal(await field('Threshold').inputValue(), '77');
  await page.getByRole('link', { name: 'Rules', exact: true }).first().click();
  await dialog.getByRole('button', { name: 'Leave' }).click();
  await page.getByRole('heading', { name: 'Rules', exact: true }).waitFor();
  await page.goto(`${system.url}/console/#/rules/new`);
  await field('Metric').waitFor();
  assert.equal(await field('Threshold').inputValue(), '', 'what was left is gone');
  assert.equal(await page.evaluate('sessionStorage.length'), 0);
});

test('a kept draft of a rule that was changed elsewhere does not overwrite it', async () => {
  const body = { metric_name: 'cpu', threshold: 90, discord_webhook_url: webhook };
  const made = (await (
    await fetch(`${system.url}/rules`, { method: 'POST', headers: json, body: JSON.stringify(body) })
  ).json()) as { id: string };
  await page.goto(`${system.url}/console/#/rules/${made.id}/edit`);
  await field('Threshold').fill('95');
  await untilTrue(page, `sessionStorage.length === 1`);
  const theirs = JSON.stringify({ ...body, threshold: 80 });
  await fetch(`${system.url}/rules/${made.id}`, { method: 'PUT', headers: json, body: theirs });
  await page.reload();
  await page.getByText(/^Your draft was kept/).waitFor();
  assert.equal(await field('Threshold').inputValue(), '95');
  await button('Save').click();
  await page.getByText('someone else has changed this rule').waitFor();
  await button('Overwrite with mine').click();
  await page.getByText('Rule saved').waitFor();
  assert.deepEqual(await rules(), [{ id: made.id, ...body, threshold: 95 }]);
});

test('metrics, tags and their values are completed from live data', async () => {
  const offered = (list: string): Promise<unknown> =>
    page.evaluate(`[...document.getElementById('${list}').options].map(({ value }) => value)`);
  const until = async (list: string, texts: readonly string[]): Promise<void> => {
    const deadline = Date.now() + 20_000;
    while (JSON.stringify(await offered(list)) !== JSON.stringify(texts)) {
      assert.ok(Date.now() < deadline, `${list}: ${JSON.stringify(await offered(list))}`);
      await page.waitForTimeout(50);
      // The console reads samples every two seconds: a metric that is not known yet is requested again.
      await field('Metric').fill('cp');
      await field('Metric').fill('cpu');
      await page.waitForTimeout(400);
    }
  };
  await until('known-metrics', ['cpu']);
  await page.getByText('Tags and details').click();
  await until('known-tags', ['host']);
  await button('Add a tag').click();
  await field('Key of tag 1').fill('host');
  await until('known-values-0', ['web-0', 'web-1']);
});

test('other conditions on tags are lines, which are checked at the field and saved', async () => {
  await write({ 'Discord webhook URL': webhook });
  await page.getByText('Tags and details').click();
  const lines = field('Other conditions on tags');
  await lines.fill('host');
  await lines.blur();
  await page.getByText('host: must be host=web-1|web-2, host=web-*, host!=db-1, host exists or host absent').waitFor();
  await lines.fill('host=web-0|web-2\nzone absent');
  await button('Create rule').click();
  await page.getByText('Rule created').waitFor();
  const [made] = await rules();
  assert.deepEqual(made!['tags'], { host: ['web-0', 'web-2'], zone: { exists: false } });
  await page.goto(`${system.url}/console/#/rules/${String(made!['id'])}`);
  await page.getByText('where host is web-0 or web-2 and zone does not exist').first().waitFor();
});

test('JSON with values that no rule has is shown as far as it goes, and refused by the server', async () => {
  await page.getByRole('tab', { name: 'JSON' }).click();
  const rule = { metric_name: 'cpu', threshold: 55, operator: '=>', tags: { a: null, b: ['c'] }, notify: 5 };
  await field('The rule as JSON').fill(JSON.stringify(rule));
  await page.getByText('cpu is above 55').waitFor();
  await page.getByRole('tab', { name: 'Form' }).click();
  await page.getByText('Tags and details').click();
  assert.equal(await field('Other conditions on tags').inputValue(), 'a=null\nb=c');
  await button('Create rule').click();
  await page.getByText(/^tags\.a must be a string, a list of 1 to 100 strings/).waitFor();
});

test('name, severity, runbook and labels are typed, refused at their fields, saved and shown', async () => {
  await write({ 'Discord webhook URL': webhook });
  await page.getByText('Tags and details').click();
  await field('Severity').selectOption('warning');
  for (const [label, text] of [
    ['Name', 'Checkout load'],
    ['Runbook URL', 'http://wiki.example.org'],
    ['Labels', 'team=payments'],
  ] as const)
    await field(label).fill(text);
  await button('Create rule').click();
  await page.getByText(/^runbook_url must be an https URL, without a login/).waitFor();
  await field('Runbook URL').fill('https://wiki.example.org/checkout');
  await button('Create rule').click();
  await page.getByText('Rule created').waitFor();
  const [made] = await rules();
  const { name, severity, runbook_url: runbook, labels } = made!;
  assert.deepEqual(
    [name, severity, runbook, labels],
    ['Checkout load', 'warning', 'https://wiki.example.org/checkout', { team: 'payments' }],
  );
  await page.goto(`${system.url}/console/#/rules/${String(made!['id'])}`);
  await page.getByRole('heading', { level: 1, name: 'Checkout load' }).waitFor();
  assert.equal(await page.getByRole('link', { name: 'Runbook' }).getAttribute('href'), runbook);
  assert.deepEqual(await axeFindings(page), []);
  await page.goto(`${system.url}/console/#/rules?q=label:team=payments%20severity:warning`);
  await page.getByRole('link', { name: 'Checkout load: cpu is above 55' }).waitFor();
  assert.deepEqual(await axeFindings(page), []);
});

test('levels are rows, which are refused at their group, saved in place of the threshold and shown', async () => {
  await write({ 'Discord webhook URL': webhook, Threshold: '' });
  await page.getByText('Timing and recovery').click();
  for (const [index, [threshold, severity]] of [
    ['95', 'warning'],
    ['80', 'critical'],
  ].entries()) {
    await button('Add a level').click();
    await field(`Level ${index + 1}: threshold`).fill(threshold!);
    await field(`Level ${index + 1}: severity`).fill(severity!);
  }
  await button('Create rule').click();
  await page.locator('#levels-error', { hasText: 'levels.1.threshold must be above' }).waitFor();
  await field('Level 1: threshold').fill('50');
  await field('Level 2: for seconds').fill('30');
  await page
    .locator('[data-part=backtest]')
    .getByText(/^Would have fired/)
    .waitFor();
  await page.evaluate('scrollTo(0, 0)');
  assert.deepEqual(await axeFindings(page), []);
  await button('Create rule').click();
  await page.getByText('Rule created').waitFor();
  const [made] = await rules();
  assert.deepEqual(made!['levels'], [
    { threshold: 50, severity: 'warning' },
    { threshold: 80, severity: 'critical', for_seconds: 30 },
  ]);
  assert.equal(made!['threshold'], undefined);
  await page.goto(`${system.url}/console/#/rules/${String(made!['id'])}`);
  await page.getByText('Fires when cpu is above 50 (warning) or 80 (critical, for 30 s).').waitFor();
});

test('a new rule is a sentence in one line in a window of 1,440 pixels', async () => {
  await page.setViewportSize({ width: 1_440, height: 900 });
  const tops = await Promise.all(
    ['Metric', 'Compare', 'Condition', 'Threshold'].map(async (label) => (await field(label).boundingBox())!.y),
  );
  assert.ok(Math.max(...tops) - Math.min(...tops) < 4, tops.join(' '));
});

test('a refused backtest shows the reason, and the last result in grey', async () => {
  const result = page.locator('[data-part=backtest]');
  const old = page.locator('[data-part=backtest-old]', { hasText: 'Would have fired' });
  await write();
  await result.getByText(/^Would have fired/).waitFor();
  await old.waitFor({ state: 'detached' });
  await field('Compare').selectOption('has a percentile');
  await field('Percentile').waitFor();
  await field('Compare').selectOption('averages');
  await field('Percentile').waitFor({ state: 'detached' });
  await result.getByText('window_duration_seconds is missing').waitFor();
  await old.waitFor();
  await field('Window').fill('5');
  await old.waitFor({ state: 'detached' });
  assert.equal(await result.locator('[data-part=backtest-refusal]').count(), 0);
  await page.route('**/api/v1/rules/backtest', (route) =>
    route.fulfill({ status: 429, json: { code: 'too_many_requests', detail: '4 backtests are running already' } }),
  );
  await field('Threshold').fill('54');
  await result.getByText('Could not update; showing the last result: 4 backtests are running already.').waitFor();
  await old.waitFor();
  assert.deepEqual(await axeFindings(page), []);
  await page.unroute('**/api/v1/rules/backtest');
  await old.waitFor({ state: 'detached' });
  await field('Threshold').fill('');
  await result.getByText('Choose a metric and a threshold').waitFor();
  await field('Threshold').fill('high');
  await result.getByText('No result: threshold').waitFor();
});

test('the backtest covers the last hour, or the chosen range', async () => {
  // Ingest would refuse a sample this old, so it is appended to the log.
  const samples = [10 * 3_600, 2, 1].map((agoSeconds) => ({
    key: Buffer.from('disk'),
    value: Buffer.from(JSON.stringify({ value: agoSeconds > 10 ? 95 : 10 })),
    timestampMs: Date.now() - agoSeconds * 1_000,
  }));
  await system.storage.log.append(topics.metrics.name, samples);
  await write({ Metric: 'disk', Threshold: '90' });
  const words = page.locator('[data-part=backtest-words]');
  await words.getByText('Would not have fired in the last hour').waitFor();
  await page.getByRole('radio', { name: '6 h' }).check();
  await words.getByText('Would not have fired in the last 6 h').waitFor();
  await page.getByRole('radio', { name: 'All' }).check();
  await words.getByText('Would have fired once in all retained samples').waitFor();
  await page.getByText('As a table').click();
  assert.ok((await page.locator('[data-part=chart-table] tbody tr').count()) > 1);
});

test('an alarm of the backtest is opened by its time or on the chart, and shows the sample that fired', async () => {
  await write({ Threshold: '58.5' });
  const fact = page.getByText(/^Fired at .* by partition \d+, offset \d+\.$/);
  const marked = page.locator('[data-part=opened-fire] .marked');
  await page.getByText('When it would have fired').click();
  const times = page.locator('.firings li > button');
  await times.last().click();
  await fact.waitFor();
  await page.locator('[data-part=opened-fire]').getByText('As a table').click();
  assert.match(await marked.innerText(), /fired\s(.*\s)?59\s+59\s+59/);
  assert.equal(await times.last().getAttribute('aria-expanded'), 'true');
  await page.evaluate('scrollTo(0, 0)');
  assert.deepEqual(await axeFindings(page), []);
  await times.last().click();
  await fact.waitFor({ state: 'detached' });
  const plot = page.getByRole('slider', { name: 'Data cursor' });
  await plot.scrollIntoViewIfNeeded();
  const box = (await plot.boundingBox())!;
  for (let x = box.x + box.width - 4; (await fact.count()) === 0; x -= 8) {
    assert.ok(x > box.x, 'no place of the chart is a fire');
    await page.mouse.click(x, box.y + box.height - 6);
  }
});

test('for a saved rule the backtest names added and removed alarms', async () => {
  const body = { metric_name: 'cpu', threshold: 58.5, discord_webhook_url: webhook };
  const answer = await fetch(`${system.url}/rules`, { method: 'POST', headers: json, body: JSON.stringify(body) });
  const { id } = (await answer.json()) as { id: string };
  await page.goto(`${system.url}/console/#/rules/${id}/edit`);
  const words = page.locator('[data-part=backtest]');
  await page.getByText(/^Would have fired \d+ times/).waitFor();
  assert.equal(await words.getByText(/^(New|Gone):/).count(), 0);
  await field('Threshold').fill('60');
  await words.getByText(/^Gone: \d\d:\d\d:\d\d(, \d\d:\d\d:\d\d)*\.$/).waitFor();
  await field('Threshold').fill('57.5');
  await words.getByText(/^New: \d\d:\d\d:\d\d/).waitFor();
});

test('axe finds nothing in the JSON and curl views', async () => {
  await write();
  for (const name of ['JSON', 'curl', 'Form']) {
    await page.getByRole('tab', { name }).click();
    assert.deepEqual(await axeFindings(page), [], name);
  }
});

test('groups and a ratio are made by their inputs, the chart draws what is compared, and an error stands at its input', async () => {
  await waitUntil('the console has read the metric', async () => {
    const answer = await fetch(`${system.url}/api/v1/metrics?q=cpu`);
    return ((await answer.json()) as { total: number }).total > 0;
  });
  await write({ 'Discord webhook URL': webhook });
  await page.getByText('One value for many series').click();
  assert.equal(await page.getByLabel('Compare the').count(), 0, 'without groups nothing is aggregated');
  await button('host').click();
  assert.equal(await field('Group by tags').inputValue(), 'host');
  await page.getByLabel('Compare the').selectOption('share_where');
  await page.getByRole('group', { name: 'Of series whose value is' }).getByLabel('Value').fill('45');
  await button('all series together').click();
  const cursor = page.getByRole('slider', { name: 'Data cursor: Compared value of cpu' });
  // Until the answer for the new groups is there, the chart has those by host.
  const readout = async (): Promise<string> => (await cursor.getAttribute('aria-valuetext')) ?? '';
  await waitForValue('the value of all series', readout, (text) => /: all series (?:mean )?[01.]+/.test(text));
  await page.getByText('2 series, right axis').waitFor();
  await page.getByText('Fires when the share of series of cpu whose value is above 45 is above 5500 %.').waitFor();
  await page.getByLabel('Compare the').selectOption('sum');
  await page.getByLabel('Divide by a second value').check();
  await field('At least').fill('many');
  await button('Create rule').click();
  const wrong = page.locator('main [aria-invalid=true]');
  await wrong.waitFor();
  assert.deepEqual([await wrong.count(), await wrong.getAttribute('id')], [1, 'divide_by.min_value']);
  await page.evaluate('scrollTo(0, 0)');
  assert.deepEqual(await axeFindings(page), []);
  await field('At least').fill('2');
  await page.getByLabel('Of', { exact: true }).selectOption('series with these tags');
  await field('Series with these tags').fill('host=web-1');
  await button('Create rule').click();
  await page.waitForURL(/#\/rules$/);
  const [made] = await rules();
  assert.deepEqual(made!['divide_by'], { tags: { host: 'web-1' }, min_value: 2 });
  assert.deepEqual([made!['group_by'], made!['aggregate'], made!['aggregate_where']], [[], 'sum', undefined]);
});
