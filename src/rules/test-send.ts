import { randomUUID } from 'node:crypto';
import { notificationOf, type Notification } from '../alarm/notification.ts';
import { Failure } from '../base/failure.ts';
import type { Logger } from '../base/logger.ts';
import type { Meter } from '../base/meter.ts';
import { actionFor } from '../receiver/discord/answer.ts';
import type { Answer } from '../receiver/receiver.ts';
import type { DiscordClient } from '../receiver/discord/client.ts';
import { packMessage } from '../receiver/discord/message.ts';
import { compileRule } from '../rule/condition.ts';
import { parseRule } from '../rule/parse-rule.ts';
import { isRuleId } from '../rule/rule-id.ts';
import { comparisons } from '../rule/comparison.ts';
import type { Rule } from '../rule/rule.ts';
import { discordApiBase, maskedWebhookUrl, parseWebhookUrl, webhookAddress } from '../receiver/discord/address.ts';
import type { TestSendView } from '../wire/webhooks.ts';
import type { RulesView } from './rules-view.ts';
import { webhookName } from '../receiver/discord/webhook-name.ts';

export interface TestSendOptions {
  readonly view: RulesView;
  readonly client: Pick<DiscordClient, 'post'>;
  readonly meter: Meter;
  readonly logger: Logger;
  readonly discordApiBase?: string | undefined;
  /** Milliseconds that never go back. */
  readonly now: () => number;
}

/** Room for a person who tries things out, and none for a program that posts to a channel this way. */
const pauseMs = 10_000;
/** Of one process, to whatever webhooks: wrong tokens tried one after the other would have Discord ban the address. */
const burstMax = 10;
const refillMs = 2_000;

/** What a rule that is being written may not say yet. */
const stillOpen = { metric_name: 'example-metric', threshold: 500 };
const preamble = 'This is a test, nothing has happened. An alarm of this rule looks like this:';

/** Sends test messages: what an alarm of a rule would look like, to the webhook of the rule, with Discord's own answer. */
export class TestSend {
  readonly #options: TestSendOptions;
  /** By a webhook's name: when it was last sent to. */
  readonly #sentMs = new Map<string, number>();
  #left = burstMax;
  #refilledMs: number;
  readonly #count: (result: 'delivered' | 'refused' | 'unanswered') => void;

  constructor(options: TestSendOptions) {
    this.#options = options;
    this.#refilledMs = options.now();
    const tests = options.meter.counter('rule_tests_total', 'Test messages sent, by result', ['result']);
    this.#count = (result) => tests.inc({ result });
  }

  /** Rejects with the Failure `too_many_requests`. */
  ofRule(rule: Rule, subject: string): Promise<TestSendView> {
    return this.#send(notificationOfTest(rule), rule, subject);
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
    const fields = { ...stillOpen, ...this.#withKnownWebhook(input, id) };
    const rule = parseRule(fields, { id, idInInput: 'optional', apiBase: this.#options.discordApiBase });
    const notification = notificationOfTest(rule);
    const isSaved = this.#options.view.book.get(id) !== undefined;
    return this.#send(isSaved ? notification : { ...notification, ruleId: 'not saved yet' }, rule, subject);
  }

  #withKnownWebhook(input: object, id: string): object {
    const saved = this.#options.view.book.get(id);
    if (saved?.webhook === undefined) return input;
    const { discord_webhook_url: url } = input as Partial<Rule>;
    return url === maskedWebhookUrl(saved.webhook)
      ? { ...input, discord_webhook_url: saved.rule.discord_webhook_url }
      : input;
  }

  async #send(notification: Notification, rule: Rule, subject: string): Promise<TestSendView> {
    const { client, now, logger, discordApiBase: apiBase } = this.#options;
    const { discord_webhook_url: url } = rule;
    if (url === undefined)
      throw new Failure('invalid_field', 'discord_webhook_url is missing: only a Discord webhook is tested here');
    const webhook = parseWebhookUrl(url, { apiBase });
    if ('problem' in webhook) throw new Failure('invalid_field', `discord_webhook_url ${webhook.problem}`);
    const name = webhookName(webhook);
    this.#demandPause(name);
    const startMs = now();
    const { body } = packMessage([notification]);
    const address = webhookAddress(webhook, apiBase ?? discordApiBase, { wait: true });
    const answer = await client.post(address, JSON.stringify({ content: preamble, ...body }));
    const result = resultOf(answer, Math.round(now() - startMs));
    this.#count(result.delivered ? 'delivered' : result.status === null ? 'unanswered' : 'refused');
    const { delivered, status, reason } = result;
    logger.info({ webhook: name, subject, delivered, status, reason }, 'a test message was sent');
    return result;
  }

  /** Throws the Failure `too_many_requests`, or takes the turn. */
  #demandPause(name: string): void {
    const nowMs = this.#options.now();
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

/** An alarm of the rule as it might come: a value somewhat past the threshold, just now. */
function notificationOfTest(rule: Rule): Notification {
  const { metricName, tags, threshold, operator, forMs } = compileRule(rule);
  const distance = Math.max(1, Math.abs(threshold) / 50);
  // Without the long tails that sums of fractions have.
  const x = Number(comparisons[operator].past(threshold, distance).toPrecision(6));
  const timeMs = Date.now();
  return notificationOf(
    {
      id: randomUUID(),
      kind: 'fired',
      alarmId: randomUUID(),
      x: Number.isFinite(x) ? x : threshold,
      cause: 'breach',
      timeMs,
      sinceMs: timeMs - forMs,
      sample: { partition: 0, offset: 0, timestampMs: timeMs },
      owed: false,
    },
    { rule, partition: 0, offset: 0 },
    { name: metricName, tags },
  );
}

function resultOf(answer: Answer, tookMs: number): TestSendView {
  const action = actionFor(answer);
  const status = answer.kind === 'answered' ? answer.status : null;
  if (action.kind === 'delivered') return { delivered: true, status, took_ms: tookMs };
  return { delivered: false, status, took_ms: tookMs, reason: reasonOf(answer, action.reason) };
}

function reasonOf(answer: Answer, said: string): string {
  if (answer.kind === 'not_sent') return `Discord could not be reached: ${said}`;
  if (answer.kind === 'ambiguous') return `Discord did not answer, so the message may have arrived or not: ${said}`;
  // The status stands beside it.
  const words = said.replace(/^\d{3}:? */, '');
  return words === '' ? `Discord answered ${answer.status} and gave no reason` : words;
}
