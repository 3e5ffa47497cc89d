import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../../../test/support/wait-until.ts';
import { startKafka, type Kafka } from '../../../test/support/kafka/kafka-broker.ts';
import { createLogger } from '../../base/logger.ts';
import { appendAlong, checkWritten, newRecord, newTopic, numbers, readAll, writtenIn } from '../contract-bench.ts';
import { LogUnavailable, type Claim, type Log } from '../log.ts';
import { openKafkaLog, type KafkaLogOptions } from './kafka-log.ts';

const logger = createLogger('silent', 'test');
const sessionTimeoutMs = 2_000;
const properties = { 'group.min.session.timeout.ms': '1000' };

function open(kafka: Pick<Kafka, 'bootstrap'>, more: Partial<KafkaLogOptions> = {}): Promise<Log> {
  return openKafkaLog({ bootstrap: kafka.bootstrap, clientId: 'test', logger, sessionTimeoutMs, ...more });
}

// Each has a broker of its own, and mostly waits.
describe('when the broker goes away', { concurrency: 3 }, () => {
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
      await waitUntil('the view has all', () => seen.size === count);
      await waitUntil('the group has all', () => processed.size === count);
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
      assert.deepEqual(
        certain.map((record) => record.value),
        ['0', ...numbers(20).map(String)],
      );
      assert.ok(read.length - certain.length <= 1);
      assert.deepEqual(
        certain.slice(1).map((record) => record.offset),
        places.map((place) => place.offset),
      );
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
