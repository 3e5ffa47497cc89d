import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Connection, describeGroupsV5, leaveGroupV5 } from '@platformatic/kafka';
import { pauseProcess } from '../../../test/support/pause-process.ts';
import { waitUntil } from '../../../test/support/wait-until.ts';
import { startKafka, type Kafka } from '../../../test/support/kafka/kafka-broker.ts';
import type { MemberEvent } from '../../../test/support/kafka/member.ts';
import { createLogger } from '../../base/logger.ts';
import { aborted, newRecord, newTopic, numbers, readAll } from '../contract-bench.ts';
import type { Claim, Log } from '../log.ts';
import { openKafkaLog } from './kafka-log.ts';

const logger = createLogger('silent', 'test');
const sessionTimeoutMs = 2_000;
const properties = { 'group.min.session.timeout.ms': '1000' };

function open(kafka: Kafka, sessionMs = sessionTimeoutMs): Promise<Log> {
  return openKafkaLog({ bootstrap: kafka.bootstrap, clientId: 'test', logger, sessionTimeoutMs: sessionMs });
}

describe('with members in processes of their own', () => {
  let kafka: Kafka;
  let log: Log;
  before(async () => {
    kafka = await startKafka({ properties });
    log = await open(kafka);
  });
  const script = fileURLToPath(new URL('../../../test/support/kafka/member.ts', import.meta.url));
  const children = new Set<ChildProcess>();
  after(async () => {
    for (const child of children) {
      child.kill('SIGCONT');
      child.kill('SIGKILL');
    }
    await log.close();
    await kafka.stop();
  });

  function startMember(topic: string, output: string, group: string) {
    const args = [script, kafka.bootstrap, topic, output, group, String(sessionTimeoutMs)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.add(child);
    const events: MemberEvent[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => events.push(JSON.parse(line) as MemberEvent));
    const held = () => {
      const partitions = new Set<number>();
      for (const event of events) {
        if (event.event === 'claimed') partitions.add(event.partition);
        if (event.event === 'ended') partitions.delete(event.partition);
      }
      return partitions;
    };
    const exited = new Promise((resolve) => child.once('exit', resolve));
    return { child, events, held, exited };
  }

  const copied = async (output: string) => {
    const read = await readAll(log.read(output, 0, { from: { offset: 0 } }));
    return read.map((record) => record.value ?? '');
  };

  test("a killed member's partitions are taken over, and no record is skipped", async () => {
    const topic = await newTopic(log, 20);
    const output = await newTopic(log, 1);
    const group = `killed-${Date.now()}`;
    const members = [startMember(topic, output, group), startMember(topic, output, group)];
    await waitUntil('each has ten', () => members.every((member) => member.held().size === 10));
    const total = 600;
    const appending = (async () => {
      for (const i of numbers(total)) {
        await log.append(topic, [newRecord(`key-${i}`, `${i}`)]);
        await sleep(5);
      }
    })();
    await sleep(1000);
    members[0]!.child.kill('SIGKILL');
    const killedMs = performance.now();
    await waitUntil('the other has all', () => members[1]!.held().size === 20);
    const tookMs = performance.now() - killedMs;
    assert.ok(tookMs < sessionTimeoutMs + 5_000, `taken over after ${tookMs} ms`);
    await appending;
    await waitUntil('all is copied', async () => new Set(await copied(output)).size === total);
    members[1]!.child.kill('SIGTERM');
    await members[1]!.exited;
    assert.equal(members[1]!.child.exitCode, 0, 'a member that leaves ends in good order, with nothing left open');
  });

  test('a member that was stopped for longer than its session may do nothing, and joins again by itself', async () => {
    const topic = await newTopic(log, 4);
    const output = await newTopic(log, 1);
    const group = `stopped-${Date.now()}`;
    const sleeper = startMember(topic, output, group);
    await waitUntil('the first has all', () => sleeper.held().size === 4);
    const other = startMember(topic, output, group);
    await waitUntil('they share', () => sleeper.held().size === 2 && other.held().size === 2);
    const partition = [...sleeper.held()][0]!;
    await log.append(topic, [newRecord('k', 'pause', { partition })]);
    await waitUntil('it waits', () => sleeper.events.some(({ event }) => event === 'pausing'));
    pauseProcess(sleeper.child.pid!);
    await waitUntil('the other has all', () => other.events.some((one) => one.event === 'pausing'));
    // The new owner comes to the same record, and would wait for a pause of its own.
    pauseProcess(other.child.pid!);
    await sleep(1200);
    other.child.kill('SIGCONT');
    await waitUntil('the other goes on', () => other.events.some(({ event }) => event === 'woke'));
    sleeper.child.kill('SIGCONT');
    await waitUntil('it wakes', () => sleeper.events.some(({ event }) => event === 'woke'));
    const woke = sleeper.events.find((one) => one.event === 'woke');
    assert.deepEqual(woke, { event: 'woke', held: false, append: 'ClaimLost', commit: 'ClaimLost' });
    await waitUntil('they share again', () => sleeper.held().size === 2 && other.held().size === 2);
    const values = numbers(40).map((i) => `${i}`);
    await log.append(
      topic,
      values.map((value) => newRecord(value, value)),
    );
    await waitUntil('all is copied', async () => new Set(await copied(output)).size >= values.length);
    const found = await copied(output);
    assert.deepEqual(
      values.filter((value) => !found.includes(value)),
      [],
    );
  });

  test('a member that leaves is replaced at once, long before its session ends', async (t) => {
    const patient = await open(kafka, 30_000);
    const topic = await newTopic(patient, 4);
    const group = `leaving-${Date.now()}`;
    const claimed = [new Set<number>(), new Set<number>()];
    const stops = [new AbortController(), new AbortController()];
    const running = stops.map((stop, i) => {
      const handle = async (claim: Claim) => {
        claimed[i]!.add(claim.partition);
        await aborted(claim.signal);
        claimed[i]!.delete(claim.partition);
      };
      return patient.process(topic, group, handle, stop.signal);
    });
    await waitUntil('they share', () => claimed.every((partitions) => partitions.size === 2));
    t.after(async () => {
      for (const stop of stops) stop.abort();
      await Promise.all(running);
      await patient.close();
    });
    const leftMs = performance.now();
    stops[0]!.abort();
    await running[0];
    await waitUntil('the other has all', () => claimed[1]!.size === 4);
    const tookMs = performance.now() - leftMs;
    assert.ok(tookMs < 10_000, `taken over after ${tookMs} ms`);
  });

  test('a member that was thrown out learns it from its next commit, and joins again', async (t) => {
    // With so long a session it would not find out by its own clock.
    const patient = await open(kafka, 30_000);
    const topic = await newTopic(patient, 2);
    const group = `thrown-out-${Date.now()}`;
    const stop = new AbortController();
    const outcomes: string[] = [];
    const held = new Map<number, Claim>();
    const handle = async (claim: Claim) => {
      held.set(claim.partition, claim);
      await aborted(claim.signal);
    };
    const running = patient.process(topic, group, handle, stop.signal);
    t.after(async () => {
      stop.abort();
      await running;
      await patient.close();
    });
    await waitUntil('all is claimed', () => held.size === 2);
    const first = [...held.values()];
    await first[0]!.commit(0);
    await throwOut(kafka, group);
    for (const claim of first) {
      const committed = claim.commit(0);
      outcomes.push(
        await committed.then(
          () => 'done',
          (error: Error) => error.name,
        ),
      );
    }
    assert.deepEqual(outcomes, ['ClaimLost', 'ClaimLost']);
    assert.ok(first.every((claim) => claim.signal.aborted && !claim.isHeld()));
    await waitUntil('all is claimed anew', () => [...held.values()].every((claim) => claim.isHeld()));
    await Promise.all([...held.values()].map((claim) => claim.commit(0)));
  });
});

/** Ends the membership of all members of a group, as an administrator can. */
async function throwOut(kafka: Kafka, group: string): Promise<void> {
  const connection = new Connection('administrator');
  const [host, port] = kafka.bootstrap.split(':');
  await connection.connect(host!, Number(port));
  const { groups } = await describeGroupsV5.api.async(connection, [group], false);
  const members = [...groups[0]!.members.values()].map(({ memberId }) => ({ memberId }));
  assert.ok(members.length > 0);
  await leaveGroupV5.api.async(connection, group, members);
  await connection.close();
}
