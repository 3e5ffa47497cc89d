// The group's committed positions and the heads of the topics, asked again and again while a test runs.
import { setTimeout as sleep } from 'node:timers/promises';
import { offsetFetchV8 } from '@platformatic/kafka';
import { evaluateGroup } from '../../src/evaluate/evaluate.ts';
import { Cluster, parseAddresses } from '../../src/log/kafka/cluster.ts';
import { Connections } from '../../src/log/kafka/connections.ts';
import { findOffsets } from '../../src/log/kafka/offsets.ts';
import { ask } from '../../src/log/kafka/protocol.ts';

const lookEveryMs = 150;
const partitionsCount = 20;
const partitions = Array.from({ length: partitionsCount }, (_, partition) => partition);

type Offsets = ReadonlyMap<number, number>;

/** Asked in this order, so that what a position or a state promises must stand below the heads that follow. */
export interface Snapshot {
  readonly atMs: number;
  readonly committed: Offsets;
  readonly alarmsNext: Offsets;
  readonly notificationsNext: Offsets;
  readonly metricsNext: Offsets;
}

/** The longest time that a partition's position stood still though samples waited and nothing had been done to the fleet. */
export interface Standstill {
  readonly partition: number;
  readonly forMs: number;
}

export class Positions {
  readonly snapshots: Snapshot[] = [];
  readonly #connections = new Connections('fault-test', {});
  readonly #cluster: Cluster;
  readonly #stop = new AbortController();
  #watching: Promise<void> = Promise.resolve();
  #lastFaultMs = performance.now();
  readonly #waitingSinceMs = new Map<number, number>();
  longest: Standstill = { partition: -1, forMs: 0 };

  constructor(bootstrap: string) {
    this.#cluster = new Cluster(parseAddresses(bootstrap), this.#connections);
  }

  watch(): void {
    this.#watching = this.#watch();
  }

  /** From now on the fleet has its time to recover anew. */
  noteFault(): void {
    this.#lastFaultMs = performance.now();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#watching;
    this.#connections.close();
  }

  async look(): Promise<Snapshot> {
    const committed = await this.#committed();
    const alarmsNext = await this.#heads('alarms');
    const notificationsNext = await this.#heads('notifications');
    const metricsNext = await this.#heads('metrics');
    return { atMs: performance.now(), committed, alarmsNext, notificationsNext, metricsNext };
  }

  /** Resolves when the group has evaluated all there is. Rejects after `timeoutMs`, with what is left. */
  async drained(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const behind = await this.#behind().catch((error: unknown) => String(error));
      if (behind.length === 0) return;
      if (performance.now() > deadline) throw new Error(`not evaluated within ${timeoutMs} ms: ${String(behind)}`);
      await sleep(100);
    }
  }

  async #behind(): Promise<string[]> {
    const { committed, metricsNext } = await this.look();
    return partitions
      .filter((partition) => metricsNext.get(partition)! > (committed.get(partition) ?? 0))
      .map((partition) => `${partition}: ${committed.get(partition) ?? 0} of ${metricsNext.get(partition)!}`);
  }

  async #watch(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        const snapshot = await this.look();
        this.#judgeStandstill(snapshot);
        this.snapshots.push(snapshot);
      } catch {
        // The broker is away, and nobody can be blamed for standing still.
        this.noteFault();
      }
      await sleep(lookEveryMs, undefined, { signal: this.#stop.signal }).catch(() => {});
    }
  }

  #judgeStandstill(now: Snapshot): void {
    const before = this.snapshots.at(-1);
    // A broker that was paused answers late, and with news of before.
    if (before !== undefined && now.atMs - before.atMs > 1_500) this.noteFault();
    for (const partition of partitions) {
      const position = now.committed.get(partition) ?? 0;
      const wasHere = position === (before?.committed.get(partition) ?? 0);
      const isWaiting = before !== undefined && position < (before.metricsNext.get(partition) ?? 0);
      if (!wasHere || !isWaiting) this.#waitingSinceMs.set(partition, now.atMs);
      const sinceMs = Math.max(this.#waitingSinceMs.get(partition) ?? now.atMs, this.#lastFaultMs);
      if (now.atMs - sinceMs > this.longest.forMs) this.longest = { partition, forMs: now.atMs - sinceMs };
    }
  }

  async #heads(topic: string): Promise<Offsets> {
    const found = await findOffsets(this.#cluster, topic, partitions, 'next');
    return new Map([...found].map(([partition, offset]) => [partition, offset ?? 0]));
  }

  async #committed(): Promise<Offsets> {
    const connection = await this.#cluster.controlConnection(await this.#cluster.findCoordinator(evaluateGroup));
    const topics = [{ name: 'metrics', partitionIndexes: partitions }];
    const question = [{ groupId: evaluateGroup, memberEpoch: -1, topics }];
    const answer = await ask(connection, offsetFetchV8.api, question, true);
    const group = answer.groups[0];
    if (group === undefined || group.errorCode !== 0) throw new Error(`no positions: error ${group?.errorCode}`);
    const found = group.topics[0]?.partitions ?? [];
    return new Map(
      found
        .filter(({ committedOffset }) => committedOffset >= 0n)
        .map(({ partitionIndex, committedOffset }) => [partitionIndex, Number(committedOffset)]),
    );
  }
}
