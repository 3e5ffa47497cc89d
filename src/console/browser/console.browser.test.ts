// The page in a real browser against a real server with its own log.
import { after, afterEach, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { ok } from '../../alarm/alarm-state.ts';
import { bearer } from '../../http/testing/test-server.ts';
import {
  startPageBrowser,
  untilTrue,
  type OpenPage,
  type PageBrowser,
  type PageOptions,
} from '../testing/browser-page.ts';
import { lineTo } from '../testing/broken-line.ts';
import { appendAlarm, firingSince, startConsoleSystem, type ConsoleSystem } from '../testing/console-system.ts';
import { layoutFaults } from '../testing/wcag.ts';

const webhook = `https://discord.com/api/webhooks/123456789012345678/${'t'.repeat(68)}`;

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
  await open({});
});
afterEach(async () => {
  await close();
});

async function open({ auth = false, ...options }: PageOptions & { auth?: boolean }): Promise<void> {
  system = await startConsoleSystem({ pageDir: browser.pageDir, auth });
  opened = await browser.open(`${system.url}/console/`, { width: 1_100, height: 800, ...options });
  ({ page } = opened);
}

async function close(): Promise<void> {
  try {
    await opened.close();
  } finally {
    await system.stop();
  }
}

async function reopen(options: Parameters<typeof open>[0]): Promise<void> {
  await close();
  await open(options);
}

test('the first steps print a command with the address of this server, not the default port', async () => {
  await page.getByRole('heading', { name: 'Two steps to the first alarm' }).waitFor();
  const command = await page.getByText('npx --no-install ssrms source spikes').textContent();
  assert.equal(command, `npx --no-install ssrms source spikes packages-received 450 550 1 3 --ingest ${system.url}`);
});

interface RuleBody {
  readonly id: string;
  readonly [field: string]: unknown;
}

async function make(fields: object): Promise<RuleBody> {
  const body = JSON.stringify({ discord_webhook_url: webhook, ...fields });
  const answer = await fetch(`${system.url}/rules`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  return (await answer.json()) as RuleBody;
}

async function rules(): Promise<RuleBody[]> {
  return (await (await fetch(`${system.url}/rules`)).json()) as RuleBody[];
}

// Code that runs in the page is text here, since these tests are compiled without the types of a browser.

const focusedName = `(() => {
  const element = document.activeElement;
  const label = element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? element.textContent;
  return label.trim();
})()`;

/** Why the focus is not visible; empty when it is. */
const focusFault = `(() => {
  const element = document.activeElement;
  // After the last stop the focus is in the browser's own frame.
  if (element === document.body) return '';
  const header = document.querySelector('header').getBoundingClientRect();
  const isAbove = element.closest('header, dialog, [data-part=notices], [data-part=skip]') !== null;
  const isCovered = !isAbove && element.getBoundingClientRect().top < header.bottom - 1;
  return getComputedStyle(element).outlineStyle === 'none' ? 'no outline' : isCovered ? 'below the header' : '';
})()`;

async function focused(): Promise<string> {
  return (await page.evaluate(focusedName)) as string;
}

async function press(...keys: string[]): Promise<void> {
  for (const key of keys) await page.keyboard.press(key);
}

/** Presses Tab until the element with this name has the focus; the focus must be visible at every stop. */
async function tabTo(name: RegExp): Promise<void> {
  for (let count = 0; count < 40; count++) {
    await press('Tab');
    const fault = await page.evaluate(focusFault);
    const reached = await focused();
    assert.equal(fault, '', `the focus on "${reached}" is not to be seen`);
    if (name.test(reached)) return;
  }
  assert.fail(`no Tab leads to ${name}`);
}

test('a rule is created, edited and deleted by keyboard alone', async () => {
  await page.getByRole('heading', { name: 'No rules yet' }).waitFor();
  await press('n');
  await page.getByRole('heading', { name: 'New rule' }).waitFor();
  await page.locator('#metric_name:focus').waitFor();
  await page.keyboard.type('packages-received');
  await tabTo(/^Threshold$/);
  await page.keyboard.type('500');
  await tabTo(/^Discord webhook URL$/);
  await page.keyboard.type(webhook);
  await press('Enter');
  await page.getByText('Rule created').waitFor();
  const [made] = await rules();
  assert.deepEqual(made, {
    id: made!.id,
    metric_name: 'packages-received',
    threshold: 500,
    discord_webhook_url: webhook,
  });

  await page.getByRole('heading', { name: 'Rules', exact: true }).waitFor();
  await page.getByRole('link', { name: 'packages-received is above 500', exact: true }).waitFor();
  await press('/');
  await page.locator('#search:focus').waitFor();
  await page.keyboard.type('packages');
  await tabTo(/^packages-received is above 500$/);
  await press('Enter');
  await page.getByRole('heading', { name: 'packages-received', exact: true }).waitFor();
  await page.getByText('Fires when packages-received is above 500.').waitFor();
  await tabTo(/^Edit$/);
  await press('Enter');
  await page.getByRole('heading', { name: 'Edit rule' }).waitFor();
  await page.locator('#threshold').waitFor();
  await tabTo(/^Threshold$/);
  await press('Control+a');
  await page.keyboard.type('250,5');
  await tabTo(/^Notifications$/);
  await press('Enter');
  await tabTo(/^Cooldown$/);
  await page.keyboard.type('60');
  await press('Enter');
  await page.getByText('Rule saved').waitFor();
  assert.deepEqual(await rules(), [{ ...made, threshold: 250.5, cooldown_seconds: 60 }]);

  await page.getByRole('heading', { name: 'Rules', exact: true }).waitFor();
  await page.getByRole('button', { name: /^Delete/ }).waitFor();
  await tabTo(/^Delete: packages-received/);
  await press('Enter');
  await page.getByRole('dialog', { name: 'Delete this rule?' }).waitFor();
  await press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  assert.match(await focused(), /^Delete: packages-received/, 'the focus is back at its opener');
  assert.equal((await rules()).length, 1);
  await press('Enter');
  await page.getByRole('dialog').waitFor();
  await tabTo(/^Delete$/);
  await press('Enter');
  await page.getByText('No rules yet').waitFor();
  assert.deepEqual(await rules(), []);
  assert.equal(await focused(), 'Rules', 'the opener is gone, so the heading has the focus');
});

test('errors are shown at their fields, which refer to them, and the first one gets the focus', async () => {
  await page.goto(`${system.url}/console/#/rules/new`);
  await page.getByLabel('Metric', { exact: true }).fill('cpu');
  await page.getByLabel('Threshold', { exact: true }).fill('abc');
  await page.getByLabel('Discord webhook URL').fill('https://discord.evil.example/api/webhooks/1/x');
  await page.getByText('Timing and recovery').click();
  await page.getByLabel('Fire after', { exact: true }).fill('-1');
  await page.getByText('Timing and recovery').click();
  await page.getByRole('button', { name: 'Create rule' }).click();
  await page.locator('#threshold:focus').waitFor();
  for (const field of ['threshold', 'discord_webhook_url', 'for_seconds']) {
    const input = page.locator(`#${field}`);
    assert.equal(await input.getAttribute('aria-invalid'), 'true', field);
    const described = (await input.getAttribute('aria-describedby')) ?? '';
    assert.equal(described.split(' ')[0], `${field}-error`);
    assert.match(await page.locator(`#${field}-error`).innerText(), new RegExp(field));
  }
  assert.ok(await page.locator('#for_seconds').isVisible(), 'the fold with the wrong field is opened');
  assert.equal(await page.locator('#metric_name').getAttribute('aria-invalid'), 'false');
  assert.deepEqual(await rules(), []);
  await page.getByLabel('Threshold', { exact: true }).fill('90');
  assert.equal(await page.locator('#threshold-error').count(), 0, 'an error disappears when its field is corrected');
});

test('a rule that was changed elsewhere is not overwritten unnoticed', async () => {
  const rule = await make({ metric_name: 'cpu', threshold: 90 });
  await page.goto(`${system.url}/console/#/rules/${rule.id}/edit`);
  await page.getByLabel('Threshold', { exact: true }).fill('95');
  const other = { metric_name: 'cpu', threshold: 80, discord_webhook_url: webhook, description: 'theirs' };
  await fetch(`${system.url}/rules/${rule.id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(other),
  });
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('someone else has changed this rule').waitFor();
  const row = page.getByRole('row', { name: /threshold/ });
  assert.match(await row.innerText(), /95\s+80/);
  assert.equal((await rules())[0]!['threshold'], 80);
  await page.getByRole('button', { name: 'Take theirs' }).click();
  assert.equal(await page.getByLabel('Threshold', { exact: true }).inputValue(), '80');
  await page.getByLabel('Threshold', { exact: true }).fill('70');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Rule saved').waitFor();
  assert.deepEqual(await rules(), [{ id: rule.id, ...other, threshold: 70 }]);
});

test('disabling needs no confirmation, and can be undone', async () => {
  const rule = await make({ metric_name: 'cpu', threshold: 90 });
  await page.goto(`${system.url}/console/#/rules`);
  const toggle = page.getByRole('switch', { name: /^Enabled: cpu/ });
  await toggle.click();
  await page.getByText('Disabled: cpu is above 90').waitFor();
  assert.deepEqual(await rules(), [{ ...rule, enabled: false }]);
  await page.locator('.rule [data-part=state]', { hasText: 'Disabled' }).waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('Enabled: cpu is above 90').waitFor();
  assert.deepEqual(await rules(), [rule]);
});

test('a state appended to alarms is shown as firing, counts in the title, and disappears when it ends', async () => {
  const rule = await make({ metric_name: 'cpu', threshold: 90, description: 'Look at the fans' });
  await page.getByRole('heading', { name: 'Nothing is firing' }).waitFor();
  await page.getByText('Live', { exact: true }).waitFor();
  await appendAlarm(system.storage.log, {
    ruleId: rule.id,
    metric: 'cpu',
    tags: { host: 'web-1' },
    state: firingSince(Date.now() - 65_000),
    x: 97.5,
    offset: 1,
  });
  await page.getByRole('heading', { name: '1 alarm is firing' }).waitFor();
  const row = page.locator('[data-part=alarm]');
  await row.getByText('cpu is above 90').waitFor();
  assert.match(await row.innerText(), /Firing[\s\S]*web-1[\s\S]*Look at the fans[\s\S]*97\.5[\s\S]*1 min/);
  assert.match(await page.title(), /^\(1\) Now/);
  await page.locator('[aria-live=polite]', { hasText: '1 firing. Newest: cpu' }).waitFor({ state: 'attached' });
  await page.goto(`${system.url}/console/#/rules?q=state%3Afiring`);
  await page.locator('.rule [data-part=state]', { hasText: 'Firing' }).waitFor();
  assert.equal(await page.getByLabel('Search the rules').inputValue(), 'state:firing', 'the search is in the address');
  await page.goto(`${system.url}/console/#/now`);
  await appendAlarm(system.storage.log, {
    ruleId: rule.id,
    metric: 'cpu',
    tags: { host: 'web-1' },
    state: ok,
    x: 50,
    offset: 2,
  });
  await page.getByRole('heading', { name: 'Nothing is firing' }).waitFor();
  await page.locator('[data-part=changes] [data-part=state]', { hasText: 'Ended' }).waitFor();
});

test('rows hold still under the pointer, and a pill counts the missed changes', async () => {
  const rule = await make({ metric_name: 'cpu', threshold: 90 });
  await appendAlarm(system.storage.log, {
    ruleId: rule.id,
    metric: 'cpu',
    tags: { host: 'b' },
    state: firingSince(Date.now() - 9_000),
    x: 91,
    offset: 1,
  });
  await page.locator('[data-part=alarm]').first().hover();
  await appendAlarm(system.storage.log, {
    ruleId: rule.id,
    metric: 'cpu',
    tags: { host: 'a' },
    state: firingSince(Date.now() - 99_000),
    x: 92,
    offset: 2,
  });
  await page.getByRole('button', { name: '1 change' }).waitFor();
  assert.equal(await page.locator('[data-part=alarm]').count(), 1);
  await page.mouse.move(0, 0);
  await page.locator('[data-part=alarm]').nth(1).waitFor();
  assert.match(await page.locator('[data-part=alarm]').first().innerText(), /host\s*a/);
});

test('the page asks for a token when the API requires one, and keeps the draft', async () => {
  await reopen({ auth: true });
  const dialog = page.getByRole('dialog', { name: 'Sign in' });
  await dialog.waitFor();
  await press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: 'Sign in' }).click();
  await dialog.getByLabel('Token').fill('not-a-token');
  await press('Enter');
  await dialog.getByText('That token was refused').waitFor();
  const all = 'rules:read rules:write alarms:read';
  await dialog.getByLabel('Token').fill(await bearer({ scope: all, lifetimeSeconds: -25 }));
  await press('Enter');
  await dialog.waitFor({ state: 'hidden' });
  await press('n');
  await page.getByLabel('Metric', { exact: true }).fill('kept');
  // The token had five seconds of grace left.
  await dialog.waitFor();
  await dialog.getByLabel('Token').fill(await bearer({ scope: all }));
  await press('Enter');
  await dialog.waitFor({ state: 'hidden' });
  assert.equal(await page.getByLabel('Metric', { exact: true }).inputValue(), 'kept');
  await page.getByLabel('Threshold', { exact: true }).fill('1');
  await page.getByLabel('Discord webhook URL').fill(webhook);
  await press('Enter');
  await page.getByText('Rule created').waitFor();
  assert.equal(await page.evaluate('localStorage.length + sessionStorage.length'), 0, 'nothing is stored');
});

test('a token without the scope gets an error that names it', async () => {
  await reopen({ auth: true });
  const dialog = page.getByRole('dialog', { name: 'Sign in' });
  await dialog.getByLabel('Token').fill(await bearer({ scope: 'rules:read' }));
  await press('Enter');
  await page.getByText('lacks the scope alarms:read').waitFor();
});

test('a lost server is reported within seconds, and the page reconnects by itself', async () => {
  await page.getByText('Live', { exact: true }).waitFor();
  await page.context().setOffline(true);
  await page.getByText('Reconnecting', { exact: true }).waitFor({ timeout: 3_000 });
  await page.getByText('Stale', { exact: true }).waitFor();
  assert.match((await page.locator('[aria-live=assertive]').allInnerTexts()).join(), /Connection lost/);
  // The title of a background tab must not claim that nothing fires.
  await untilTrue(
    page,
    `document.title.startsWith('(?) ') && /unknown/.test(document.querySelector('link[rel=icon]').href)`,
  );
  await page.context().setOffline(false);
  await page.getByText('Live', { exact: true }).waitFor();
  await untilTrue(page, `document.title === 'Now · SSRMS'`);
});

test('after an outage of the server no change is missed or shown twice; until then data is marked as stale', async () => {
  const line = await lineTo(system.url);
  await opened.close();
  opened = await browser.open(`${line.url}/console/`);
  ({ page } = opened);
  try {
    const rule = await make({ metric_name: 'flaps', threshold: 1 });
    let offset = 0;
    const flap = async (times: number): Promise<void> => {
      for (let time = 0; time < times; time++) {
        const given = { ruleId: rule.id, metric: 'flaps', x: 2, offset: ++offset };
        await appendAlarm(system.storage.log, { ...given, state: offset % 2 === 1 ? firingSince(1_000) : ok });
      }
    };
    const changes = page.locator('[data-part=changes] > li');
    await page.getByText('Live', { exact: true }).waitFor();
    await flap(5);
    await changes.nth(4).waitFor();
    line.cut();
    await page.getByText('Stale', { exact: true }).waitFor({ timeout: 4_000 });
    await flap(8);
    await page.waitForTimeout(2_000);
    assert.equal(await changes.count(), 5);
    await line.mend();
    await page.getByText('Live', { exact: true }).waitFor();
    await flap(3);
    await changes.nth(15).waitFor();
    await page.waitForTimeout(500);
    assert.equal(await changes.count(), 16);
    await page.getByRole('heading', { name: '1 alarm is firing' }).waitFor({ state: 'hidden' });
  } finally {
    line.close();
  }
});

test('without an evaluator no screen claims that nothing fires, and the backlog is unknown', async () => {
  const behind = page.locator('.figure', { hasText: 'Backlog' }).locator('dd');
  await behind.getByText('0', { exact: true }).waitFor();
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"name":"cpu","value":1}' };
  await fetch(`${system.url}/api/v1/metrics`, init);
  await behind.getByText('unknown', { exact: true }).waitFor();
  await page.goto(`${system.url}/console/#/system`);
  await page.getByText(/20 partitions are not assigned/).waitFor();
  const text = '20 partitions of metrics are not evaluated';
  await page.locator('.banner', { hasText: text }).waitFor();
  await page.locator('[aria-live=polite]', { hasText: text }).waitFor({ state: 'attached' });
  await make({ metric_name: 'cpu', threshold: 1 });
  await page.goto(`${system.url}/console/#/now`);
  await page.getByRole('heading', { name: 'Nothing was firing' }).waitFor();
  await page.context().setOffline(true);
  await page.getByText('Stale', { exact: true }).waitFor();
  assert.ok(!(await page.locator('[aria-live=polite]').allInnerTexts()).join().includes('evaluated in time again'));
  await page.context().setOffline(false);
  await page.getByText('Live', { exact: true }).waitFor();
  await behind.getByText('unknown', { exact: true }).waitFor();
});

test('hostile text is shown as text, and never runs', async () => {
  const hostile = `<img src=x onerror="document.title='owned'"><script>alert(1)</script>`;
  const rule = await make({ metric_name: hostile, threshold: 1, description: hostile, tags: { [hostile]: hostile } });
  await appendAlarm(system.storage.log, {
    ruleId: rule.id,
    metric: hostile,
    tags: { [hostile]: hostile },
    state: firingSince(1_000),
    x: 2,
    offset: 1,
  });
  await page.locator('[data-part=alarm] .metric', { hasText: '<img src=x' }).waitFor();
  for (const path of [
    '#/rules',
    `#/rules/${rule.id}`,
    `#/rules/${rule.id}/edit`,
    '#/alarms',
    '#/timeline',
    '#/webhooks',
  ]) {
    await page.goto(`${system.url}/console/${path}`);
    await page.getByText('<script>alert(1)</script>').first().waitFor();
    assert.equal(await page.locator('img, main script').count(), 0);
  }
  assert.doesNotMatch(await page.title(), /owned/);
});

for (const theme of ['light', 'dark'] as const) {
  test(`at 320 px in the ${theme} theme nothing is wider than the screen, and targets are large enough`, async () => {
    await reopen({ width: 320, theme });
    const rule = await make({
      metric_name: 'a.metric-with-a-very-long-name.'.repeat(4),
      threshold: 123456.789,
      description: 'x'.repeat(200),
      tags: { host: 'y'.repeat(90) },
    });
    await appendAlarm(system.storage.log, {
      ruleId: rule.id,
      metric: 'a.metric-with-a-very-long-name.'.repeat(4),
      tags: { host: 'y'.repeat(90) },
      state: firingSince(1_000),
      x: 2,
      offset: 1,
    });
    for (const [path, seen] of [
      ['#/now', '[data-part=alarm]'],
      ['#/rules', '.rule'],
      [`#/rules/${rule.id}`, '[data-part=versions] li'],
      [`#/rules/${rule.id}/edit`, '#threshold'],
      ['#/alarms', '[data-part=past-alarms] > li'],
      ['#/timeline', '[data-part=timeline] > li'],
      ['#/webhooks', '.webhook a'],
      ['#/system', '[data-part=tile]'],
      ['#/rules/new', '#threshold'],
    ] as const) {
      await page.goto(`${system.url}/console/${path}`);
      await page.locator(seen).first().waitFor();
      const found = await page.evaluate(layoutFaults);
      assert.deepEqual(found, { overflow: 0, small: [] }, path);
    }
  });
}
