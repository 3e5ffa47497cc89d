// F33 of GUARANTEES.md, the server's part, on the embedded log: the wall clock of the whole system jumps for 3 s.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startFakeDiscord } from '../support/fake-discord/fake-discord.ts';
import { startSsrms } from '../support/ssrms-process.ts';
import { waitUntil } from '../support/wait-until.ts';
import { clockIn, skipWithoutFakeTime as skip } from './fake-time.ts';

const jumpMs = 3_000;
/** How far the stamp of a sample may be from when it was sent. */
const stampMsMax = 1_500;
const hours = 3;

for (const sign of ['+', '-']) {
  test(`F33: the server's clock is ${sign}${hours} h for 3 s: stamps, bounds and rules go on`, { skip }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'ssrms-jump-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const { env, set } = clockIn(folder);
    set('+0');
    const fake = await startFakeDiscord();
    t.after(() => fake.close());
    const { url, webhook } = fake.addWebhook();
    const up = await startSsrms(['up'], {
      env: { ...env, DATA_DIR: join(folder, 'data'), DISCORD_API_BASE: fake.apiBase },
    });
    t.after(() => up.stop());
    const post = async (path: string, body: object): Promise<number> => {
      const headers = { 'content-type': 'application/json' };
      return (await fetch(`${up.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })).status;
    };
    const send = (value: number, more = {}): Promise<number> => post('/api/v1/metrics', { name: 'm', value, ...more });
    // Both stand still while the time of their series is ahead.
    const rule = { metric_name: 'm', threshold: 5, discord_webhook_url: url };
    assert.equal(await post('/rules', { ...rule, for_seconds: 1 }), 201);
    const average = { type: 'window_average', window_duration_seconds: 1, threshold: 50 };
    assert.equal(await post('/rules', { ...rule, ...average }), 201);
    await sleep(1_000);
    assert.equal(await send(1), 200);

    set(`${sign}${hours * 3_600}`);
    const beganMs = performance.now();
    const sent: number[] = [];
    while (performance.now() - beganMs < jumpMs) {
      sent.push(Date.now());
      assert.equal(await send(1), 200);
      assert.equal(await send(1, { timestamp: Date.now() }), 200, 'a sample with the right time is taken');
      await sleep(200);
    }
    set('+0');

    const query = new URLSearchParams({
      metric_name: 'm',
      from_ms: '0',
      to_ms: String(Date.now() + 86_400_000),
      points: '5000',
    });
    const answer = await fetch(`${up.url}/api/v1/samples?${query.toString()}`);
    const { samples, series } = (await answer.json()) as { samples: number; series: { last_ms: number }[] };
    assert.equal(samples, 2 * sent.length + 1);
    const lastMs = series[0]!.last_ms;
    assert.ok(Math.abs(lastMs - sent.at(-1)!) < stampMsMax, `the last sample is dated ${lastMs - sent.at(-1)!} ms off`);

    const breach = setInterval(() => void send(100), 100);
    t.after(() => clearInterval(breach));
    const messages = (): number =>
      fake.webhooks
        .changedSince(0, 10_000)
        .filter(({ webhookId }) => webhookId === webhook.id)
        .flatMap(({ payload }) => payload.embeds ?? []).length;
    await waitUntil('both rules notify', () => messages() === 2, { msMax: 10_000 });
    clearInterval(breach);
  });
}
