import type { Clock } from '../base/clock.ts';
import type { Health } from '../base/health.ts';
import type { Logger } from '../base/logger.ts';
import type { LogRecord } from '../log/batch.ts';
import type { Log, Place } from '../log/log.ts';
import { ReceiverBook, type ReceiverChange, type ReceiverFeed } from '../receiver/receiver-book.ts';
import type { ReceiverOptions } from '../receiver/receiver-kind.ts';
import { topics } from '../topics.ts';
import { FollowedTopic } from './followed-topic.ts';

export interface ReceiversViewOptions extends ReceiverOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly health: Health;
  readonly logger: Logger;
}

/** This instance's view of the `receivers` topic. */
export class ReceiversView {
  readonly #logger: Logger;
  readonly #book: ReceiverBook;
  readonly #followed: FollowedTopic;
  readonly #listeners = new Set<(change: ReceiverChange) => void>();

  constructor({ log, clock, health, logger, ...options }: ReceiversViewOptions) {
    this.#logger = logger;
    this.#book = new ReceiverBook(options);
    this.#followed = new FollowedTopic({
      log,
      clock,
      topic: topics.receivers.name,
      what: 'receivers',
      apply: (record) => this.#apply(record),
      onCaughtUp: health.awaitReady('receivers'),
    });
    health.add('receivers', () =>
      this.#followed.report(this.#book.problems().map(({ name, message }) => [name, message])),
    );
  }

  /** Follows the topic until the signal aborts; rejects when it cannot. */
  run(signal: AbortSignal): Promise<void> {
    return this.#followed.run(signal);
  }

  /** The same receivers, for the other services of this process. */
  get feed(): ReceiverFeed {
    return {
      book: this.#book,
      caughtUp: this.#followed.caughtUp,
      subscribe: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    };
  }

  /** The receivers. Throws the Failure `unavailable` as long as not all of them have been read. */
  get book(): ReceiverBook {
    this.#followed.demandCaughtUp();
    return this.#book;
  }

  /** Resolves when the view has come to this record. Rejects with the Failure `unavailable` when that takes too long. */
  applied(place: Place, name: string): Promise<void> {
    return this.#followed.applied(place, `receiver ${name}`);
  }

  #apply({ key, value, partition, offset }: LogRecord): void {
    const change = this.#book.apply({ key: key ?? '', value, partition, offset });
    if (change.kind === 'problem') {
      const { name, message } = change.problem;
      const inForce = change.inForce !== undefined;
      this.#logger.warn({ receiver: name, offset, inForce }, `a record of receivers cannot be read: ${message}`);
    }
    for (const listener of this.#listeners) listener(change);
  }
}
