// Signing in at a certified OpenID provider in a real browser, whose pages open in a separate window.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { startOpenId, type OpenIdOptions, type TestOpenId } from '../../http/testing/test-openid.ts';
import { startPageBrowser, untilTrue, type OpenPage, type PageBrowser } from '../testing/browser-page.ts';
import { startConsoleSystem, type ConsoleSystem } from '../testing/console-system.ts';
import { axeFindings } from '../testing/wcag.ts';

let browser: PageBrowser;
let system: ConsoleSystem;
let openId: TestOpenId;
let opened: OpenPage;
let page: Page;

before(async () => {
  browser = await startPageBrowser();
});

after(async () => browser.close());

async function open(options: OpenIdOptions = {}, address = ''): Promise<void> {
  openId = await startOpenId(options);
  system = await startConsoleSystem({ auth: openId.auth, oidc: openId.oidc, pageDir: browser.pageDir });
  await openId.register(`${system.url}/console/`);
  opened = await browser.open(`${system.url}/console/${address}`);
  page = opened.page;
}

afterEach(async () => {
  await opened.close();
  await system.stop();
  await openId.close();
});

const dialog = () => page.getByRole('dialog', { name: 'Sign in' });

/** Opens the issuer's window with Enter. */
async function beginThere(): Promise<Page> {
  const button = dialog().getByRole('button', { name: `Sign in with ${new URL(openId.issuer).host}` });
  await button.waitFor();
  const [window] = await Promise.all([page.waitForEvent('popup'), button.press('Enter')]);
  return window;
}

async function signInThere(): Promise<void> {
  const window = await beginThere();
  await window.locator('[name=login]').fill('ann');
  await window.locator('[name=password]').fill('any');
  await window.getByRole('button', { name: 'Sign-in' }).click();
  const closed = window.waitForEvent('close');
  await window.getByRole('button', { name: 'Continue' }).click();
  await closed;
}

test('signing in at the issuer keeps the draft, and the window closes itself', async () => {
  await open({}, '#/rules/new');
  await dialog().waitFor();
  assert.deepEqual(await axeFindings(page), []);
  await signInThere();
  await dialog().waitFor({ state: 'hidden' });
  await page.getByText('Live', { exact: true }).waitFor();
  assert.match(page.url(), /#\/rules\/new$/, 'a deep link survives');
  assert.equal(new URL(page.url()).search, '');
  assert.deepEqual(
    await page.evaluate(
      '[...Object.entries(localStorage), ...Object.entries(sessionStorage)].flat().filter((text) => /eyJ/.test(text))',
    ),
    [],
  );
  await page.getByLabel('Metric', { exact: true }).fill('kept');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('Sign in again');
  await page.keyboard.press('Enter');
  // The issuer has a session already: the window closes without a form.
  const window = await beginThere();
  if (!window.isClosed()) await window.waitForEvent('close');
  await dialog().waitFor({ state: 'hidden' });
  assert.equal(await page.getByLabel('Metric', { exact: true }).inputValue(), 'kept');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await dialog().waitFor();
});

test('a token that expires is renewed without a dialog', async () => {
  await open({ lifetimeSeconds: 32 });
  await signInThere();
  await page.getByText('Live', { exact: true }).waitFor();
  const renewed = page.waitForResponse((answer) => answer.url().endsWith('/api/v1/sign-in/renew'));
  assert.equal((await renewed).status(), 200);
  await page.getByText('Live', { exact: true }).waitFor();
  assert.equal(await page.locator('[data-part=expiry]').count(), 0, 'no countdown for a token that is renewed');
  assert.equal(await dialog().isVisible(), false);
});

test('a refused consent is reported in the dialog; it can be tried again, or a token entered instead', async () => {
  await open();
  const window = await beginThere();
  const closed = window.waitForEvent('close');
  await window.getByRole('link', { name: /Cancel/ }).click();
  await closed;
  await dialog().getByRole('alert').getByText('access_denied').waitFor();
  await dialog().getByText('Use a token instead').click();
  await dialog().getByLabel('Token').waitFor();
  assert.deepEqual(await axeFindings(page), []);
  await signInThere();
  await dialog().waitFor({ state: 'hidden' });
});

test('an unreachable issuer is named, and its window closed', async () => {
  await open();
  await dialog().waitFor();
  await openId.close();
  const window = await beginThere();
  if (!window.isClosed()) await window.waitForEvent('close');
  await dialog().getByRole('alert').getByText('cannot be asked right now').waitFor();
  await untilTrue(page, `document.querySelector('dialog[open]') !== null`);
});
