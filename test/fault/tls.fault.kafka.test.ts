// F25 and F26 of GUARANTEES.md: whoever answers in Discord's place, and wherever a webhook's URL leads.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bad, id as webhookId, path } from '../../src/receiver/discord/testing/webhook-urls.ts';
import { topics } from '../../src/topics.ts';
import type { CertificateKind } from '../support/fake-discord/certificates.ts';
import { notificationFor } from '../support/notification.ts';
import { formatNotification } from '../../src/alarm/notification.ts';
import { postJson } from '../e2e/scenario.ts';
import { startSsrms } from '../support/ssrms-process.ts';
import { lastOutcomes, readDeliveryTopics } from './deliveries.ts';
import { drawId } from './load.ts';
import { withFleet, type Fleet } from './fleet.ts';
import { Letters } from './letters.ts';

const healthOf = async (fleet: Fleet): Promise<string> => (await fetch(`${fleet.instance(0).url}/health`)).text();
/** Long enough for a first try and two repeats. */
const triesMs = 5_000;

test('F25: a certificate that is not good, plain text, silence: nothing is sent, the reason is shown, and all arrives after', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ssrms-tls-'));
  const authority = join(folder, 'authority.pem');
  // It must not be possible to switch the checks off.
  const env = { NODE_EXTRA_CA_CERTS: authority, NODE_TLS_REJECT_UNAUTHORIZED: '0' };
  try {
    await withFleet(t, { fake: { tls: 'trusted' }, instances: 0 }, async (fleet) => {
      writeFileSync(authority, fleet.fake.authorityCert!);
      await fleet.start(0, env);
      const letters = new Letters(fleet);
      await letters.begin();
      const cases: readonly (readonly [CertificateKind, RegExp])[] = [
        ['self_signed', /DEPTH_ZERO_SELF_SIGNED_CERT/],
        ['expired', /CERT_HAS_EXPIRED/],
        ['wrong_name', /ERR_TLS_CERT_ALTNAME_INVALID/],
      ];
      for (const [certificate, reason] of cases) {
        fleet.fake.control({ certificate });
        // Connections that stand were made before.
        await fleet.fake.door.set('refused');
        await fleet.fake.door.set('open');
        const before = fleet.fake.ledger.entries.length;
        await letters.send();
        await fleet.until(`${certificate} is shown`, async () => reason.test(await healthOf(fleet)), triesMs);
        assert.equal(fleet.fake.ledger.entries.length, before, `${certificate}: nothing is sent`);
      }
      fleet.fake.control({ certificate: 'trusted' });
      // A handshake that is never answered.
      await fleet.fake.door.set('stalled');
      await letters.send();
      await fleet.until('silence is shown', async () => /UND_ERR_CONNECT_TIMEOUT/.test(await healthOf(fleet)), 20_000);
      await fleet.fake.door.set('open');
      const { marked } = await fleet.checkDeliveries(letters, { copiesMax: 0 });
      assert.equal(marked, 0, 'what was never sent is no repeat');
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('F25: no TLS where there should be, and a name that leads nowhere: nothing is sent, and the reason is shown', async (t) => {
  await withFleet(t, { instances: 0 }, async (fleet) => {
    const letters = new Letters(fleet);
    const cases: readonly (readonly [string, RegExp])[] = [
      [fleet.fake.apiBase.replace('http:', 'https:'), /ERR_SSL|EPROTO/],
      ['https://discord.invalid/api/v10', /ENOTFOUND|EAI_AGAIN/],
    ];
    for (const [apiBase, reason] of cases) {
      await fleet.start(0, { DISCORD_API_BASE: apiBase });
      await letters.begin(4);
      await letters.send();
      await fleet.until(`${apiBase} is shown`, async () => reason.test(await healthOf(fleet)), 20_000);
      await fleet.terminate(0);
      assert.deepEqual(fleet.fake.ledger.entries, []);
    }
    await fleet.start(0);
    const { marked } = await fleet.checkDeliveries(letters, { copiesMax: 0 });
    assert.equal(marked, 0, 'who is asked to end in the middle of its tries says that nothing was sent');
  });
});

test('F26: URLs that lead elsewhere are refused by the API, and by the notifier when they stand in `rules`', async (t) => {
  let knocks = 0;
  const canary = createServer((socket) => {
    knocks++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => canary.listen(0, '127.0.0.1', resolve));
  const { port } = canary.address() as AddressInfo;
  const hosts = [
    '127.0.0.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '[::ffff:127.0.0.1]',
    'localhost',
    'discord.com@127.0.0.1',
  ];
  const urls = [...hosts.map((host) => `http://${host}:${port}/api/${path}`), ...bad];
  try {
    await withFleet(t, { instances: 1 }, async (fleet) => {
      const env = { BROKER: fleet.kafka.bootstrap, DISCORD_API_BASE: fleet.fake.apiBase };
      const api = await startSsrms(['rules'], { env });
      try {
        await fleet.until('the API is ready', async () => (await fetch(`${api.url}/health/ready`)).ok);
        for (const [index, url] of urls.entries()) {
          const { status } = await postJson(`${api.url}/rules`, {
            metric_name: 'm',
            threshold: 1,
            discord_webhook_url: url,
          });
          assert.equal(status, 400, `the API takes URL ${index}`);
        }
      } finally {
        await api.stop();
      }
      // Whoever can write to the log writes what he likes.
      const ids = urls.map(() => drawId(fleet.random));
      const records = urls.map((url, index) => {
        const rule = { id: ids[index], metric_name: 'm', threshold: 1, discord_webhook_url: url };
        return { key: Buffer.from(ids[index]!), value: Buffer.from(JSON.stringify(rule)), timestampMs: Date.now() };
      });
      await fleet.log.append(topics.rules.name, records);
      const due = ids.map((id, index) => ({
        key: Buffer.from(webhookId),
        value: Buffer.from(formatNotification(notificationFor(id, index))),
        timestampMs: Date.now(),
      }));
      await fleet.log.append(topics.notifications.name, due);
      const isOver = async (): Promise<boolean> =>
        lastOutcomes((await readDeliveryTopics(fleet.log)).records).size === urls.length;
      await fleet.until('all have an outcome', isOver, 40_000);
      const { records: ended } = await readDeliveryTopics(fleet.log);
      assert.deepEqual([...new Set(lastOutcomes(ended).values())], ['dead']);
      // A redirect, the other way to be led astray.
      for (const status of [302, 307])
        for (const location of [`http://127.0.0.1:${port}/`, 'http://169.254.169.254/'])
          fleet.fake.faults.add([{ kind: 'redirect', status, location, times: 1, method: '*' }]);
      const letters = new Letters(fleet);
      await letters.begin(4);
      await letters.send();
      await fleet.until('all redirects were met', () => fleet.fake.ledger.entries.length === 4);
      await sleep(500);
      assert.deepEqual({ knocks, requests: fleet.fake.ledger.entries.length }, { knocks: 0, requests: 4 });
      assert.deepEqual(fleet.unexpected, []);
    });
  } finally {
    canary.close();
  }
});
