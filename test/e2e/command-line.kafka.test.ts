// The command line against services on their own: the console, the rules service, and Kafka itself answer the same.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startFakeDiscord, type FakeDiscord } from '../support/fake-discord/fake-discord.ts';
import { startKafka, type Kafka } from '../support/kafka/kafka-broker.ts';
import { runSsrms, startSsrms, type SsrmsProcess } from '../support/ssrms-process.ts';
import { waitForValue } from '../support/wait-until.ts';
import { postJson } from './scenario.ts';

let kafka: Kafka;
let fake: FakeDiscord;
let folder: string;
const services: Partial<Record<'rules' | 'console' | 'ingest' | 'alarms', SsrmsProcess>> = {};
let ruleId: string;

before(async () => {
  [kafka, fake] = await Promise.all([startKafka(), startFakeDiscord()]);
  folder = mkdtempSync(join(tmpdir(), 'ssrms-kafka-cli-'));
  const env = { BROKER: kafka.bootstrap, DISCORD_API_BASE: fake.apiBase, LOG_LEVEL: 'warn' };
  for (const name of ['rules', 'console', 'ingest', 'alarms'] as const)
    services[name] = await startSsrms([name], { env });
  const rule = { metric_name: 'cpu', threshold: 90, discord_webhook_url: fake.addWebhook().url };
  const made = await postJson(`${services.rules!.url}/rules`, rule);
  assert.equal(made.status, 201);
  ruleId = (made.body as { id: string }).id;
  // The instance has a second to hear of the rule: the sample comes again until it fires.
  await waitForValue(
    'the rule fires',
    async () => {
      await postJson(`${services.ingest!.url}/api/v1/metrics`, { name: 'cpu', value: 99 });
      return (await runSsrms(['alarms', 'list'], { SSRMS_URL: services.console!.url })).output;
    },
    (output) => output.includes('firing'),
  );
});

after(async () => {
  await Promise.all(Object.values(services).map((service) => service.stop()));
  await fake?.close();
  await kafka?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const targets = {
  'the console': () => ({ SSRMS_URL: services.console!.url }),
  'the rules service': () => ({ SSRMS_URL: services.rules!.url }),
  'Kafka itself': () => ({ BROKER: kafka.bootstrap, DISCORD_API_BASE: fake.apiBase, LOG_LEVEL: 'warn' }),
};

for (const [target, env] of Object.entries(targets))
  test(`kafka: every command works with ${target}`, async () => {
    const ssrms = async (...args: string[]): Promise<string> => {
      const { code, output } = await runSsrms(args, env());
      assert.equal(code, 0, `${args.join(' ')}: ${output}`);
      return output;
    };
    assert.match(await ssrms('rules', 'list'), new RegExp(`${ruleId} +firing`));
    assert.match(await ssrms('rules', 'list', 'state:firing'), new RegExp(ruleId));
    const exported = JSON.parse(await ssrms('rules', 'export')) as { id: string }[];
    assert.deepEqual(
      exported.map(({ id }) => id),
      [ruleId],
    );
    assert.match(await ssrms('alarms', 'list'), new RegExp(`firing .* ${ruleId}`));
    const [alarm] = (await ssrms('alarms', 'list', '--json')).split('\n');
    const { alarm_id: alarmId } = JSON.parse(alarm!) as { alarm_id: string };
    assert.match(await ssrms('alarms', 'get', alarmId), /^Series +cpu/);
    assert.match(await ssrms('backtest', ruleId), /^Would have fired once/);
    assert.match(await ssrms('system'), /INSTANCE[\s\S]*live +alarms/);
    assert.match(await ssrms('deliveries'), /delivered/);
    const file = join(folder, 'rule.json');
    writeFileSync(
      file,
      JSON.stringify({ metric_name: 'disk', threshold: 1, discord_webhook_url: fake.addWebhook().url }),
    );
    const { id } = JSON.parse(await ssrms('rules', 'create', file, '--json')) as { id: string };
    assert.match(await ssrms('rules', 'edit', id, '--set', 'threshold=2'), /saved/);
    assert.match(await ssrms('rules', 'delete', id), /^deleted 1/);
    assert.match(await ssrms('receivers', 'list'), /No receivers/);
  });

test('kafka: a source that is led to another service than ingest says where samples go', async () => {
  const { code, output } = await runSsrms(['source', 'constant', 'cpu', '1', '1'], { SSRMS_URL: services.rules!.url });
  assert.equal(code, 1);
  assert.match(output, /takes no samples: name "ssrms ingest" with --ingest/);
});
