// A real browser for tests of the page.
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { openBrowser } from '../../../test/support/test-browser.ts';
import { waitUntil } from '../../../test/support/wait-until.ts';
import { builtPage } from './built-page.ts';

/** CI machines are slow, and shared. */
const stepMs = 20_000;

export interface PageBrowser {
  /** The folder of the built page. It is shared, so write nothing there. */
  readonly pageDir: string;
  open(url: string, options?: PageOptions): Promise<OpenPage>;
  close(): Promise<void>;
}

export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly theme?: 'light' | 'dark';
  readonly timezoneId?: string;
  /** Preferences that a user may set for all pages. */
  readonly wants?: {
    readonly forcedColors?: 'active';
    readonly reducedMotion?: 'reduce';
    readonly contrast?: 'more';
  };
}

export interface OpenPage {
  readonly page: Page;
  /** Closes it, and fails on hidden faults: errors of the page, violated policies, requests to other hosts. */
  close(): Promise<void>;
}

export async function startPageBrowser(): Promise<PageBrowser> {
  const pageDir = builtPage();
  const browser = await openBrowser();
  return {
    pageDir,
    async open(url, { width = 1_280, height = 860, theme = 'light', timezoneId = 'UTC', wants = {} } = {}) {
      const faults: string[] = [];
      const context = await browser.newContext({
        viewport: { width, height },
        colorScheme: theme,
        timezoneId,
        ...wants,
      });
      context.setDefaultTimeout(stepMs);
      const page = await context.newPage();
      page.on('pageerror', (error) => faults.push(`page error: ${error.message}`));
      // The page has its own dialogs; the browser's is only for leaving the page.
      page.on('dialog', (dialog) => {
        if (dialog.type() !== 'beforeunload') faults.push('a script ran');
        void dialog.accept();
      });
      page.on('console', (message) => {
        if (message.type() !== 'error' && message.type() !== 'warning') return;
        // The browser reports every error answer, also those that a test wants.
        if (!message.text().startsWith('Failed to load resource')) faults.push(`console: ${message.text()}`);
      });
      page.on('request', (request) => {
        const { origin } = new URL(url);
        if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith(`blob:${origin}/`))
          faults.push(`request to another host: ${request.url()}`);
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
    },
  };
}

/** Waits until an expression holds in the page. The page's policy forbids Playwright's waitForFunction. */
export async function untilTrue(page: Page, expression: string): Promise<void> {
  await waitUntil(expression, () => page.evaluate<unknown>(expression), { msMax: stepMs, pollMs: 20 });
}
