// Log.process: a member of a group, and for each partition it owns a tenure, in which the handler is called with one claim
// after another, until the partition moves away or the member stops. A claim ends with its handler; the next one begins from
// the committed position, as after a crash. Two handlers of one partition never run at once, not even when the partition
// was lost and comes back before the first one has noticed.
import { pause } from '../../base/backoff.ts';
import type { Logger } from '../../base/logger.ts';
import { LogUnavailable, type Claim, type Place } from '../log.ts';
import type { NewRecord, RecordChunk } from '../record.ts';
import { ChunkStream } from './chunk-stream.ts';
import type { Cluster } from './cluster.ts';
import { Committer, claimLost, findCommitted } from './committer.ts';
import type { Fetcher } from './fetcher.ts';
import { Membership } from './membership.ts';
import { findOffset } from './offsets.ts';
import type { Producer } from './producer.ts';
import { reasonOf } from './protocol.ts';
import { FailureReporter, backoffFor, persist } from './retry.ts';

/** Where a group without a position begins: so far back. */
const startBackMs = 10 * 60_000;
const rebalanceTimeoutMs = 30_000;
/** How long a handler may take to settle what it has under way before its partition is given up regardless. */
const settleTimeoutMs = 15_000;
/** A claim that lasted this long counts as healthy: the next failure starts with the shortest pause again. */
const healthyClaimMs = 10_000;

export interface ProcessSettings {
  readonly cluster: Cluster;
  readonly fetcher: Fetcher;
  readonly producer: Producer;
  readonly logger: Logger;
  readonly sessionTimeoutMs: number;
  readonly topic: string;
  readonly group: string;
  readonly handle: (claim: Claim) => Promise<void>;
  /** Aborts when the log is closed. */
  readonly closing: AbortSignal;
  /** Where those who ask what is failing look. */
  readonly failureReporters: Set<FailureReporter>;
}

interface Tenure {
  readonly partition: number;
  readonly stop: AbortController;
  /** The partition may be another's: nothing may be written or committed any more. */
  lost: boolean;
  /** Resolves when no handler of it runs any more. */
  done: Promise<void>;
}

export async function processTopic(settings: ProcessSettings, signal: AbortSignal): Promise<void> {
  const keeper = new ClaimKeeper(settings);
  await keeper.run(AbortSignal.any([signal, settings.closing]));
  if (!signal.aborted) throw new LogUnavailable('the log is closed');
}

class ClaimKeeper {
  readonly settings: ProcessSettings;
  readonly membership: Membership;
  readonly committer: Committer;
  readonly #failureReporter: FailureReporter;
  readonly #tenures = new Map<number, Tenure>();

  constructor(settings: ProcessSettings) {
    this.settings = settings;
    const { cluster, logger, group, topic, sessionTimeoutMs } = settings;
    const { failureReporters: all } = settings;
    this.#failureReporter = new FailureReporter(logger, `claiming partitions of topic ${topic}`, all);
    this.membership = new Membership({
      cluster,
      failureReporter: new FailureReporter(logger, `membership of group ${group}`, all),
      group,
      topic,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      begin: (partitions) => this.#begin(partitions),
      revoke: (partitions) => this.#revoke(partitions),
      lose: (partitions) => this.#lose(partitions),
    });
    const failureReporter = new FailureReporter(logger, `committing positions of group ${group}`, all);
    this.committer = new Committer({ membership: this.membership, failureReporter, group, topic });
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.membership.run(signal);
  }

  #begin(partitions: readonly number[]): void {
    const { logger, topic, group } = this.settings;
    logger.info({ topic, group, partitions }, 'partitions taken');
    for (const partition of partitions) {
      const before = this.#tenures.get(partition)?.done ?? Promise.resolve();
      const tenure: Tenure = { partition, stop: new AbortController(), lost: false, done: Promise.resolve() };
      this.#tenures.set(partition, tenure);
      tenure.done = before.then(() => this.#tend(tenure));
    }
  }

  async #revoke(partitions: readonly number[]): Promise<void> {
    if (partitions.length === 0) return;
    const { logger, topic, group } = this.settings;
    logger.info({ topic, group, partitions }, 'partitions given up');
    const tenures = partitions.map((partition) => this.#tenures.get(partition)!);
    for (const { stop } of tenures) stop.abort();
    const timer = new AbortController();
    const inTime = pause(settleTimeoutMs, timer.signal);
    await Promise.race([Promise.all(tenures.map((tenure) => tenure.done)), inTime]);
    timer.abort();
    if (await inTime) logger.warn({ topic, group, partitions }, 'partitions given up before their work was settled');
    for (const tenure of tenures) this.#end(tenure);
  }

  #lose(partitions: readonly number[]): void {
    const { logger, topic, group } = this.settings;
    logger.warn({ topic, group, partitions }, 'partitions lost');
    for (const partition of partitions) {
      const tenure = this.#tenures.get(partition)!;
      this.#end(tenure);
      tenure.stop.abort();
    }
  }

  #end(tenure: Tenure): void {
    tenure.lost = true;
    this.committer.drop(tenure.partition);
  }

  /** Never rejects: an error of the handler is logged. */
  async #tend(tenure: Tenure): Promise<void> {
    const { signal } = tenure.stop;
    const { logger, topic, group, handle } = this.settings;
    for (let failures = 0; !signal.aborted;) {
      const beganMs = performance.now();
      let claim: KafkaClaim | undefined;
      try {
        claim = await persist(() => this.#open(tenure), { signal, failureReporter: this.#failureReporter });
        await handle(claim);
        if (!signal.aborted) throw new Error('the handler returned though its partition is still held');
      } catch (error) {
        if (signal.aborted && claim === undefined) return;
        failures = performance.now() - beganMs > healthyClaimMs ? 1 : failures + 1;
        const facts = { topic, group, partition: tenure.partition, reason: reasonOf(error), failures };
        if (signal.aborted) logger.info(facts, 'handling a partition ended');
        else logger.warn(facts, 'handling a partition failed; claiming it again');
        await pause(backoffFor(failures), signal);
      } finally {
        claim?.close();
      }
    }
  }

  async #open(tenure: Tenure): Promise<KafkaClaim> {
    const { cluster, topic, group } = this.settings;
    const { partition } = tenure;
    const { membership } = this;
    const [committed, next = 0] = await Promise.all([
      findCommitted({ membership, failureReporter: this.#failureReporter, group, topic }, partition),
      findOffset(cluster, topic, partition, 'next'),
    ]);
    const head = { offset: next, heardAtMs: performance.now() };
    let start = committed;
    if (start === undefined) {
      const question = { timestampMs: Date.now() - startBackMs };
      start = (await findOffset(cluster, topic, partition, question)) ?? next;
    }
    return new KafkaClaim(this, { tenure, committed, start, head });
  }
}

interface ClaimState {
  readonly tenure: Tenure;
  readonly committed: number | undefined;
  readonly start: number;
  readonly head: { readonly offset: number; readonly heardAtMs: number };
}

class KafkaClaim implements Claim {
  readonly partition: number;
  readonly committed: number | undefined;
  readonly start: number;
  readonly signal: AbortSignal;
  readonly #keeper: ClaimKeeper;
  readonly #state: ClaimState;
  #stream: ChunkStream | undefined;
  #closed = false;

  constructor(keeper: ClaimKeeper, state: ClaimState) {
    this.#keeper = keeper;
    this.#state = state;
    this.partition = state.tenure.partition;
    this.committed = state.committed;
    this.start = state.start;
    this.signal = state.tenure.stop.signal;
  }

  get #isOver(): boolean {
    return this.#closed || this.#state.tenure.lost;
  }

  isHeld(): boolean {
    return !this.#isOver && this.#keeper.membership.isFresh();
  }

  head(): { readonly offset: number; readonly heardAtMs: number } {
    return this.#stream?.head ?? this.#state.head;
  }

  read(fromOffset: number): AsyncIterable<RecordChunk> {
    const { cluster, fetcher, logger, topic } = this.#keeper.settings;
    const stream = new ChunkStream(
      { cluster, fetcher, logger, topic, partition: this.partition, lends: true },
      fromOffset,
    );
    this.#stream = stream;
    return stream.chunks(this.signal);
  }

  async append(topic: string, records: readonly NewRecord[]): Promise<Place[]> {
    if (!this.isHeld()) throw claimLost(this.partition);
    return this.#keeper.settings.producer.append(topic, records);
  }

  async commit(nextOffset: number): Promise<void> {
    if (this.#isOver) throw claimLost(this.partition);
    await this.#keeper.committer.commit(this.partition, nextOffset);
  }

  /** The handler is done: what it left running can do nothing more in the partition's name. */
  close(): void {
    this.#closed = true;
    this.#keeper.committer.drop(this.partition);
  }
}
