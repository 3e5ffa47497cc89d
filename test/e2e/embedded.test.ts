// The whole system on the embedded log, as `npm start` runs it: one real process, and the fake Discord.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitForValue, waitUntil } from '../support/wait-until.ts';
import { startFakeDiscord, type FakeDiscord } from '../support/fake-discord/fake-discord.ts';
import { startSsrms, type SsrmsProcess } from '../support/ssrms-process.ts';
import {
  embedsAt,
  expectEmbeds,
  makeRule,
  newMetric,
  postJson,
  scenarioTests,
  type SystemUnderTest,
} from './scenario.ts';

let fake: FakeDiscord;
let dataDir: string;
let up: SsrmsProcess;

const start = (): Promise<SsrmsProcess> =>
  startSsrms(['up'], { env: { DATA_DIR: dataDir, DISCORD_API_BASE: fake.apiBase, LOG_LEVEL: 'warn' } });
const system = (): SystemUnderTest => ({ rulesUrl: up.url, ingestUrl: up.url, fake, pageUrl: up.url });

before(async () => {
  fake = await startFakeDiscord();
  dataDir = mkdtempSync(join(tmpdir(), 'ssrms-e2e-'));
  up = await start();
});

after(async () => {
  await up.stop();
  await fake.close();
  rmSync(dataDir, { recursive: true, force: true });
});

scenarioTests('embedded', system);

test('embedded: killed with -9 in the middle, every spike that was accepted still gives one message', async () => {
  const metric = newMetric();
  const rule = await makeRule(system(), { metric_name: metric, threshold: 500 });
  let spikes = 0;
  for (let round = 0; round < 3; round++) {
    for (let index = 0; index < 12; index++) {
      const value = index % 3 === 0 ? 550 : 450;
      const { status } = await postJson(`${up.url}/api/v1/metrics`, { name: metric, value });
      assert.equal(status, 200);
      if (value === 550) spikes++;
    }
    await up.kill();
    await sleep(100);
    up = await start();
  }
  const embeds = await expectEmbedsAtLeast(rule.webhookId, spikes);
  const marked = embeds.filter((embed) => embed.footer?.text.includes('possible repeat')).length;
  // A message may come twice only when its request was under way at a kill, and then it says so.
  assert.ok(
    embeds.length - spikes <= 3 * 10 && embeds.length - spikes <= marked,
    `${embeds.length} messages for ${spikes} spikes, ${marked} marked`,
  );
});

test("embedded: this machine's own figures come in each second, and a rule on one of them fires", async () => {
  const rule = await makeRule(system(), { metric_name: 'memory-percent', threshold: 0 });
  const source = await startSsrms(['source', 'host', '0.2', '--ingest', up.url], { until: /network-sent/ });
  try {
    const [embed] = await expectEmbeds(system(), rule.webhookId, 1);
    assert.ok(
      embed?.fields.some(({ value }) => value.includes(hostname())),
      JSON.stringify(embed),
    );
    // The console looks at what flows every two seconds: the alarm may well be there before the list.
    const missing = async (): Promise<string[]> => {
      const listed = await (await fetch(`${up.url}/api/v1/metrics`)).text();
      const wanted = ['cpu-percent', 'disk-percent', 'network-received-bytes-per-second'];
      return wanted.filter((name) => !listed.includes(JSON.stringify(name)));
    };
    await waitForValue('all metrics are listed', missing, (names) => names.length === 0, { pollMs: 100 });
  } finally {
    assert.equal(await source.stop(), 0, source.output());
  }
});

test('embedded: SIGTERM ends it in good order, with exit code 0', async () => {
  assert.equal(await up.stop(), 0, up.output());
  up = await start();
  await expectEmbeds(system(), fake.addWebhook().webhook.id, 0);
});

/** As expectEmbeds, when marked repeats are allowed. */
async function expectEmbedsAtLeast(webhookId: string, count: number): Promise<ReturnType<typeof embedsAt>> {
  const areThere = (): boolean => embedsAt(system(), webhookId).length >= count;
  await waitUntil(`${count} messages`, areThere, { msMax: 60_000 });
  await sleep(3_000);
  const embeds = embedsAt(system(), webhookId);
  assert.ok(embeds.length >= count, `${embeds.length} messages for ${count} spikes`);
  return embeds;
}
