// The checks of WCAG 2.2 that a script can make. Code that runs in the page is text here, since this file is compiled without the DOM.
import axeCore from 'axe-core';
import type { Page } from 'playwright-core';

/** By how much the page is wider than the window (1.4.10), and which targets are smaller than 24 px (2.5.8). */
export const layoutFaults = `({
  overflow: document.documentElement.scrollWidth - innerWidth,
  small: [...document.querySelectorAll('button, input:not([type=file]), select, .button, nav a')]
    // Inside a label the whole label is the target.
    .map((element) => ({ name: element.outerHTML.slice(0, 80), box: (element.closest('label') ?? element).getBoundingClientRect() }))
    .filter(({ box }) => box.width > 0 && (box.width < 24 || box.height < 24))
    .map(({ name }) => name),
})`;

const axeOptions = {
  // For passed rules axe then keeps one node.
  resultTypes: ['violations', 'incomplete'],
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  // Glyphs and single digits count as text.
  checks: { 'color-contrast': { options: { ignoreUnicode: false, ignoreLength: true } } },
};

/** Axe computes no contrast on a gradient: it gets the end that is nearest to the text. */
const flatGrounds = `
  [data-part=hero] { background: var(--hero-wash) !important }
  .rule[data-state=firing] { background: var(--firing-wash) !important }
  .rule[data-state=no-data] { background: var(--silent-wash) !important }`;

/**
 * The violations that axe finds, and what it cannot decide without a known explanation. Explained are names of buttons that show a
 * pictogram, and contrasts of what a scrolling box covers in part or what is in a dialog: its background is opaque, but axe takes the page
 * below for a part of it. When the page changes during a run, axe cannot decide either, and runs again.
 */
export async function axeFindings(page: Page): Promise<string[]> {
  for (let looks = 1; ; looks++) {
    const findings = await axeLook(page);
    if (looks === 4 || !findings.some((finding) => finding.startsWith('undecided'))) return findings;
  }
}

/** What it cannot decide starts with `undecided`. */
async function axeLook(page: Page): Promise<string[]> {
  // The page's policy forbids other scripts: the browser's protocol runs this one, once per page.
  if ((await page.evaluate('typeof axe')) === 'undefined') await page.evaluate(axeCore.source);
  return page.evaluate(`(async () => {
    const before = document.adoptedStyleSheets;
    const flat = new CSSStyleSheet();
    flat.replaceSync(${JSON.stringify(flatGrounds)});
    document.adoptedStyleSheets = [...before, flat];
    const { violations, incomplete } = await axe.run(${JSON.stringify(axeOptions)});
    document.adoptedStyleSheets = before;
    const isExplained = (id, { target, any }) => {
      const element = document.querySelector(target.at(-1));
      if (id === 'label-content-name-mismatch') return !/[\\p{L}\\p{N}]/u.test(element?.innerText ?? '');
      const why = any.map(({ data }) => data?.messageKey);
      if (id !== 'color-contrast' || element === null) return false;
      if (why.includes('elmPartiallyObscured')) return element.closest('[data-part=table-scroll]') !== null;
      return why.includes('elmPartiallyObscuring') && element.closest('dialog') !== null;
    };
    const textOf = (id, { html, any, all, none }) =>
      id + ': ' + html.slice(0, 120) + ' ' + [...any, ...all, ...none].map(({ message }) => message).join('; ');
    return [
      ...violations.flatMap(({ id, nodes }) => nodes.map((node) => textOf(id, node))),
      ...incomplete.flatMap(({ id, nodes }) => nodes.filter((node) => !isExplained(id, node)).map((node) => 'undecided ' + textOf(id, node))),
    ];
  })()`);
}

/** The text spacing that a reader may ask for (1.4.12). */
export const textSpacing = `(() => {
  const spacing = new CSSStyleSheet();
  spacing.replaceSync(
    '* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important }' +
    'p { margin-bottom: 2em !important }');
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, spacing];
})()`;

/**
 * Text that is cut off or overlaps other text. A line that ends in an ellipsis is allowed if its title has the whole text, and so is text
 * for screen readers only.
 */
export const textFaults = `(() => {
  const isShown = (element) =>
    element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) &&
    element.closest('.visually-hidden, [data-part=skip], [popover], .u-over, option, datalist') === null;
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.data.trim() === '' || !isShown(node.parentElement)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) if (box.width > 1) texts.push({ node, box });
  }
  const name = ({ node }) => node.parentElement.className + ' "' + node.data.trim().slice(0, 40) + '"';
  const cut = texts.filter(({ node, box }) => {
    for (let element = node.parentElement; element !== null && element !== document.body; element = element.parentElement) {
      const style = getComputedStyle(element);
      if (style.overflowX === 'visible' && style.overflowY === 'visible') continue;
      // It can be scrolled into view.
      if (/auto|scroll/.test(style.overflowX + style.overflowY)) return false;
      if (style.textOverflow === 'ellipsis' && element.title.includes(node.data.trim())) return false;
      const edge = element.getBoundingClientRect();
      const middle = box.top + box.height / 2;
      if (box.right > edge.right + 1 || box.left < edge.left - 1 || middle > edge.bottom || middle < edge.top) return true;
    }
    return false;
  });
  // What is scrolled below the sticky header, or below an edge, does not overlap it.
  const fixed = (node) => node.parentElement.closest('header, dialog, [data-part=notices], [data-part=bulk-bar-on], [data-part=table-scroll], [data-part=palette]') !== null;
  const upon = [];
  // What an ellipsis replaces is not drawn.
  const drawn = ({ node, box }) => {
    let { left, right, top, bottom, height } = box;
    for (let element = node.parentElement; element !== document.body; element = element.parentElement) {
      if (getComputedStyle(element).textOverflow !== 'ellipsis') continue;
      const edge = element.getBoundingClientRect();
      [left, right] = [Math.max(left, edge.left), Math.min(right, edge.right)];
    }
    return { node, box: { left, right, top, bottom, height } };
  };
  const free = texts.filter((text) => !fixed(text.node) && !cut.includes(text)).map(drawn);
  free.forEach((one, index) => {
    for (const other of free.slice(index + 1)) {
      const [width, height] = [
        Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left),
        Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top),
      ];
      // Line boxes are higher than their letters.
      if (one.node !== other.node && width > 2 && height > 0.35 * Math.min(one.box.height, other.box.height))
        upon.push(name(one) + ' and ' + name(other));
    }
  });
  return [...new Set(cut.map((text) => 'cut off: ' + name(text))), ...new Set(upon.map((pair) => 'one upon the other: ' + pair))];
})()`;

/**
 * Moves the focus by Tab from the skip link to the end of the page, or by another key from where it is. Calls back at each stop, and
 * resolves to the number of stops.
 */
export async function tabThrough(
  page: Page,
  atStop: (name: string) => Promise<void>,
  key: 'Tab' | 'Shift+Tab' = 'Tab',
): Promise<number> {
  const stopsMax = 300;
  if (key === 'Tab') await page.evaluate(`document.querySelector('[data-part=skip]').focus()`);
  let stops = 0;
  for (;;) {
    await page.keyboard.press(key);
    const name: string = await page.evaluate(
      `document.activeElement === document.body ? '' : document.activeElement.outerHTML.slice(0, 100)`,
    );
    // After the last stop the focus is in the browser's own frame.
    if (name === '' || ++stops > stopsMax) return stops;
    await atStop(name);
  }
}

/**
 * Why the focused element is not visible (2.4.11), empty when it is: all of it is outside the window or covered. A radio button is hidden
 * behind its label, which is checked instead.
 */
export const coveredFocus = `(() => {
  const focused = document.activeElement;
  const shown = focused.type === 'radio' ? focused.nextElementSibling : focused;
  const { left, top, width, height } = shown.getBoundingClientRect();
  const shares = [0.1, 0.3, 0.5, 0.7, 0.9];
  const points = shares.flatMap((x) => shares.map((y) => [left + width * x, top + height * y]));
  const onScreen = points.filter(([x, y]) => x >= 0 && y >= 0 && x < innerWidth && y < innerHeight);
  if (onScreen.length === 0) return 'off the screen';
  const isSeen = ([x, y]) => {
    const upper = document.elementFromPoint(x, y);
    return upper !== null && (shown.contains(upper) || upper.contains(shown) || focused.contains(upper) || focused === upper);
  };
  if (!onScreen.some(isSeen)) return 'covered by ' + document.elementFromPoint(...onScreen[0])?.outerHTML.slice(0, 80);
  return '';
})()`;
