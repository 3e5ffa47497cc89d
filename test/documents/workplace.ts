// Where a reader of the documents sits: SSRMS as `npm start` runs it, a Discord, a server for a webhook, and a terminal.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { postJson } from '../e2e/scenario.ts';
import { startFakeDiscord } from '../support/fake-discord/fake-discord.ts';
import { waitForValue } from '../support/wait-until.ts';
import { openTerminal, type Terminal } from './terminal.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));

/** What the first line of the README starts, for all others. */
const startCommand = 'npm start';

/** Addresses as they are printed. */
const printed = {
  url: 'http://127.0.0.1:9090',
  hook: 'https://hooks.example.com/ssrms',
  discord: /https:\/\/discord\.com\/api\/webhooks\/(?:…|ID\/TOKEN)/g,
};

/** What stands for a value of the reader's own. */
const placeholder = /…|\b[A-Z]+_ID\b|\bID\/TOKEN\b/;

/** Commands that run until Ctrl-C, and what they print when they do what they are for. */
const endless: readonly (readonly [command: RegExp, prints: RegExp])[] = [
  [/\bssrms source \w+/, /\{"value"/],
  [/^ssrms up$/, /SSRMS is running/],
  [/\bnpm start$/, /SSRMS is running/],
];

/** Commands of the checkout itself. */
const npm = /\bnpm /;

export interface Workplace {
  readonly url: string;
  /** What `npm start` printed. */
  readonly startText: string;
  readonly terminal: Terminal;
  /** Types lines as they are printed, but for what is the reader's own. Rejects unless they do what they are for. */
  typeAsPrinted(lines: string, env?: Record<string, string>): Promise<void>;
  /** Lines with the reader's own values. Throws for a placeholder that has none. */
  filledIn(lines: string): string;
  /** The descriptions of the embeds that came to the reader's channel. */
  messages(): string[];
  close(): Promise<void>;
}

export async function startWorkplace(): Promise<Workplace> {
  const fake = await startFakeDiscord();
  const hook = createServer((request, response) => request.resume().on('end', () => response.end()));
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  const hookUrl = `http://127.0.0.1:${(hook.address() as AddressInfo).port}`;
  const { webhook } = fake.addWebhook();
  const webhookUrl = `https://discord.com/api/webhooks/${webhook.id}/${webhook.token}`;
  const terminal = openTerminal({
    LOG_LEVEL: 'warn',
    SSRMS_JWT_SECRET: 'a secret for tokens that nobody here asks for',
  });
  const system = await terminal.start(startCommand, /(http:\/\/127\.0\.0\.1:\d+)\/\n[^]*No tokens.*\n/, {
    folder: checkout,
    env: {
      PORT: '0',
      DATA_DIR: join(terminal.folder, 'data-of-the-system'),
      DISCORD_API_BASE: fake.apiBase,
      WEBHOOK_ALLOW: '127.0.0.1',
      SSRMS_JWT_SECRET: '',
    },
  });
  const startText = system.output();
  const [, url = ''] = /(http:\/\/127\.0\.0\.1:\d+)\/\n/.exec(startText) ?? [];
  const own = await thingsOfTheReader(url, webhookUrl, `${hookUrl}/own`);
  writeFileSync(join(terminal.folder, 'rule.json'), JSON.stringify(own.rule));
  writeFileSync(join(terminal.folder, 'alerts.yml'), alertsOfTheReader);
  let hooks = 0;
  const filledIn = (lines: string): string => {
    const filled = lines
      .replaceAll(printed.discord, webhookUrl)
      // Each time another one: a place is tested once in ten seconds.
      .replaceAll(printed.hook, `${hookUrl}/${++hooks}`)
      .replaceAll(printed.url, url)
      .replaceAll('RULE_ID', own.ruleId)
      .replaceAll('ALARM_ID', own.alarmId);
    assert.doesNotMatch(filled, placeholder, 'this test has no value for a placeholder');
    return filled;
  };
  return {
    url,
    startText,
    terminal,
    filledIn,
    async typeAsPrinted(lines, more) {
      // It runs already.
      if (lines === startCommand) return;
      const typed = filledIn(lines);
      const env = { SSRMS_URL: url, PORT: '0', DATA_DIR: join(terminal.folder, 'data'), ...more };
      const [, prints] = endless.find(([command]) => command.test(lines)) ?? [];
      if (prints !== undefined) {
        const folder = npm.test(lines) ? checkout : terminal.folder;
        await (await terminal.start(typed, prints, { env, folder })).interrupt();
        return;
      }
      const { code, output } = await terminal.type(typed, { env });
      assert.equal(code, 0, output);
    },
    messages: () =>
      fake.webhooks
        .changedSince(0, 10_000)
        .flatMap(({ payload }) => (payload.embeds ?? []) as { description: string }[])
        .map(({ description }) => description),
    async close() {
      await system.interrupt();
      terminal.close();
      await fake.close();
      hook.close();
      hook.closeAllConnections();
    },
  };
}

/** What the reader's Prometheus has. */
const alertsOfTheReader = 'groups: [{name: hosts, rules: [{alert: HostDown, expr: up == 0, for: 1m}]}]';

/** A rule, its alarm, and receivers with the names of the texts. */
async function thingsOfTheReader(url: string, webhookUrl: string, hookUrl: string) {
  const put = async (name: string, body: object): Promise<void> => {
    const { status } = await postJson(`${url}/api/v1/receivers/${name}`, body, 'PUT');
    assert.ok(status < 300, `the receiver ${name}: ${status}`);
  };
  await put('ops', { kind: 'webhook', address: hookUrl, secret: 'a secret of the receiver' });
  await put('dev', { kind: 'discord', address: webhookUrl });
  const rule = { metric_name: 'of-the-reader', threshold: 90, discord_webhook_url: webhookUrl };
  const { body } = await postJson(`${url}/rules`, rule);
  const ruleId = (body as { id: string }).id;
  await postJson(`${url}/api/v1/metrics`, { name: rule.metric_name, value: 97 });
  const alarms = async (): Promise<string | undefined> => {
    const answer = await fetch(`${url}/api/v1/alarms?rule_id=${ruleId}&state=firing`);
    return ((await answer.json()) as { alarms: { alarm_id: string }[] }).alarms[0]?.alarm_id;
  };
  const alarmId = await waitForValue('the alarm of the reader fires', alarms, (id) => id !== undefined);
  return { rule, ruleId, alarmId: alarmId! };
}
