import { createHash } from 'node:crypto';
import { backoffMs, pause } from '../base/backoff.ts';
import { failpoint, failpointAmid } from '../base/failpoint.ts';
import { unreachable } from '../base/assert.ts';
import { ClaimLost, type Claim } from '../log/log.ts';
import type { DeliveryOutcome } from '../notice/delivery-record.ts';
import { discordLimits } from '../notice/embed.ts';
import { packMessage, plainMessage } from '../notice/message.ts';
import type { RuleBook } from '../rule/rule-book.ts';
import { discordApiBase, webhookAddress, webhookSecretText, type Webhook } from '../rule/webhook-url.ts';
import { actionFor, bucketWaitMs, type Action } from '../discord/answer.ts';
import { postMsMax, type DiscordClient } from '../discord/discord-client.ts';
import { rememberedMs, type DeliveryLog, type Waiting } from './delivery-log.ts';
import type { SendGate } from './send-gate.ts';

export interface LaneContext {
  readonly claim: Claim;
  /** Aborts when nothing more is to be sent. */
  readonly signal: AbortSignal;
  readonly book: RuleBook;
  readonly client: DiscordClient;
  readonly gate: SendGate;
  readonly deliveries: DeliveryLog;
  readonly apiBase: string | undefined;
  /** Appends a notification anew, under the webhook that its rule has now. */
  readonly reroute: (waiting: Waiting, webhook: Webhook) => Promise<void>;
  /** These are done with, in `deliveries` too. */
  readonly ended: (batch: readonly Waiting[], outcome: DeliveryOutcome) => void;
  readonly answered: (action: Action['kind']) => void;
  /** The webhook cannot be reached, or for a new reason. */
  readonly troubled: (trouble: LaneTrouble) => void;
}

/** What is wrong with a webhook, for health and log: named by hash, never by its URL. */
export interface LaneTrouble {
  readonly webhook: string;
  readonly reason: string;
}

const retry = { firstMs: 1_000, lastMs: 60_000 };
/** A webhook that is gone must not be asked again and again: Discord bans addresses for that. */
const brokenRetry = { firstMs: 60_000, lastMs: 3_600_000 };

/** How the next request differs from a first one. */
interface Sending {
  attempt: number;
  /** The ids of what may have been delivered already: carry exactly these, and say so. */
  repeat: ReadonlySet<string> | undefined;
  plain: boolean;
  failures: number;
}

/**
 * One webhook: what is due to it, in order, one request at a time. A message is made when it may be sent, from whatever is
 * due then. Nothing leaves the lane but with an outcome in `deliveries`.
 */
export class Lane {
  readonly #context: LaneContext;
  readonly #queue: Waiting[] = [];
  readonly webhookId: string;
  #sending: Sending = newSending();
  #notBeforeMs = 0;
  #trouble: LaneTrouble | undefined;
  /** Interrupts a wait: the rule was edited. */
  #hurry = new AbortController();

  constructor(webhookId: string, context: LaneContext) {
    this.webhookId = webhookId;
    this.#context = context;
  }

  get trouble(): LaneTrouble | undefined {
    return this.#trouble;
  }

  get hasWork(): boolean {
    return this.#queue.length > 0;
  }

  /** Whether a new lane would do the same as this one. */
  get isIdle(): boolean {
    return this.#queue.length === 0 && performance.now() >= this.#notBeforeMs;
  }

  push(waiting: Waiting): void {
    this.#queue.push(waiting);
  }

  /** A rule with this webhook was changed: what was wrong may be right now. */
  reconsider(): void {
    if (this.#trouble === undefined) return;
    this.#notBeforeMs = 0;
    this.#hurry.abort();
    this.#hurry = new AbortController();
  }

  /** Sends all that is queued. Resolves when nothing is left, or the signal has aborted. */
  async run(): Promise<void> {
    const { signal } = this.#context;
    while (this.#queue.length > 0 && !signal.aborted) {
      const due = await this.#nextDue();
      if (due === undefined) continue;
      const waitMs = this.#notBeforeMs - performance.now();
      if (waitMs > 0) {
        await pause(waitMs, AbortSignal.any([signal, this.#hurry.signal]));
        continue;
      }
      if (!(await this.#context.gate.enter(signal))) return;
      await this.#send(due.batch, due.webhook);
    }
  }

  /** What the next message carries, and where to; undefined when the first in the queue came to an end without one. */
  async #nextDue(): Promise<{ batch: readonly Waiting[]; webhook: Webhook } | undefined> {
    const first = this.#queue[0]!;
    const { deliveries, book, reroute } = this.#context;
    if (deliveries.hasEnded(first.notification.id, this.webhookId)) return this.#drop([first]);
    if (Date.now() - first.appendedMs > rememberedMs)
      return this.#end([first], { outcome: 'expired', reason: 'older than 24 h' });
    const rule = book.get(first.notification.ruleId);
    if (rule === undefined)
      return this.#end([first], { outcome: 'dead', reason: 'its rule was deleted before it could be delivered' });
    if (rule.webhook.id !== this.webhookId) {
      await reroute(first, rule.webhook);
      return this.#end([first], { outcome: 'rerouted', reason: 'its rule has another webhook now' });
    }
    this.#takeUp();
    const { repeat } = this.#sending;
    const batch =
      repeat === undefined
        ? this.#together(rule.webhook)
        : this.#queue.filter(({ notification }) => repeat.has(notification.id));
    if (batch.length > 0) return { batch, webhook: rule.webhook };
    this.#sending = newSending();
    return undefined;
  }

  /** The first of the queue that go to the same place, as many as a message may carry. */
  #together(webhook: Webhook): Waiting[] {
    const target = targetOf(webhook);
    const batch: Waiting[] = [];
    for (const waiting of this.#queue.slice(0, discordLimits.embeds)) {
      const rule = this.#context.book.get(waiting.notification.ruleId);
      if (rule === undefined || targetOf(rule.webhook) !== target) break;
      batch.push(waiting);
    }
    return batch;
  }

  /** What a former owner was sending when it was last heard of: its request is waited out, then exactly it is repeated. */
  #takeUp(): void {
    const open = this.#context.deliveries.takeOpenAttempt(this.webhookId);
    if (open === undefined) return;
    this.#sending = { ...newSending(), attempt: open.attempt, repeat: open.notificationIds };
    this.#wait(Math.min(postMsMax, Math.max(0, open.deadlineMs - Date.now())));
  }

  async #send(due: readonly Waiting[], webhook: Webhook): Promise<void> {
    const { claim, client, deliveries, apiBase } = this.#context;
    if (this.#notBeforeMs > performance.now()) return;
    const facts = { possibleRepeat: this.#sending.repeat !== undefined, nowMs: Date.now() };
    const notifications = due.map((waiting) => waiting.notification);
    const message = this.#sending.plain ? plainMessage(notifications, facts) : packMessage(notifications, facts);
    const batch = due.slice(0, message.taken);
    const attempt = ++this.#sending.attempt;
    failpoint('notify.before-attempt');
    await deliveries.begin(batch, attempt, Date.now());
    failpoint('notify.before-request');
    // Asked last: nothing at Discord can stop a process that was paused and woke.
    if (!claim.isHeld()) throw new ClaimLost(`partition ${claim.partition} of notifications may have another owner`);
    const request = client.post(
      webhookAddress(webhook, apiBase ?? discordApiBase, { wait: true }),
      JSON.stringify(message.body),
    );
    const answer = await failpointAmid('notify.request-written', request);
    failpoint('notify.after-answer');
    const action = actionFor(answer);
    this.#context.answered(action.kind);
    await this.#act(action, batch, webhook);
    this.#wait(bucketWaitMs(answer, Date.now()));
  }

  async #act(action: Action, batch: readonly Waiting[], webhook: Webhook): Promise<void> {
    const { gate } = this.#context;
    if (action.kind !== 'address_blocked' && action.kind !== 'try_again') gate.open();
    switch (action.kind) {
      case 'delivered':
        this.#trouble = undefined;
        await this.#end(batch, { outcome: 'delivered', messageId: action.messageId });
        return;
      case 'refused_body':
        if (this.#sending.plain) await this.#end(batch, { outcome: 'dead', reason: action.reason });
        else this.#sending.plain = true;
        return;
      case 'webhook_broken':
        this.#fail(webhook, action.reason);
        this.#wait(backoffMs(++this.#sending.failures, brokenRetry, Math.random()));
        return;
      case 'address_blocked':
        this.#fail(
          webhook,
          `${action.reason}: Discord blocks this address for ${Math.round(gate.block(action.waitMs) / 1_000)} s`,
        );
        return;
      case 'rate_limited':
        if (action.everybody) gate.close(action.waitMs);
        else this.#wait(action.waitMs);
        return;
      case 'try_again':
        if (action.ambiguous) this.#sending.repeat = new Set(batch.map(({ notification }) => notification.id));
        this.#fail(webhook, action.reason);
        this.#wait(backoffMs(++this.#sending.failures, retry, Math.random()));
        return;
      default:
        unreachable(action);
    }
  }

  async #end(
    batch: readonly Waiting[],
    end: { outcome: DeliveryOutcome; messageId?: string | undefined; reason?: string },
  ): Promise<undefined> {
    await this.#context.deliveries.end(batch, end, Date.now());
    failpoint('notify.after-outcome');
    return this.#drop(batch, end.outcome);
  }

  #drop(batch: readonly Waiting[], outcome: DeliveryOutcome = 'delivered'): undefined {
    // Mostly the first ones of the queue; those of a repeat may stand behind others.
    if (batch.every((waiting, index) => this.#queue[index] === waiting)) this.#queue.splice(0, batch.length);
    else for (const waiting of batch) this.#queue.splice(this.#queue.indexOf(waiting), 1);
    this.#sending = newSending();
    this.#context.ended(batch, outcome);
  }

  #fail(webhook: Webhook, reason: string): void {
    const hash = createHash('sha256').update(webhookSecretText(webhook)).digest('hex').slice(0, 12);
    const isNews = this.#trouble?.reason !== reason;
    this.#trouble = { webhook: `wh_${hash}`, reason };
    if (isNews) this.#context.troubled(this.#trouble);
  }

  #wait(durationMs: number): void {
    this.#notBeforeMs = Math.max(this.#notBeforeMs, performance.now() + durationMs);
  }
}

function newSending(): Sending {
  return { attempt: 0, repeat: undefined, plain: false, failures: 0 };
}

function targetOf(webhook: Webhook): string {
  return `${webhookSecretText(webhook)}:${webhook.threadId ?? ''}`;
}
