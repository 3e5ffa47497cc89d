// F35 of GUARANTEES.md: partitions are added to `metrics` while everything runs, and topics were created by others with settings that
// lose records.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { partitionOf } from '../../src/log/murmur2.ts';
import { startFakeDiscord, type FakeDiscord } from '../support/fake-discord/fake-discord.ts';
import { runTool, startKafka, type Kafka } from '../support/kafka/kafka-broker.ts';
import { startSsrms, type SsrmsProcess } from '../support/ssrms-process.ts';
import { waitUntil, waitForValue } from '../support/wait-until.ts';

const hosts = Array.from({ length: 12 }, (_, index) => `packages-${index}`);
const moved = hosts.filter((name) => partitionOf(Buffer.from(name), 20) !== partitionOf(Buffer.from(name), 24));

interface System {
  readonly kafka: Kafka;
  readonly fake: FakeDiscord;
  start(service: string): Promise<SsrmsProcess>;
  topics(...args: string[]): Promise<string>;
}

async function startSystem(t: TestContext): Promise<System> {
  const [kafka, fake] = await Promise.all([startKafka(), startFakeDiscord()]);
  t.after(() => kafka.stop());
  t.after(() => fake.close());
  return {
    kafka,
    fake,
    async start(service) {
      const process = await startSsrms([service], {
        env: { BROKER: kafka.bootstrap, DISCORD_API_BASE: fake.apiBase },
      });
      t.after(() => process.stop());
      return process;
    },
    topics: (...args) =>
      runTool('org.apache.kafka.tools.TopicCommand', ['--bootstrap-server', kafka.bootstrap, ...args]),
  };
}

async function post(url: string, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  assert.ok(answer.ok, await answer.text());
}

test('F35: partitions are added to metrics: alarms begin once more at most, none is missing, none is false', async (t) => {
  const system = await startSystem(t);
  const { fake } = system;
  const rules = await system.start('rules');
  const ingest = await system.start('ingest');
  const console = await system.start('console');
  const alarms = [await system.start('alarms'), await system.start('alarms')];
  const { url: webhookUrl, webhook } = fake.addWebhook();
  const rule = { threshold: 90, notify_on_resolve: true, no_data_seconds: 20, discord_webhook_url: webhookUrl };
  for (const metric_name of hosts) await post(`${rules.url}/rules`, { ...rule, metric_name });
  const titles = (metric: string): string[] =>
    fake.webhooks
      .changedSince(0, 10_000)
      .filter(({ webhookId }) => webhookId === webhook.id)
      .flatMap(({ payload }) => payload.embeds ?? [])
      .filter(({ fields }) => fields?.[1]?.value === metric)
      .map(({ title }) => title ?? '');
  const triggered = (metric: string): number => titles(metric).filter((title) => title === 'Alarm triggered').length;
  let value = 95;
  const send = (): void =>
    void post(
      `${ingest.url}/api/v1/metrics`,
      hosts.map((name) => ({ name, value })),
    ).catch(() => {});
  const timer = setInterval(send, 500);
  t.after(() => clearInterval(timer));
  await waitUntil('all fire', () => hosts.every((name) => triggered(name) === 1), { msMax: 60_000 });

  await system.topics('--alter', '--topic', 'metrics', '--partitions', '24');
  await waitUntil('what moved fires in its new partition', () => moved.every((name) => triggered(name) === 2), {
    msMax: 60_000,
  });
  const firing = async (): Promise<string[]> => {
    const answer = await fetch(`${console.url}/api/v1/alarms?state=firing`);
    const { alarms: list } = (await answer.json()) as { alarms: { metric_name: string }[] };
    return list.map(({ metric_name: name }) => name).sort();
  };
  await waitForValue('the console shows each once', firing, (names) => names.join() === [...hosts].sort().join());
  // Longer than no_data_seconds: in no partition a series that is elsewhere now is taken for missing.
  await sleep(30_000);
  const misrouted = (await Promise.all(alarms.map(async (one) => (await fetch(`${one.url}/metrics`)).text()))).join('');
  assert.doesNotMatch(misrouted, /evaluate_misrouted_metrics_total [1-9]/);
  const health = (await Promise.all(alarms.map(async (one) => (await fetch(`${one.url}/health`)).text()))).join('');
  assert.match(health, /24 partitions, and had 20/);

  // Everything goes on after a restart.
  for (const one of alarms) assert.equal(await one.stop(), 0, one.output());
  const again = await system.start('alarms');
  value = 5;
  await waitUntil('all resolve', () => hosts.every((name) => titles(name).includes('Alarm resolved')), {
    msMax: 60_000,
  });
  const wanted = (name: string): string[] =>
    moved.includes(name)
      ? ['Alarm triggered', 'Alarm triggered', 'Alarm resolved']
      : ['Alarm triggered', 'Alarm resolved'];
  assert.deepEqual(
    hosts.map((name) => titles(name)),
    hosts.map(wanted),
  );
  assert.equal((await fetch(`${again.url}/health/ready`)).status, 200);
});

test('F35: topics that lose records are refused with the command that repairs them, others are warned of', async (t) => {
  const system = await startSystem(t);
  const create = ['--create', '--partitions', '3', '--replication-factor', '1'];
  await system.topics(...create, '--topic', 'rules');
  await system.topics(...create, '--topic', 'metrics', '--config', 'message.timestamp.type=LogAppendTime');
  const refused = async (): Promise<string> => {
    const env = { BROKER: system.kafka.bootstrap, DISCORD_API_BASE: system.fake.apiBase };
    const process = await startSsrms(['rules'], { env, until: /Repair: .*/ });
    assert.equal(await process.ended, 1);
    return process.output();
  };
  const repair = async (output: string, tool: string): Promise<void> => {
    const [, script, args] = /Repair: (kafka-\w+\.sh) ([^;"\n]*)/.exec(output) ?? assert.fail(output);
    assert.equal(script, tool);
    const main = {
      'kafka-topics.sh': 'org.apache.kafka.tools.TopicCommand',
      'kafka-configs.sh': 'kafka.admin.ConfigCommand',
    }[tool];
    await runTool(main!, args!.trim().split(' '));
  };
  const fewer = await refused();
  assert.match(fewer, /topic metrics has 3 partitions and needs 20/);
  await repair(fewer, 'kafka-topics.sh');
  const uncompacted = await refused();
  assert.match(uncompacted, /topic rules has cleanup\.policy=delete and should have compact/);
  await repair(uncompacted, 'kafka-configs.sh');
  const rules = await system.start('rules');
  const health = await waitForValue(
    'health warns of times that are replaced',
    async () => (await fetch(`${rules.url}/health`)).text(),
    (text) => text.includes('LogAppendTime'),
  );
  assert.match(health, /message\.timestamp\.type=CreateTime/);
});
