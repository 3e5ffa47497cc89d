import { Failure } from '../base/failure.ts';
import type { Health } from '../base/health.ts';
import type { Logger } from '../base/logger.ts';
import { LogUnavailable, type Log } from '../log/log.ts';
import { topics } from '../topics.ts';
import { tryLater, type Admission } from './admission.ts';
import { answerMsMax, partitionsAgainMs } from './ingest-limits.ts';
import type { IngestMeters } from './ingest-meters.ts';
import { Readers, type Origin } from './intake.ts';
import type { RecordPool } from './record-pool.ts';
import type { SampleSink } from './sample-sink.ts';

export interface SampleWriterOptions {
  readonly log: Log;
  readonly admission: Admission;
  readonly meters: IngestMeters;
  readonly health: Health;
  readonly logger: Logger;
  /** Takes back the memory of written samples. */
  readonly pool: RecordPool;
}

/** Writes samples to `metrics`, in bounded time, and knows whether the log takes them. */
export class SampleWriter {
  readonly #options: SampleWriterOptions;
  /** Why the last samples could not be written; undefined when they could. */
  #failure: string | undefined;
  #readers: Readers | undefined;
  #asked: Promise<Readers> | undefined;
  #askedMs = -Infinity;

  constructor(options: SampleWriterOptions) {
    this.#options = options;
    options.health.add('ingest', () =>
      this.#failure !== undefined
        ? { status: 'warn', detail: `the last samples could not be written to the log: ${this.#failure}` }
        : { status: 'pass', detail: 'no write to the log has failed since the last that succeeded' },
    );
  }

  /** Resolves when the sink's samples are durable. Rejects with the Failure `unavailable` when they may not be. */
  async publish(sink: SampleSink, origin: Origin): Promise<void> {
    if (sink.accepted === 0) return;
    await withinTime(this.#options.admission.watch(this.#append(sink)));
    this.#options.meters.written(sink, origin);
    // Of an append that failed, some partitions' records may still wait in the log's memory.
    this.#options.pool.give(sink.records);
  }

  /**
   * Rejects with the Failure `unavailable` while the log cannot be asked how many partitions there are. None are ever added
   * in place; a topic that was made anew is noticed in a while.
   */
  async readers(): Promise<Readers> {
    if (performance.now() - this.#askedMs > partitionsAgainMs) this.#ask();
    // Writers keep using the old ones while the log is asked, and when it does not answer.
    if (this.#readers !== undefined) return this.#readers;
    try {
      return await withinTime(this.#asked!);
    } catch (error) {
      throw error instanceof LogUnavailable ? this.#unavailable(error.message) : error;
    }
  }

  #ask(): void {
    this.#askedMs = performance.now();
    this.#asked = this.#options.log.partitionCount(topics.metrics.name).then((count) => {
      if (this.#readers?.partitionCount !== count) this.#readers = new Readers(count);
      return this.#readers;
    });
    this.#asked.catch(() => (this.#askedMs = -Infinity));
  }

  async #append(sink: SampleSink): Promise<void> {
    const { log, logger, meters } = this.#options;
    const beganMs = performance.now();
    try {
      await log.appendPacked(topics.metrics.name, sink.records);
      if (this.#failure !== undefined) logger.info('samples can be written again');
      this.#failure = undefined;
    } catch (error) {
      if (error instanceof LogUnavailable) throw this.#unavailable(error.message);
      // No sample is dated later than now: the sender did nothing wrong, and must keep what it has.
      if (error instanceof Failure && error.code === 'invalid_field')
        throw this.#unavailable(`${error.message}; compare the clocks of this host and of the broker`);
      throw error;
    } finally {
      meters.appended((performance.now() - beganMs) / 1000);
    }
  }

  #unavailable(reason: string): Failure {
    if (this.#failure === undefined) this.#options.logger.warn({ reason }, 'samples cannot be written');
    this.#failure = reason;
    return tryLater('the log cannot be written right now');
  }
}

/** A sender that times out repeats its samples anyway: better to answer 503 with Retry-After first. */
async function withinTime<Result>(work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(tryLater(`the samples were not written within ${answerMsMax} ms`)), answerMsMax);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    // After the time is up the append still settles, but no caller waits for it.
    work.catch(() => {});
  }
}
