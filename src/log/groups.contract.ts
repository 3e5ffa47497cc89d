// The part of log.contract.ts about groups and claims.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../../test/support/wait-until.ts';
import { aborted, newName, newRecord, newTopic, numbers, readAll, writtenIn } from './contract-bench.ts';
import { ClaimLost, OffsetGone, type Claim, type Log } from './log.ts';
import type { RecordChunk } from './record.ts';

export function groups(theLog: () => Log): void {
  sharing(theLog);
  claims(theLog);
}

/** Who handles which partition among the members of a group, and what must not happen. */
class Watch {
  readonly busy = new Set<number>();
  readonly violations: string[] = [];

  check(isKept: boolean, violation: string): void {
    if (!isKept) this.violations.push(violation);
  }
}

/** A member of a group under test: its claims by partition. */
class Member {
  readonly held = new Map<number, Claim>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(log: Log, place: { topic: string; group: string }, watch: Watch) {
    const handle = async (claim: Claim) => {
      const { partition } = claim;
      watch.check(!watch.busy.has(partition), `partition ${partition} is handled by two at once`);
      watch.busy.add(partition);
      this.held.set(partition, claim);
      await aborted(claim.signal);
      // What is under way takes a moment to settle, and the partition must not go elsewhere before.
      await sleep(300);
      watch.check(claim.isHeld(), `partition ${partition} was taken before it was given up`);
      await claim
        .commit(claim.start)
        .catch(() => watch.check(false, `the last commit of partition ${partition} is refused`));
      this.held.delete(partition);
      watch.busy.delete(partition);
    };
    this.#running = log.process(place.topic, place.group, handle, this.#stop.signal);
  }

  async leave(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

function sharing(theLog: () => Log): void {
  test('two members share twenty partitions, and one takes over what the other leaves', async () => {
    const log = theLog();
    const place = { topic: await newTopic(log, 20), group: newName('group') };
    const watch = new Watch();
    const first = new Member(log, place, watch);
    await waitUntil('the first has all', () => first.held.size === 20);
    const stayed = [...first.held.values()];
    const second = new Member(log, place, watch);
    await waitUntil('each has ten', () => first.held.size === 10 && second.held.size === 10);
    assert.equal(new Set([...first.held.keys(), ...second.held.keys()]).size, 20);
    assert.equal(stayed.filter((claim) => !claim.signal.aborted).length, 10, 'what stays is not interrupted');
    await first.leave();
    await waitUntil('the second has all', () => second.held.size === 20);
    await second.leave();
    assert.equal(watch.busy.size, 0);
    assert.deepEqual(watch.violations, []);
  });

  test('a group without a position begins ten minutes back, and at the head when nothing is so young', async () => {
    const log = theLog();
    const topic = await newTopic(log, 2);
    const minutesAgo = [30, 20, 11, 9, 1];
    await log.append(
      topic,
      minutesAgo.map((minutes) => {
        return newRecord('k', `${minutes}`, { partition: 0, timestampMs: Date.now() - minutes * 60_000 });
      }),
    );
    const old = { partition: 1, timestampMs: Date.now() - 3_600_000 };
    await log.append(topic, [newRecord('k', 'old', old), newRecord('k', 'old', old)]);
    const starts = new Map<number, [number | undefined, number]>();
    const stop = new AbortController();
    const handle = async (claim: Claim) => {
      starts.set(claim.partition, [claim.committed, claim.start]);
      await aborted(claim.signal);
    };
    const running = log.process(topic, newName('group'), handle, stop.signal);
    await waitUntil('both are claimed', () => starts.size === 2);
    assert.deepEqual(starts.get(0), [undefined, 3]);
    assert.deepEqual(starts.get(1), [undefined, 2]);
    stop.abort();
    await running;
  });

  test('a group goes on from its committed position', async () => {
    const log = theLog();
    const topic = await newTopic(log);
    const group = newName('group');
    await log.append(
      topic,
      numbers(10).map((i) => newRecord('k', `${i}`)),
    );
    const run = async (work: (claim: Claim) => Promise<void>) => {
      const stop = new AbortController();
      const handle = async (claim: Claim) => {
        await work(claim);
        stop.abort();
        await aborted(claim.signal);
      };
      await log.process(topic, group, handle, stop.signal);
    };
    await run(async (claim) => {
      await Promise.all([claim.commit(3), claim.commit(4), claim.commit(7)]);
    });
    await run(async (claim) => {
      assert.equal(claim.committed, 7);
      assert.equal(claim.start, 7);
      await claim.commit(2);
    });
    await run(async (claim) => assert.equal(claim.committed, 2));
  });

  test('what was not committed comes again after a crash, and nothing is skipped', async () => {
    const log = theLog();
    const topic = await newTopic(log);
    const output = await newTopic(log);
    const count = 60;
    await log.append(
      topic,
      numbers(count).map((i) => newRecord('k', `${i}`)),
    );
    const stop = new AbortController();
    const runs: number[][] = [];
    const handle = async (claim: Claim) => {
      const run: number[] = [];
      runs.push(run);
      for await (const chunk of claim.read(claim.start)) {
        for (const record of writtenIn(chunk)) {
          run.push(Number(record.value));
          await claim.append(output, [newRecord('k', record.value)]);
          // Crashes fall between the append and the commit, once for each of the first three runs.
          if (runs.length <= 3 && run.length === 5 * runs.length) throw new Error('a crash, as ordered by the test');
          await claim.commit(record.offset + 1);
          if (record.offset + 1 === count) stop.abort();
        }
      }
    };
    await log.process(topic, newName('group'), handle, stop.signal);
    assert.deepEqual(runs, [numbers(5), numbers(14).slice(4), numbers(28).slice(13), numbers(count).slice(27)]);
    const written = await readAll(log.read(output, 0, { from: { offset: 0 } }));
    assert.deepEqual(
      written.map((record) => Number(record.value)),
      runs.flat(),
    );
  });
}

function claims(theLog: () => Log): void {
  test('a claim reads much unaltered: a chunk’s bytes hold until the next one is asked for', async () => {
    const log = theLog();
    const topic = await newTopic(log);
    const wanted = numbers(3_000).map((index) => `${index} ${String.fromCharCode(97 + (index % 26)).repeat(1_000)}`);
    for (let at = 0; at < wanted.length; at += 100)
      await log.append(
        topic,
        wanted.slice(at, at + 100).map((value) => newRecord('k', value)),
      );
    const stop = new AbortController();
    const found: (string | null)[] = [];
    await log.process(
      topic,
      newName('group'),
      async (claim) => {
        for await (const chunk of claim.read(0)) {
          // What is fetched meanwhile must not be written over it.
          await sleep(20);
          found.push(...writtenIn(chunk).map(({ value }) => value));
          if (found.length >= wanted.length) stop.abort();
        }
      },
      stop.signal,
    );
    assert.deepEqual(found, wanted);
  });

  /** Runs `work` with a claim of partition 0, once, and resolves to what it returned. */
  async function withClaim<T>(topic: string, work: (claim: Claim) => Promise<T>): Promise<T> {
    const stop = new AbortController();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const handle = async (claim: Claim) => {
      if (claim.partition === 0) await work(claim).then(resolve, reject);
      else return aborted(claim.signal);
      stop.abort();
      await aborted(claim.signal);
    };
    const group = newName('group');
    await theLog().process(topic, group, handle, stop.signal);
    return promise;
  }

  test('a claim reads for ever, knows the head, and ends when it must', async () => {
    const log = theLog();
    const topic = await newTopic(log);
    await log.append(topic, [newRecord('k', '0'), newRecord('k', '1'), newRecord('k', '2')]);
    const values: (string | null)[] = [];
    const claim = await withClaim(topic, async (held) => {
      assert.equal(held.isHeld(), true);
      assert.equal(held.head().offset, 3);
      for await (const chunk of held.read(1)) {
        assert.equal(chunk.firstOffset, 1 + values.length);
        values.push(...writtenIn(chunk).map((record) => record.value));
        if (values.length === 2) await log.append(topic, [newRecord('k', '3')]);
        if (values.length === 3) break;
      }
      assert.deepEqual(values, ['1', '2', '3']);
      assert.ok(performance.now() - held.head().heardAtMs < 5_000);
      await log.append(topic, [newRecord('k', '4')]);
      let last: string | null = null;
      for await (const chunk of held.read(4)) {
        last = writtenIn(chunk)[0]!.value;
        break;
      }
      assert.equal(last, '4');
      return held;
    });
    assert.equal(claim.isHeld(), false);
    await assert.rejects(claim.append(topic, [newRecord('k', 'late')]), ClaimLost);
    await assert.rejects(claim.commit(4), ClaimLost);
    assert.equal((await log.bounds(topic, 0)).next, 5);
  });

  test('a reader that waits ends when its claim does', async () => {
    const log = theLog();
    const topic = await newTopic(log);
    const stop = new AbortController();
    const chunks: RecordChunk[] = [];
    const handle = async (claim: Claim) => {
      setTimeout(() => stop.abort(), 50);
      for await (const chunk of claim.read(claim.start)) chunks.push(chunk);
      assert.equal(claim.signal.aborted, true);
    };
    await log.process(topic, newName('group'), handle, stop.signal);
    assert.deepEqual(chunks, []);
  });

  test('an offset beyond the end is gone, and the failure says what there is', async () => {
    const log = theLog();
    const topic = await newTopic(log);
    await log.append(topic, [newRecord('k', '0')]);
    await withClaim(topic, async (claim) => {
      const read = async () => {
        for await (const chunk of claim.read(100)) assert.fail(`there is no record at ${chunk.firstOffset}`);
      };
      await assert.rejects(read(), (error) => {
        assert.ok(error instanceof OffsetGone);
        assert.equal(error.asked, 100);
        assert.deepEqual(error.bounds, { first: 0, next: 1 });
        return true;
      });
    });
  });
}
