import { randomUUID } from 'node:crypto';
import { notificationOf, type Notification } from '../alarm/notification.ts';
import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import type { Logger } from '../base/logger.ts';
import type { Meter } from '../base/meter.ts';
import { verdictOn } from '../receiver/discord/answer.ts';
import { destinationOf, type Answer, type Destination } from '../receiver/receiver.ts';
import type { ReceiverConfig } from '../receiver/receiver-config.ts';
import type { ReceiverOptions } from '../receiver/receiver-kind.ts';
import { receiverKindSpecs } from '../receiver/receiver-kinds.ts';
import { destinationOfConfig, type Receivers } from '../receiver/receivers.ts';
import { compileRule, isInBreach } from '../rule/condition.ts';
import { exampleTags } from '../rule/matcher.ts';
import { parseRule } from '../rule/parse-rule.ts';
import { isRuleId } from '../rule/rule-id.ts';
import { comparisons } from '../rule/comparison.ts';
import { ruleFields } from '../rule/rule-fields.ts';
import type { Rule } from '../rule/rule.ts';
import { maskedWebhookUrl, parseWebhookUrl } from '../receiver/discord/address.ts';
import type { TestSendView } from '../wire/webhooks.ts';
import type { RulesView } from './rules-view.ts';

export interface TestSendOptions extends ReceiverOptions {
  readonly view: RulesView;
  readonly receivers: Receivers;
  readonly meter: Meter;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Room for a person who tries things out, and none for a program that posts to a channel this way. */
const pauseMs = 10_000;
/** Per process, over all webhooks: trying wrong tokens one after another would make Discord ban the address. */
const burstMax = 10;
const refillMs = 2_000;
/**
 * Test messages in ten minutes that Discord may refuse, of one process: too many invalid answers bring a ban of the address, which would
 * stop alarms, too. What the notifier may have is in receiver/discord/limits.ts.
 */
const invalidMax = 10;
const invalidWindowMs = 10 * 60_000;

/** A draft may not have a metric yet. */
function completed(input: object): object {
  const hasCondition = ruleFields.threshold.requiredUnless.fields.some((field) => Object.hasOwn(input, field));
  return { metric_name: 'example-metric', ...(!hasCondition && { threshold: 500 }), ...input };
}

/** Sends test messages, which look like an alarm, to the webhook of a rule or to a receiver, and returns the answer. */
export class TestSend {
  readonly #options: TestSendOptions;
  /** By a webhook's name: when it was last sent to. */
  readonly #sentMs = new Map<string, number>();
  /** When tests that Discord refused were sent, and those under way. */
  readonly #invalid = new Set<{ readonly atMs: number }>();
  #left = burstMax;
  #refilledMs: number;
  readonly #count: (result: 'delivered' | 'refused' | 'unanswered') => void;

  constructor(options: TestSendOptions) {
    this.#options = options;
    this.#refilledMs = options.clock.monotonicMs();
    const tests = options.meter.counter('rule_tests_total', 'Test messages sent, by result', ['result']);
    this.#count = (result) => tests.inc({ result });
  }

  /** Rejects with the Failure `too_many_requests`. */
  ofRule(rule: Rule, subject: string): Promise<TestSendView> {
    return this.#send(this.#notificationOf(rule), this.#webhookOf(rule), subject);
  }

  /**
   * Of a rule that is not saved, or saved otherwise: what it does not say yet is made up. Throws as parseRule does. With the id
   * of a rule, the masked URL that its readers are shown means the one that it has.
   */
  ofDraft(input: unknown, subject: string): Promise<TestSendView> {
    if (typeof input !== 'object' || input === null || Array.isArray(input))
      throw new Failure('invalid_request', 'a rule must be a JSON object');
    const { id: given } = input as { id?: unknown };
    const id = typeof given === 'string' && isRuleId(given) ? given : randomUUID();
    const fields = completed(this.#withKnownWebhook(input, id));
    const rule = parseRule(fields, { id, idInInput: 'optional', apiBase: this.#options.discordApiBase });
    const notification = this.#notificationOf(rule);
    const isSaved = this.#options.view.book.get(id) !== undefined;
    return this.#send(
      isSaved ? notification : { ...notification, ruleId: 'not saved yet' },
      this.#webhookOf(rule),
      subject,
    );
  }

  /** Rejects with the Failure `too_many_requests`. */
  async ofReceiver(config: ReceiverConfig, subject: string): Promise<TestSendView> {
    const { receivers, discordApiBase, webhookAllow } = this.#options;
    const destination = destinationOfConfig(receivers, config, { discordApiBase, webhookAllow });
    if ('problem' in destination) throw new Failure('invalid_field', `address ${destination.problem}`);
    const rule = parseRule(completed({ notify: [config.name] }), { id: randomUUID(), idInInput: 'optional' });
    return this.#send({ ...this.#notificationOf(rule), ruleId: 'none, this is a test' }, destination, subject);
  }

  #notificationOf(rule: Rule): Notification {
    return notificationOfTest(rule, this.#options.clock.wallMs());
  }

  #withKnownWebhook(input: object, id: string): object {
    const saved = this.#options.view.book.get(id);
    if (saved?.webhook === undefined) return input;
    const { discord_webhook_url: url } = input as Partial<Rule>;
    return url === maskedWebhookUrl(saved.webhook)
      ? { ...input, discord_webhook_url: saved.rule.discord_webhook_url }
      : input;
  }

  #webhookOf(rule: Rule): Destination {
    const { receivers, discordApiBase: apiBase } = this.#options;
    const { discord_webhook_url: url } = rule;
    if (url === undefined)
      throw new Failure('invalid_field', 'discord_webhook_url is missing: test its receivers one by one instead');
    const webhook = parseWebhookUrl(url, { apiBase });
    if ('problem' in webhook) throw new Failure('invalid_field', `discord_webhook_url ${webhook.problem}`);
    return destinationOf(receivers.discord, webhook);
  }

  async #send(notification: Notification, destination: Destination, subject: string): Promise<TestSendView> {
    const { clock, logger } = this.#options;
    const { name } = destination;
    const isOfDiscord = destination.kind === 'discord';
    if (isOfDiscord) this.#demandRoom();
    this.#demandPause(name);
    const startMs = clock.monotonicMs();
    const message = destination.pack([notification], { isTest: true, nowMs: clock.wallMs() }, 'full');
    const underWay = { atMs: startMs };
    if (isOfDiscord) this.#invalid.add(underWay);
    const answer = await destination.request({ act: 'send', message, idempotencyKey: notification.id });
    const verdict = verdictOn(answer);
    if (verdict !== 'refused' && verdict !== 'invalid') this.#invalid.delete(underWay);
    const result = resultOf(answer, destination, {
      tookMs: Math.round(clock.monotonicMs() - startMs),
      nowMs: clock.wallMs(),
    });
    this.#count(result.delivered ? 'delivered' : result.status === null ? 'unanswered' : 'refused');
    const { delivered, status, reason } = result;
    logger.info({ webhook: name, subject, delivered, status, reason }, 'a test message was sent');
    return result;
  }

  /** Throws the Failure `too_many_requests` when so many were refused that more might have Discord ban the address. */
  #demandRoom(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const one of this.#invalid) if (nowMs - one.atMs >= invalidWindowMs) this.#invalid.delete(one);
    const [oldest] = this.#invalid;
    if (oldest === undefined || this.#invalid.size < invalidMax) return;
    const detail = `Discord refused ${invalidMax} test messages in 10 min, and bans addresses that go on: wait before the next one`;
    throw tooMany(detail, oldest.atMs + invalidWindowMs - nowMs);
  }

  /** Throws the Failure `too_many_requests`, or takes the turn. */
  #demandPause(name: string): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const [other, sentMs] of this.#sentMs) {
      if (nowMs - sentMs < pauseMs) break;
      this.#sentMs.delete(other);
    }
    const sentMs = this.#sentMs.get(name);
    if (sentMs !== undefined) {
      const detail = `a test message was sent to the webhook ${name} less than ${pauseMs / 1_000} s ago, which is the least time between two`;
      throw tooMany(detail, sentMs + pauseMs - nowMs);
    }
    const refilled = Math.floor((nowMs - this.#refilledMs) / refillMs);
    this.#left = Math.min(burstMax, this.#left + refilled);
    this.#refilledMs += refilled * refillMs;
    if (this.#left === 0) {
      const detail = `more than ${burstMax} test messages were sent at once: one may follow every ${refillMs / 1_000} s`;
      throw tooMany(detail, this.#refilledMs + refillMs - nowMs);
    }
    this.#left -= 1;
    this.#sentMs.set(name, nowMs);
  }
}

function tooMany(detail: string, waitMs: number): Failure {
  return new Failure('too_many_requests', detail, { retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1_000)) });
}

/** An alarm of the rule as it might come: a value somewhat past the threshold, just now, or no data. */
function notificationOfTest(rule: Rule, timeMs: number): Notification {
  const { metricName, tags, forMs } = compileRule(rule);
  const x = exampleValue(rule);
  const notification = notificationOf(
    randomUUID(),
    {
      kind: x === undefined ? 'no_data' : 'fired',
      alarmId: randomUUID(),
      x,
      cause: x === undefined ? 'no_data' : 'breach',
      level: rule.levels === undefined || x === undefined ? undefined : 1,
      timeMs,
      sinceMs: timeMs - forMs,
      sample: { partition: 0, offset: 0, timestampMs: timeMs },
      ordinal: 0,
      message: true,
      deferred: false,
      isPast: false,
    },
    { rule, partition: 0, offset: 0 },
    { name: metricName, tags: exampleTags(tags) },
  );
  assert(notification.message, 'a message is sent of what fired');
  return notification;
}

/** A value in breach; undefined of a rule about absence alone. */
function exampleValue(rule: Rule): number | undefined {
  const { operator, threshold } = compileRule(rule);
  if (threshold === undefined) return undefined;
  // Without the long tails that sums of fractions have.
  const past = comparisons[operator].past(threshold, Math.max(1, Math.abs(threshold) / 50));
  const rounded = Number(past.toPrecision(6));
  const x = isInBreach(rule, rounded) ? rounded : past;
  return Number.isFinite(x) ? x : threshold;
}

function resultOf(
  answer: Answer,
  destination: Destination,
  { tookMs, nowMs }: { readonly tookMs: number; readonly nowMs: number },
): TestSendView {
  const action = destination.actionFor(answer, nowMs);
  const status = answer.kind === 'answered' ? answer.status : null;
  if (action.kind === 'delivered') return { delivered: true, status, took_ms: tookMs };
  return {
    delivered: false,
    status,
    took_ms: tookMs,
    reason: reasonOf(answer, action.reason, receiverKindSpecs[destination.kind].label),
  };
}

function reasonOf(answer: Answer, said: string, who: string): string {
  if (answer.kind === 'not_sent') return `${who} could not be reached: ${said}`;
  if (answer.kind === 'ambiguous') return `${who} did not answer, so the message may have arrived or not: ${said}`;
  // The status stands beside it.
  const words = said.replace(/^\d{3}:? */, '');
  return words === '' ? `${who} answered ${answer.status} and gave no reason` : words;
}
