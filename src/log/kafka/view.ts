import { pause } from '../../base/backoff.ts';
import type { Logger } from '../../base/logger.ts';
import { LogUnavailable, OffsetGone, type Place, type View } from '../log.ts';
import type { RecordChunk } from '../record.ts';
import { ChunkStream } from './chunk-stream.ts';
import type { Cluster } from './cluster.ts';
import type { Fetcher } from './fetcher.ts';
import { findBounds, findOffsets } from './offsets.ts';
import { FailureReporter, persist } from './retry.ts';

export interface ViewSettings {
  readonly cluster: Cluster;
  readonly fetcher: Fetcher;
  readonly logger: Logger;
  readonly topic: string;
  readonly apply: (chunk: RecordChunk) => void;
  readonly signal: AbortSignal;
  /** Where to begin; undefined: at the beginning. */
  readonly fromMs: number | undefined;
  /** Aborts when the log is closed. */
  readonly closing: AbortSignal;
}

/** How often it is looked whether partitions were added. */
const addedEveryMs = 1_000;

interface Waiter {
  readonly place: Place;
  readonly resolve: () => void;
}

/** Log.view: each partition has a loop of its own, also one that is added later; they share the list of those who wait for a place. */
export class KafkaView implements View {
  readonly caughtUp: Promise<void>;
  readonly ended: Promise<void>;
  readonly #settings: ViewSettings;
  /** Aborts when the view ends, for whatever reason. */
  readonly #ending = new AbortController();
  /** The next offset to be applied, by partition. */
  readonly #positions = new Map<number, number>();
  readonly #waiters = new Set<Waiter>();

  constructor(settings: ViewSettings) {
    this.#settings = settings;
    const caughtUp = Promise.withResolvers<void>();
    this.caughtUp = caughtUp.promise;
    this.ended = this.#run(caughtUp.resolve).finally(() => {
      this.#ending.abort();
      caughtUp.reject(endedEarly(settings.topic));
    });
    // Users of a view await the promises they need; a rejection of the others must not end the process.
    this.caughtUp.catch(() => {});
    this.ended.catch(() => {});
  }

  applied(place: Place): Promise<void> {
    if ((this.#positions.get(place.partition) ?? 0) > place.offset) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const signal = this.#ending.signal;
    const waiter = { place, resolve };
    const giveUp = () => reject(endedEarly(this.#settings.topic));
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp);
    this.#waiters.add(waiter);
    return promise.finally(() => {
      signal.removeEventListener('abort', giveUp);
      this.#waiters.delete(waiter);
    });
  }

  async #run(caughtUp: () => void): Promise<void> {
    const { topic, logger, closing } = this.#settings;
    const stop = AbortSignal.any([this.#settings.signal, closing, this.#ending.signal]);
    const failed = Promise.withResolvers<void>();
    const failureReporter = new FailureReporter(logger, `following topic ${topic}`);
    try {
      const begin = () => this.#findBeginning();
      const { starts, heads } = await persist(begin, { signal: stop, failureReporter });
      const behind = new Set(heads.keys());
      const advance = (partition: number, position: number) => {
        this.#advance(partition, position);
        if (position >= (heads.get(partition) ?? 0)) behind.delete(partition);
        if (behind.size === 0) caughtUp();
      };
      const follow = async (partition: number, fromOffset: number): Promise<void> => {
        await this.#follow(partition, fromOffset, { stop, advance }).catch((error: unknown) => failed.reject(error));
      };
      const loops = Array.from({ length: heads.size }, (_, partition) => follow(partition, starts.get(partition)!));
      while (await Promise.race([pause(addedEveryMs, stop), failed.promise])) {
        // Whatever stands in a partition that was added came after the view began.
        const count = this.#settings.cluster.partitionCount(topic);
        for (let partition = loops.length; partition < count; partition++) loops.push(follow(partition, 0));
      }
      await Promise.race([Promise.all(loops), failed.promise]);
    } catch (error) {
      if (!this.#settings.signal.aborted) throw error;
    }
    if (closing.aborted && !this.#settings.signal.aborted) throw new LogUnavailable('the log is closed');
  }

  async #findBeginning() {
    const { cluster, topic, fromMs } = this.#settings;
    const count = await cluster.findPartitionCount(topic);
    const partitions = Array.from({ length: count }, (_, partition) => partition);
    const from = fromMs === undefined ? 'first' : { timestampMs: Math.max(0, fromMs) };
    const firsts = await findOffsets(cluster, topic, partitions, from);
    const nexts = await findOffsets(cluster, topic, partitions, 'next');
    const heads = new Map(partitions.map((partition) => [partition, nexts.get(partition) ?? 0]));
    // Of a time no record is younger than there is no offset.
    const starts = new Map(partitions.map((partition) => [partition, firsts.get(partition) ?? heads.get(partition)!]));
    return { starts, heads };
  }

  async #follow(
    partition: number,
    fromOffset: number,
    how: { stop: AbortSignal; advance: (partition: number, position: number) => void },
  ): Promise<void> {
    const { cluster, fetcher, topic, logger, apply } = this.#settings;
    let position = fromOffset;
    how.advance(partition, position);
    while (!how.stop.aborted) {
      try {
        const stream = new ChunkStream({ cluster, fetcher, logger, topic, partition }, position);
        for await (const chunk of stream.chunks(how.stop)) {
          apply(chunk);
          position = chunk.nextOffset;
          how.advance(partition, position);
        }
      } catch (error) {
        if (how.stop.aborted) return;
        // Retention may remove what was not read yet. A log that ends before what was read has lost its tail, and what
        // was made of it here is no longer true.
        if (!(error instanceof OffsetGone) || position > error.bounds.next) {
          this.#ending.abort();
          throw error;
        }
        logger.warn({ topic, partition, position, first: error.bounds.first }, 'records removed before they were read');
        position = (await persist(() => findBounds(cluster, topic, partition), { signal: how.stop })).first;
      }
    }
  }

  #advance(partition: number, position: number): void {
    this.#positions.set(partition, position);
    for (const waiter of this.#waiters) {
      if (waiter.place.partition === partition && waiter.place.offset < position) waiter.resolve();
    }
  }
}

function endedEarly(topic: string): LogUnavailable {
  return new LogUnavailable(`the view of topic ${topic} has ended`);
}
