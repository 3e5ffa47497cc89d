import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { waitUntil } from '../../../test/support/wait-until.ts';
import { runJavaFile, runTool, startKafka, type Kafka } from '../../../test/support/kafka/kafka-broker.ts';
import type { Failure } from '../../base/failure.ts';
import { createLogger } from '../../base/logger.ts';
import { newName, newRecord, newTopic, numbers, readAll, writtenIn } from '../contract-bench.ts';
import { logContract } from '../log.contract.ts';
import { anyTimeAhead, type Claim, type Log } from '../log.ts';
import { openKafkaLog } from './kafka-log.ts';

const logger = createLogger('silent', 'test');
const sessionTimeoutMs = 2_000;
const properties = {
  'group.min.session.timeout.ms': '1000',
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': '500',
  // Some records are dated 2023: 30 s after its start the broker would delete them.
  'log.retention.ms': '-1',
};

function open(kafka: Kafka): Promise<Log> {
  return openKafkaLog({ bootstrap: kafka.bootstrap, clientId: 'test', logger, sessionTimeoutMs });
}

describe('on one broker', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ssrms-test-'));
  let kafka: Kafka;
  let log: Log;
  before(async () => {
    kafka = await startKafka({ properties });
    log = await open(kafka);
  });
  after(async () => {
    await log.close();
    await kafka.stop();
    rmSync(folder, { recursive: true });
  });

  logContract('Kafka', {
    open: () => open(kafka),
    async removeBefore(_, topic, partition, offset) {
      const file = join(folder, 'offsets.json');
      writeFileSync(file, JSON.stringify({ partitions: [{ topic, partition, offset }], version: 1 }));
      const args = ['--bootstrap-server', kafka.bootstrap, '--offset-json-file', file];
      await runTool('org.apache.kafka.tools.DeleteRecordsCommand', args);
    },
  });

  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    test(`batches of Java's producer are read: ${codec}, with headers, without keys or values`, async () => {
      const topic = await newTopic(log);
      await runJavaFile('Foreign.java', [kafka.bootstrap, 'compressed', topic, codec, '3000']);
      const read = await readAll(log.read(topic, 0, { from: { offset: 0 } }));
      assert.equal(read.length, 3000);
      read.forEach((record, i) => {
        const wanted = [
          i,
          i % 10 === 0 ? null : `key-${i}`,
          i % 11 === 0 ? null : `${codec}-${i}`,
          1_700_000_000_000 + i,
        ];
        assert.deepEqual([record.offset, record.key, record.value, record.timestampMs], wanted);
      });
      const middle = await readAll(log.read(topic, 0, { from: { offset: 1234 }, to: 1236 }));
      assert.deepEqual(
        middle.map((record) => record.offset),
        [1234, 1235],
      );
    });
  }

  test('records of aborted transactions are left out, also when their end comes in a later answer', async () => {
    const topic = await newTopic(log);
    await runJavaFile('Foreign.java', [kafka.bootstrap, 'transactions', topic]);
    const begin = 'plain-a-0 plain-a-1 plain-a-2 committed-a-0 committed-a-1 committed-a-2';
    const amid = 'committed-b-0 committed-b-1 plain-b-0 plain-b-1';
    const end = 'committed-c-0 committed-c-1 committed-c-2 plain-c-0';
    const wanted = `${begin} ${amid} ${'filler '.repeat(80)}${end}`.split(' ');
    const short = (value: string | null) => (value?.startsWith('filler') ? 'filler' : value);
    const { next } = await log.bounds(topic, 0);
    const read = await readAll(log.read(topic, 0, { from: { offset: 0 } }));
    assert.deepEqual(
      read.map((record) => short(record.value)),
      wanted,
    );
    // From every offset on, within transactions too: what is left out does not depend on where one begins.
    for (let from = 0; from <= next; from += 7) {
      const rest = await readAll(log.read(topic, 0, { from: { offset: from } }));
      assert.deepEqual(
        rest,
        read.filter((record) => record.offset >= from),
      );
    }
    const stop = new AbortController();
    const seen: (string | null)[] = [];
    const view = log.view(topic, (chunk) => seen.push(...writtenIn(chunk).map((one) => short(one.value))), stop.signal);
    await view.caughtUp;
    assert.deepEqual(seen, wanted);
    stop.abort();
  });

  test('an open transaction holds back what is behind it, and no one waits for it to have caught up', async () => {
    const topic = await newTopic(log);
    await log.append(topic, [newRecord('k', 'first')]);
    await runJavaFile('Foreign.java', [kafka.bootstrap, 'open', topic, '4000']);
    const seen: (string | null)[] = [];
    const stop = new AbortController();
    const view = log.view(topic, (chunk) => seen.push(...writtenIn(chunk).map((one) => one.value)), stop.signal);
    await view.caughtUp;
    assert.deepEqual(seen, ['first']);
    assert.deepEqual(await log.bounds(topic, 0), { first: 0, next: 1 });
    await waitUntil('the broker takes the transaction back', () => seen.length === 3);
    assert.deepEqual(seen, ['first', 'behind-0', 'behind-1']);
    stop.abort();
    await view.ended;
  });

  test('a record that is too large, or too far ahead in time, is refused alone', async () => {
    const topic = await newTopic(log);
    const append = (value: string, more = {}) => log.append(topic, [newRecord('k', value, more)]);
    const outcomes = await Promise.allSettled([
      append('a'),
      append('x'.repeat(2_000_000)),
      append('b'),
      append('future', { timestampMs: Date.now() + 2 * 3_600_000 }),
      append('c'),
      log.append(topic, [newRecord('k', 'd'), newRecord('k', 'e')]),
    ]);
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.status === 'fulfilled' ? 'written' : (outcome.reason as Failure).code)),
      ['written', 'too_large', 'written', 'invalid_field', 'written', 'written'],
    );
    const read = await readAll(log.read(topic, 0, { from: { offset: 0 } }));
    assert.deepEqual(
      read.map((record) => record.value),
      ['a', 'b', 'c', 'd', 'e'],
    );
  });

  test('records further ahead than the topic takes are refused, whoever writes them', async () => {
    const topic = { name: newName('ahead'), partitions: 1, cleanup: 'delete', timestampAheadMsMax: 600_000 } as const;
    await log.ensureTopics([topic]);
    const append = (aheadMs: number) =>
      log.append(topic.name, [newRecord('k', 'v', { timestampMs: Date.now() + aheadMs })]);
    await append(590_000);
    await assert.rejects(append(660_000), /invalid timestamp/);
    await append(-7 * 86_400_000);
    const any = {
      name: newName('any-time'),
      partitions: 1,
      cleanup: 'delete',
      timestampAheadMsMax: anyTimeAhead,
    } as const;
    await log.ensureTopics([any]);
    await log.append(any.name, [newRecord('k', 'v', { timestampMs: Date.now() + 366 * 86_400_000 })]);
    assert.deepEqual(await log.topicDeviations([any]), []);
  });

  test('a topic that others created is found to differ, until the command that is said has repaired it', async () => {
    const server = ['--bootstrap-server', kafka.bootstrap];
    const name = newName('foreign');
    const configs = ['message.timestamp.type=LogAppendTime', 'cleanup.policy=compact'];
    await runTool('org.apache.kafka.tools.TopicCommand', [
      ...server,
      ...['--create', '--topic', name, '--partitions', '1', '--replication-factor', '1'],
      ...configs.flatMap((config) => ['--config', config]),
    ]);
    const wanted = [{ name, partitions: 1, cleanup: 'delete', timestampAheadMsMax: 600_000 }] as const;
    const found = await log.topicDeviations(wanted);
    assert.deepEqual(
      found.map(({ setting }) => setting),
      ['timestamp_ahead', 'timestamp_type', 'cleanup'],
    );
    assert.match(found[0]!.detail, /up to 3600 s ahead/);
    const repairs = found.map(({ command }) => {
      const [script, ...args] = command.split(' ');
      assert.equal(script, 'kafka-configs.sh');
      return runTool('kafka.admin.ConfigCommand', args);
    });
    await Promise.all(repairs);
    await waitUntil('it differs in nothing', async () => (await log.topicDeviations(wanted)).length === 0);
  });

  test('partitions that are added are written, viewed, and shared out, and paired topics get as many', async () => {
    const [name, pair] = [newName('grows'), newName('pair')];
    const settings = [
      { name, partitions: 2, cleanup: 'delete' },
      { name: pair, partitions: 2, cleanup: 'compact', asManyAs: name },
    ] as const;
    await log.ensureTopics(settings);
    const other = await open(kafka);
    const stop = new AbortController();
    const [viewed, claimed] = [[] as string[], [] as string[]];
    const view = log.view(name, (chunk) => viewed.push(...writtenIn(chunk).map(({ value }) => value!)), stop.signal);
    const handle = async (claim: Claim): Promise<void> => {
      for await (const chunk of claim.read(claim.start)) {
        claimed.push(...writtenIn(chunk).map(({ value }) => value!));
        await claim.commit(chunk.nextOffset);
      }
    };
    const group = newName('group');
    const members = [log, other].map((one) => one.process(name, group, handle, stop.signal));
    await view.caughtUp;
    await runTool('org.apache.kafka.tools.TopicCommand', [
      ...['--bootstrap-server', kafka.bootstrap, '--alter', '--topic', name, '--partitions', '4'],
    ]);
    await waitUntil('both know of it', async () => {
      const counts = await Promise.all([
        log.partitionCount(name),
        other.partitionCount(name),
        log.partitionCount(pair),
      ]);
      return counts.every((count) => count === 4);
    });
    const written = numbers(4).map((partition) => newRecord('k', `in ${partition}`, { partition }));
    const places = await log.append(name, written);
    await Promise.all(places.map((place) => view.applied(place)));
    const wanted = written.map(({ value }) => String(value)).sort();
    assert.deepEqual(viewed.sort(), wanted);
    await waitUntil('the members read all', () => claimed.length >= 4);
    assert.deepEqual(claimed.sort(), wanted);
    assert.deepEqual(await log.topicDeviations(settings), []);
    // A process that starts now goes on, too.
    await other.ensureTopics(settings);
    stop.abort();
    await Promise.all([view.ended, ...members]);
    await other.close();
  });

  test('batches shrink to what a topic takes', async () => {
    const topic = await newTopic(log);
    const server = ['--bootstrap-server', kafka.bootstrap];
    const change = [
      '--alter',
      '--entity-type',
      'topics',
      '--entity-name',
      topic,
      '--add-config',
      'max.message.bytes=20000',
    ];
    await runTool('kafka.admin.ConfigCommand', [...server, ...change]);
    const values = numbers(200).map((i) => `${i} ${'x'.repeat(1000)}`);
    await log.append(
      topic,
      values.map((value) => newRecord('k', value)),
    );
    const read = await readAll(log.read(topic, 0, { from: { offset: 0 } }));
    assert.deepEqual(
      read.map((record) => record.value),
      values,
    );
  });

  test('topics have the settings asked for', async () => {
    const name = `settings-${Date.now()}`;
    await log.ensureTopics([
      { name: `${name}-d`, partitions: 1, cleanup: 'delete', retentionMs: 86_400_000 },
      { name: `${name}-c`, partitions: 1, cleanup: 'compact', compactionLagMs: 21_600_000 },
    ]);
    const server = ['--bootstrap-server', kafka.bootstrap];
    const told = await runTool('org.apache.kafka.tools.TopicCommand', [
      ...server,
      '--describe',
      '--topic',
      `${name}-.*`,
    ]);
    assert.match(told, /-d.*ReplicationFactor: 1.*cleanup\.policy=delete.*retention\.ms=86400000/);
    assert.match(told, /-c.*cleanup\.policy=compact.*min\.compaction\.lag\.ms=21600000/);
    assert.match(told, /-d.*message\.timestamp\.type=CreateTime/);
  });
});
