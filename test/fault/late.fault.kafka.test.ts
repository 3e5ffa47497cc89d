// F11 of GUARANTEES.md: a Produce or OffsetCommit of a former owner arrives when newer ones stand.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../support/kafka/kafka-broker.ts';
import { apiKeys } from '../support/kafka/tcp-proxy.ts';
import { startDelayProxy, type DelayProxy } from './delay-proxy.ts';
import { groupTimeoutMs, isLong, standstillMsMax, withFleet, type Fleet } from './fleet.ts';

const rounds = isLong ? 20 : 1;
const holdMsMax = 30_000;

/** Instance 0 reaches the broker through the proxy; the others and the test do not. */
async function withProxiedFleet(
  t: TestContext,
  run: (fleet: Fleet, proxy: DelayProxy) => Promise<void>,
): Promise<void> {
  const proxy = await startDelayProxy();
  const [directPort] = await freePorts(1);
  const map = 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,DIRECT:PLAINTEXT';
  const kafka = {
    advertisedPort: proxy.port,
    extraListeners: [{ name: 'DIRECT', ports: [directPort!] }],
    properties: { 'listener.security.protocol.map': map },
  };
  const direct = { BROKER: `127.0.0.1:${directPort}` };
  const onKafka = (port: number) => (proxy.target = port);
  const options = {
    kafka,
    directPort: directPort!,
    onKafka,
    environmentOf: (index: number) => (index === 0 ? {} : direct),
  };
  try {
    await withFleet(t, options, (fleet) => run(fleet, proxy));
  } finally {
    await proxy.close();
  }
}

const within = <Value>(promise: Promise<Value>): Promise<Value> =>
  Promise.race([promise, sleep(holdMsMax, undefined, { ref: false }).then(() => assert.fail('nothing to hold back'))]);

const cases = [
  { topic: 'notifications', isOwnerSpared: false },
  { topic: 'alarms', isOwnerSpared: false },
  { topic: 'alarms', isOwnerSpared: true },
];

for (const { topic, isOwnerSpared } of cases) {
  const end = isOwnerSpared ? 'lives on' : 'dies too';
  test(`F11: an append to ${topic} of an owner that died arrives after those of the next one, which ${end}`, async (t) => {
    await withProxiedFleet(t, async (fleet, proxy) => {
      const direct = { BROKER: `127.0.0.1:${fleet.directPort}` };
      fleet.go();
      await sleep(3_000);
      for (let round = 0; round < rounds; round++) {
        const held = await within(
          proxy.holdNext((apiKey, frame) => apiKey === apiKeys.produce && frame.subarray(0, 200).includes(topic)),
        );
        await fleet.kill(0);
        await sleep(groupTimeoutMs + 3_000 + fleet.random.below(isLong ? 20_000 : 1_000));
        assert.ok((await held.deliver()) !== undefined, 'the broker took the late frame');
        // The owners of the moment die before they could mend anything.
        for (const index of isOwnerSpared ? [] : [1, 2]) await fleet.kill(index);
        if (round < rounds - 1 || !isOwnerSpared) await fleet.start(0);
        for (const index of isOwnerSpared ? [] : [1, 2]) await fleet.start(index, direct);
        await sleep(groupTimeoutMs + 4_000);
      }
      const { outdatedLastWords } = await fleet.check(standstillMsMax);
      assert.equal(outdatedLastWords, 0, 'the owner writes the good states again');
    });
  });
}

test('F11: a commit that arrives late, or twice, is refused or only rewinds', async (t) => {
  await withProxiedFleet(t, async (fleet, proxy) => {
    fleet.go();
    await sleep(3_000);
    for (let round = 0; round < rounds; round++) {
      for (const doubled of [false, true]) {
        const held = await within(proxy.holdNext((apiKey) => apiKey === apiKeys.offsetCommit, doubled));
        await sleep(5_000 + fleet.random.below(isLong ? 30_000 : 2_000));
        assert.ok((await held.deliver()) !== undefined, 'the broker took the late frame');
        await fleet.kill(1 + fleet.random.below(fleet.running().length - 1));
        await sleep(1_000);
        for (const index of [1, 2]) {
          if (!fleet.running().includes(index)) await fleet.start(index, { BROKER: `127.0.0.1:${fleet.directPort}` });
        }
        await sleep(groupTimeoutMs);
      }
    }
    await fleet.check(standstillMsMax);
  });
});
