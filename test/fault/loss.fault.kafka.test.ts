// F18 and F30 of GUARANTEES.md: the log loses its tail or its beginning, or its topics are not as they must be.
import assert from 'node:assert/strict';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '../../src/base/logger.ts';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import { topics } from '../../src/topics.ts';
import { runTool, startKafka } from '../support/kafka/kafka-broker.ts';
import { runSsrms } from '../support/ssrms-process.ts';
import { brokerProcess, segmentsOf } from './broker-process.ts';
import { withFleet } from './fleet.ts';
import { calm, high, Probes } from './probes.ts';

const calmRounds = 20;
const batchesLost = 4;

/** Where each batch of a segment begins. */
function batchStarts(segment: Buffer): number[] {
  const starts: number[] = [];
  for (let at = 0; at + 12 <= segment.length && segment.readInt32BE(at + 8) > 0;) {
    starts.push(at);
    at += 12 + segment.readInt32BE(at + 8);
  }
  return starts;
}

/** Cuts the last batches off, the first of them in its middle, as a loss of power does to what was not yet on the disk. */
function loseTail(folder: string, partition: number): void {
  const file = segmentsOf(folder, 'metrics', partition).at(-1)!;
  const starts = batchStarts(readFileSync(file));
  if (starts.length > batchesLost) truncateSync(file, starts.at(-batchesLost)! + 30);
}

test('F18: the broker loses the tail of metrics: it is noticed, and no new alarm is swallowed', async (t) => {
  await withFleet(t, {}, async (fleet) => {
    const probes = new Probes(fleet);
    await probes.begin();
    for (let round = 0; round < calmRounds; round++) await probes.write(calm);
    // The tail that will be lost: alarms fired and ended.
    for (const value of [high, calm, high, calm]) await probes.write(value);
    await fleet.positions.drained(30_000);
    const { folder } = brokerProcess();
    await fleet.kafka.kill();
    for (let partition = 0; partition < topics.metrics.partitions; partition++) loseTail(folder, partition);
    await fleet.kafka.restart();
    await fleet.until('the loss is noticed', () => /the log was rewound/.test(fleet.output()), 40_000);
    await sleep(3_000);
    const sinceMs = Date.now();
    await probes.write(calm);
    await probes.write(high);
    await probes.untilAllNotified(sinceMs);
    // Whoever restores now must take the states after the loss for the newer ones, whatever their offsets.
    const running = fleet.running();
    await Promise.all(running.map((index) => fleet.terminate(index)));
    for (const index of running) await fleet.start(index);
    const againMs = Date.now();
    await probes.write(high);
    await fleet.positions.drained(30_000);
    assert.deepEqual(await probes.notified(againMs), [], 'a breach that goes on is notified once');
    assert.deepEqual(fleet.unexpected, []);
  });
});

test('F30: samples deleted before they were evaluated: it is said, and evaluation goes on', async (t) => {
  await withFleet(t, { instances: 1 }, async (fleet) => {
    const probes = new Probes(fleet);
    await probes.begin();
    for (let round = 0; round < calmRounds; round++) await probes.write(calm);
    await fleet.positions.drained(30_000);
    await fleet.kill(0);
    for (let round = 0; round < calmRounds; round++) await probes.write(calm);
    const { metricsNext } = await fleet.positions.look();
    const partitions = [...metricsNext].map(([partition, next]) => ({
      topic: 'metrics',
      partition,
      offset: Math.max(0, next - 2),
    }));
    const file = join(brokerProcess().folder, 'delete.json');
    writeFileSync(file, JSON.stringify({ partitions, version: 1 }));
    const args = ['--bootstrap-server', fleet.kafka.bootstrap, '--offset-json-file', file];
    await runTool('org.apache.kafka.tools.DeleteRecordsCommand', args);
    await fleet.start(0);
    await fleet.until(
      'the gap is said aloud',
      () => /samples were deleted before they were evaluated/.test(fleet.output()),
      30_000,
    );
    await fleet.positions.drained(30_000);
    const sinceMs = Date.now();
    await probes.write(high);
    await probes.untilAllNotified(sinceMs);
    assert.deepEqual(fleet.unexpected, []);
  });
});

for (const { name, partitions } of [
  { name: 'metrics', partitions: 10 },
  { name: 'alarms', partitions: 10 },
]) {
  test(`F30: a topic ${name} of ${partitions} partitions is refused at the start, with the reason`, async () => {
    const kafka = await startKafka();
    try {
      const log = await openKafkaLog({
        bootstrap: kafka.bootstrap,
        clientId: 'test',
        logger: createLogger('silent', 'test'),
      });
      await log.ensureTopics([{ name, partitions, cleanup: 'delete' }]);
      await log.close();
      const { code, output } = await runSsrms(['alarms'], { BROKER: kafka.bootstrap, PORT: '0' });
      assert.notEqual(code, 0);
      assert.match(output.slice(0, 1_000), new RegExp(`topic ${name} has ${partitions} partitions`));
    } finally {
      await kafka.stop();
    }
  });
}
