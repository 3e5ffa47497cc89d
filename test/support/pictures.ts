// Takes pictures of the page's screens in both themes, of the demo that runs at an address: npm run pictures -- URL FOLDER
// --full takes the whole of each page and not what a window shows, --width=320 a narrow window, --forced-colors those of a contrast theme.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Page } from 'playwright-core';
import { openBrowser } from './test-browser.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    full: { type: 'boolean', default: false },
    width: { type: 'string', default: '1280' },
    'forced-colors': { type: 'boolean', default: false },
  },
});
const [url = 'http://127.0.0.1:9090', folder = '.'] = positionals;
const size = { width: Number(values.width), height: 860 };

interface Listed {
  readonly alarms: readonly { readonly alarm_id: string; readonly metric_name: string }[];
}

const { alarms } = (await (await fetch(`${url}/api/v1/alarms?state=firing`)).json()) as Listed;
const alarm = alarms.find(({ metric_name: name }) => name === 'failed-requests') ?? alarms[0];
const rules = (await (await fetch(`${url}/rules`)).json()) as { id: string; metric_name: string; type?: string }[];
const rule = rules.find(({ metric_name: name, type }) => name === 'cpu-usage' && type === undefined) ?? rules[0];

const screens: Record<string, string> = {
  now: '#/now',
  rules: '#/rules',
  new: '#/rules/new',
  ...(rule !== undefined && { editor: `#/rules/${rule.id}/edit`, rule: `#/rules/${rule.id}` }),
  ...(alarm !== undefined && { alarm: `#/alarms/${alarm.alarm_id}` }),
  alarms: '#/alarms',
  // A demo is minutes old, and a day of it is all in one corner.
  timeline: `#/timeline?from=${Date.now() - 240_000}`,
  webhooks: '#/webhooks',
  system: '#/system',
};

const browser = await openBrowser();
try {
  for (const theme of ['light', 'dark'] as const) {
    const forcedColors = values['forced-colors'] ? 'active' : 'none';
    const context = await browser.newContext({ viewport: size, colorScheme: theme, forcedColors });
    const page: Page = await context.newPage();
    page.on('console', (message) => message.type() === 'error' && console.error(message.text()));
    page.on('pageerror', (error) => console.error(error));
    for (const [name, address] of Object.entries(screens)) {
      await page.goto(`${url}/console/${address}`);
      await page.waitForTimeout(2_500);
      await page.screenshot({ path: join(folder, `${name}-${theme}.png`), fullPage: values.full });
    }
    await context.close();
  }
} finally {
  await browser.close();
}
