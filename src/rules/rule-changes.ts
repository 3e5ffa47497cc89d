import { randomUUID } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { Failure, fieldsFailure, shown, type FieldError } from '../base/failure.ts';
import type { Logger } from '../base/logger.ts';
import type { Meter } from '../base/meter.ts';
import type { Log, Place } from '../log/log.ts';
import { parseRule } from '../rule/parse-rule.ts';
import type { RuleEntry } from '../rule/rule-list.ts';
import { formatRule, type Rule } from '../rule/rule.ts';
import { maskedWebhookUrl } from '../receiver/discord/address.ts';
import { topics } from '../topics.ts';
import { appendInTime } from './append-in-time.ts';
import { OneAtATime } from '../base/one-at-a-time.ts';
import { maskedRule } from '../rule/masked-rule.ts';
import type { AuditAction } from '../audit/audit-record.ts';
import type { AuditLog } from './audit-log.ts';
import { demandMatch, entityTag, type Change } from './if-match.ts';
import { nameIn, nameTaken, ruleIdOfName, withName } from './named-rule.ts';
import type { ReceiversView } from './receivers-view.ts';
import type { RulesView } from './rules-view.ts';

export interface RuleChangesOptions {
  readonly log: Log;
  readonly view: RulesView;
  readonly receivers: ReceiversView;
  readonly audit: AuditLog;
  readonly meter: Meter;
  readonly logger: Logger;
  readonly discordApiBase?: string | undefined;
  readonly rulesPerMetricMax: number;
  readonly clock: Clock;
  /** Milliseconds since the epoch: the time of an edit, which is when it ends alarms. */
  readonly now: () => number;
}

/** Receivers that a refusal names. */
const receiversNamedMax = 10;

/** Who changes which version of a rule. */
export interface ChangeOrder extends Change {
  readonly id: string;
}

/** A rule, its text, and the place of its record, which is its version. */
export interface StoredRule {
  readonly rule: Rule;
  readonly text: string;
  readonly place: Place;
}

/**
 * Writes rules to the log: the only writer there is. A change resolves when it is durable and this instance's view shows
 * it. Rejects with the Failure `unavailable` when the log cannot be had: the change may then have been made, or not.
 *
 * Changes of one rule take turns, each seeing the one before, so of two with the same If-Match one is refused. That holds
 * for one instance. Two instances know nothing of each other: when both get such a change before either has seen the
 * other's record, both accept, and the record that the log has last wins.
 */
export class RuleChanges {
  readonly #options: RuleChangesOptions;
  readonly #turns = new OneAtATime();
  /** By the name that a change gives its rule; it is taken before the turn of the rule's id. */
  readonly #nameTurns = new OneAtATime();
  readonly #count: (action: string) => void;

  constructor(options: RuleChangesOptions) {
    this.#options = options;
    const changes = options.meter.counter('rule_changes_total', 'Rules created, replaced and deleted', ['action']);
    this.#count = (action) => changes.inc({ action });
  }

  /** Rejects with the Failures `conflict` and `limit_reached` too. */
  create(input: unknown, subject: string): Promise<StoredRule> {
    return this.#inTurnOfName(nameIn(input), async () => {
      // Throws 503 until all rules have been read.
      void this.#options.view.book;
      const id = randomUUID();
      const rule = parseRule(input, { id, idInInput: 'refused', apiBase: this.#options.discordApiBase });
      this.#demandReceivers(rule);
      this.#demandName(rule);
      this.#demandRoom(rule.metric_name);
      return this.#store({ id, subject, action: 'created' }, rule);
    });
  }

  /** Rejects with the Failures `not_found`, `changed_meanwhile`, `conflict` and `limit_reached` too. */
  replace(input: unknown, order: ChangeOrder): Promise<StoredRule> {
    return this.#inTurnOfName(nameIn(input), () => this.#replace(input, order));
  }

  /** Replaces the rule, or makes it under this id where there is none. Rejects as `replace` does, but for `not_found`. */
  put(input: unknown, order: ChangeOrder): Promise<StoredRule> {
    return this.#inTurnOfName(nameIn(input), () =>
      this.#options.view.book.get(order.id) === undefined ? this.#make(input, order) : this.#replace(input, order),
    );
  }

  /** Replaces the rule with a name, or makes it. Rejects as `put` does, with `conflict` also where several rules have the name. */
  putByName(
    input: unknown,
    { name, ...change }: Change & { readonly name: string },
  ): Promise<StoredRule & { readonly isNew: boolean }> {
    return this.#nameTurns.run(name, async () => {
      const { book } = this.#options.view;
      const named = withName(input, name);
      const [current, ...others] = book.named(name);
      if (others.length > 0) throw nameTaken(name, book.named(name).map(idOf));
      if (current !== undefined) {
        return { ...(await this.#replace(named, { ...change, id: current.rule.id })), isNew: false };
      }
      if (change.ifMatch !== undefined) {
        const detail = `no rule has the name ${shown(name)}, and If-Match demands one: leave it out to make the rule`;
        throw new Failure('changed_meanwhile', detail);
      }
      const id = ruleIdOfName(name);
      const isTaken = book.get(id) !== undefined;
      return { ...(await this.#make(named, { ...change, id: isTaken ? randomUUID() : id })), isNew: true };
    });
  }

  #replace(input: unknown, order: ChangeOrder): Promise<StoredRule> {
    return this.#turns.run(order.id, async () => {
      const current = this.#options.view.book.get(order.id);
      if (current === undefined) throw noRule(order.id);
      demandMatch(order.ifMatch, current, 'rule');
      const rule = this.parse(input, order.id);
      if (rule.metric_name !== current.rule.metric_name) this.#demandRoom(rule.metric_name);
      return this.#store({ id: order.id, subject: order.subject, action: 'replaced' }, rule);
    });
  }

  #make(input: unknown, { id, subject }: ChangeOrder): Promise<StoredRule> {
    return this.#turns.run(id, async () => {
      const rule = this.parse(input, id);
      this.#demandRoom(rule.metric_name);
      return this.#store({ id, subject, action: 'created' }, rule);
    });
  }

  #inTurnOfName<Result>(name: string | undefined, work: () => Promise<Result>): Promise<Result> {
    return name === undefined ? work() : this.#nameTurns.run(name, work);
  }

  /** The rule that an input would be, a webhook's masked URL standing for the one that is there. Throws its Failure. */
  parse(input: unknown, id: string): Rule {
    const current = this.#options.view.book.get(id);
    const options = { id, idInInput: 'optional', apiBase: this.#options.discordApiBase } as const;
    const rule = parseRule(current === undefined ? input : withKeptWebhook(input, current), options);
    this.#demandReceivers(rule);
    // Of two rules that share a name each can be changed all the same.
    if (rule.name !== current?.rule.name) this.#demandName(rule);
    return rule;
  }

  /** Rejects with the Failures `not_found` and `changed_meanwhile` too. */
  remove(order: ChangeOrder): Promise<void> {
    return this.#turns.run(order.id, async () => {
      const { book } = this.#options.view;
      const current = book.get(order.id);
      // A rule without a readable record is not listed, but can be deleted by its id, which /health names.
      const unreadable = current === undefined && book.problems().some((problem) => problem.id === order.id);
      if (current === undefined && !unreadable) throw noRule(order.id);
      demandMatch(order.ifMatch, current, 'rule');
      await this.#write({ id: order.id, subject: order.subject, action: 'deleted' }, null);
    });
  }

  /**
   * Writes a rule as it is once more: an edit that changes nothing but the version, for those who act on edits. A rule that is
   * gone is left gone.
   */
  rewrite(id: string, subject: string): Promise<void> {
    return this.#turns.run(id, async () => {
      const current = this.#options.view.book.get(id);
      if (current !== undefined) await this.#write({ id, subject, action: 'rewritten' }, formatRule(current.rule));
    });
  }

  /** Throws the Failure `invalid_field` when the rule names a receiver that is not there. */
  #demandReceivers({ notify = [] }: Rule): void {
    const { book } = this.#options.receivers;
    const errors = notify.flatMap((name, index): FieldError[] => {
      if (book.get(name) !== undefined) return [];
      const known = [...book].map(({ config }) => config.name).slice(0, receiversNamedMax);
      const there = known.length === 0 ? 'there are none yet' : `there are ${known.join(', ')}`;
      const message = `notify.${index} must be the name of a receiver, not ${JSON.stringify(name)}: ${there}`;
      return [{ field: `notify.${index}`, code: 'invalid_field', message }];
    });
    if (errors.length > 0) throw fieldsFailure(errors);
  }

  /** Throws the Failure `conflict` when another rule has the name, as far as this instance has seen. */
  #demandName({ id, name }: Rule): void {
    if (name === undefined) return;
    const others = this.#options.view.book
      .named(name)
      .map(idOf)
      .filter((other) => other !== id);
    if (others.length > 0) throw nameTaken(name, others);
  }

  /** By this instance's view: two instances that add rules to one metric at once may exceed the limit a little. */
  #demandRoom(metricName: string): void {
    const { view, rulesPerMetricMax } = this.#options;
    const { size } = view.book.byMetric(metricName);
    if (size < rulesPerMetricMax) return;
    const message = `metric_name: ${JSON.stringify(metricName)} has ${size} rules, and a metric may have ${rulesPerMetricMax}`;
    throw new Failure('limit_reached', message, { errors: [{ field: 'metric_name', code: 'limit_reached', message }] });
  }

  async #store(change: RuleChange, rule: Rule): Promise<StoredRule> {
    const text = formatRule(rule);
    return { rule, text, place: await this.#write(change, text) };
  }

  async #write(change: RuleChange, text: string | null): Promise<Place> {
    const { view, audit, logger, now } = this.#options;
    const record = { key: Buffer.from(change.id), value: text === null ? null : Buffer.from(text), timestampMs: now() };
    const before = shownEntry(view.book.get(change.id));
    const [place] = await appendInTime(this.#options, topics.rules.name, [record]).catch((error: unknown) => {
      if (error instanceof Failure)
        logger.warn({ ruleId: change.id, reason: error.message }, 'a rule could not be written');
      throw error;
    });
    this.#count(change.action);
    logger.info(
      { ruleId: change.id, subject: change.subject, version: entityTag(place!) },
      `a rule was ${change.action}`,
    );
    await view.applied(place!, change.id);
    await audit.write({
      timeMs: record.timestampMs,
      author: change.subject,
      kind: 'rule',
      id: change.id,
      action: change.action,
      version: entityTag(place!),
      before,
      after: text === null ? null : shownEntry(view.book.get(change.id)),
    });
    return place!;
  }
}

interface RuleChange {
  readonly id: string;
  readonly subject: string;
  readonly action: AuditAction;
}

const idOf = ({ rule }: RuleEntry): string => rule.id;

function shownEntry(entry: RuleEntry | undefined): Rule | null {
  return entry === undefined ? null : maskedRule(entry);
}

export function noRule(id: string): Failure {
  return new Failure('not_found', `there is no rule ${JSON.stringify(id.slice(0, 80))}`);
}

/** A masked URL that is sent back means the one that is there. */
function withKeptWebhook(input: unknown, current: RuleEntry): unknown {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return input;
  const { discord_webhook_url: given } = input as Partial<Rule>;
  if (current.webhook === undefined || given !== maskedWebhookUrl(current.webhook)) return input;
  return { ...input, discord_webhook_url: current.rule.discord_webhook_url };
}
