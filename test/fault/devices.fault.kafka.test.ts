// F33 and F34 of GUARANTEES.md, on Kafka and on the embedded log: devices whose clocks are wrong, that replay what they have kept, and
// that buffer while a process of ours stands still.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '../../src/base/logger.ts';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import type { Log } from '../../src/log/log.ts';
import { startFakeDiscord, type FakeDiscord } from '../support/fake-discord/fake-discord.ts';
import { startKafka } from '../support/kafka/kafka-broker.ts';
import { pauseProcess } from '../support/pause-process.ts';
import { startSsrms, type SsrmsProcess } from '../support/ssrms-process.ts';
import { waitUntil } from '../support/wait-until.ts';

interface Fleet {
  readonly fake: FakeDiscord;
  readonly rulesUrl: string;
  readonly ingestUrl: string;
  /** Where health is asked for the clocks of series. */
  readonly alarmsUrl: string;
  /** By what a pause of it means: nothing is evaluated, or nothing is taken. */
  readonly evaluating: readonly SsrmsProcess[];
  readonly taking: readonly SsrmsProcess[];
  /** The log itself, for a producer that asks no ingest; undefined where nobody else can write. */
  readonly log: Log | undefined;
}

const backends: Record<string, (t: TestContext) => Promise<Fleet>> = {
  async 'the embedded log'(t) {
    const folder = mkdtempSync(join(tmpdir(), 'ssrms-devices-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const fake = await startFakeDiscord();
    t.after(() => fake.close());
    const up = await startSsrms(['up'], { env: { DATA_DIR: join(folder, 'data'), DISCORD_API_BASE: fake.apiBase } });
    t.after(() => up.stop());
    return {
      fake,
      rulesUrl: up.url,
      ingestUrl: up.url,
      alarmsUrl: up.url,
      evaluating: [up],
      taking: [up],
      log: undefined,
    };
  },
  async Kafka(t) {
    const [kafka, fake] = await Promise.all([startKafka(), startFakeDiscord()]);
    t.after(() => kafka.stop());
    t.after(() => fake.close());
    const start = async (service: string): Promise<SsrmsProcess> => {
      const env = { BROKER: kafka.bootstrap, DISCORD_API_BASE: fake.apiBase };
      const process = await startSsrms([service], { env });
      t.after(() => process.stop());
      return process;
    };
    const rules = await start('rules');
    const ingest = await start('ingest');
    const alarms = await start('alarms');
    const log = await openKafkaLog({
      bootstrap: kafka.bootstrap,
      clientId: 'device',
      logger: createLogger('silent', 'test'),
    });
    t.after(() => log.close());
    return {
      fake,
      rulesUrl: rules.url,
      ingestUrl: ingest.url,
      alarmsUrl: alarms.url,
      evaluating: [alarms],
      taking: [ingest],
      log,
    };
  },
};

interface Sample {
  readonly name: string;
  readonly value: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly timestamp: number;
}

/** A device that keeps its samples until they are taken. */
class Device {
  readonly #url: string;
  readonly #name: string;
  readonly #host: string;
  readonly #behindMs: number;
  #kept: Sample[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #isStopped = false;
  value = 1;

  constructor(url: string, name: string, host: string, behindMs = 0) {
    this.#url = url;
    this.#name = name;
    this.#host = host;
    this.#behindMs = behindMs;
  }

  start(everyMs = 500): this {
    this.#timer = setInterval(() => this.say(), everyMs);
    return this;
  }

  /** A sample now, or of another time. */
  say(timestamp = Date.now() - this.#behindMs): void {
    this.#kept.push({ name: this.#name, value: this.value, tags: { host: this.#host }, timestamp });
    this.#sending ??= this.#send().finally(() => (this.#sending = undefined));
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#isStopped = true;
    await this.#sending;
  }

  async #send(): Promise<void> {
    while (this.#kept.length > 0 && !this.#isStopped) {
      const batch = this.#kept.slice(0, 1_000);
      const body = JSON.stringify(batch);
      const headers = { 'content-type': 'application/json' };
      try {
        const answer = await fetch(`${this.#url}/api/v1/metrics`, {
          method: 'POST',
          headers,
          body,
          signal: AbortSignal.timeout(60_000),
        });
        if (answer.status === 200) this.#kept = this.#kept.slice(batch.length);
        else await sleep(200);
      } catch {
        await sleep(200);
      }
    }
  }
}

async function makeRule({ rulesUrl }: Fleet, rule: object): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${rulesUrl}/rules`, { method: 'POST', headers, body: JSON.stringify(rule) });
  assert.equal(answer.status, 201, await answer.text());
  await sleep(1_500);
}

async function appendAhead(log: Log, aheadMs: number): Promise<void> {
  const value = Buffer.from('{"value": 95, "tags": {"host": "ahead"}}');
  await log.append('metrics', [{ key: Buffer.from('load'), value, timestampMs: Date.now() + aheadMs }]);
}

/** The descriptions of all embeds that a webhook got. */
function texts({ fake }: Fleet, webhookId: string): string[] {
  return fake.webhooks
    .changedSince(0, 10_000)
    .filter(({ webhookId: id }) => id === webhookId)
    .flatMap(({ payload }) => payload.embeds ?? [])
    .map(({ description, fields }) => `${description} ${fields?.find(({ name }) => name === 'Tags')?.value ?? ''}`);
}

const hostsIn = (some: readonly string[]): string[] => some.map((text) => /host = (\S+)/.exec(text)?.[1] ?? '').sort();

for (const [where, start] of Object.entries(backends)) {
  test(`F34: on ${where}, a pause of 12 s makes no data look missing that devices had buffered`, async (t) => {
    const fleet = await start(t);
    const { url, webhook } = fleet.fake.addWebhook();
    await makeRule(fleet, { metric_name: 'alive', threshold: 1e9, discord_webhook_url: url, no_data_seconds: 8 });
    const devices = Array.from({ length: 10 }, (_, index) => new Device(fleet.ingestUrl, 'alive', `h${index}`).start());
    t.after(() => Promise.all(devices.map((device) => device.stop())));
    await sleep(4_000);
    for (const { pid } of fleet.evaluating) pauseProcess(pid);
    await sleep(12_000);
    for (const { pid } of fleet.evaluating) process.kill(pid, 'SIGCONT');
    // A pause of what takes samples that is shorter than the silence is no silence.
    await sleep(12_000);
    for (const { pid } of fleet.taking) pauseProcess(pid);
    await sleep(5_000);
    for (const { pid } of fleet.taking) process.kill(pid, 'SIGCONT');
    await sleep(12_000);
    assert.deepEqual(texts(fleet, webhook.id), [], 'nobody is missing');
    await devices[3]!.stop();
    await waitUntil('the one that stops is missed', () => texts(fleet, webhook.id).length > 0, { msMax: 40_000 });
    assert.deepEqual(hostsIn(texts(fleet, webhook.id)), ['h3']);
  });

  test(`F33: on ${where}, a clock that is ahead, one behind and a backlog silence nobody`, async (t) => {
    const fleet = await start(t);
    const webhooks = [0, 1, 2].map(() => fleet.fake.addWebhook());
    const [silence, breach, lasting] = webhooks.map(({ url, webhook }) => ({ url, id: webhook.id }));
    const rule = { metric_name: 'load', threshold: 90 };
    await makeRule(fleet, { ...rule, threshold: 1e9, no_data_seconds: 4, discord_webhook_url: silence!.url });
    await makeRule(fleet, { ...rule, cooldown_seconds: 3, discord_webhook_url: breach!.url });
    await makeRule(fleet, { ...rule, tags: { host: 'right' }, for_seconds: 1, discord_webhook_url: lasting!.url });
    const device = (host: string, behindMs = 0): Device => new Device(fleet.ingestUrl, 'load', host, behindMs);
    const right = device('right').start();
    const behind = device('behind', 50 * 60_000).start();
    const ahead = device('ahead');
    const replay = device('replay');
    t.after(() => Promise.all([right, behind, ahead, replay].map((one) => one.stop())));
    await sleep(2_000);

    // Once far ahead, then right again; and thirty minutes of what was kept, in batches.
    ahead.value = 95;
    // Ingest dates it now; another producer's stands in the log as it is.
    if (fleet.log === undefined) ahead.say(Date.now() + 590_000);
    else await appendAhead(fleet.log, 590_000);
    ahead.start();
    const begins = Date.now() - 30 * 60_000;
    for (let batch = 0; batch < 30; batch++) {
      for (let second = 0; second < 60; second += 10) replay.say(begins + (batch * 60 + second) * 1_000);
      await sleep(250);
    }
    replay.start();
    if (fleet.log !== undefined)
      await waitUntil('health names the clock that is ahead', async () => {
        const health = await (await fetch(`${fleet.alarmsUrl}/health`)).text();
        return /load\{host=ahead\} by \d+ s/.test(health);
      });
    right.value = 96;
    behind.value = 97;
    replay.value = 98;
    const named = (): string[] => [...new Set(hostsIn(texts(fleet, breach!.id)))];
    await waitUntil('all four hosts are named', () => named().length === 4, { msMax: 20_000 });
    await waitUntil('a breach that lasts is told', () => texts(fleet, lasting!.id).length === 1);
    await sleep(6_000);
    assert.deepEqual(texts(fleet, silence!.id), [], 'nobody is missing');
  });
}
