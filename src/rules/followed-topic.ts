import type { Clock } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import type { HealthReport } from '../base/health.ts';
import { inTime, late } from '../base/in-time.ts';
import { recordsOf, type LogRecord } from '../log/batch.ts';
import type { Log, Place, View } from '../log/log.ts';
import type { RecordChunk } from '../log/record.ts';

export interface FollowedTopicOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly topic: string;
  /** What its records are, for messages: "rules". */
  readonly what: string;
  readonly apply: (record: LogRecord) => void;
  /** Called when all that was in the log at the start has been applied. */
  readonly onCaughtUp: () => void;
}

/** A write is applied within milliseconds; past this time the view is not following. */
const appliedMsMax = 5_000;
/** Unreadable records that health names. */
const problemsNamedMax = 5;

/** A compacted topic as this instance follows it, from its beginning for as long as it runs. */
export class FollowedTopic {
  readonly #options: FollowedTopicOptions;
  readonly #caughtUp = Promise.withResolvers<void>();
  /** By partition: the first offset not applied. */
  readonly #positions = new Map<number, number>();
  #view: View | undefined;
  #state: 'reading' | 'following' | 'ended' = 'reading';

  constructor(options: FollowedTopicOptions) {
    this.#options = options;
    // A rejection reaches those who wait for it; it need not be handled otherwise.
    this.#caughtUp.promise.catch(() => {});
  }

  /** For health. `problems`: the records that cannot be read, each with its key and why. */
  report(problems: readonly (readonly [key: string, message: string])[]): HealthReport {
    const { what } = this.#options;
    if (this.#state === 'ended') return { status: 'fail', detail: `the ${what} are no longer followed` };
    if (this.#state === 'reading') return { status: 'warn', detail: `the ${what} are still being read` };
    if (problems.length === 0) return { status: 'pass', detail: `all ${what} are read, and changes followed` };
    const named = problems.slice(0, problemsNamedMax).map(([key, message]) => `${key}: ${message}`);
    const more = problems.length > named.length ? `; and ${problems.length - named.length} more` : '';
    return {
      status: 'warn',
      detail: `unreadable records, the last good version staying in force where there is one: ${named.join('; ')}${more}`,
    };
  }

  /** Resolves when all that was in the log at the start has been applied; rejects when it cannot be. */
  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise;
  }

  /** By partition: the first offset that has not been applied. */
  get positions(): readonly number[] {
    const partitions = Math.max(-1, ...this.#positions.keys()) + 1;
    return Array.from({ length: partitions }, (_, partition) => this.#positions.get(partition) ?? 0);
  }

  /** Throws the Failure `unavailable` as long as not all has been read. */
  demandCaughtUp(): void {
    if (this.#state !== 'reading') return;
    throw new Failure('unavailable', `the ${this.#options.what} are still being read from the log`, {
      retryAfterSeconds: 1,
    });
  }

  /** Follows the topic until the signal aborts; rejects when it cannot. */
  async run(signal: AbortSignal): Promise<void> {
    this.#view = this.#options.log.view(this.#options.topic, (chunk) => this.#apply(chunk), signal);
    try {
      this.#view.caughtUp.then(
        () => {
          this.#state = 'following';
          this.#options.onCaughtUp();
          this.#caughtUp.resolve();
        },
        (error: unknown) => this.#caughtUp.reject(error),
      );
      await this.#view.ended;
    } finally {
      this.#state = 'ended';
    }
  }

  /** Resolves when the record at this place has been applied. Rejects with the Failure `unavailable`, of `what`, when that takes too long. */
  async applied(place: Place, what: string): Promise<void> {
    // When it rejects the process is stopping, so that this view is not read again; the change is durable all the same.
    const seen = this.#view?.applied(place).catch(() => {});
    if (seen !== undefined && (await inTime(seen, appliedMsMax, this.#options.clock)) !== late) return;
    const detail = `the change of ${what} is written, but this instance has not seen it yet: read it before trying again`;
    throw new Failure('unavailable', detail, { retryAfterSeconds: 1 });
  }

  #apply(chunk: RecordChunk): void {
    for (const record of recordsOf(chunk)) {
      // A listener may ask how far this instance has come.
      this.#positions.set(record.partition, record.offset + 1);
      this.#options.apply(record);
    }
    this.#positions.set(chunk.partition, chunk.nextOffset);
  }
}
