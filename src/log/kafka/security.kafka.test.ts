import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { freePorts, runTool, startKafka, type Kafka } from '../../../test/support/kafka/kafka-broker.ts';
import { createLogger } from '../../base/logger.ts';
import { newRecord, newTopic, readAll } from '../contract-bench.ts';
import { LogUnavailable, type Log } from '../log.ts';
import { openKafkaLog, type KafkaLogOptions } from './kafka-log.ts';

const logger = createLogger('silent', 'test');
const folder = mkdtempSync(join(tmpdir(), 'ssrms-tls-'));
const keyStore = join(folder, 'broker.p12');
const password = 'only-for-this-test';
let kafka: Kafka;
let port: number;

/** A certificate of the broker's own, for its address, in its key store and as PEM. */
async function makeCertificate(): Promise<void> {
  const keytool = 'sun.security.tools.keytool.Main';
  const store = ['-keystore', keyStore, '-storepass', password, '-alias', 'broker'];
  const key = [
    '-keyalg',
    'EC',
    '-dname',
    'CN=broker',
    '-ext',
    'san=ip:127.0.0.1',
    '-storetype',
    'PKCS12',
    '-validity',
    '2',
  ];
  await runTool(keytool, ['-genkeypair', ...store, ...key]);
  await runTool(keytool, ['-exportcert', '-rfc', ...store, '-file', join(folder, 'broker.pem')]);
}

before(async () => {
  [port] = (await freePorts(1)) as [number];
  await makeCertificate();
  const login = 'org.apache.kafka.common.security';
  kafka = await startKafka({
    extraListener: { name: 'SECURE', port },
    properties: {
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL',
      'listener.name.secure.sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.secure.plain.sasl.jaas.config': `${login}.plain.PlainLoginModule required user_ssrms="right";`,
      'listener.name.secure.ssl.keystore.location': keyStore,
      'listener.name.secure.ssl.keystore.password': password,
      'listener.name.secure.ssl.keystore.type': 'PKCS12',
    },
  });
});

after(async () => {
  await kafka.stop();
  rmSync(folder, { recursive: true });
});

function open(secret: string, tls: KafkaLogOptions['tls']): Promise<Log> {
  const sasl = { mechanism: 'PLAIN', username: 'ssrms', password: secret } as const;
  return openKafkaLog({ bootstrap: `127.0.0.1:${port}`, clientId: 'test', logger, sasl, tls });
}

test('a cluster with TLS and a password is used as any other', async () => {
  const log = await open('right', { ca: readFileSync(join(folder, 'broker.pem')) });
  const topic = await newTopic(log, 2);
  await log.append(topic, [newRecord('k', '1', { partition: 1 })]);
  assert.equal((await readAll(log.read(topic, 1, { from: { offset: 0 } }))).length, 1);
  await log.close();
});

test('a wrong password and a certificate that nobody vouches for are refused, with the reason and no secret', async () => {
  const refusals: [string, KafkaLogOptions['tls'], RegExp][] = [
    ['wrong', { ca: readFileSync(join(folder, 'broker.pem')) }, /does not answer: .*[Aa]uthentication/],
    ['right', {}, /does not answer: .*self-signed/],
  ];
  for (const [secret, tls, reason] of refusals) {
    await assert.rejects(open(secret, tls), (error) => {
      assert.ok(error instanceof LogUnavailable);
      assert.match(error.message, reason);
      assert.doesNotMatch(error.message, /wrong|right/);
      return true;
    });
  }
});
