// F26: a webhook's URL leads to Discord (or the operator's own base) and nowhere else, whoever wrote it into `rules`, and
// whatever Discord answers. A canary listens on this machine; nobody may ever knock.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitForValue, waitUntil } from '../support/wait-until.ts';
import { DiscordClient } from '../../src/receiver/discord/client.ts';
import { formatNotification } from '../../src/alarm/notification.ts';
import { Health } from '../../src/base/health.ts';
import { Meter } from '../../src/base/meter.ts';
import { openTestLog, type TestLog } from '../../src/http/testing/test-log.ts';
import { testLogger } from '../../src/http/testing/test-server.ts';
import { createNotify } from '../../src/notify/notify.ts';
import { bad, id as webhookId, path } from '../../src/receiver/discord/testing/webhook-urls.ts';
import { createRules } from '../../src/rules/rules.ts';
import { topics } from '../../src/topics.ts';
import { startFakeDiscord, type FakeDiscord } from '../support/fake-discord/fake-discord.ts';
import { notificationFor } from '../support/notification.ts';

/** One for each loopback address, on the same port. */
let canaries: Server[];
let port: number;
let knocks = 0;
/** Everywhere that undici began to connect to. */
const connects = new Set<string>();
const heard = (message: unknown): void => {
  const { host } = (message as { connectParams: { host: string } }).connectParams;
  connects.add(host);
};

before(async () => {
  subscribe('undici:client:beforeConnect', heard);
  canaries = ['127.0.0.1', '::1'].map(() =>
    createServer((socket) => {
      knocks += 1;
      socket.destroy();
    }),
  );
  const [four, six] = canaries as [Server, Server];
  four.listen(0, '127.0.0.1');
  await once(four, 'listening');
  ({ port } = four.address() as AddressInfo);
  six.listen(port, '::1');
  // A machine without IPv6 has nothing to knock at there.
  await Promise.race([once(six, 'listening'), once(six, 'error')]);
});
after(() => {
  unsubscribe('undici:client:beforeConnect', heard);
  for (const canary of canaries) canary.close();
});

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  connects.clear();
});

interface Bench {
  readonly storage: TestLog;
  readonly fake: FakeDiscord;
  /** Appends a record to `rules` as it is, as anybody with access to the log may. */
  write(ruleId: string, url: string): Promise<void>;
  /** Appends what is due because of a rule. */
  enqueue(ruleId: string, key: string, x: number): Promise<void>;
  /** Resolves when so many notifications have come to an end, or are parked; to how. */
  outcomes(count: number): Promise<string[]>;
}

async function newBench(): Promise<Bench> {
  const storage = await openTestLog();
  const fake = await startFakeDiscord();
  const stop = new AbortController();
  const meter = new Meter();
  const options = { log: storage.log, health: new Health(), meter, logger: testLogger, discordApiBase: fake.apiBase };
  const rules = createRules(options);
  const running = Promise.all([
    rules.service.run(stop.signal),
    createNotify({ ...options, rules: rules.feed, version: '0' }).run(stop.signal),
  ]);
  closing.push(
    () => storage.remove(),
    () => fake.close(),
    async () => {
      stop.abort();
      await running;
    },
  );
  const append = (topic: string, key: string, value: string) =>
    storage.log.append(topic, [{ key: Buffer.from(key), value: Buffer.from(value), timestampMs: Date.now() }]);
  return {
    storage,
    fake,
    async write(ruleId, url) {
      const rule = { id: ruleId, metric_name: 'cpu', threshold: 90, discord_webhook_url: url };
      await append(topics.rules.name, ruleId, JSON.stringify(rule));
    },
    async enqueue(ruleId, key, x) {
      await append(topics.notifications.name, key, formatNotification(notificationFor(ruleId, x)));
    },
    async outcomes(count) {
      const read = async (): Promise<string[]> => {
        const found = new Map<string, string>();
        for (const { key, value } of await storage.records(topics.deliveries.name)) {
          const record = JSON.parse(value ?? '') as { kind: string; outcome?: string };
          if (record.kind === 'outcome') found.set(key, record.outcome!);
        }
        return [...found.values()];
      };
      return waitForValue(`${count} notifications have ended`, read, (found) => found.length >= count);
    },
  };
}

/** Ways to write an address of this machine, with a webhook's path. */
function canaryUrls(): string[] {
  const hosts = [
    '127.0.0.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0177.0.0.1',
    '127.1',
    '0',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    'localhost',
    'LOCALHOST.',
    'discord.com@127.0.0.1',
    'user:pass@127.0.0.1',
    'discord.com.localhost',
    '127.0.0.1#@discord.com',
    '127.0.0.1?@discord.com',
    '127.0.0.1\\@discord.com',
    '①②⑦.0.0.1',
    '127。0。0。1',
  ];
  return hosts.flatMap((host) => {
    const at = /[#?\\]/.exec(host);
    const withPort = at ? `${host.slice(0, at.index)}:${port}${host.slice(at.index)}` : `${host}:${port}`;
    return [`http://${withPort}/api/${path}`, `https://${withPort}/api/v10/${path}`];
  });
}

test('a record in `rules` with such a URL is never posted to: 0 connections to the canary, none to Discord', async () => {
  const bench = await newBench();
  const urls = [...canaryUrls(), ...bad];
  assert.ok(urls.length >= 100);
  for (const [index, url] of urls.entries()) {
    const ruleId = randomUUID();
    await bench.write(ruleId, url);
    await bench.enqueue(ruleId, webhookId, index);
  }
  const outcomes = await bench.outcomes(urls.length);
  assert.deepEqual([...new Set(outcomes)], ['dead']);
  assert.equal(knocks, 0);
  assert.deepEqual(bench.fake.ledger.entries, []);
  // The connection to the base is kept warm while something may be due; nothing else is connected to.
  connects.delete(new URL(bench.fake.origin).host);
  assert.deepEqual([...connects], []);
});

test('a rule whose newer record has such a URL keeps its last good one', async () => {
  const bench = await newBench();
  const { url, webhook } = bench.fake.addWebhook();
  const ruleId = randomUUID();
  await bench.write(ruleId, url);
  for (const hostile of canaryUrls()) await bench.write(ruleId, hostile);
  await bench.enqueue(ruleId, webhook.id, 1);
  assert.deepEqual(await bench.outcomes(1), ['delivered']);
  assert.equal(bench.fake.ledger.accepted(webhook.id).length, 1);
  assert.equal(knocks, 0);
});

test('a redirect is never followed, wherever it leads', async () => {
  const bench = await newBench();
  const locations = [`http://127.0.0.1:${port}/`, `http://[::1]:${port}/`, 'http://169.254.169.254/latest/meta-data/'];
  const cases = [301, 302, 303, 307, 308].flatMap((status) => locations.map((location) => ({ status, location })));
  for (const [index, { status, location }] of cases.entries()) {
    const { url, webhook } = bench.fake.addWebhook();
    bench.fake.faults.add([{ kind: 'redirect', status, location, webhookId: webhook.id, method: '*' }]);
    const ruleId = randomUUID();
    await bench.write(ruleId, url);
    await bench.enqueue(ruleId, webhook.id, index);
  }
  await waitUntil('each has its request', () => bench.fake.ledger.entries.length >= cases.length);
  await sleep(200);
  assert.equal(knocks, 0);
  assert.deepEqual([...connects], [new URL(bench.fake.origin).host]);
  // Each webhook was asked once: a redirect is a fault of configuration, which asking again does not mend.
  assert.equal(bench.fake.ledger.entries.length, cases.length);
});

test('without an operator’s base the client connects to no private address that a name leads to', async (t) => {
  const client = new DiscordClient({ version: '0', privateAddresses: false });
  t.after(() => client.close());
  const answer = await client.post(`http://localhost:${port}/api/${path}`, '{}');
  assert.deepEqual(answer, { kind: 'not_sent', reason: 'EPRIVATE' });
  assert.equal(knocks, 0);
});
