import { pause } from '../../base/backoff.ts';
import type { Logger } from '../../base/logger.ts';
import { CorruptBatch } from '../batch.ts';
import { OffsetGone } from '../log.ts';
import type { RecordChunk } from '../record.ts';
import { openRecords, type FetchedRecords } from './chunks.ts';
import type { Cluster } from './cluster.ts';
import type { Fetcher, PartitionReader } from './fetcher.ts';
import { findBounds } from './offsets.ts';
import { backoffFor, persist } from './retry.ts';

/** A batch that is damaged so many times in a row is damaged at the broker, not on its way, and is left out. */
const strikesMax = 3;

export interface StreamSource {
  readonly cluster: Cluster;
  readonly fetcher: Fetcher;
  readonly logger: Logger;
  readonly topic: string;
  readonly partition: number;
  /** Whether a chunk's bytes are read no more once the next one is asked for: their memory is then used again. */
  readonly lends?: boolean;
}

/** One partition's chunks from an offset on, for ever or to an end. It outlives lost brokers and leaders. */
export class ChunkStream {
  readonly #source: StreamSource;
  readonly #end: number;
  #position: number;
  #reader: PartitionReader | undefined;

  constructor(source: StreamSource, fromOffset: number, end = Infinity) {
    this.#source = source;
    this.#position = fromOffset;
    this.#end = end;
  }

  /** The end of what can be read by the last answer, and its time by performance.now(); undefined before the first answer. */
  get head(): PartitionReader['head'] {
    return this.#reader?.head;
  }

  /** Ends when the signal aborts, or behind the end. Throws OffsetGone, and LogUnavailable when the log is closed. To be called once. */
  async *chunks(signal: AbortSignal): AsyncGenerator<RecordChunk, void> {
    let strikes = 0;
    try {
      this.#open();
      while (!signal.aborted && this.#position < this.#end) {
        const taken = await this.#reader!.take(signal);
        if (taken === undefined) return;
        if (taken === 'outOfRange') {
          await this.#checkRange(signal);
          this.#open();
          continue;
        }
        try {
          for (const chunk of openRecords(taken, strikes >= strikesMax)) {
            if (chunk.unreadable) this.#reportUnreadable(chunk);
            if (chunk.nextOffset > this.#position) strikes = 0;
            this.#position = chunk.nextOffset;
            yield chunk;
          }
          if (this.#source.lends === true) this.#source.fetcher.memory.giveBack(taken.records);
        } catch (error) {
          if (!(error instanceof CorruptBatch)) throw error;
          strikes++;
          await this.#retreat(taken, error, signal);
        }
      }
    } catch (error) {
      // Errors while stopping are of no use to the caller.
      if (!signal.aborted) throw error;
    } finally {
      this.#reader?.close();
    }
  }

  #open(): void {
    const { fetcher, topic, partition } = this.#source;
    this.#reader?.close();
    this.#reader = fetcher.open({ topic, partition, offset: this.#position, end: this.#end });
  }

  /** Throws OffsetGone unless the position is held after all: a new leader may have known less for a moment. */
  async #checkRange(signal: AbortSignal): Promise<void> {
    const { cluster, topic, partition } = this.#source;
    const bounds = await persist(() => findBounds(cluster, topic, partition), { signal });
    if (this.#position < bounds.first || this.#position > bounds.next) throw new OffsetGone(this.#position, bounds);
    await pause(backoffFor(1), signal);
  }

  async #retreat(taken: FetchedRecords, error: CorruptBatch, signal: AbortSignal): Promise<void> {
    const { logger, topic, partition } = this.#source;
    logger.error(
      { topic, partition, from: taken.firstOffset, reason: error.message },
      'damaged records; fetching them again',
    );
    await pause(backoffFor(1), signal);
    this.#open();
  }

  #reportUnreadable({ firstOffset, nextOffset, unreadable }: RecordChunk): void {
    const { logger, topic, partition } = this.#source;
    logger.error(
      { topic, partition, firstOffset, nextOffset, unreadable },
      'records left out: their batch cannot be read',
    );
  }
}
