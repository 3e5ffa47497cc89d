// F12 of GUARANTEES.md: the network between the instances and the broker, and between them and Discord, is late, slow, cuts
// connections and swallows what is said.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../support/kafka/kafka-broker.ts';
import { noRateLimits } from '../support/fake-discord/rate-limits.ts';
import { Random } from '../support/sim-log/random.ts';
import { readDeliveryTopics, withoutOutcome } from './deliveries.ts';
import { groupTimeoutMs, isLong, withFleet, type Fleet } from './fleet.ts';
import { Letters } from './letters.ts';
import { startRoughProxy, type RoughProxy } from './rough-proxy.ts';

/** A connection that is swallowed is found out by the timeout of a request on it, 30 s; another one may follow it. */
const standstillMs = 2 * 30_000 + groupTimeoutMs;
const proxySeed = 12;

interface Networks {
  readonly broker: RoughProxy;
  readonly discord: RoughProxy;
}

/** All instances reach broker and fake through the proxies; the test does not. */
async function withNetworks(t: TestContext, run: (fleet: Fleet, networks: Networks) => Promise<void>): Promise<void> {
  const random = new Random(proxySeed);
  const [broker, discord] = [await startRoughProxy(random), await startRoughProxy(random)];
  const [directPort] = await freePorts(1);
  const map = 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,DIRECT:PLAINTEXT';
  const options = {
    kafka: {
      advertisedPort: broker.port,
      extraListeners: [{ name: 'DIRECT', ports: [directPort!] }],
      properties: { 'listener.security.protocol.map': map },
    },
    directPort: directPort!,
    onKafka: (port: number) => (broker.target = port),
    fake: { limits: noRateLimits },
    recordsPerSecond: 300,
    environmentOf: () => ({ DISCORD_API_BASE: `http://127.0.0.1:${discord.port}/api/v10` }),
  };
  try {
    await withFleet(t, options, async (fleet) => {
      discord.target = fleet.fake.door.port;
      await run(fleet, { broker, discord });
    });
  } finally {
    await broker.close();
    await discord.close();
  }
}

test('F12: late, slow, cut and swallowed on the way to broker and Discord: nothing is lost or made up', async (t) => {
  await withNetworks(t, async (fleet, { broker, discord }) => {
    const both = [broker, discord];
    const letters = new Letters(fleet);
    await letters.begin();
    fleet.go();
    const enough = new AbortController();
    const sending = letters.keepSending(enough.signal, 1_000);
    const playMs = isLong ? 20_000 : 6_000;
    for (let round = 0; round < (isLong ? 10 : 1); round++) {
      for (const proxy of both) proxy.weather = { latencyMs: [100, 300] };
      await sleep(playMs);
      for (const proxy of both) proxy.weather = { bytesPerSecond: 64_000 };
      await sleep(playMs);
      for (const proxy of both) proxy.weather = {};
      for (let cuts = 0; cuts < playMs / 300; cuts++) {
        for (const proxy of both) proxy.reset();
        fleet.positions.noteFault();
        await sleep(300);
      }
      for (const proxy of both) proxy.swallow();
      fleet.positions.noteFault();
      await sleep(2 * playMs);
    }
    enough.abort();
    await sending;
    await fleet.check(standstillMs);
    const isOver = async (): Promise<boolean> => withoutOutcome(await readDeliveryTopics(fleet.log)).length === 0;
    await fleet.until('all have an outcome', isOver, 90_000);
    const again = (await fleet.counted('ssrms_notify_answers_total')).get('try_again') ?? 0;
    t.diagnostic(`${again} requests without an answer`);
    assert.ok(again > 0);
    await fleet.checkDeliveries(letters, { copiesMax: again, tooEarlyMax: again });
  });
});
