// Every screen as a screen reader gets it: roles, names and states, and the tables beside charts.
//
// The snapshots are in testing/aria. After an intended change they are refreshed, and read before they are committed:
//   node scripts/test.mjs --test-update-snapshots src/console/browser/screens.browser.test.ts
import { after, afterEach, before, beforeEach, test, type TestContext } from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Locator, Page, Response } from 'playwright-core';
import { bearer } from '../../http/testing/test-server.ts';
import { ariaOf } from '../testing/aria.ts';
import { startPageBrowser, type OpenPage, type PageBrowser } from '../testing/browser-page.ts';
import { startConsoleSystem, type ConsoleSystem } from '../testing/console-system.ts';
import { shownValues, startShownSystem, type ShownScreen, type ShownSystem } from '../testing/shown-system.ts';

let browser: PageBrowser;
let shown: ShownSystem;
let guarded: ConsoleSystem;
let opened: OpenPage;
let page: Page;
before(async () => {
  browser = await startPageBrowser();
  shown = await startShownSystem(browser.pageDir);
  guarded = await startConsoleSystem({ pageDir: browser.pageDir, auth: true });
});
after(async () => {
  await guarded?.stop();
  await shown?.stop();
  await browser?.close();
});
beforeEach(async () => {
  opened = await browser.open(`${shown.system.url}/console/#/now`);
  ({ page } = opened);
});
afterEach(async () => {
  await opened.close();
});

async function go({ address, isThere }: ShownScreen): Promise<void> {
  await page.evaluate(`location.hash = '#${address}'`);
  await isThere(page);
}

const screen = (name: string): ShownScreen => shown.screens.find((each) => each.name === name)!;

function isAsKept(t: TestContext, name: string, text: string): void {
  const path = join(import.meta.dirname, '..', 'testing', 'aria', `${name}.txt`);
  t.assert.fileSnapshot(text, path, { serializers: [(value) => `${value as string}\n`] });
}

for (const name of ['now', 'rules', 'new-rule', 'editor', 'rule', 'alarm', 'alarms', 'timeline', 'webhooks', 'system'])
  test(`the accessible content of the screen: ${name}`, async (t) => {
    await go(screen(name));
    isAsKept(t, name, await ariaOf(page.locator('main')));
  });

test('the accessible content of the header, the palette and the shortcuts', async (t) => {
  await go(screen('now'));
  isAsKept(t, 'frame', await ariaOf(page.locator('header')));
  await page.keyboard.press('?');
  isAsKept(t, 'keys', await ariaOf(page.getByRole('dialog')));
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+k');
  await page.getByRole('option').first().waitFor();
  isAsKept(t, 'palette', await ariaOf(page.getByRole('dialog')));
});

test('the accessible content of the sign-in dialog, and of a page that is signed out', async (t) => {
  await opened.close();
  opened = await browser.open(`${guarded.url}/console/#/rules`);
  ({ page } = opened);
  const dialog = page.getByRole('dialog', { name: 'Sign in' });
  await dialog.waitFor();
  isAsKept(t, 'sign-in', await ariaOf(dialog));
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  isAsKept(t, 'signed-out', await ariaOf(page.locator('body')));
});

interface Samples {
  readonly series: readonly {
    readonly tags?: Readonly<Record<string, string>>;
    readonly t: readonly number[];
    readonly min: readonly number[];
    readonly max: readonly number[];
    readonly mean: readonly number[];
    readonly count: readonly number[];
  }[];
}

/** The cells of a table, times as ISO texts. */
async function cellsOf(within: string): Promise<string[][]> {
  await page.locator(within).getByText('As a table').click();
  const rows = page.locator(`${within} [data-part=chart-table] tbody tr`);
  await rows.first().waitFor();
  return page.evaluate(`[...document.querySelectorAll(${JSON.stringify(`${within} [data-part=chart-table] tbody tr`)})].map((row) =>
    [...row.cells].map((cell) => cell.querySelector('time')?.dateTime ?? cell.textContent))`);
}

for (const name of ['editor', 'rule', 'alarm'])
  test(`the chart’s table has the numbers that the server gave for the chart: ${name}`, async () => {
    await page.getByRole('heading', { name: '2 alarms are firing' }).waitFor();
    // From here on, each request is sent once.
    await page.getByRole('button', { name: 'Pause live data and motion' }).click();
    const isSamples = (answer: Response): boolean => answer.url().includes('/api/v1/samples?') && answer.ok();
    const given = page.waitForResponse(isSamples);
    await go(screen(name));
    const { series } = (await (await given).json()) as Samples;
    const rows = series.flatMap(({ t, min, mean, max, count }) =>
      t.map((ms, at) => [ms, min[at]!, mean[at]!, max[at]!, count[at]!]),
    );
    const expected = rows
      .toSorted(([one], [other]) => other! - one!)
      .map(([ms, ...numbers]) => [
        new Date(ms!).toISOString(),
        ...numbers.map((number) => Math.round(number * 1e6) / 1e6),
      ]);
    const cells = (await cellsOf('[data-part=chart]')).map(([time, ...texts]) => [
      time,
      ...texts.slice(-4).map(Number),
    ]);
    assert.deepEqual(cells, expected);
    const samples = cells.reduce((sum, row) => sum + (row[4] as number), 0);
    assert.equal(samples, shownValues.length);
    assert.equal(Math.max(...cells.map((row) => row[3] as number)), Math.max(...shownValues));
    assert.equal(Math.min(...cells.map((row) => row[1] as number)), Math.min(...shownValues));
  });

/** The parts of the answers that the tables of the timeline and of the system show. */
interface Answer {
  counts: Record<string, number[]>;
  partitions: object[];
  series_ahead: object;
}

/** Changes the server's answers, so that no two numbers are equal. */
async function changed(path: string, change: (answer: Answer) => void): Promise<void> {
  await page.route(`**${path}*`, async (route) => {
    const answer = await route.fetch();
    const body = (await answer.json()) as Answer;
    change(body);
    await route.fulfill({ response: answer, json: body });
  });
}

test('the tables of the timeline and of the partitions have the numbers that are drawn', async () => {
  await page.getByRole('heading', { name: '2 alarms are firing' }).waitFor();
  await page.getByRole('button', { name: 'Pause live data and motion' }).click();
  const kinds = ['firing', 'transition', 'rule', 'delivery'];
  const countOf = (part: number, kind: number): number => (part % 7 === 0 ? part * kinds.length + kind : 0);
  let parts = 0;
  await changed('/api/v1/timeline/overview', ({ counts }) => {
    parts = counts['firing']!.length;
    kinds.forEach((name, kind) => (counts[name] = counts[name]!.map((_, part) => countOf(part, kind))));
  });
  await go(screen('timeline'));
  const busy = Array.from({ length: parts }, (_, part) => kinds.map((_name, kind) => countOf(part, kind)))
    .filter((row) => row.some((count) => count > 0))
    .toReversed();
  assert.ok(busy.length > 3);
  assert.deepEqual(
    (await cellsOf('main')).map(([, ...texts]) => texts.map(Number)),
    busy,
  );

  await changed('/api/v1/system', (answer) => {
    answer.partitions.forEach((each, n) => {
      Object.assign(each, { position: 100 + n, head: 200 + n, lag: n === 7 ? null : n });
    });
    const first = [
      { series: 'cpu{host=a}', seconds: 3_000 },
      { series: 'cpu{host=b}', seconds: 7 },
    ];
    answer.series_ahead = { count: 1_234, first };
  });
  await go(screen('system'));
  const ahead = page.locator('[data-part=outcome]', { hasText: 'ahead' });
  assert.equal(
    await ahead.innerText(),
    'series whose clock is ahead: cpu{host=a} by 50 min, cpu{host=b} by 7 s\n1,234',
  );
  assert.equal(await page.locator('[data-part=outcome]', { hasText: 'arrive late' }).count(), 0);
  const shownRows = (await cellsOf('main')).map(([partition, , ...texts]) => [partition, ...texts]);
  assert.deepEqual(
    shownRows,
    Array.from({ length: 20 }, (_, n) => [n, 100 + n, 200 + n, n === 7 ? 'unknown' : n].map(String)),
  );
});

/** Events that start a drag. */
const dragging = new Set(['pointerdown', 'mousedown', 'touchstart', 'dragstart']);
const twins: Readonly<Record<string, string>> = {
  Threshold: '#threshold',
  'Recovery threshold': '#resolve_threshold',
  'Show from': 'input[type=datetime-local]',
  'Show up to': 'input[type=datetime-local]',
};

test('everything that can be dragged is a slider for keys, and has a field to type in', async () => {
  const tools = await page.context().newCDPSession(page);
  const seen = new Set<string>();
  for (const each of shown.screens) {
    await go(each);
    const { result } = await tools.send('Runtime.evaluate', { expression: `document.querySelector('main')` });
    const { listeners } = await tools.send('DOMDebugger.getEventListeners', { objectId: result.objectId!, depth: -1 });
    for (const { type, backendNodeId } of listeners) {
      if (!dragging.has(type)) continue;
      const { object } = await tools.send('DOM.resolveNode', { backendNodeId: backendNodeId! });
      const { result: said } = await tools.send('Runtime.callFunctionOn', {
        objectId: object.objectId!,
        functionDeclaration: `function () {
          const sliders = this.matches('[role=slider]') ? [this] : [...this.querySelectorAll('[role=slider]')];
          return sliders.length === 0 ? ['no slider: ' + this.outerHTML.slice(0, 80)] : sliders.map(({ ariaLabel }) => ariaLabel);
        }`,
        returnByValue: true,
      });
      for (const label of said.value as string[]) {
        assert.ok(label in twins, `${each.name}: ${label}`);
        assert.ok((await page.locator(twins[label]!).count()) > 0, `${each.name}: ${label} has no field`);
        seen.add(label);
      }
    }
  }
  assert.deepEqual([...seen].sort(), Object.keys(twins).sort());
  await go(screen('editor'));
  await page.getByText('Timing and recovery').click();
  for (const [label, value] of [
    ['Threshold', '88.25'],
    ['Recovery threshold', '61.5'],
  ] as const) {
    await page.locator(twins[label]!).fill(value);
    await page.locator(`[role=slider][aria-label="${label}"][aria-valuenow="${value}"]`).waitFor();
  }
  await page.locator('a', { hasText: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Leave' }).click();
});

test('a token can be pasted, and a password manager recognizes the field (3.3.8)', async () => {
  await opened.close();
  opened = await browser.open(`${guarded.url}/console/#/rules`);
  ({ page } = opened);
  const dialog = page.getByRole('dialog', { name: 'Sign in' });
  await dialog.waitFor();
  await page.keyboard.press('Escape');
  await page.getByLabel('Search the rules').fill('not-a-token');
  await page.keyboard.press('Control+a');
  await page.keyboard.press('Control+x');
  await page.getByRole('button', { name: 'Sign in' }).click();
  const field = dialog.getByLabel('Token');
  await field.press('Control+v');
  assert.equal(await field.inputValue(), 'not-a-token');
  assert.equal(await field.getAttribute('autocomplete'), 'current-password');
  assert.equal(await field.getAttribute('type'), 'password');
  assert.ok(await page.evaluate(`document.getElementById('token').form !== null`));
  await page.keyboard.press('Enter');
  await dialog.getByText('That token was refused').waitFor();
});

test('the versions of a rule and the timeline say who made each edit', async () => {
  const scope = 'rules:read rules:write receivers:read receivers:write alarms:read audit:read';
  const send = async (subject: string, order: string, body: object): Promise<{ id: string }> => {
    const [method, path] = order.split(' ') as [string, string];
    const headers = { 'content-type': 'application/json', authorization: await bearer({ scope, subject }) };
    const answer = await fetch(`${guarded.url}${path}`, { method, headers, body: JSON.stringify(body) });
    assert.ok(answer.ok, await answer.clone().text());
    return (await answer.json()) as { id: string };
  };
  const rule = { metric_name: 'audited', threshold: 5, notify: ['night'] };
  const hook = { kind: 'webhook', address: 'https://hooks.example.com/first', secret: 'sixteen-characters' };
  await send('carol', 'PUT /api/v1/receivers/night', hook);
  const { id } = await send('alice', 'POST /rules', rule);
  await send('bob', `PUT /rules/${id}`, { ...rule, threshold: 6 });
  await opened.close();
  opened = await browser.open(`${guarded.url}/console/#/rules/${id}`);
  ({ page } = opened);
  await page
    .getByRole('dialog', { name: 'Sign in' })
    .getByLabel('Token')
    .fill(await bearer({ scope }));
  await page.keyboard.press('Enter');
  const versions = page.locator('[data-part=versions] > li');
  await versions.filter({ hasText: 'by bob' }).filter({ hasText: 'threshold' }).waitFor();
  await versions.filter({ hasText: 'by alice' }).waitFor();
  await page.evaluate(`location.hash = '#/timeline'`);
  const row = (words: string): Locator => page.locator('[data-part=timeline] > li').filter({ hasText: words });
  await row('receiver created by carol').filter({ hasText: 'night' }).waitFor();
  await row('rule created by alice').waitFor();
  await row('by bob').filter({ hasText: 'threshold' }).waitFor();
  await page.getByLabel('Receiver edits').uncheck();
  await row('by carol').waitFor({ state: 'detached' });
  await page.getByLabel('Receiver edits').check();
  await row('by carol').getByRole('link', { name: 'night' }).click();
  await page.getByRole('heading', { level: 1, name: 'Webhooks' }).waitFor();
});

test('hidden faults fail a test: an error, a violated policy', async () => {
  const own = await browser.open(`${shown.system.url}/console/#/now`);
  const broken = own.page.waitForEvent('console');
  await own.page.evaluate(`(() => {
    setTimeout(() => { throw new Error('thrown unseen'); });
    new Image().src = 'http://127.0.0.2:9/picture.png';
  })()`);
  await broken;
  await assert.rejects(own.close(), (error: Error) =>
    [/thrown unseen/, /Content Security Policy/].every((wanted) => wanted.test(error.message)),
  );
});
