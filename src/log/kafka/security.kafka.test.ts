import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createAuthority, type CertificateAuthority } from '../../../test/support/fake-discord/certificates.ts';
import { freePorts, startKafka, type Kafka } from '../../../test/support/kafka/kafka-broker.ts';
import { namedBlock } from '../../../test/documents/blocks.ts';
import { createLogger } from '../../base/logger.ts';
import { readConfig } from '../../config.ts';
import { newRecord, newTopic, readAll } from '../contract-bench.ts';
import { LogUnavailable, type Log } from '../log.ts';
import { openKafkaLog, type KafkaLogOptions } from './kafka-log.ts';

const logger = createLogger('silent', 'test');
let authority: CertificateAuthority;
let kafka: Kafka;
/** Where a password is asked for, and where a certificate is. */
let [passwordPort, certificatePort]: number[] = [];

before(async () => {
  [passwordPort, certificatePort] = await freePorts(2);
  authority = createAuthority(Date.now());
  const { cert, key } = authority.issue('trusted');
  const identity = (listener: string): Record<string, string> => ({
    [`listener.name.${listener}.ssl.keystore.type`]: 'PEM',
    [`listener.name.${listener}.ssl.keystore.certificate.chain`]: cert,
    [`listener.name.${listener}.ssl.keystore.key`]: key,
  });
  const login = 'org.apache.kafka.common.security';
  kafka = await startKafka({
    extraListeners: [
      { name: 'PASSWORD', ports: [passwordPort!] },
      { name: 'CERTIFICATE', ports: [certificatePort!] },
    ],
    properties: {
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PASSWORD:SASL_SSL,CERTIFICATE:SSL',
      'listener.name.password.sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.password.plain.sasl.jaas.config': `${login}.plain.PlainLoginModule required user_ssrms="right";`,
      ...identity('password'),
      ...identity('certificate'),
      'listener.name.certificate.ssl.client.auth': 'required',
      'listener.name.certificate.ssl.truststore.type': 'PEM',
      'listener.name.certificate.ssl.truststore.certificates': authority.cert,
    },
  });
});

after(() => kafka.stop());

function open(secret: string, tls: KafkaLogOptions['tls']): Promise<Log> {
  const sasl = { mechanism: 'PLAIN', username: 'ssrms', password: secret } as const;
  return openKafkaLog({ bootstrap: `127.0.0.1:${passwordPort}`, clientId: 'test', logger, sasl, tls });
}

/** What the documented settings make of these certificates. */
function documentedTls(ca: string, identity: { readonly cert: string; readonly key: string }): KafkaLogOptions['tls'] {
  const folder = mkdtempSync(join(tmpdir(), 'ssrms-mtls-'));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const names = [...namedBlock('kafka-mtls').text.matchAll(/^export (\w+)=.*\.(?:pem|key)$/gm)].map(
    ([, name]) => name!,
  );
  const files = [file('cert.pem', identity.cert), file('key.pem', identity.key)];
  const env = Object.fromEntries(names.map((name, index) => [name, files[index]]));
  const { brokerSecurity } = readConfig({ BROKER_TLS_CA: file('ca.pem', ca), ...env }, {}, 0);
  rmSync(folder, { recursive: true });
  const { tls, tlsCa, tlsIdentity } = brokerSecurity;
  assert.ok(tls && tlsCa !== undefined && tlsIdentity !== undefined);
  return { ca: tlsCa, ...tlsIdentity };
}

async function assertUsable(log: Log): Promise<void> {
  const topic = await newTopic(log, 2);
  await log.append(topic, [newRecord('k', '1', { partition: 1 })]);
  assert.equal((await readAll(log.read(topic, 1, { from: { offset: 0 } }))).length, 1);
}

test('a cluster with TLS and a password is used as any other', async () => {
  const log = await open('right', { ca: authority.cert });
  await assertUsable(log);
  await log.close();
});

test('a cluster that asks for a certificate is used with one that it trusts, and with no other', async () => {
  const openWith = (tls: KafkaLogOptions['tls']): Promise<Log> =>
    openKafkaLog({ bootstrap: `127.0.0.1:${certificatePort}`, clientId: 'test', logger, tls });
  const log = await openWith(documentedTls(authority.cert, authority.issue('trusted')));
  await assertUsable(log);
  await log.close();
  // Each is tried for ten seconds.
  const others = [{}, createAuthority(Date.now()).issue('trusted')];
  await Promise.all(
    others.map((identity) => assert.rejects(openWith({ ca: authority.cert, ...identity }), LogUnavailable)),
  );
});

test('a wrong password and a certificate that nobody vouches for are refused, with the reason and no secret', async () => {
  const refusals: [string, KafkaLogOptions['tls'], RegExp][] = [
    ['wrong', { ca: authority.cert }, /does not answer: .*[Aa]uthentication/],
    ['right', {}, /does not answer: .*(self-signed|unable to verify)/],
  ];
  await Promise.all(
    refusals.map(([secret, tls, reason]) =>
      assert.rejects(open(secret, tls), (error) => {
        assert.ok(error instanceof LogUnavailable);
        assert.match(error.message, reason);
        assert.doesNotMatch(error.message, /wrong|right/);
        return true;
      }),
    ),
  );
});
