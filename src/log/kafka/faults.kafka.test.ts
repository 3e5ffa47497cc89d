import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runTool, startCluster, startKafka, type Kafka } from '../../../test/support/kafka/kafka-broker.ts';
import { answerBodyAt, apiKeys, startTcpProxy } from '../../../test/support/kafka/tcp-proxy.ts';
import { createLogger } from '../../base/logger.ts';
import { aborted, newRecord, newTopic, numbers, readAll, until, writtenIn } from '../contract-bench.ts';
import { LogUnavailable, type Claim, type Log } from '../log.ts';
import { openKafkaLog, type KafkaLogOptions } from './kafka-log.ts';

const logger = createLogger('silent', 'test');
const sessionTimeoutMs = 2_000;
const properties = { 'group.min.session.timeout.ms': '1000' };

function open(kafka: Pick<Kafka, 'bootstrap'>, more: Partial<KafkaLogOptions> = {}): Promise<Log> {
  return openKafkaLog({ bootstrap: kafka.bootstrap, clientId: 'test', logger, sessionTimeoutMs, ...more });
}

/** Whether each acknowledged value is in the log once, at the place returned, and values of a partition in order. */
async function checkWritten(
  log: Log,
  topic: string,
  acknowledged: ReadonlyMap<number, { partition: number; offset: number }>,
) {
  const found = new Map<number, number>();
  for (const partition of numbers(await log.partitionCount(topic))) {
    let last = -1;
    for (const record of await readAll(log.read(topic, partition, { from: { offset: 0 } }))) {
      const value = Number(record.value);
      found.set(value, (found.get(value) ?? 0) + 1);
      assert.ok(value > last, `${value} stands after ${last}`);
      last = value;
      const place = acknowledged.get(value);
      if (place) assert.deepEqual(place, { partition, offset: record.offset });
    }
  }
  assert.deepEqual([...acknowledged.keys()].filter((value) => !found.has(value)), [], 'acknowledged and missing'); // prettier-ignore
  assert.deepEqual([...found].filter(([, times]) => times > 1), [], 'written twice'); // prettier-ignore
}

/** Appends ascending numbers to the partitions in turn, awaiting none, until told to stop; resolves to those acknowledged. */
function appendAlong(log: Log, topic: string, partitions: number) {
  const acknowledged = new Map<number, { partition: number; offset: number }>();
  const failures: Error[] = [];
  const pending: Promise<void>[] = [];
  let count = 0;
  const timer = setInterval(() => {
    for (const partition of numbers(partitions)) {
      const value = count++;
      const appended = log.append(topic, [newRecord('k', `${value}`, { partition })]);
      pending.push(
        appended.then(
          ([place]) => void acknowledged.set(value, place!),
          (error: Error) => void failures.push(error),
        ),
      );
    }
  }, 2);
  return {
    acknowledged,
    failures,
    async stop() {
      clearInterval(timer);
      await Promise.all(pending);
      return count;
    },
  };
}

describe('when the broker goes away', () => {
  test('killed and started again amid many appends: nothing is lost, nothing doubled, and all go on', async () => {
    const kafka = await startKafka({ properties });
    const log = await open(kafka);
    try {
      const topic = await newTopic(log, 4);
      const stop = new AbortController();
      const seen = new Set<number>();
      const view = log.view(
        topic,
        (chunk) => writtenIn(chunk).forEach((one) => seen.add(Number(one.value))),
        stop.signal,
      );
      const processed = new Set<number>();
      const handle = async (claim: Claim) => {
        for await (const chunk of claim.read(claim.start)) {
          for (const one of writtenIn(chunk)) processed.add(Number(one.value));
          await claim.commit(chunk.nextOffset);
        }
      };
      const running = log.process(topic, 'survivors', handle, stop.signal);
      const appending = appendAlong(log, topic, 4);
      for (const _ of numbers(2)) {
        await sleep(1500);
        await kafka.kill();
        await sleep(500);
        await kafka.restart();
      }
      await sleep(1500);
      const count = await appending.stop();
      assert.deepEqual(appending.failures, []);
      assert.equal(appending.acknowledged.size, count);
      await checkWritten(log, topic, appending.acknowledged);
      await until('the view has all', () => seen.size === count);
      await until('the group has all', () => processed.size === count);
      stop.abort();
      await Promise.all([view.ended, running]);
    } finally {
      await log.close();
      await kafka.stop();
    }
  });

  test('standing still for longer than an answer may take: nothing is lost, nothing doubled', async () => {
    const kafka = await startKafka({ properties });
    const log = await open(kafka);
    try {
      const topic = await newTopic(log, 4);
      const appending = appendAlong(log, topic, 4);
      await sleep(500);
      kafka.pause();
      await sleep(12_000);
      kafka.resume();
      await sleep(2000);
      const count = await appending.stop();
      assert.equal(appending.acknowledged.size, count);
      await checkWritten(log, topic, appending.acknowledged);
    } finally {
      await log.close();
      await kafka.stop();
    }
  });

  test('for longer than the delivery timeout: appends are given up, and what follows is written once', async () => {
    const kafka = await startKafka({ properties });
    const log = await open(kafka, { deliveryTimeoutMs: 3_000 });
    try {
      const topic = await newTopic(log, 1);
      await log.append(topic, [newRecord('k', '0')]);
      kafka.pause();
      const beganMs = performance.now();
      await assert.rejects(log.append(topic, [newRecord('k', 'in doubt')]), LogUnavailable);
      assert.ok(performance.now() - beganMs < 5_000);
      kafka.resume();
      const places = [];
      for (const i of numbers(20)) places.push(...(await log.append(topic, [newRecord('k', `${i}`)])));
      const read = await readAll(log.read(topic, 0, { from: { offset: 0 } }));
      const certain = read.filter((record) => record.value !== 'in doubt');
      assert.deepEqual(certain.map((record) => record.value), ['0', ...numbers(20).map(String)]); // prettier-ignore
      assert.ok(read.length - certain.length <= 1);
      assert.deepEqual(certain.slice(1).map((record) => record.offset), places.map((place) => place.offset)); // prettier-ignore
    } finally {
      await log.close();
      await kafka.stop();
    }
  });

  test('not there at all: opening says so, with the servers and the reason', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const beganMs = performance.now();
    await assert.rejects(open({ bootstrap: `127.0.0.1:${port}` }), (error) => {
      assert.ok(error instanceof LogUnavailable);
      assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${port} does not answer: .*ECONNREFUSED`));
      return true;
    });
    assert.ok(performance.now() - beganMs < 12_000);
    await assert.rejects(open({ bootstrap: 'kafka' }), /'kafka' is not of the form host:port/);
  });

  test('there, but silent: opening says so in time', async () => {
    const silent = createServer((socket) => socket.on('error', () => {}).resume());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const beganMs = performance.now();
    await assert.rejects(open({ bootstrap: `127.0.0.1:${(silent.address() as AddressInfo).port}` }), LogUnavailable);
    assert.ok(performance.now() - beganMs < 12_000);
    await new Promise((resolve) => silent.close(resolve));
  });
});

test('answers that get lost: what is repeated is written once', async () => {
  const proxy = await startTcpProxy();
  const kafka = await startKafka({ properties, advertisedPort: proxy.port });
  proxy.target = kafka.port;
  const log = await open(kafka);
  try {
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
  } finally {
    await log.close();
    await proxy.close();
    await kafka.stop();
  }
});

test('answers that are damaged on their way, or say too little, do no harm', async () => {
  const proxy = await startTcpProxy();
  const kafka = await startKafka({ properties, advertisedPort: proxy.port });
  proxy.target = kafka.port;
  const log = await open(kafka);
  try {
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
    assert.deepEqual(places.flat(), numbers(3).map((i) => ({ partition: 0, offset: i + 1 }))); // prettier-ignore
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
  } finally {
    await log.close();
    await proxy.close();
    await kafka.stop();
  }
});

test('on three brokers a killed leader costs nothing', async () => {
  const brokers = await startCluster(3, { properties });
  const log = await openKafkaLog({
    bootstrap: brokers.map((broker) => broker.bootstrap).join(','),
    clientId: 'test',
    logger,
    sessionTimeoutMs,
  });
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
    await until('the view has all', () => seen.size === count);
    stop.abort();
    await view.ended;
  } finally {
    await log.close();
    await Promise.all(brokers.map((broker) => broker.stop()));
  }
});
