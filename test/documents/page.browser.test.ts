// The command that the page of a new system shows, taken from the page and typed into a terminal. The curl command of the
// editor is run in src/console/browser/editor.browser.test.ts.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startPageBrowser, type PageBrowser } from '../../src/console/testing/browser-page.ts';
import { waitForValue } from '../support/wait-until.ts';
import { startSsrms, type SsrmsProcess } from '../support/ssrms-process.ts';
import { openTerminal, type Terminal } from './terminal.ts';

let browser: PageBrowser;
let terminal: Terminal;
let up: SsrmsProcess;
before(async () => {
  browser = await startPageBrowser();
  terminal = openTerminal({});
  up = await startSsrms(['up'], { env: { DATA_DIR: join(terminal.folder, 'data') } });
});
after(async () => {
  await up.stop();
  terminal.close();
  await browser.close();
});

test('the command of the first steps sends samples to the system that shows it', async () => {
  const opened = await browser.open(`${up.url}/console/`);
  const command = await opened.page.locator('pre').innerText();
  const source = await terminal.start(command, /\{"value": 550\}/);
  await source.interrupt();
  const listed = async (): Promise<string> => (await fetch(`${up.url}/api/v1/metrics`)).text();
  await waitForValue('the metric is listed', listed, (text) => text.includes('"packages-received"'));
  await opened.close();
});

/** Files of the page that show a command, each with the test that runs it or why none does. */
const commands: Readonly<Record<string, string>> = {
  'src/console/page/screens/now-screen.tsx': 'test/documents/page.browser.test.ts',
  'src/console/page/editor/rule-text.tsx': 'src/console/browser/editor.browser.test.ts',
  'src/console/page/frame/sign-in.tsx': 'test/documents/documents.test.ts',
};

test('no other file of the page shows a command', () => {
  const showing = globSync('src/console/page/**/*.{ts,tsx}').filter((path) =>
    /\bssrms [a-z]|[`'>]curl /.test(readFileSync(path, 'utf8').replaceAll(/^\s*(\/\/|\/?\*).*$/gm, '')),
  );
  assert.deepEqual(showing.toSorted(), Object.keys(commands).toSorted());
});
