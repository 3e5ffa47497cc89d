// Accessibility of every screen with data: by axe, at 320 px (which is 400 % of 1,280), with wider
// text, in forced colours, without motion, with more contrast, by keyboard alone.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import {
  startPageBrowser,
  untilTrue,
  type OpenPage,
  type PageBrowser,
  type PageOptions,
} from '../testing/browser-page.ts';
import { startShownSystem, type ShownScreen, type ShownSystem } from '../testing/shown-system.ts';
import { axeFindings, coveredFocus, layoutFaults, tabThrough, textFaults, textSpacing } from '../testing/wcag.ts';

let browser: PageBrowser;
let shown: ShownSystem;
let opened: OpenPage | undefined;
before(async () => {
  browser = await startPageBrowser();
  shown = await startShownSystem(browser.pageDir);
});
afterEach(async () => {
  await opened?.close();
  opened = undefined;
});
after(async () => {
  await shown?.stop();
  await browser?.close();
});

/** Opens the page, goes through its screens without reloading, and collects the faults of each. */
async function faultsOf(
  options: PageOptions,
  look: (page: Page, screen: ShownScreen) => Promise<readonly string[]>,
): Promise<string[]> {
  opened = await browser.open(`${shown.system.url}/console/#/now`, options);
  const { page } = opened;
  const faults: string[] = [];
  for (const screen of shown.screens) {
    await page.evaluate(`location.hash = '#${screen.address}'`);
    await screen.isThere(page);
    faults.push(...(await look(page, screen)).map((fault) => `${screen.name}: ${fault}`));
  }
  return faults;
}

const modes: Record<string, PageOptions> = {
  light: { theme: 'light' },
  dark: { theme: 'dark' },
  'light, 320 px': { theme: 'light', width: 320 },
  'dark, 320 px': { theme: 'dark', width: 320 },
  'light, more contrast': { theme: 'light', wants: { contrast: 'more' } },
  'dark, more contrast': { theme: 'dark', wants: { contrast: 'more' } },
};

for (const [mode, options] of Object.entries(modes))
  test(`axe finds nothing, and nothing is cut off or too small: ${mode}`, async () => {
    const faults = await faultsOf(options, async (page) => {
      const { overflow, small } = (await page.evaluate(layoutFaults)) as { overflow: number; small: string[] };
      return [
        ...(await axeFindings(page)),
        ...(await page.evaluate<string[]>(textFaults)),
        ...small.map((name) => `too small: ${name}`),
        ...(overflow > 0 ? [`${overflow} px wider than the screen`] : []),
      ];
    });
    assert.deepEqual(faults, []);
  });

for (const width of [1_280, 320])
  test(`with the text spacing of WCAG 1.4.12 nothing is lost: ${width} px`, async () => {
    const faults = await faultsOf({ width }, async (page, { name }) => {
      if (name === 'now') await page.evaluate(textSpacing);
      // The rule table measures its rows after they have grown.
      await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))');
      const { overflow } = (await page.evaluate(layoutFaults)) as { overflow: number };
      return [
        ...(await page.evaluate<string[]>(textFaults)),
        ...(overflow > 0 ? [`${overflow} px wider than the screen`] : []),
      ];
    });
    assert.deepEqual(faults, []);
  });

for (const theme of ['light', 'dark'] as const)
  test(`with forced colours selections and drawings stay visible: ${theme}`, async () => {
    const faults = await faultsOf({ theme, wants: { forcedColors: 'active' } }, async (page, { name }) => {
      if (['rule', 'editor', 'alarm'].includes(name)) await page.locator('[data-part=chart-plot] canvas').waitFor();
      return page.evaluate(lostColours);
    });
    assert.deepEqual(faults, []);
  });

/** Selections that look unselected, marks in the colour of their background, charts of a single colour. */
const lostColours = `(() => {
  const faults = [];
  const ground = (element) => getComputedStyle(element).backgroundColor;
  const canvas = ground(document.body);
  const groups = [
    ['header nav a[aria-current]', 'header nav a:not([aria-current])'],
    ['[data-part=tabs] [aria-selected=true]', '[data-part=tabs] [aria-selected=false]'],
    ['.ranges input:checked + span', '.ranges input:not(:checked) + span'],
  ];
  for (const [chosen, other] of groups) {
    const [one, two] = [document.querySelector(chosen), document.querySelector(other)];
    if (one !== null && two !== null && ground(one) === ground(two)) faults.push('chosen looks like not chosen: ' + chosen);
  }
  const marks = '[data-part=dot], .chart-key, .distance i, [data-part=stage-bar] i, [data-part=fire-strip] i[data-heat], [data-part=brush-edge]';
  for (const mark of document.querySelectorAll(marks)) {
    const drawn = mark.matches('[data-part=brush-edge]') ? getComputedStyle(mark, '::before').backgroundColor : ground(mark);
    if ([canvas, 'rgba(0, 0, 0, 0)'].includes(drawn)) faults.push('not to be seen: ' + mark.outerHTML);
  }
  for (const knob of document.querySelectorAll('[role=switch] [data-part=knob]'))
    if (ground(knob) === ground(knob.parentElement)) faults.push('the knob has the colour of its switch');
  for (const filled of document.querySelectorAll('[data-part=orb], [data-part=badge], .primary, [data-part=threshold-grip]'))
    if (getComputedStyle(filled).forcedColorAdjust !== 'none') faults.push('text with its own background: ' + filled.className);
  for (const chart of document.querySelectorAll('[data-part=chart-plot] canvas')) {
    const { data } = chart.getContext('2d').getImageData(0, 0, chart.width, chart.height);
    let opaque = 0;
    for (let at = 3; at < data.length; at += 4) if (data[at] === 255) opaque++;
    const share = opaque / (data.length / 4);
    if (share < 0.002 || share > 0.2) faults.push('of the chart ' + share + ' is drawn');
  }
  return faults;
})()`;

test('with reduced motion nothing moves', async () => {
  const running = `document.getAnimations().filter(({ playState }) => playState === 'running').map(({ animationName, transitionProperty }) => animationName ?? transitionProperty)`;
  opened = await browser.open(`${shown.system.url}/console/#/now`);
  const beating = `document.querySelector('[data-part=dot]').getAnimations().some(({ playState }) => playState === 'running')`;
  await untilTrue(opened.page, beating);
  await opened.close();
  const faults = await faultsOf({ wants: { reducedMotion: 'reduce' } }, async (page, { name }) => {
    if (name === 'rules') await page.getByRole('switch').last().hover();
    return page.evaluate(running);
  });
  assert.deepEqual(faults, []);
});

for (const [mode, options] of Object.entries({ wide: {}, narrow: { width: 320 }, low: { height: 400 } }))
  test(`the focus is never covered: ${mode}`, async () => {
    const faults = await faultsOf(options, async (page) => {
      const covered: string[] = [];
      const look = async (name: string): Promise<void> => {
        const deadline = Date.now() + 20_000;
        let why = (await page.evaluate(coveredFocus)) as string;
        // Scrolling to it may take a frame.
        while (why !== '' && Date.now() < deadline) why = (await page.evaluate(coveredFocus)) as string;
        if (why !== '') covered.push(`${why}: ${name}`);
      };
      const stops = await tabThrough(page, look);
      // Going back up may put it below a sticky header.
      const stopsBack = await tabThrough(page, look, 'Shift+Tab');
      return Math.min(stops, stopsBack) < 10 ? [`only ${stops} and ${stopsBack} stops`] : covered;
    });
    assert.deepEqual(faults, []);
  });

for (const [mode, wants] of Object.entries({
  'as designed': {},
  'in forced colours': { forcedColors: 'active' },
} as const))
  test(`each kind of focusable element has a visible focus ring, ${mode}`, async () => {
    const known = new Set<string>();
    const faults = await faultsOf({ wants }, async (page, { name: screen }) => {
      // Only the focus ring may change between two pictures.
      if (screen === 'now') await page.getByRole('button', { name: 'Pause live data and motion' }).click();
      const bare: string[] = [];
      await tabThrough(page, async (name) => {
        const kind = name.replaceAll(/(id|href|title|aria-[a-z]+)="[^"]*"|>.*/gs, '');
        if (known.has(kind)) return;
        known.add(kind);
        if (!(await hasRing(page))) bare.push(name);
      });
      return bare;
    });
    assert.ok(known.size > 15, `${known.size} kinds`);
    assert.deepEqual(faults, []);
  });

const ringless = 'globalThis.ringless ??= new CSSStyleSheet(); ringless.replaceSync("* { outline: none !important }")';

/** Whether the focused element looks different without its outline. While the page is still scrolling, the pictures are taken again. */
async function hasRing(page: Page): Promise<boolean> {
  for (let time = 0; time < 4; time++) {
    const clip: { x: number; y: number; width: number; height: number } = await page.evaluate(`(async () => {
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      const focused = document.activeElement;
      const { left, top, right, bottom } = (focused.type === 'radio' ? focused.nextElementSibling : focused).getBoundingClientRect();
      const [x, y] = [Math.max(0, left - 6), Math.max(0, top - 6)];
      return { x, y, width: Math.min(innerWidth, right + 6) - x, height: Math.min(innerHeight, bottom + 6) - y };
    })()`);
    if (clip.width <= 0 || clip.height <= 0) continue;
    const withRing = await page.screenshot({ clip });
    await page.evaluate(`${ringless}; document.adoptedStyleSheets = [ringless]`);
    const without = await page.screenshot({ clip });
    await page.evaluate('document.adoptedStyleSheets = []');
    if (!withRing.equals(without)) return true;
  }
  return false;
}
