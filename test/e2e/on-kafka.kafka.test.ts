// The system as it is deployed: 1 rules, 1 ingest, 3 alarms instances as real processes on a real Kafka broker.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { healthOf } from '../../src/http/testing/health-of.ts';
import { waitForValue } from '../support/wait-until.ts';
import { startFakeDiscord, type FakeDiscord } from '../support/fake-discord/fake-discord.ts';
import { startScriptedServer, type ScriptedServer } from '../../src/receiver/receiver.contract.ts';
import { waitUntil } from '../support/wait-until.ts';
import { runTool, startKafka, type Kafka } from '../support/kafka/kafka-broker.ts';
import { runSsrms, startSsrms, type SsrmsProcess } from '../support/ssrms-process.ts';
import {
  expectEmbeds,
  makeRule,
  newMetric,
  postJson,
  publish,
  runSourceFor,
  scenarioTests,
  specEmbed,
  type SystemUnderTest,
} from './scenario.ts';

/** A session timeout, and what the others have to read again. */
const takeOverMsMax = 40_000;

let kafka: Kafka;
let fake: FakeDiscord;
let hook: ScriptedServer;
let rules: SsrmsProcess;
let ingest: SsrmsProcess;
const alarms: SsrmsProcess[] = [];

const environment = (): Record<string, string> => ({
  BROKER: kafka.bootstrap,
  DISCORD_API_BASE: fake.apiBase,
  WEBHOOK_ALLOW: '127.0.0.1',
  LOG_LEVEL: 'warn',
});
const start = (service: string): Promise<SsrmsProcess> => startSsrms([service], { env: environment() });
const system = (): SystemUnderTest => ({ rulesUrl: rules.url, ingestUrl: ingest.url, fake });

before(async () => {
  [kafka, fake, hook] = await Promise.all([startKafka(), startFakeDiscord(), startScriptedServer()]);
  // One after the other: the first creates the topics, and two cores start no faster for more at once.
  rules = await start('rules');
  ingest = await start('ingest');
  for (let index = 0; index < 3; index++) alarms.push(await start('alarms'));
});

after(async () => {
  await Promise.all([rules, ingest, ...alarms].map((service) => service?.stop()));
  await Promise.all([fake?.close(), hook?.close()]);
  await kafka?.stop();
});

scenarioTests('kafka', system);

test('kafka: a topic that takes samples further ahead than ingest is warned of, with the command that ends it', async () => {
  const alter = [
    '--bootstrap-server',
    kafka.bootstrap,
    '--alter',
    '--entity-type',
    'topics',
    '--entity-name',
    'metrics',
  ];
  const lax = 'message.timestamp.after.max.ms=3600000';
  await runTool('kafka.admin.ConfigCommand', [...alter, '--add-config', lax]);
  const another = await start('ingest');
  const topicsHealth = async (): Promise<string | undefined> => {
    const { topics: check } = (await healthOf(another.url)).checks;
    return check?.status === 'warn' ? check.message : undefined;
  };
  const detail = await waitUntil('health warns', topicsHealth);
  await another.stop();
  const repair = `kafka-configs.sh ${alter.join(' ')} --add-config message.timestamp.after.max.ms=600000`;
  assert.match(detail, /^topic metrics takes records up to 3600 s ahead of its clock, and should take 600 s/);
  assert.ok(detail.endsWith(`. Repair: ${repair}`), detail);
  await runTool('kafka.admin.ConfigCommand', repair.split(' ').slice(1));
});

/**
 * What Kafka's own console consumer prints of a topic's records of one key. It ends when nothing came for a while, which on a busy machine
 * may be before it has begun: then it is given longer.
 */
async function consoleConsumer(topic: string, key: string): Promise<string[]> {
  let lines: string[] = [];
  for (const timeoutMs of [4_000, 20_000]) {
    const output = await runTool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
      '--bootstrap-server',
      kafka.bootstrap,
      '--topic',
      topic,
      '--from-beginning',
      `--timeout-ms=${timeoutMs}`,
      '--formatter-property=print.key=true',
      '--formatter-property=key.separator=|',
    ]);
    lines = output.split('\n').filter((line) => line.startsWith(`${key}|`));
    if (lines.length > 0) break;
  }
  return lines;
}

test('kafka: its own console consumer shows metrics and rules as they are documented', async () => {
  const metric = newMetric();
  const rule = await makeRule(system(), { metric_name: metric, threshold: 500 });
  await runSourceFor(['constant', metric, '501', '0.1'], 2, { BROKER: kafka.bootstrap });
  await runSourceFor(['constant', metric, '12.5', '0.1', '--tag', 'machine_id=12354', '--ingest', ingest.url], 1);
  const shown = await consoleConsumer('metrics', metric);
  assert.equal(shown[0], `${metric}|{"value": 501}`);
  assert.equal(shown.at(-1), `${metric}|{"value": 12.5, "tags": {"machine_id": "12354"}}`);

  const url = fake.urlOf(fake.webhooks.get(rule.webhookId)!);
  const answer = await fetch(`${rules.url}/rules/${rule.id}`);
  const stored = `{"id":"${rule.id}","discord_webhook_url":"${url}","metric_name":"${metric}","threshold":500}`;
  assert.equal(await answer.text(), stored);
  await fetch(`${rules.url}/rules/${rule.id}`, { method: 'DELETE' });
  assert.deepEqual(await consoleConsumer('rules', rule.id), [`${rule.id}|${stored}`, `${rule.id}|null`]);
});

test("kafka: a record written by Kafka's console producer raises its alarm", async () => {
  const metric = newMetric();
  const rule = await makeRule(system(), { metric_name: metric, threshold: 500 });
  const record = `${metric}|{ "unit":"packages", "value":508.5 }\n`;
  await runTool(
    'org.apache.kafka.tools.ConsoleProducer',
    [
      '--bootstrap-server',
      kafka.bootstrap,
      '--topic',
      'metrics',
      '--reader-property',
      'parse.key=true',
      '--reader-property',
      'key.separator=|',
    ],
    record,
  );
  const [embed] = await expectEmbeds(system(), rule.webhookId, 1);
  const sentence = `${metric} is 508.5 which exceeds the rule threshold (500)`;
  assert.deepEqual(embed, specEmbed({ ruleId: rule.id, metric, value: 508.5, threshold: 500, sentence }));
});

test('kafka: deliveries are listed, and sent again, from the log itself or over the rules service', async () => {
  const metric = newMetric();
  const rule = await makeRule(system(), { metric_name: metric, threshold: 500 });
  fake.faults.add([{ kind: 'odd_400', webhookId: rule.webhookId, times: 2 }]);
  await publish(system(), [{ name: metric, value: 508 }]);
  const deliveries = async (...args: string[]) => {
    const { code, output } = await runSsrms(['deliveries', ...args], environment());
    return { code, output };
  };
  const list = async (...args: string[]): Promise<string> =>
    (await deliveries('--json', '--rule', rule.id, '--outcome', 'dead', ...args)).output;
  await waitForValue(
    'it is dead',
    () => list(),
    (lines) => lines.includes('"dead"'),
  );
  const fromLog = JSON.parse(await list()) as { webhook_id: string; notification_id: string };
  assert.equal(fromLog.webhook_id, rule.webhookId);
  assert.deepEqual(JSON.parse(await list('--url', rules.url)), fromLog);
  const resent = await deliveries('resend', fromLog.notification_id);
  assert.equal(resent.code, 0, resent.output);
  await expectEmbeds(system(), rule.webhookId, 1);
});

interface Posted {
  readonly possible_repeat?: true;
  readonly notifications: readonly { readonly id: string; readonly metric_name: string; readonly value: number }[];
}

/** The notifications that the webhook receiver got about a metric, each once. Whatever came twice has the same id and says so. */
function postedAbout(metric: string): number[] {
  const seen = new Map<string, number>();
  for (const { body } of hook.requests) {
    const { possible_repeat: isMarked, notifications = [] } = JSON.parse(body) as Partial<Posted>;
    for (const { id, metric_name: name, value } of notifications) {
      if (name !== metric) continue;
      assert.ok(!seen.has(id) || isMarked === true, `${id} came again, unmarked`);
      seen.set(id, value);
    }
  }
  return [...seen.values()];
}

test('kafka: with one of three alarms instances killed, every later spike still gives exactly one message, at a webhook receiver too', async () => {
  const receiver = { kind: 'webhook', address: `${hook.origin}/hook`, secret: 'a secret of this test' };
  const { status } = await postJson(`${rules.url}/api/v1/receivers/hook`, receiver, 'PUT');
  assert.equal(status, 201);
  const made: { metric: string; rule: { id: string; webhookId: string } }[] = [];
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      const metric = newMetric();
      const fields = { metric_name: metric, threshold: 500, notify: ['hook'] };
      made.push({ metric, rule: await makeRule(system(), fields) });
    }),
  );
  const spike = async (): Promise<void> => {
    for (const value of [550, 450])
      await publish(
        system(),
        made.map(({ metric }) => ({ name: metric, value })),
      );
  };
  await spike();
  await sleep(1_000);
  await alarms[0]!.kill();
  for (let index = 0; index < 3; index++) {
    await spike();
    await sleep(500);
  }
  // The group notices the loss by its session timeout; then the others take over.
  const eachHas = (count: number): Promise<unknown> =>
    Promise.all(made.map(({ rule }) => expectEmbeds(system(), rule.webhookId, count, takeOverMsMax)));
  await eachHas(4);
  alarms[0] = await start('alarms');
  await sleep(4_000);
  await spike();
  await eachHas(5);
  const arePosted = (): boolean => made.every(({ metric }) => postedAbout(metric).length >= 5);
  await waitUntil('every spike is posted to the webhook receiver', arePosted, { msMax: takeOverMsMax });
  for (const { metric } of made) assert.deepEqual(postedAbout(metric), [550, 550, 550, 550, 550]);
});

test('kafka: samples that nobody can read are counted and skipped, and the next one is evaluated', async () => {
  const metric = newMetric();
  const rule = await makeRule(system(), { metric_name: metric, threshold: 500 });
  const values = [
    '{"value": 1',
    '{"value": "550"}',
    '{}',
    '[550]',
    '{"value": 1e400}',
    '{"value": 550, "tags": {"a": 1}}',
    'NULL',
    '{"value": 560}',
  ];
  const producer = ['--bootstrap-server', kafka.bootstrap, '--topic', 'metrics'];
  const reader = ['parse.key=true', 'key.separator=|', 'null.marker=NULL'].flatMap((property) => [
    '--reader-property',
    property,
  ]);
  await runTool(
    'org.apache.kafka.tools.ConsoleProducer',
    [...producer, ...reader],
    values.map((value) => `${metric}|${value}\n`).join(''),
  );
  await runTool('org.apache.kafka.tools.ConsoleProducer', producer, '{"value": 570}\n');
  const [embed] = await expectEmbeds(system(), rule.webhookId, 1);
  assert.equal(embed?.fields[2]?.value, '560');
  const counted = new Map<string, number>();
  for (const instance of alarms) {
    const text = await (await fetch(`${instance.url}/metrics`)).text();
    for (const [, outcome, count] of text.matchAll(/^ssrms_evaluate_samples_total\{outcome="(\w+)"\} (\d+)$/gm)) {
      counted.set(outcome!, (counted.get(outcome!) ?? 0) + Number(count));
    }
  }
  for (const reason of ['bad_json', 'bad_value', 'missing_value', 'not_an_object', 'bad_tags', 'tombstone', 'no_key']) {
    assert.ok((counted.get(reason) ?? 0) >= 1, `${reason} is not counted: ${JSON.stringify([...counted])}`);
  }
});

test('kafka: a broken record on rules leaves the last good version in force, and health names it', async () => {
  const metric = newMetric();
  const rule = await makeRule(system(), { metric_name: metric, threshold: 500 });
  const producer = [
    '--bootstrap-server',
    kafka.bootstrap,
    '--topic',
    'rules',
    '--reader-property',
    'parse.key=true',
    '--reader-property',
    'key.separator=|',
  ];
  await runTool(
    'org.apache.kafka.tools.ConsoleProducer',
    producer,
    `${rule.id}|{"id": "${rule.id}", "threshold": "many"}\n`,
  );
  await sleep(1_000);
  await publish(system(), [{ name: metric, value: 550 }]);
  await expectEmbeds(system(), rule.webhookId, 1);
  for (const service of [rules, ...alarms]) {
    const health = await healthOf(service.url);
    assert.equal(health.status, 'warn');
    assert.match(health.checks.rules?.message ?? '', new RegExp(rule.id));
  }
  assert.equal((await fetch(`${rules.url}/rules/${rule.id}`, { method: 'DELETE' })).status, 200);
  await sleep(1_000);
  const healed = await healthOf(rules.url);
  assert.equal(healed.checks.rules?.status, 'pass');
});

test('kafka: a console of its own tells who owns what, that nobody is behind, and that a rule is in force on all', async () => {
  const page = await start('console');
  try {
    const rule = await makeRule(system(), { metric_name: newMetric(), threshold: 500 });
    const read = async (path: string): Promise<unknown> => (await fetch(`${page.url}${path}`)).json();
    interface Seen {
      readonly instances: readonly { readonly id: string; readonly parts: readonly string[]; readonly state: string }[];
      readonly partitions: readonly { readonly instance: string | null; readonly lag: number }[];
    }
    const isSettled = ({ instances, partitions }: Seen): boolean => {
      const judging = instances.filter(({ parts, state }) => parts.includes('alarms') && state === 'live');
      const owners = new Set(partitions.map(({ instance }) => instance));
      return judging.length === owners.size && judging.length > 1 && judging.every(({ id }) => owners.has(id));
    };
    const deadline = Date.now() + 20_000;
    for (;;) {
      const seen = (await read('/api/v1/system')) as Seen;
      const { in_force: inForce, of } = (await read(`/api/v1/rules/${rule.id}/in-force`)) as Record<string, number>;
      if (isSettled(seen) && of! > 1 && inForce === of && seen.partitions.every(({ lag }) => lag === 0)) break;
      assert.ok(Date.now() < deadline, JSON.stringify({ seen, inForce, of }));
      await sleep(100);
    }
  } finally {
    await page.stop();
  }
});
