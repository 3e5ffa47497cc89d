// The browser of the tests: Debian's Chromium, one for all test files of a run. scripts/test.mjs starts it; a file that runs
// alone starts one of its own. Each page has its own context, so that files share no cookies, storage or settings.
import { chromium, type Browser, type BrowserServer } from 'playwright-core';

/** Has the address of the shared browser. */
export const browserVariable = 'SSRMS_TEST_BROWSER';

const launchOptions = {
  executablePath: '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
};

/** `close` ends it and all its pages. */
export function startSharedBrowser(): Promise<BrowserServer> {
  return chromium.launchServer({ ...launchOptions, host: '127.0.0.1' });
}

/** The shared browser, or one of its own. `close` closes the caller's pages, and the browser unless it is shared. */
export function openBrowser(): Promise<Browser> {
  const shared = process.env[browserVariable];
  return shared === undefined ? chromium.launch(launchOptions) : chromium.connect(shared);
}
