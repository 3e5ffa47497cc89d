import type { Clock } from '../base/clock.ts';
import { shown } from '../base/failure.ts';
import type { Health, HealthReport } from '../base/health.ts';
import type { Logger } from '../base/logger.ts';
import type { Meter } from '../base/meter.ts';
import type { LogRecord } from '../log/batch.ts';
import type { Log, Place } from '../log/log.ts';
import { RuleBook } from '../rule/rule-book.ts';
import type { RuleFeed, RuleListener } from '../rule/rule-feed.ts';
import { topics } from '../topics.ts';
import { FollowedTopic } from './followed-topic.ts';

export interface RulesViewOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly health: Health;
  readonly meter: Meter;
  readonly logger: Logger;
  /** The operator's base in place of Discord's. */
  readonly discordApiBase?: string | undefined;
}

/** Names that health gives. */
const namesShownMax = 5;

function sharedNamesReport(names: ReadonlySet<string>): HealthReport {
  if (names.size === 0) return { status: 'pass' };
  const first = [...names].slice(0, namesShownMax).map((name) => shown(name));
  const more = names.size > first.length ? `, and ${names.size - first.length} more` : '';
  return {
    status: 'warn',
    detail: `more than one rule has the name ${first.join(', ')}${more}: all are in force, and PUT /rules/by-name refuses the name; give all but one another (GET /rules?name= has them)`,
  };
}

/** This instance's view of the `rules` topic, which it follows as long as it runs. */
export class RulesView {
  readonly #logger: Logger;
  readonly #book: RuleBook;
  readonly #followed: FollowedTopic;
  readonly #listeners = new Set<RuleListener>();

  constructor({ log, clock, health, meter, logger, discordApiBase: apiBase }: RulesViewOptions) {
    this.#logger = logger;
    this.#book = new RuleBook({ apiBase });
    const ready = health.awaitReady('rules');
    this.#followed = new FollowedTopic({
      log,
      clock,
      topic: topics.rules.name,
      what: 'rules',
      apply: (record) => this.#apply(record),
      onCaughtUp: ready,
    });
    health.add('rules', () => this.#followed.report(this.#book.problems().map(({ id, message }) => [id, message])));
    health.add('rule names', () => sharedNamesReport(this.#book.sharedNames()));
    meter.gauge('rules', 'Rules in force or disabled', [], (gauge) => gauge.set(this.#book.size));
    meter.gauge('rules_unreadable', 'Rules whose newest record cannot be read', [], (gauge) =>
      gauge.set(this.#book.problems().length),
    );
  }

  /** Follows the topic until the signal aborts; rejects when it cannot. */
  run(signal: AbortSignal): Promise<void> {
    return this.#followed.run(signal);
  }

  /** The same rules, for the other services of this process. */
  get feed(): RuleFeed {
    return {
      book: this.#book,
      caughtUp: this.#followed.caughtUp,
      subscribe: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    };
  }

  /** By partition of `rules`: the first offset that has not been applied. */
  get positions(): readonly number[] {
    return this.#followed.positions;
  }

  /** The rules. Throws the Failure `unavailable` as long as not all of them have been read. */
  get book(): RuleBook {
    this.#followed.demandCaughtUp();
    return this.#book;
  }

  /** Resolves when the view has come to this record. Rejects with the Failure `unavailable` when that takes too long. */
  applied(place: Place, ruleId: string): Promise<void> {
    return this.#followed.applied(place, `rule ${ruleId}`);
  }

  #apply({ key, value, partition, offset, timestampMs }: LogRecord): void {
    const change = this.#book.apply({ key: key ?? '', value, partition, offset });
    if (change.kind === 'problem') {
      const { id, message } = change.problem;
      const inForce = change.inForce !== undefined;
      this.#logger.warn({ ruleId: id, partition, offset, inForce }, `a record of rules cannot be read: ${message}`);
    }
    for (const listener of this.#listeners) listener(change, { partition, offset, timestampMs });
  }
}
