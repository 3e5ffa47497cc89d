import type { Health, HealthReport } from '../base/health.ts';
import { Failure } from '../base/failure.ts';
import type { Logger } from '../base/logger.ts';
import type { Meter } from '../base/meter.ts';
import { recordsOf } from '../log/batch.ts';
import type { Log, Place, RecordChunk, View } from '../log/log.ts';
import { RuleBook } from '../rule/rule-book.ts';
import type { RuleFeed, RuleListener } from '../rule/rule-feed.ts';
import { topics } from '../topics.ts';

export interface RulesViewOptions {
  readonly log: Log;
  readonly health: Health;
  readonly meter: Meter;
  readonly logger: Logger;
  /** The operator's base in place of Discord's. */
  readonly discordApiBase?: string | undefined;
}

/** A write is applied within milliseconds; past this time the view is not following. */
const appliedMsMax = 5_000;
const problemsNamedMax = 5;

/** This instance's picture of the `rules` topic, which it follows as long as it runs. */
export class RulesView {
  readonly #options: RulesViewOptions;
  readonly #book: RuleBook;
  readonly #becomeReady: () => void;
  readonly #caughtUp = Promise.withResolvers<void>();
  readonly #listeners = new Set<RuleListener>();
  /** By partition: the first offset not applied. */
  readonly #positions = new Map<number, number>();
  #view: View | undefined;
  #state: 'reading' | 'following' | 'ended' = 'reading';

  constructor(options: RulesViewOptions) {
    this.#options = options;
    this.#book = new RuleBook({ apiBase: options.discordApiBase });
    this.#becomeReady = options.health.awaitReady('rules');
    // Nobody need wait for it; whoever does hears of the rejection.
    this.#caughtUp.promise.catch(() => {});
    options.health.add('rules', () => this.#report());
    options.meter.gauge('rules', 'Rules in force or disabled', [], (gauge) => gauge.set(this.#book.size));
    options.meter.gauge('rules_unreadable', 'Rules whose newest record cannot be read', [], (gauge) =>
      gauge.set(this.#book.problems().length),
    );
  }

  /** Follows the topic until the signal aborts; rejects when it cannot. */
  async run(signal: AbortSignal): Promise<void> {
    this.#view = this.#options.log.view(topics.rules.name, (chunk) => this.#apply(chunk), signal);
    try {
      this.#view.caughtUp.then(
        () => {
          this.#state = 'following';
          this.#becomeReady();
          this.#caughtUp.resolve();
        },
        (error: unknown) => this.#caughtUp.reject(error),
      );
      await this.#view.ended;
    } finally {
      this.#state = 'ended';
    }
  }

  /** The same rules, for the other services of this process. */
  get feed(): RuleFeed {
    return {
      book: this.#book,
      caughtUp: this.#caughtUp.promise,
      subscribe: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    };
  }

  /** By partition of `rules`: the first offset that has not been applied. */
  get positions(): readonly number[] {
    const partitions = Math.max(-1, ...this.#positions.keys()) + 1;
    return Array.from({ length: partitions }, (_, partition) => this.#positions.get(partition) ?? 0);
  }

  /** The rules. Throws the Failure `unavailable` as long as not all of them have been read. */
  get book(): RuleBook {
    if (this.#state === 'reading') {
      throw new Failure('unavailable', 'the rules are still being read from the log', { retryAfterSeconds: 1 });
    }
    return this.#book;
  }

  /** Resolves when the view has come to this record. Rejects with the Failure `unavailable` when that takes too long. */
  async applied(place: Place, ruleId: string): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), appliedMsMax);
    });
    const seen = this.#view?.applied(place).then(
      () => true,
      // The view has ended with its process, which nobody will read from again: the change is made all the same.
      () => true,
    );
    try {
      if (await Promise.race([seen ?? false, late])) return;
    } finally {
      clearTimeout(timer);
    }
    const detail = `the change of rule ${ruleId} is written, but this instance has not seen it yet: read the rule before trying again`;
    throw new Failure('unavailable', detail, { retryAfterSeconds: 1 });
  }

  #apply(chunk: RecordChunk): void {
    for (const record of recordsOf(chunk)) {
      const { key, value, partition, offset, timestampMs } = record;
      const change = this.#book.apply({ key: key ?? '', value, partition, offset });
      if (change.kind === 'problem') {
        const { id, message } = change.problem;
        const inForce = change.inForce !== undefined;
        this.#options.logger.warn(
          { ruleId: id, partition, offset, inForce },
          `a record of rules cannot be read: ${message}`,
        );
      }
      // A listener may tell how far this instance has come.
      this.#positions.set(partition, offset + 1);
      for (const listener of this.#listeners) listener(change, { partition, offset, timestampMs });
    }
    this.#positions.set(chunk.partition, chunk.nextOffset);
  }

  #report(): HealthReport {
    if (this.#state === 'ended') return { status: 'fail', detail: 'the rules are no longer followed' };
    if (this.#state === 'reading') return { status: 'warn', detail: 'the rules are still being read' };
    const problems = this.#book.problems();
    if (problems.length === 0) return { status: 'pass' };
    const named = problems.slice(0, problemsNamedMax).map(({ id, message }) => `${id}: ${message}`);
    const more = problems.length > named.length ? `; and ${problems.length - named.length} more` : '';
    return {
      status: 'warn',
      detail: `unreadable records, the last good version staying in force where there is one: ${named.join('; ')}${more}`,
    };
  }
}
