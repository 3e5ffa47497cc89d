// What engineers already run, unchanged and set up as docs/INGEST.md prints it, each through to an alarm at the fake Discord. One
// system for all of them, on the embedded log, with tokens.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitForValue, waitUntil } from '../support/wait-until.ts';
import { signToken } from '../../src/http/token.ts';
import { startFakeDiscord, type FakeDiscord } from '../support/fake-discord/fake-discord.ts';
import { startSsrms, type SsrmsProcess } from '../support/ssrms-process.ts';
import { embedsAt, type Embed } from '../e2e/scenario.ts';
import { startExporter } from './exporter.ts';
import { javaCommand, needs, needsJavaClients, demandProgram, root, runProgram, startProgram } from './programs.ts';
import { snippet } from './snippets.ts';

const secret = 'b1QzX9vTn4Lw7KsY2mRc8PdHj5GfAeUo';
const alarmMsMax = 15_000;

let fake: FakeDiscord;
let folder: string;
let up: SsrmsProcess;
let token: string;
let tokenFile: string;
const printed = (name: string): string => snippet(name, { url: up.url, tokenFile });

before(async () => {
  fake = await startFakeDiscord();
  folder = mkdtempSync(join(tmpdir(), 'ssrms-clients-'));
  const env = {
    DATA_DIR: join(folder, 'data'),
    DISCORD_API_BASE: fake.apiBase,
    LOG_LEVEL: 'warn',
    INFLUX_BASIC_AUTH: 'true',
  };
  up = await startSsrms(['up'], { env: { ...env, SSRMS_JWT_SECRET: secret } });
  token = await signToken({
    secret,
    subject: 'clients',
    scopes: ['metrics:write', 'rules:write', 'rules:read'],
    lifetimeSeconds: 3_600,
    nowMs: Date.now(),
  });
  tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, token);
});
after(async () => {
  await up.stop();
  await fake.close();
  rmSync(folder, { recursive: true, force: true });
});

async function newRule(metric: string, threshold: number): Promise<string> {
  const { webhook, url } = fake.addWebhook();
  const answer = await fetch(`${up.url}/rules`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ metric_name: metric, threshold, discord_webhook_url: url }),
  });
  assert.equal(answer.status, 201, await answer.text());
  return webhook.id;
}

async function alarmAt(webhookId: string, output: () => string = () => ''): Promise<Embed> {
  const system = { rulesUrl: up.url, ingestUrl: up.url, fake };
  try {
    return await waitUntil('the alarm arrives', () => embedsAt(system, webhookId)[0], { msMax: alarmMsMax });
  } catch (cause) {
    throw new Error(`no alarm came\n${output()}\n${up.output()}`, { cause });
  }
}

const valueOf = (embed: Embed): string | undefined => embed.fields.find(({ name }) => name === 'Metric value')?.value;

async function accepted(protocol: string): Promise<number> {
  const admin = await signToken({
    secret,
    subject: 'tests',
    scopes: ['admin'],
    lifetimeSeconds: 60,
    nowMs: Date.now(),
  });
  const answer = await fetch(`${up.url}/metrics`, { headers: { authorization: `Bearer ${admin}` } });
  const match = new RegExp(`ssrms_ingest_samples_accepted_total\\{protocol="${protocol}"\\} (\\d+)`).exec(
    await answer.text(),
  );
  return Number(match?.[1] ?? 0);
}

test('curl', needs('curl'), async () => {
  const webhook = await newRule('packages-received', 500);
  const output = await runProgram('/bin/sh', ['-c', printed('curl')], { SSRMS_TOKEN: token });
  assert.match(output, /\{"accepted":1\}/);
  assert.equal(valueOf(await alarmAt(webhook)), '501');
});

test(
  'Prometheus: an alarm is at Discord within two seconds of the scrape that shows the breach',
  needs('prometheus'),
  async () => {
    const metric = 'prometheus_temperature';
    const webhook = await newRule(metric, 90);
    const exporter = await startExporter(metric);
    const config = join(folder, 'prometheus.yml');
    writeFileSync(config, `${printed('prometheus.yml')}\n${exporter.scrapeConfigs}`);
    const [, ...words] = printed('prometheus').split(' ');
    const args = words.map((word) => word.replace('prometheus.yml', config).replace(':9095', ':0'));
    const store = `--storage.tsdb.path=${join(folder, 'prometheus')}`;
    const prometheus = startProgram(demandProgram('prometheus'), [...args, store]);
    try {
      while ((await accepted('remote_write_1')) === 0) {
        assert.ok(!prometheus.output().includes('err="'), prometheus.output());
        await sleep(100);
      }
      exporter.breach();
      const embed = await alarmAt(webhook, () => prometheus.output());
      const tookMs = performance.now() - exporter.shownAtMs();
      assert.equal(valueOf(embed), '97');
      assert.ok(tookMs < 2_000, `it took ${Math.round(tookMs)} ms`);
    } finally {
      await prometheus.stop();
      await exporter.close();
    }
  },
);

test('Prometheus scrapes the metrics of SSRMS as the README configures it', needs('prometheus'), async () => {
  const scrapeToken = join(folder, 'scrape-token');
  const claims = { secret, subject: 'prometheus', lifetimeSeconds: 3_600, nowMs: Date.now() };
  writeFileSync(scrapeToken, await signToken({ ...claims, scopes: ['system:read'] }));
  const config = join(folder, 'scrape-ssrms.yml');
  const interval = 'global:\n  scrape_interval: 1s\n';
  writeFileSync(config, `${interval}${snippet('scrape.yml', { url: up.url, tokenFile: scrapeToken })}\n`);
  const prometheus = startProgram(demandProgram('prometheus'), [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(folder, 'scraper')}`,
    '--web.listen-address=127.0.0.1:0',
  ]);
  const scraped = async (): Promise<string> => {
    const [, address] = /msg="Listening on" address=(\S+)/.exec(prometheus.output()) ?? [];
    if (address === undefined) return prometheus.output();
    const answer = await fetch(`http://${address}/api/v1/query?query=ssrms_http_requests_total{job="ssrms"}`);
    return answer.text();
  };
  try {
    const isThere = (text: string): boolean => text.includes('"route":"/rules"');
    await waitForValue('Prometheus has a metric of SSRMS', scraped, isThere, { pollMs: 100 });
  } finally {
    await prometheus.stop();
  }
});

test('vmagent', needs('vmagent'), async () => {
  const metric = 'vmagent_temperature';
  const webhook = await newRule(metric, 90);
  const exporter = await startExporter(metric);
  const config = join(folder, 'scrape.yml');
  writeFileSync(config, `global:\n  scrape_interval: 1s\n${exporter.scrapeConfigs}`);
  const [, ...words] = printed('vmagent').replaceAll('\\\n', ' ').split(/\s+/);
  const args = words.map((word) => word.replace('/etc/vmagent/scrape.yml', config));
  const vmagent = startProgram(demandProgram('vmagent'), [
    ...args,
    `-remoteWrite.tmpDataPath=${join(folder, 'vmagent')}`,
    '-httpListenAddr=127.0.0.1:0',
  ]);
  try {
    exporter.breach();
    assert.equal(valueOf(await alarmAt(webhook, () => vmagent.output())), '97');
  } finally {
    await vmagent.stop();
    await exporter.close();
  }
});

/** Runs a snippet of JavaScript as a program of its own, to its end. */
async function runScript(name: string, change: (code: string) => string = (code) => code): Promise<void> {
  // Where node looks for the packages that the snippet imports.
  const file = join(root, `.cache/clients/${name}-${process.pid}.mjs`);
  writeFileSync(file, change(printed(name)));
  try {
    await runProgram(process.execPath, [file], { SSRMS_TOKEN: token, NODE_NO_WARNINGS: '1' });
  } finally {
    rmSync(file);
  }
}

for (const [encoding, change] of [
  ['protobuf', (code: string) => code],
  ['JSON', (code: string) => code.replace('otlp-proto', 'otlp-http').replace('orders.failed', 'orders.failed.json')],
] as const) {
  test(`OpenTelemetry for Node, ${encoding}`, async () => {
    const webhook = await newRule(encoding === 'JSON' ? 'orders.failed.json' : 'orders.failed', 2);
    await runScript('otel.mjs', change);
    assert.equal(valueOf(await alarmAt(webhook)), '3');
    assert.ok((await accepted(encoding === 'JSON' ? 'otlp_json' : 'otlp')) > 0);
  });
}

test('OpenTelemetry for Python', needs('python'), async () => {
  const webhook = await newRule('python.orders.failed', 2);
  const script = `${printed('otel.env')}\nexec ${demandProgram('python')} test/clients/otel-sender.py`;
  await runProgram('/bin/sh', ['-c', script], { SSRMS_TOKEN: token });
  assert.equal(valueOf(await alarmAt(webhook)), '3');
});

test('OpenTelemetry for Java', needsJavaClients(), async () => {
  const webhook = await newRule('java.orders.failed', 2);
  const script = `${printed('otel.env')}\nexec "$@"`;
  const java = javaCommand('test/clients/OtelSender.java');
  await runProgram('/bin/sh', ['-c', script, 'sh', ...java], { SSRMS_TOKEN: token });
  assert.equal(valueOf(await alarmAt(webhook)), '3');
});

test('Micrometer', needsJavaClients(), async () => {
  const webhook = await newRule('refunds.failed', 2);
  const file = join(folder, 'Shop.java');
  writeFileSync(file, printed('Shop.java'));
  const [command, ...args] = javaCommand(file);
  await runProgram(command, args, { SSRMS_TOKEN: token });
  assert.equal(valueOf(await alarmAt(webhook)), '3');
});

test("Influx' client for Node", async () => {
  const webhook = await newRule('boiler.celsius', 90);
  await runScript('influx.mjs');
  const embed = await alarmAt(webhook);
  assert.equal(valueOf(embed), '96.5');
});

test("Influx' first API with the token as password", needs('curl'), async () => {
  const webhook = await newRule('first_api', 90);
  const args = ['-sS', '-w', '%{http_code}', '-u', `anybody:${token}`, `${up.url}/write?db=x&precision=s`];
  assert.equal(await runProgram('curl', [...args, '--data-binary', 'first_api value=91i']), '204');
  assert.equal(valueOf(await alarmAt(webhook)), '91');
});

test("remote write 2, sent by Prometheus' own client in Go", needs('prw2-sender'), async () => {
  const webhook = await newRule('prw2_temperature', 90);
  const output = await runProgram(demandProgram('prw2-sender'), [up.url], { SSRMS_TOKEN: token });
  assert.match(output, /samples written: 1/);
  assert.equal(valueOf(await alarmAt(webhook)), '97');
  assert.equal(await accepted('remote_write_2'), 1);
});
