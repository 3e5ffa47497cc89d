// A real browser for tests of the page, which is built anew into a temporary folder.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axeCore from 'axe-core';
import { chromium, type Browser, type Page } from 'playwright-core';
import { build } from 'vite';

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** CI machines are slow, and shared. */
const stepMs = 20_000;

export interface PageBrowser {
  /** Where the built page is. */
  readonly pageDir: string;
  open(url: string, options?: PageOptions): Promise<OpenPage>;
  close(): Promise<void>;
}

export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly theme?: 'light' | 'dark';
  readonly timezoneId?: string;
}

export interface OpenPage {
  readonly page: Page;
  /** Closes it, and fails if anything went wrong unseen: errors of the page, broken policies, requests to elsewhere. */
  close(): Promise<void>;
}

export async function startPageBrowser(): Promise<PageBrowser> {
  const pageDir = await mkdtemp(join(tmpdir(), 'ssrms-page-'));
  const configFile = join(import.meta.dirname, '..', 'page', 'vite.config.ts');
  await build({ configFile, logLevel: 'warn', build: { outDir: pageDir } });
  const browser: Browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: flags });
  return {
    pageDir,
    async open(url, { width = 1_280, height = 860, theme = 'light', timezoneId = 'UTC' } = {}) {
      const faults: string[] = [];
      const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, timezoneId });
      context.setDefaultTimeout(stepMs);
      const page = await context.newPage();
      page.on('pageerror', (error) => faults.push(`page error: ${error.message}`));
      // The page asks by its own dialogs; the browser's asks only whether to leave.
      page.on('dialog', (dialog) => {
        if (dialog.type() !== 'beforeunload') faults.push('something ran');
        void dialog.accept();
      });
      page.on('console', (message) => {
        if (message.type() !== 'error' && message.type() !== 'warning') return;
        // The browser itself reports every answer that is an error, also those that a test asks for.
        if (!message.text().startsWith('Failed to load resource')) faults.push(`console: ${message.text()}`);
      });
      page.on('request', (request) => {
        const { origin } = new URL(url);
        if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith(`blob:${origin}/`))
          faults.push(`request to elsewhere: ${request.url()}`);
      });
      await page.goto(url);
      return {
        page,
        async close() {
          await context.close();
          assert.deepEqual(faults, []);
        },
      };
    },
    async close() {
      await browser.close();
      await rm(pageDir, { recursive: true, force: true });
    },
  };
}

/** Of the page: how much it is wider than the screen, and which targets are smaller than 24 px. */
export const layoutFaults = `({
  overflow: document.documentElement.scrollWidth - innerWidth,
  small: [...document.querySelectorAll('button, input:not([type=file]), select, .button, nav a')]
    .map((element) => ({ name: element.outerHTML.slice(0, 80), box: element.getBoundingClientRect() }))
    .filter(({ box }) => box.width > 0 && (box.width < 24 || box.height < 24))
    .map(({ name }) => name),
})`;

const axeTags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** What axe finds wrong in the page as it stands. */
export async function axeFindings(page: Page): Promise<string[]> {
  // A policy of the page forbids scripts from elsewhere: the browser's own protocol runs this one.
  return page.evaluate(
    `${axeCore.source}; axe.run({ runOnly: ${JSON.stringify(axeTags)} }).then(({ violations }) =>
      violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => id + ': ' + html.slice(0, 120) + ' ' + (failureSummary ?? ''))))`,
  );
}

/** Waits until an expression holds in the page. The page's policy forbids playwright's own way of waiting for one. */
export async function untilTrue(page: Page, expression: string): Promise<void> {
  const deadline = Date.now() + stepMs;
  while ((await page.evaluate(expression)) !== true) {
    assert.ok(Date.now() < deadline, `not within ${stepMs / 1_000} s: ${expression}`);
    await page.waitForTimeout(20);
  }
}
