// A client made of librdkafka that writes to `metrics` itself: as docs/INGEST.md prints it its records lie where ours do, and
// without the partitioner the alarms service evaluates them, and warns.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitForValue } from '../support/wait-until.ts';
import { startFakeDiscord, type FakeDiscord } from '../support/fake-discord/fake-discord.ts';
import { startKafka, type Kafka } from '../support/kafka/kafka-broker.ts';
import { startSsrms, type SsrmsProcess } from '../support/ssrms-process.ts';
import { expectEmbeds, makeRule, type SystemUnderTest } from '../e2e/scenario.ts';
import { needs, demandProgram, runProgram } from './programs.ts';
import { snippet } from './snippets.ts';

let fake: FakeDiscord;
let kafka: Kafka;
let up: SsrmsProcess;

before(async () => {
  fake = await startFakeDiscord();
  kafka = await startKafka();
  up = await startSsrms(['up'], { env: { BROKER: kafka.bootstrap, DISCORD_API_BASE: fake.apiBase } });
  while (!(await fetch(`${up.url}/health/ready`)).ok) await sleep(50);
});
after(async () => {
  await up.stop();
  await kafka.stop();
  await fake.close();
});

async function misrouted(): Promise<number> {
  const text = await (await fetch(`${up.url}/metrics`)).text();
  return Number(/^ssrms_evaluate_misrouted_metrics_total (\d+)/m.exec(text)?.[1] ?? 0);
}

test('confluent-kafka-python with murmur2 and without', needs('python'), async () => {
  const system: SystemUnderTest = { rulesUrl: up.url, ingestUrl: up.url, fake };
  const printed = snippet('kafka.py', { url: up.url });
  const rule = await makeRule(system, { metric_name: 'packages-received', threshold: 500 });
  await runProgram(demandProgram('python'), ['-c', printed], { BROKER: kafka.bootstrap });
  await expectEmbeds(system, rule.webhookId, 1);
  assert.equal(await misrouted(), 0);

  const other = await makeRule(system, { metric_name: 'packages-sent', threshold: 500 });
  const plain = printed.replace(' "partitioner": "murmur2_random",', '').replace('packages-received', 'packages-sent');
  assert.ok(!plain.includes('murmur2'));
  await runProgram(demandProgram('python'), ['-c', plain], { BROKER: kafka.bootstrap });
  await expectEmbeds(system, other.webhookId, 1);
  await waitForValue('a sample in the wrong partition is counted', misrouted, (count) => count > 0);
  assert.equal(await misrouted(), 1);
  assert.match(up.output(), /murmur2_random/);
});
