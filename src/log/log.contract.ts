// What log.ts promises, as cases that every adapter must pass. An adapter's bug becomes a case here first.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { waitUntil } from '../../test/support/wait-until.ts';
import { aborted, newName, newRecord, newTopic, numbers, readAll, writtenIn, type Written } from './contract-bench.ts';
import { groups } from './groups.contract.ts';
import { LogUnavailable, OffsetGone, type Claim, type Log } from './log.ts';
import type { RecordChunk } from './record.ts';
import { partitionOf } from './murmur2.ts';
import { packRecords } from './packed-records.ts';

export interface ContractSetup {
  /** Opens the log under test; called several times. One need not see what another holds. */
  readonly open: () => Promise<Log>;
  /** Removes a partition's records before an offset, as retention does; without it those cases are left out. */
  readonly removeBefore?: (log: Log, topic: string, partition: number, offset: number) => Promise<void>;
}

export function logContract(name: string, setup: ContractSetup): void {
  describe(`${name} keeps the log's promises`, () => {
    let log: Log;
    before(async () => {
      log = await setup.open();
    });
    after(() => log.close());

    writingAndReading(() => log);
    views(() => log);
    groups(() => log);
    if (setup.removeBefore) retention(() => log, setup.removeBefore);
    closing(setup);
  });
}

function writingAndReading(theLog: () => Log): void {
  test('packed records are written as others are, in their order, and what follows comes behind them', async () => {
    const log = theLog();
    const topic = await newTopic(log, 3);
    const records = numbers(300).map((i) => newRecord(`k${i}`, `${i}`.repeat(i), { partition: i % 3 }));
    await log.appendPacked(topic, packRecords(records).records);
    await log.appendPacked(topic, packRecords([]).records);
    await log.append(topic, [newRecord('last', '', { partition: 2 })]);
    for (const partition of numbers(3)) {
      const read = await readAll(log.read(topic, partition, { from: { offset: 0 } }));
      const wanted = numbers(300).filter((i) => i % 3 === partition);
      assert.deepEqual(
        read.map((record) => `${record.key}=${record.value}`),
        [...wanted.map((i) => `k${i}=${`${i}`.repeat(i)}`), ...(partition === 2 ? ['last='] : [])],
      );
    }
    const nowhere = packRecords([newRecord('k', 'v', { partition: 3 })]).records;
    await assert.rejects(log.appendPacked(topic, nowhere), RangeError);
  });

  test('records of a partition stand in the order of their appends, awaited or not', async () => {
    const log = theLog();
    const topic = await newTopic(log, 3);
    const appends = numbers(300).map((i) => log.append(topic, [newRecord(`k${i}`, `${i}`, { partition: i % 3 })]));
    const places = (await Promise.all(appends)).flat();
    for (const partition of numbers(3)) {
      const read = await readAll(log.read(topic, partition, { from: { offset: 0 } }));
      const wanted = numbers(300).filter((i) => i % 3 === partition);
      assert.deepEqual(
        read.map((record) => record.value),
        wanted.map(String),
      );
      assert.deepEqual(
        read.map((record) => record.offset),
        wanted.map((i) => places[i]!.offset),
      );
    }
  });

  test('the first appends to a topic just met keep their order too', async () => {
    const topic = await newTopic(theLog(), 1);
    const log = theLog();
    await Promise.all(numbers(20).map((i) => log.append(topic, [newRecord('k', `${i}`), newRecord('k', `${i}b`)])));
    const read = await readAll(log.read(topic, 0, { from: { offset: 0 } }));
    assert.deepEqual(
      read.map((record) => record.value),
      numbers(20).flatMap((i) => [`${i}`, `${i}b`]),
    );
  });

  test('the place returned is the place read', async () => {
    const log = theLog();
    const topic = await newTopic(log, 5);
    const written = numbers(100).map((i) => newRecord(`key-${i}`, `value ${i}`));
    const places = await log.append(topic, written);
    const read = (
      await Promise.all(numbers(5).map((partition) => readAll(log.read(topic, partition, { from: { offset: 0 } }))))
    ).flat();
    assert.equal(read.length, 100);
    places.forEach((place, i) => {
      const found = read.find((one) => one.partition === place.partition && one.offset === place.offset);
      assert.equal(found?.key, `key-${i}`);
      assert.equal(found?.value, `value ${i}`);
    });
  });

  test("a key goes to the partition of Java's clients, unless one is named", async () => {
    const log = theLog();
    const topic = await newTopic(log, 20);
    const keys = numbers(50).map((i) => `cpu-usage-server-${i}`);
    const places = await log.append(
      topic,
      keys.map((key) => newRecord(key, '')),
    );
    assert.deepEqual(
      places.map((place) => place.partition),
      keys.map((key) => partitionOf(Buffer.from(key), 20)),
    );
    const [named] = await log.append(topic, [newRecord('cpu-usage-server-0', '', { partition: 7 })]);
    assert.equal(named!.partition, 7);
    await assert.rejects(log.append(topic, [newRecord('k', '', { partition: 20 })]), RangeError);
    await assert.rejects(log.append(topic, [newRecord('k', '', { partition: -1 })]), RangeError);
  });

  test('a tombstone and an empty value differ, and times are kept, whatever their order', async () => {
    const log = theLog();
    const topic = await newTopic(log);
    const times = [1_700_000_000_123, 1_600_000_000_000, 1_700_000_000_124];
    await log.append(topic, [
      newRecord('a', null, { timestampMs: times[0]! }),
      newRecord('a', '', { timestampMs: times[1]! }),
      newRecord('', 'with an empty key', { timestampMs: times[2]! }),
    ]);
    const read = await readAll(log.read(topic, 0, { from: { offset: 0 } }));
    assert.deepEqual(
      read.map(({ key, value, timestampMs }) => [key, value, timestampMs]),
      [
        ['a', null, times[0]],
        ['a', '', times[1]],
        ['', 'with an empty key', times[2]],
      ],
    );
  });

  test('an append of many megabytes is written whole, and one of nothing is nothing', async () => {
    const log = theLog();
    const topic = await newTopic(log, 2);
    assert.deepEqual(await log.append(topic, []), []);
    const value = 'x'.repeat(50_000);
    const places = await log.append(
      topic,
      numbers(100).map((i) => newRecord(`k${i}`, value + i, { partition: i % 2 })),
    );
    assert.equal(new Set(places.map(({ partition, offset }) => `${partition}/${offset}`)).size, 100);
    for (const partition of [0, 1]) {
      const read = await readAll(log.read(topic, partition, { from: { offset: 0 } }));
      const wanted = numbers(100).filter((i) => i % 2 === partition);
      assert.deepEqual(
        read.map((record) => record.value?.slice(value.length)),
        wanted.map(String),
      );
    }
  });

  test('a range is read from an offset or a time, to an offset or the head at the call', async () => {
    const log = theLog();
    const topic = await newTopic(log);
    const timeOf = (i: number) => 1_700_000_000_000 + i * 1000;
    // Several records a batch, so that ranges begin and end within one.
    for (const group of [numbers(10), numbers(10).map((i) => i + 10)]) {
      await log.append(
        topic,
        group.map((i) => newRecord('k', `${i}`, { timestampMs: timeOf(i) })),
      );
    }
    const values = async (range: Parameters<Log['read']>[2]) =>
      (await readAll(log.read(topic, 0, range))).map((record) => Number(record.value));
    assert.deepEqual(await values({ from: { offset: 3 } }), numbers(20).slice(3));
    assert.deepEqual(await values({ from: { offset: 3 }, to: 15 }), numbers(20).slice(3, 15));
    assert.deepEqual(await values({ from: { offset: 3 }, to: 3 }), []);
    assert.deepEqual(await values({ from: { offset: 0 }, to: 1000 }), numbers(20));
    assert.deepEqual(await values({ from: { offset: 500 } }), []);
    assert.deepEqual(await values({ from: { timestampMs: timeOf(7) } }), numbers(20).slice(7));
    assert.deepEqual(await values({ from: { timestampMs: timeOf(7) - 1 }, to: 9 }), [7, 8]);
    assert.deepEqual(await values({ from: { timestampMs: timeOf(100) } }), []);
  });

  test('what is lent is whole until the next chunk is asked for', async () => {
    const log = theLog();
    const topic = await newTopic(log);
    // More than one chunk, and more than one answer of a broker.
    const wanted = numbers(60).map((i) => `${i} `.repeat(20_000));
    for (const value of wanted) await log.append(topic, [newRecord('k', value)]);
    const found: (string | null)[] = [];
    for await (const chunk of log.read(topic, 0, { from: { offset: 0 }, lends: true })) {
      // What is fetched meanwhile must not be written over it.
      await sleep(20);
      found.push(...writtenIn(chunk).map(({ value }) => value));
    }
    assert.ok(isDeepStrictEqual(found, wanted));
  });

  test('a reader that is left early leaves nothing behind', async () => {
    const log = theLog();
    const topic = await newTopic(log);
    await log.append(topic, [newRecord('k', '1')]);
    for await (const chunk of log.read(topic, 0, { from: { offset: 0 } })) {
      assert.equal(chunk.partition, 0);
      break;
    }
    assert.equal((await readAll(log.read(topic, 0, { from: { offset: 0 } }))).length, 1);
  });

  test('bounds begin at nothing and grow', async () => {
    const log = theLog();
    const topic = await newTopic(log, 2);
    assert.deepEqual(await log.bounds(topic, 1), { first: 0, next: 0 });
    await log.append(topic, [newRecord('k', '1', { partition: 1 }), newRecord('k', '2', { partition: 1 })]);
    assert.deepEqual(await log.bounds(topic, 1), { first: 0, next: 2 });
    assert.deepEqual(await log.bounds(topic, 0), { first: 0, next: 0 });
  });

  test('topics are created once, whoever asks and however often', async () => {
    const log = theLog();
    const topic = { name: newName('ensured'), partitions: 4, cleanup: 'compact' as const };
    await Promise.all([log.ensureTopics([topic]), log.ensureTopics([topic])]);
    await log.append(topic.name, [newRecord('k', '1', { partition: 3 })]);
    await log.ensureTopics([topic, { ...topic, name: `${topic.name}-other`, compactionLagMs: 60_000 }]);
    assert.equal(await log.partitionCount(topic.name), 4);
    assert.equal((await readAll(log.read(topic.name, 3, { from: { offset: 0 } }))).length, 1);
    await log.ensureTopics([{ ...topic, partitions: 2 }]);
    assert.equal(await log.partitionCount(topic.name), 4);
    await assert.rejects(log.ensureTopics([{ ...topic, partitions: 5 }]), /4 partitions/);
  });

  test('topics that were created with some settings do not deviate from them', async () => {
    const log = theLog();
    const topics = [
      { name: newName('kept'), partitions: 1, cleanup: 'delete' as const, timestampAheadMsMax: 600_000 },
      { name: newName('compacted'), partitions: 1, cleanup: 'compact' as const, compactionLagMs: 60_000 },
    ];
    await log.ensureTopics(topics);
    assert.deepEqual(await log.topicDeviations(topics), []);
    assert.deepEqual(await log.topicDeviations([{ ...topics[0]!, name: newName('missing') }]), []);
  });
}

function views(theLog: () => Log): void {
  test('a view has caught up only after the heads that stood when it began, and then follows', async () => {
    const log = theLog();
    const topic = await newTopic(log, 3, 'compact');
    for (const round of numbers(10)) {
      await log.append(
        topic,
        numbers(60).map((i) => newRecord(`k${i}`, `${round}`)),
      );
    }
    const seen: Written[] = [];
    const stop = new AbortController();
    const view = log.view(topic, (chunk) => seen.push(...writtenIn(chunk)), stop.signal);
    let caughtUpAt = 0;
    await view.caughtUp.then(() => (caughtUpAt = seen.length));
    assert.equal(caughtUpAt, 600);
    for (const partition of numbers(3)) {
      const offsets = seen.filter((record) => record.partition === partition).map((record) => record.offset);
      assert.deepEqual(offsets, numbers(offsets.length), 'each partition in order');
    }
    const places = await log.append(topic, [newRecord('new', '1'), newRecord('k1', null)]);
    await Promise.all(places.map((place) => view.applied(place)));
    const later = new Map(seen.slice(600).map(({ key, value }) => [key, value]));
    assert.deepEqual([seen.length, later.get('new'), later.get('k1')], [602, '1', null]);
    await view.applied(places[0]!);
    stop.abort();
    await view.ended;
    await assert.rejects(view.applied({ partition: 0, offset: 1_000_000 }), LogUnavailable);
  });

  test('a view from a time on leaves out what is older, and follows where nothing is younger', async () => {
    const log = theLog();
    const topic = await newTopic(log, 2);
    const at = (key: string, timestampMs: number, partition: number) =>
      log.append(topic, [{ ...newRecord(key, key, { partition }), timestampMs }]);
    await at('old', 1_000, 0);
    await at('young', 2_000, 0);
    await at('older', 500, 1);
    const seen: (string | null)[] = [];
    const stop = new AbortController();
    const apply = (chunk: RecordChunk) => void seen.push(...writtenIn(chunk).map(({ value }) => value));
    const view = log.view(topic, apply, stop.signal, 1_500);
    await view.caughtUp;
    assert.deepEqual(seen, ['young']);
    const [place] = await at('newest', 3_000, 1);
    await view.applied(place!);
    assert.deepEqual(seen, ['young', 'newest']);
    stop.abort();
    await view.ended;
  });

  test('a view of an empty topic has caught up at once', async () => {
    const log = theLog();
    const topic = await newTopic(log, 3, 'compact');
    const stop = new AbortController();
    const view = log.view(topic, () => {}, stop.signal);
    await view.caughtUp;
    const waiting = view.applied({ partition: 2, offset: 0 });
    const [place] = await log.append(topic, [newRecord('k', '1', { partition: 2 })]);
    assert.deepEqual(place, { partition: 2, offset: 0 });
    await waiting;
    stop.abort();
    await view.ended;
  });

  test('a view that ends before it has caught up says so, and one whose apply throws cannot go on', async () => {
    const log = theLog();
    const topic = await newTopic(log);
    await log.append(topic, [newRecord('k', '1')]);
    const early = log.view(topic, () => {}, AbortSignal.abort());
    await assert.rejects(early.caughtUp);
    await early.ended;
    const stop = new AbortController();
    const failing = log.view(topic, () => assert.fail('apply fails'), stop.signal);
    await assert.rejects(failing.ended, /apply fails/);
    await assert.rejects(failing.caughtUp);
    stop.abort();
  });
}

function retention(theLog: () => Log, removeBefore: NonNullable<ContractSetup['removeBefore']>): void {
  test('where retention was faster, a range begins later, a claim is told, and a view goes on', async () => {
    const log = theLog();
    const topic = await newTopic(log);
    for (const i of numbers(10)) await log.append(topic, [newRecord('k', `${i}`)]);
    await removeBefore(log, topic, 0, 6);
    assert.deepEqual(await log.bounds(topic, 0), { first: 6, next: 10 });
    const read = await readAll(log.read(topic, 0, { from: { offset: 2 } }));
    assert.deepEqual(
      read.map((record) => record.offset),
      [6, 7, 8, 9],
    );
    const seen: number[] = [];
    const stop = new AbortController();
    const view = log.view(topic, (chunk) => seen.push(...writtenIn(chunk).map((one) => one.offset)), stop.signal);
    await view.caughtUp;
    assert.deepEqual(seen, [6, 7, 8, 9]);
    let failure: unknown;
    const handle = async (claim: Claim) => {
      try {
        for await (const chunk of claim.read(2)) assert.fail(`there is no record at ${chunk.firstOffset}`);
      } catch (error) {
        failure = error;
      }
      stop.abort();
      await aborted(claim.signal);
    };
    await log.process(topic, newName('group'), handle, stop.signal);
    assert.ok(failure instanceof OffsetGone);
    assert.deepEqual([failure.asked, failure.bounds], [2, { first: 6, next: 10 }]);
    await view.ended;
  });
}

function closing(setup: ContractSetup): void {
  test('closing ends what runs, and nothing is taken afterwards', async () => {
    const log = await setup.open();
    const topic = await newTopic(log);
    await log.append(topic, [newRecord('k', '1')]);
    const stop = new AbortController();
    const view = log.view(topic, () => {}, stop.signal);
    await view.caughtUp;
    let isSettled = false;
    let isClaimed = false;
    const handle = async (claim: Claim) => {
      isClaimed = true;
      await aborted(claim.signal);
      await sleep(20);
      isSettled = true;
    };
    const running = log.process(topic, newName('group'), handle, stop.signal);
    await waitUntil('it is claimed', () => isClaimed);
    const outcome = Promise.allSettled([view.ended, running, view.applied({ partition: 0, offset: 99 })]);
    await log.close();
    assert.equal(isSettled, true);
    assert.deepEqual(
      (await outcome).map(({ status }) => status),
      ['rejected', 'rejected', 'rejected'],
    );
    await assert.rejects(log.append(topic, [newRecord('k', '2')]), LogUnavailable);
    await assert.rejects(readAll(log.read(topic, 0, { from: { offset: 0 } })), LogUnavailable);
    await assert.rejects(log.bounds(topic, 0), LogUnavailable);
    await log.close();
  });
}
