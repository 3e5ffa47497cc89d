// Keys that are rotated, and then an issuer that is gone, while a real Prometheus sends: it throws away what gets a 401. In real
// time, so that this waits for half a minute: the issuer is asked for a key that is not known once in that time. What all the other
// protocols are answered is in src/ingest/token-keys.test.ts.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { signedBy, signingKey, startIssuer } from '../../src/http/testing/test-issuer.ts';
import { expectEmbeds } from '../e2e/scenario.ts';
import { startFakeDiscord } from '../support/fake-discord/fake-discord.ts';
import { startSsrms } from '../support/ssrms-process.ts';
import { startExporter } from './exporter.ts';
import { needs, demandProgram, startProgram } from './programs.ts';
import { snippet } from './snippets.ts';

const askedAgainMs = 31_000;
const waitMsMax = 30_000;

test('Prometheus sends on through new keys and an issuer that is gone, to an alarm', needs('prometheus'), async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ssrms-issuer-'));
  const [old, fresh] = [await signingKey('old'), await signingKey('fresh')];
  const issuer = await startIssuer([old]);
  const fake = await startFakeDiscord();
  const env = { DATA_DIR: join(folder, 'data'), DISCORD_API_BASE: fake.apiBase, LOG_LEVEL: 'warn' };
  const up = await startSsrms(['up'], {
    env: { ...env, SSRMS_JWKS_URL: issuer.jwksUrl, SSRMS_JWT_ISSUER: '*', SSRMS_JWT_AUDIENCE: '*' },
  });
  const exporter = await startExporter('rotated_temperature');
  const scope = 'metrics:write rules:write admin';
  const tokenFile = join(folder, 'token');
  const takeToken = async (key: typeof old): Promise<string> => {
    const token = await signedBy(key, { nowMs: Date.now(), scope });
    writeFileSync(tokenFile, token);
    return token;
  };
  let token = await takeToken(old);
  const askedMs = performance.now();
  const figure = async (name: RegExp): Promise<number> => {
    const answer = await fetch(`${up.url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
    return Number(name.exec(await answer.text())?.[1] ?? NaN);
  };
  const taken = (): Promise<number> =>
    figure(/^ssrms_ingest_samples_accepted_total\{protocol="remote_write_1"\} (\d+)/m);
  /** Some scrapes more, all with the token of now. */
  const sendOn = async (): Promise<void> => {
    const wanted = ((await taken()) || 0) + 10;
    const deadline = performance.now() + waitMsMax;
    while (!((await taken()) >= wanted)) {
      assert.ok(performance.now() < deadline, `nothing comes in\n${prometheus.output()}\n${up.output()}`);
      await sleep(100);
    }
  };
  const { webhook, url } = fake.addWebhook();
  const made = await fetch(`${up.url}/rules`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ metric_name: 'rotated_temperature', threshold: 90, discord_webhook_url: url }),
  });
  assert.equal(made.status, 201, await made.text());
  const config = join(folder, 'prometheus.yml');
  writeFileSync(config, `${snippet('prometheus.yml', { url: up.url, tokenFile })}\n${exporter.scrapeConfigs}`);
  const prometheus = startProgram(demandProgram('prometheus'), [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(folder, 'prometheus')}`,
    '--web.listen-address=127.0.0.1:0',
  ]);
  try {
    await sendOn();
    issuer.keys = [old, fresh];
    await sleep(Math.max(0, askedMs + askedAgainMs - performance.now()));
    assert.equal(issuer.calls, 1);
    token = await takeToken(fresh);
    await sendOn();
    assert.equal(issuer.calls, 2);

    await issuer.close();
    token = await takeToken(old);
    await sendOn();
    token = await takeToken(fresh);
    exporter.breach();
    await expectEmbeds({ rulesUrl: up.url, ingestUrl: up.url, fake }, webhook.id, 1);
    assert.equal(await figure(/^ssrms_auth_refused_total (\d+)/m), 0);
  } finally {
    await prometheus.stop();
    await exporter.close();
    await up.stop();
    await issuer.close();
    await fake.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
