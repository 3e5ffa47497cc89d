import type { Clock } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import type { Logger } from '../base/logger.ts';
import { OneAtATime } from '../base/one-at-a-time.ts';
import type { Log, Place } from '../log/log.ts';
import type { ReceiverEntry } from '../receiver/receiver-book.ts';
import {
  formatReceiverConfig,
  parseReceiverConfig,
  shownReceiver,
  type ReceiverConfig,
} from '../receiver/receiver-config.ts';
import type { ReceiverOptions } from '../receiver/receiver-kind.ts';
import { topics } from '../topics.ts';
import type { AuditAction } from '../audit/audit-record.ts';
import { appendInTime } from './append-in-time.ts';
import type { AuditLog } from './audit-log.ts';
import { demandMatch, entityTag, type Change } from './if-match.ts';
import type { ReceiversView } from './receivers-view.ts';
import type { RulesView } from './rules-view.ts';
import { receiversOf } from '../rule/rule-level.ts';

export interface ReceiverChangesOptions extends ReceiverOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly receivers: ReceiversView;
  readonly rules: RulesView;
  readonly audit: AuditLog;
  readonly logger: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Who changes which version of a receiver. */
interface ReceiverOrder extends Change {
  readonly name: string;
}

export interface StoredReceiver {
  readonly config: ReceiverConfig;
  readonly place: Place;
  readonly isNew: boolean;
}

/** Rules that a refusal names. */
const rulesNamedMax = 3;
/** A system has few; each is in the memory of every instance. */
const receiversMax = 10_000;

/**
 * Writes receivers to the log: the only writer. A change resolves when it is durable and this instance's view shows it.
 * Rejects with the Failure `unavailable` when the log cannot be had: the change may then have been made, or not.
 */
export class ReceiverChanges {
  readonly #options: ReceiverChangesOptions;
  readonly #turns = new OneAtATime();

  constructor(options: ReceiverChangesOptions) {
    this.#options = options;
  }

  /** Creates or replaces. Rejects with the Failures of `parseReceiverConfig`, `changed_meanwhile` and `limit_reached` too. */
  put(input: unknown, { name, subject, ifMatch }: ReceiverOrder): Promise<StoredReceiver> {
    return this.#turns.run(name, async () => {
      const { book } = this.#options.receivers;
      const current = book.get(name);
      demandMatch(ifMatch, current, 'receiver');
      if (current === undefined && book.size >= receiversMax)
        throw new Failure('limit_reached', `there are ${book.size} receivers, and there may be ${receiversMax}`);
      const { discordApiBase, webhookAllow } = this.#options;
      const given = withKeptSecrets(input, current);
      const config = parseReceiverConfig(given, { name, unknownFields: 'refused', discordApiBase, webhookAllow });
      const action = current === undefined ? 'created' : 'replaced';
      const place = await this.#write({ name, subject, action }, config);
      return { config, place, isNew: current === undefined };
    });
  }

  /** Rejects with the Failures `not_found`, `changed_meanwhile` and, when a rule names it, `in_use` too. */
  remove({ name, subject, ifMatch }: ReceiverOrder): Promise<void> {
    return this.#turns.run(name, async () => {
      const { book } = this.#options.receivers;
      const current = book.get(name);
      const isUnreadable = current === undefined && book.problems().some((problem) => problem.name === name);
      if (current === undefined && !isUnreadable) throw noReceiver(name);
      demandMatch(ifMatch, current, 'receiver');
      this.#demandUnused(name);
      await this.#write({ name, subject, action: 'deleted' }, null);
    });
  }

  #demandUnused(name: string): void {
    const users: string[] = [];
    let count = 0;
    for (const { rule } of this.#options.rules.book) {
      if (!receiversOf(rule).includes(name)) continue;
      count++;
      if (users.length < rulesNamedMax) users.push(rule.id);
    }
    if (count === 0) return;
    const more = count > users.length ? ` and ${count - users.length} more` : '';
    throw new Failure('in_use', `receiver ${name} is named by the rules ${users.join(', ')}${more}: change them first`);
  }

  async #write(change: ReceiverChange, config: ReceiverConfig | null): Promise<Place> {
    const { receivers, audit, logger, now } = this.#options;
    const value = config === null ? null : Buffer.from(formatReceiverConfig(config));
    const before = receivers.book.get(change.name)?.config;
    const record = { key: Buffer.from(change.name), value, timestampMs: now() };
    const [place] = await appendInTime(this.#options, topics.receivers.name, [record]).catch((error: unknown) => {
      if (error instanceof Failure)
        logger.warn({ receiver: change.name, reason: error.message }, 'a receiver could not be written');
      throw error;
    });
    const { name, subject, action } = change;
    logger.info({ receiver: name, subject, version: entityTag(place!) }, `a receiver was ${action}`);
    await receivers.applied(place!, name);
    await audit.write({
      timeMs: record.timestampMs,
      author: subject,
      kind: 'receiver',
      id: name,
      action,
      version: entityTag(place!),
      before: before === undefined ? null : shownReceiver(before),
      after: config === null ? null : shownReceiver(config),
    });
    return place!;
  }
}

interface ReceiverChange {
  readonly name: string;
  readonly subject: string;
  readonly action: AuditAction;
}

export function noReceiver(name: string): Failure {
  return new Failure('not_found', `there is no receiver ${JSON.stringify(name.slice(0, 80))}`);
}

/** Secrets are never read back: a masked address, or a secret that is left out, means the one that is there. */
function withKeptSecrets(input: unknown, current: ReceiverEntry | undefined): unknown {
  if (current === undefined || typeof input !== 'object' || input === null || Array.isArray(input)) return input;
  const { config } = current;
  const given = input as { kind?: unknown; address?: unknown; secret?: unknown };
  // Another kind has other secrets.
  if (given.kind !== config.kind) return input;
  const isKept = given.address === undefined || given.address === shownReceiver(config).address;
  return {
    ...input,
    ...(isKept && { address: config.address }),
    ...(given.secret === undefined && config.secret !== undefined && { secret: config.secret }),
  };
}
