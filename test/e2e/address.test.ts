// One SSRMS_URL leads every command to the system that is meant; without it PORT does.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startFakeDiscord, type FakeDiscord } from '../support/fake-discord/fake-discord.ts';
import { waitUntil } from '../support/wait-until.ts';
import { runSsrms, startSsrms, type SsrmsProcess } from '../support/ssrms-process.ts';
import { embedsAt, postJson } from './scenario.ts';

let folder: string;
let fake: FakeDiscord;
let up: SsrmsProcess;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ssrms-address-'));
  fake = await startFakeDiscord();
  up = await startSsrms(['up'], { env: { DATA_DIR: join(folder, 'data'), DISCORD_API_BASE: fake.apiBase } });
});
after(async () => {
  await up?.stop();
  await fake?.close();
  rmSync(folder, { recursive: true, force: true });
});

const port = (): string => new URL(up.url).port;

test('every command that asks the system finds it by SSRMS_URL, by its flag and by PORT', async () => {
  const commands = [['rules', 'list'], ['rules', 'export'], ['alarms', 'list'], ['receivers', 'list'], ['system']];
  for (const command of [...commands, ['deliveries']]) {
    const found = await runSsrms([...command, '--json'], { SSRMS_URL: up.url });
    assert.equal(found.code, 0, `${command.join(' ')}: ${found.output}`);
  }
  assert.equal((await runSsrms(['system'], { PORT: port() })).code, 0);
  assert.equal((await runSsrms(['system', '--ssrms-url', up.url], { PORT: '1' })).code, 0);
  const { code, output } = await runSsrms(['system'], { SSRMS_URL: 'http://127.0.0.1:1' });
  assert.equal(code, 1);
  assert.match(output, /^ssrms: no answer from http:\/\/127\.0\.0\.1:1 .*SSRMS_URL/);
});

test('a source posts to SSRMS_URL, or to PORT of this machine, where nothing else is said', async () => {
  const from = { 'by-url': { SSRMS_URL: up.url }, 'by-port': { PORT: port() } };
  for (const [metric, env] of Object.entries(from)) {
    const source = await startSsrms(['source', 'constant', metric, '1', '1'], { env, until: /\{"value": 1\}/ });
    const isThere = async (): Promise<boolean> =>
      (await (await fetch(`${up.url}/api/v1/metrics?q=${metric}`)).text()).includes(metric);
    try {
      await waitUntil(`${metric} reaches the system`, isThere, { msMax: 20_000 });
    } finally {
      assert.equal(await source.stop(), 0);
    }
  }
});

test('the commands that "ssrms up" prints lead to its own port', () => {
  assert.ok(up.output().includes(`source spikes packages-received 450 550 1 3 --ingest ${up.url}\n`), up.output());
});

test('messages of "ssrms up" link to the page that it serves itself, as the page says', async () => {
  const { url: webhook, webhook: channel } = fake.addWebhook();
  const rule = { metric_name: 'linked', threshold: 1, discord_webhook_url: webhook };
  assert.equal((await postJson(`${up.url}/rules`, rule)).status, 201);
  await postJson(`${up.url}/api/v1/metrics`, { name: 'linked', value: 2 });
  const [embed] = await waitUntil('a message comes', () => {
    const embeds = embedsAt({ rulesUrl: up.url, ingestUrl: up.url, fake }, channel.id);
    return embeds.length > 0 ? embeds : undefined;
  });
  const link = embed!.fields.find(({ name }) => name === 'Alarm')?.value;
  assert.match(link ?? '', new RegExp(`^${up.url}/#/alarms/[0-9a-f-]{36}$`));
  const status = (await (await fetch(`${up.url}/api/v1/status`)).json()) as { console_url: unknown };
  assert.equal(status.console_url, up.url);
});
