import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../../../test/support/wait-until.ts';
import { runTool, startCluster, startKafka, type Kafka } from '../../../test/support/kafka/kafka-broker.ts';
import { answerBodyAt, apiKeys, startTcpProxy, type TcpProxy } from '../../../test/support/kafka/tcp-proxy.ts';
import { createLogger } from '../../base/logger.ts';
import { aborted, appendAlong, checkWritten, newRecord, newTopic, numbers, writtenIn } from '../contract-bench.ts';
import type { Claim, Log } from '../log.ts';
import { openKafkaLog } from './kafka-log.ts';

const logger = createLogger('silent', 'test');
const sessionTimeoutMs = 2_000;
const properties = { 'group.min.session.timeout.ms': '1000' };

function open(kafka: Pick<Kafka, 'bootstrap'>): Promise<Log> {
  return openKafkaLog({ bootstrap: kafka.bootstrap, clientId: 'test', logger, sessionTimeoutMs });
}

describe('on one broker behind a proxy', () => {
  let proxy: TcpProxy;
  let kafka: Kafka;
  let log: Log;
  before(async () => {
    proxy = await startTcpProxy();
    kafka = await startKafka({ properties, advertisedPort: proxy.port });
    proxy.target = kafka.port;
  });
  beforeEach(async () => {
    log = await open(kafka);
  });
  afterEach(async () => {
    proxy.decide = undefined;
    proxy.alter = undefined;
    await log.close();
  });
  after(async () => {
    await proxy.close();
    await kafka.stop();
  });

  test('answers that get lost: what is repeated is written once', async () => {
    const topic = await newTopic(log, 3);
    let asked = 0;
    let dropped = 0;
    proxy.decide = (apiKey) => {
      if (apiKey !== apiKeys.produce && apiKey !== apiKeys.offsetCommit) return 'pass';
      // Every third answer is lost, and now and then a request too.
      asked++;
      if (asked % 3 !== 0) return 'pass';
      dropped++;
      return asked % 4 === 0 ? 'cut' : 'dropAnswer';
    };
    const appending = appendAlong(log, topic, 3);
    await sleep(4000);
    const count = await appending.stop();
    assert.ok(dropped > 5, `${dropped} answers lost`);
    assert.equal(appending.acknowledged.size, count);
    await checkWritten(log, topic, appending.acknowledged);
    const stop = new AbortController();
    const handle = async (claim: Claim) => {
      for (const position of numbers(20)) await claim.commit(position);
      if (claim.partition === 0) stop.abort();
      await aborted(claim.signal);
    };
    await log.process(topic, 'lossy', handle, stop.signal);
    const found = Promise.withResolvers<number | undefined>();
    const again = new AbortController();
    await log.process(
      topic,
      'lossy',
      async (claim) => {
        if (claim.partition === 0) found.resolve(claim.committed);
        again.abort();
        await aborted(claim.signal);
      },
      again.signal,
    );
    assert.equal(await found.promise, 19);
  });

  test('answers that are damaged on their way, or say too little, do no harm', async () => {
    const topic = await newTopic(log, 1);
    await log.append(topic, [newRecord('k', 'before')]);
    // The broker says that it has the batch, as it does for a repeat whose place it has forgotten.
    let altered = 0;
    proxy.alter = (apiKey, answer) => {
      if (apiKey !== apiKeys.produce || altered++ > 0) return;
      const partitionAt = answer.indexOf(topic, answerBodyAt) + topic.length + 1;
      answer.writeInt16BE(46, partitionAt + 4);
      answer.writeBigInt64BE(-1n, partitionAt + 6);
    };
    const places = await Promise.all(numbers(3).map((i) => log.append(topic, [newRecord('k', `${i}`)])));
    assert.ok(altered > 0);
    assert.deepEqual(
      places.flat(),
      numbers(3).map((i) => ({ partition: 0, offset: i + 1 })),
    );
    const wanted = ['before', '0', '1', '2'];
    for (const damaged of [2, 1000]) {
      let times = 0;
      proxy.alter = (apiKey, answer) => {
        const at = answer.indexOf('before');
        if (apiKey === apiKeys.fetch && at > 0 && times++ < damaged) answer[at]! ^= 1;
      };
      let unreadable = 0;
      const values: (string | null)[] = [];
      for await (const chunk of log.read(topic, 0, { from: { offset: 0 } })) {
        unreadable += chunk.unreadable ?? 0;
        values.push(...writtenIn(chunk).map((record) => record.value));
      }
      assert.ok(times > 2);
      // What stays damaged is left out and counted, and what is behind it in other batches is read.
      assert.equal(unreadable, damaged === 2 ? 0 : 1);
      assert.deepEqual(values, damaged === 2 ? wanted : wanted.slice(1));
    }
  });

  test('what many partitions ask at once is one request, and one partition’s trouble is its own', async () => {
    const topic = await newTopic(log, 6);
    await log.append(topic, [newRecord('key', 'value', { partition: 4 })]);
    await log.bounds(topic, 0);
    let asked = 0;
    proxy.decide = (apiKey) => {
      if (apiKey === apiKeys.listOffsets) asked++;
      return 'pass';
    };
    const nowhere = assert.rejects(log.bounds(topic, 99), /has no partition 99/);
    const bounds = await Promise.all(Array.from({ length: 6 }, (_, partition) => log.bounds(topic, partition)));
    assert.deepEqual(
      bounds.map(({ first, next }) => [first, next]),
      [
        [0, 0],
        [0, 0],
        [0, 0],
        [0, 0],
        [0, 1],
        [0, 0],
      ],
    );
    await nowhere;
    assert.equal(asked, 2, 'once for the first offsets, once for the next ones');
  });
});

test('on three brokers a killed leader costs nothing', async () => {
  const brokers = await startCluster(3, { properties });
  const log = await open({ bootstrap: brokers.map((broker) => broker.bootstrap).join(',') });
  try {
    const topic = await newTopic(log, 6);
    const server = ['--bootstrap-server', brokers[1]!.bootstrap];
    const told = await runTool('org.apache.kafka.tools.TopicCommand', [...server, '--describe', '--topic', topic]);
    assert.match(told, /ReplicationFactor: 3.*min\.insync\.replicas=2/);
    const stop = new AbortController();
    const seen = new Set<number>();
    const view = log.view(
      topic,
      (chunk) => writtenIn(chunk).forEach((one) => seen.add(Number(one.value))),
      stop.signal,
    );
    const appending = appendAlong(log, topic, 6);
    for (const broker of brokers.slice(0, 2)) {
      await sleep(500);
      await broker.kill();
      await sleep(3000);
      await broker.restart();
      await sleep(1000);
    }
    const count = await appending.stop();
    assert.deepEqual(appending.failures, []);
    assert.equal(appending.acknowledged.size, count);
    await checkWritten(log, topic, appending.acknowledged);
    await waitUntil('the view has all', () => seen.size === count);
    stop.abort();
    await view.ended;
  } finally {
    await log.close();
    await Promise.all(brokers.map((broker) => broker.stop()));
  }
});
