// F6 of GUARANTEES.md on a cluster as docs/KAFKA.md sets it up: three brokers, TLS, a password and the least rights for each service.
// Its commands and its environment are taken from its text.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '../../src/base/logger.ts';
import { recordsOf } from '../../src/log/batch.ts';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import { createAuthority } from '../support/fake-discord/certificates.ts';
import { startFakeDiscord } from '../support/fake-discord/fake-discord.ts';
import { freePorts, runTool, startCluster } from '../support/kafka/kafka-broker.ts';
import { runSsrms, startSsrms, type SsrmsProcess } from '../support/ssrms-process.ts';
import { waitForValue, waitUntil } from '../support/wait-until.ts';
import { namedBlock } from '../documents/blocks.ts';

const tools: Readonly<Record<string, string>> = {
  'kafka-acls.sh': 'org.apache.kafka.tools.AclCommand',
  'kafka-configs.sh': 'kafka.admin.ConfigCommand',
  'kafka-topics.sh': 'org.apache.kafka.tools.TopicCommand',
};
const services = ['rules', 'ingest', 'alarms', 'console'] as const;
const samples = 60;

interface Sample {
  readonly value: number;
}

/** Runs the commands of a block as an administrator of the cluster. Resolves to what they print. */
async function runBlock(name: string, bootstrap: string, change = (text: string): string => text): Promise<string> {
  let output = '';
  const text = change(namedBlock(name).text).replaceAll('\\\n', ' ');
  for (const line of text.split('\n')) {
    const [script = '', ...words] = line.match(/'[^']*'|\S+/g) ?? [];
    const args = words.map((word) => word.replaceAll("'", '').replace('kafka-1:9093', bootstrap));
    const properties = args.indexOf('--command-config');
    assert.ok(properties > 0, line);
    args.splice(properties, 2);
    output += await runTool(tools[script] ?? assert.fail(line), args);
  }
  return output;
}

const environmentOf = (name: string): Record<string, string> =>
  Object.fromEntries(
    [...namedBlock(name).text.matchAll(/^export (\w+)=(.*)$/gm)].map(([, key, value]) => [key, value]),
  );

/** Of all samples in the log, in their order: there is one metric. */
async function valuesIn(bootstrap: string): Promise<number[]> {
  const log = await openKafkaLog({ bootstrap, clientId: 'test', logger: createLogger('silent', 'test') });
  const values: number[] = [];
  for (let partition = 0; partition < 20; partition++)
    for await (const chunk of log.read('metrics', partition, { from: { offset: 0 } }))
      for (const { value } of recordsOf(chunk))
        values.push((JSON.parse(Buffer.from(value!).toString()) as Sample).value);
  await log.close();
  return values;
}

const timeout = 900_000;

test(
  'F6: on a cluster secured as documented, brokers are restarted one by one, and nothing is lost or doubled',
  { timeout },
  async (t) => {
    const ports = await freePorts(3);
    const authority = createAuthority(Date.now());
    const { cert, key } = authority.issue('trusted');
    const folder = mkdtempSync(join(tmpdir(), 'ssrms-secured-'));
    t.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'ca.pem'), authority.cert);
    const brokers = await startCluster(3, {
      extraListeners: [{ name: 'SECURE', ports }],
      properties: {
        'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL',
        'listener.name.secure.sasl.enabled.mechanisms': 'SCRAM-SHA-512',
        'listener.name.secure.scram-sha-512.sasl.jaas.config':
          'org.apache.kafka.common.security.scram.ScramLoginModule required;',
        'listener.name.secure.ssl.keystore.type': 'PEM',
        'listener.name.secure.ssl.keystore.certificate.chain': cert,
        'listener.name.secure.ssl.keystore.key': key,
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS',
      },
    });
    t.after(() => Promise.all(brokers.map((broker) => broker.stop())));
    const fake = await startFakeDiscord();
    t.after(() => fake.close());
    const { bootstrap } = brokers[0]!;
    assert.equal((await runSsrms(['topics'], { BROKER: bootstrap })).code, 0);
    await runBlock('kafka-acls', bootstrap);
    for (const service of services)
      await runBlock('kafka-user', bootstrap, (text) => text.replace('ssrms-alarms', `ssrms-${service}`));

    const running: Partial<Record<(typeof services)[number], SsrmsProcess>> = {};
    for (const service of services) {
      const env = {
        ...environmentOf('kafka-env'),
        BROKER: ports.map((port) => `127.0.0.1:${port}`).join(','),
        BROKER_TLS_CA: join(folder, 'ca.pem'),
        BROKER_USERNAME: `ssrms-${service}`,
        DISCORD_API_BASE: fake.apiBase,
      };
      running[service] = await startSsrms([service], { env });
      t.after(() => running[service]!.stop());
    }
    const { rules, ingest, alarms, console } = running as Record<(typeof services)[number], SsrmsProcess>;
    const post = async (url: string, body: object): Promise<number> => {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
      return answer.status;
    };
    const { url: webhookUrl, webhook } = fake.addWebhook();
    const rule = { metric_name: 'packages', threshold: 0, trigger: 'every_sample', discord_webhook_url: webhookUrl };
    assert.equal(await post(`${rules.url}/rules`, rule), 201);
    await sleep(1_500);

    const values = (): number[] =>
      fake.webhooks
        .changedSince(0, 10_000)
        .filter(({ webhookId }) => webhookId === webhook.id)
        .flatMap(({ payload }) => payload.embeds ?? [])
        .map(({ fields }) => Number(fields?.[2]?.value));
    let sent = 0;
    const sending = (async () => {
      while (sent < samples) {
        const status = await post(`${ingest.url}/api/v1/metrics`, { name: 'packages', value: sent + 1 });
        if (status === 200) sent++;
        await sleep(300);
      }
    })();
    for (const broker of brokers) {
      await sleep(4_000);
      await broker.restart();
      await waitForValue(
        'all replicas are in sync again',
        () => runBlock('kafka-in-sync', bootstrap),
        (output) => output.trim() === '',
      );
    }
    await sending;
    // A sample whose answer came too late was posted again, and stands in the log twice.
    const written = await valuesIn(bootstrap);
    assert.deepEqual(new Set(written).size, samples);
    await waitUntil('every sample has its message', () => values().length >= written.length);
    await sleep(2_000);
    assert.deepEqual(values(), written);
    const all = [rules, ingest, alarms, console];
    const status = async ({ url }: SsrmsProcess): Promise<string> => {
      const [health, ready] = await Promise.all([fetch(`${url}/health`), fetch(`${url}/health/ready`)]);
      return `${health.status} ${ready.status} ${await health.text()}`;
    };
    const all200 = async (): Promise<boolean> =>
      (await Promise.all(all.map(status))).every((said) => said.startsWith('200 200 '));
    await waitUntil('all are healthy', all200);
    for (const service of all) assert.doesNotMatch(await status(service), /AUTHORIZATION|replica/i);

    // A right that is taken away, and the whole cluster: each is noticed without a request, and goes by itself.
    const remove = (text: string): string => text.split('kafka-acls.sh').filter((line) => line.includes('--topic metrics\n') && line.includes('ssrms-ingest')).map((line) => `kafka-acls.sh${line.replace('--add', '--remove --force')}`.trim()).join('\n'); // prettier-ignore
    await runBlock('kafka-acls', bootstrap, remove);
    await waitForValue(
      'ingest says which right is missing',
      () => status(ingest),
      (said) => said.startsWith('503 503') && said.includes('the right Write on topic metrics is missing'),
    );
    assert.equal(await post(`${ingest.url}/api/v1/metrics`, { name: 'packages', value: 1 }), 503);
    await runBlock('kafka-acls', bootstrap);
    await waitUntil('all are healthy again', all200);

    await Promise.all(brokers.map((broker) => broker.kill()));
    const killedMs = performance.now();
    await waitUntil('all say that the brokers are gone', async () =>
      (await Promise.all(all.map(status))).every(
        (said) => said.startsWith('503 503') && said.includes('does not answer'),
      ),
    );
    t.diagnostic(`noticed ${Math.round(performance.now() - killedMs)} ms after the brokers were killed`);
    const askedMs = performance.now();
    assert.equal(await post(`${rules.url}/rules`, rule), 503);
    t.diagnostic(`a rule was refused after ${Math.round(performance.now() - askedMs)} ms`);
    await Promise.all(brokers.map((broker) => broker.restart()));
    await waitUntil('all are healthy once the brokers are back', all200, { msMax: 120_000 });
  },
);
