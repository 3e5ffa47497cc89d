import { unreachable } from '../base/assert.ts';
import { failpoint, failpointAmid } from '../base/failpoint.ts';
import { aborted } from '../base/service.ts';
import { actionFor, bucketWaitMs, type Answer } from '../discord/answer.ts';
import { postMsMax } from '../discord/discord-client.ts';
import { ClaimLost } from '../log/log.ts';
import type { SendingFacts } from '../notice/embed.ts';
import type { Message } from '../notice/message.ts';
import { discordApiBase, webhookAddress, webhookSecretText, type Webhook } from '../rule/webhook-url.ts';
import { beginMsMax, type Ending, type Waiting } from './delivery-log.ts';
import { Doubt, undouble } from './doubt.ts';
import type { LaneContext, LaneTrouble } from './lane-context.ts';
import { LaneQueue } from './lane-queue.ts';
import { Packer } from './packer.ts';
import { webhookName } from '../discord/webhook-name.ts';
import { Untaken } from './untaken.ts';
import type { WebhookPace } from './schedule/webhook-pace.ts';
import { verdictOn, type Verdict } from './verdict.ts';

/** How the next request differs from a first one. */
interface Sending {
  attempt: number;
  /** The ids of what may have been delivered already: carry exactly these, and say so. */
  repeat: Set<string> | undefined;
  plain: boolean;
}

/** How long a lane waits before it looks again at a rule whose change is on the way. */
const lookAgainMs = 250;
/** More are not looked at for one message: a storm's list has room for fewer. */
const batchMax = 100;
/** By its clock the former owner's wait ends then; the clocks may differ. */
const heldMsMax = 60_000;

/**
 * One webhook: what is due to it, in order, one request at a time. A message is made when it may be sent, from whatever is
 * due then. Nothing leaves the lane but with an outcome in `deliveries`.
 */
export class Lane {
  readonly #context: LaneContext;
  readonly queue = new LaneQueue();
  readonly webhookId: string;
  readonly #pace: WebhookPace;
  readonly #packer = new Packer();
  #sending: Sending = newSending();
  #doubt: Doubt | undefined;
  readonly #untaken = new Untaken(this.queue);
  #trouble: LaneTrouble | undefined;
  /** Interrupts a wait: a rule was edited, or a late answer came. */
  #hurry = new AbortController();

  constructor(webhookId: string, context: LaneContext) {
    this.webhookId = webhookId;
    this.#context = context;
    this.#pace = context.gate.paceOf(webhookId);
  }

  get trouble(): LaneTrouble | undefined {
    return this.#trouble;
  }

  /** A rule with this webhook was changed: what was wrong may be right now. */
  reconsider(): void {
    this.#hurry.abort();
    this.#hurry = new AbortController();
  }

  /** Sends all that is queued. Resolves when nothing is left, or the signal has aborted and what came to nothing is withdrawn. */
  async run(): Promise<void> {
    await this.#sendAll();
    if (this.#context.signal.aborted) await this.#untaken.withdraw(this.#context, this.#pace);
  }

  async #sendAll(): Promise<void> {
    const { signal, clock, gate } = this.#context;
    while (this.queue.size > 0 && !signal.aborted) {
      await this.#takeUp();
      if (signal.aborted) return;
      const due = await this.#nextDue();
      if (due === undefined) continue;
      const waitMs = this.#pace.waitMs(clock.monotonicMs());
      if (waitMs > 0) {
        await this.#pause(waitMs);
        continue;
      }
      if (!(await gate.enter(signal, () => this.queue.size))) return;
      // What it is told while it waited at the gate counts.
      const batch = await this.#nextDue();
      if (batch === undefined || this.#pace.waitMs(clock.monotonicMs()) > 0) gate.unused();
      else await this.#send(batch);
    }
  }

  /** What the next message may carry, and where to; undefined when the first in the queue came to an end without one. */
  async #nextDue(): Promise<{ batch: readonly Waiting[]; webhook: Webhook } | undefined> {
    const first = this.#first();
    if (first === undefined) return undefined;
    if (this.#doubt?.lateMessageId !== undefined && this.#sending.repeat !== undefined)
      return this.#believe(this.#doubt);
    const { deliveries, reroute, parked } = this.#context;
    if (deliveries.hasEnded(first.notification.id, this.webhookId, first.offset)) return this.#drop([first]);
    const verdict = this.#verdictOn(first);
    switch (verdict.kind) {
      case 'wait':
        await this.#pause(lookAgainMs);
        return undefined;
      case 'expired':
      case 'dead':
        return this.#end([{ waiting: first, outcome: verdict.kind, reason: verdict.reason }]);
      case 'rerouted':
        this.queue.letGo(first);
        await reroute(first, verdict.webhook);
        return this.#end([
          {
            waiting: first,
            outcome: 'rerouted',
            reason: 'its rule has another webhook now',
            possibleRepeat: this.#isDoubtful(first),
          },
        ]);
      case 'send': {
        if (parked.isParked(this.webhookId, verdict.webhook)) return this.#parkAll(verdict.webhook);
        return { batch: this.#together(verdict.webhook), webhook: verdict.webhook };
      }
      default:
        return unreachable(verdict);
    }
  }

  /** The first in the queue; while there is a repeat to be made, the first of that. */
  #first(): Waiting | undefined {
    const { repeat } = this.#sending;
    if (repeat === undefined) return this.queue.oldest;
    const first = this.queue.firstOf(repeat);
    if (first !== undefined) return first;
    this.#sending = newSending();
    return this.queue.oldest;
  }

  /** Those in the queue that go to the same place, from the first on; of a repeat exactly its own. */
  #together(webhook: Webhook): Waiting[] {
    const target = targetOf(webhook);
    const batch: Waiting[] = [];
    const { repeat } = this.#sending;
    for (const waiting of this.queue) {
      if (batch.length === batchMax) break;
      if (repeat !== undefined && !repeat.has(waiting.notification.id)) continue;
      const verdict = this.#verdictOn(waiting);
      if (verdict.kind === 'send' && targetOf(verdict.webhook) === target) batch.push(waiting);
      else if (repeat === undefined) break;
    }
    return batch;
  }

  #verdictOn(waiting: Waiting): Verdict {
    const { book, clock } = this.#context;
    return verdictOn(waiting, book, clock.wallMs());
  }

  /** What a former owner was sending when it was last heard of: its request is waited out, then exactly it is repeated. */
  async #takeUp(): Promise<void> {
    const { deliveries, clock, signal, caughtUp } = this.#context;
    const heldMs = deliveries.takeHold(this.webhookId) - clock.wallMs();
    if (heldMs > 0) this.#pace.holdUntil(clock.monotonicMs() + Math.min(heldMs, heldMsMax));
    const open = deliveries.takeOpenAttempt(this.webhookId);
    if (open === undefined) return;
    if (open.notificationIds.size > 0)
      this.#sending = { ...newSending(), attempt: open.attempt, repeat: open.notificationIds };
    const leftMs = Math.min(beginMsMax + postMsMax, Math.max(0, open.deadlineMs - clock.wallMs()));
    this.#pace.holdUntil(clock.monotonicMs() + leftMs);
    await Promise.race([caughtUp(), aborted(signal)]);
  }

  async #send({ batch: due, webhook }: { batch: readonly Waiting[]; webhook: Webhook }): Promise<void> {
    const { clock, gate, consoleUrl } = this.#context;
    const { plain } = this.#sending;
    const isMarked = due.some((waiting) => this.#isDoubtful(waiting));
    const appended = new Map(due.map(({ notification, appendedMs }) => [notification, appendedMs]));
    const facts: SendingFacts = {
      possibleRepeat: isMarked,
      nowMs: clock.wallMs(),
      // It was appended as soon as it was judged.
      judgedMs: (notification) => appended.get(notification),
      consoleUrl,
    };
    const message = this.#packer.pack(
      due.map((waiting) => waiting.notification),
      facts,
      plain,
    );
    const batch = due.slice(0, message.taken);
    const begunMs = clock.monotonicMs();
    let written: { readonly doubt: Doubt; readonly answer: Answer | undefined } | undefined;
    try {
      written = await this.#write({ batch, webhook, message }, begunMs);
    } finally {
      if (written?.answer === undefined) gate.unused();
    }
    const { doubt, answer } = written;
    this.#untaken.note(doubt.attempt, answer, isMarked);
    if (answer === undefined) return;
    failpoint('notify.after-answer');
    await this.#act(answer, begunMs, doubt);
  }

  /** Makes the attempt durable, then the request: without an answer when it might not be made any more. */
  async #write(
    { batch, webhook, message }: { batch: readonly Waiting[]; webhook: Webhook; message: Message },
    begunMs: number,
  ): Promise<{ doubt: Doubt; answer: Answer | undefined }> {
    const { apiBase, client, clock, deliveries, gate, signal } = this.#context;
    failpoint('notify.before-attempt');
    const attempt = await deliveries.begin(batch, ++this.#sending.attempt, clock.wallMs());
    failpoint('notify.before-request');
    const doubt = new Doubt(attempt, message.shown, webhook);
    const url = webhookAddress(webhook, apiBase ?? discordApiBase, { wait: true });
    const post = (): Promise<Answer> => {
      const request = client.post(url, JSON.stringify(message.body), (late) => this.#hearLate(doubt, late));
      return failpointAmid('notify.request-written', request);
    };
    return { doubt, answer: await gate.write(signal, post, () => this.#mayWrite(begunMs)) };
  }

  #mayWrite(begunMs: number): boolean {
    const { claim, clock, gate } = this.#context;
    // Asked last: nothing at Discord can stop a process that was paused and woke.
    if (!claim.isHeld()) throw new ClaimLost(`partition ${claim.partition} of notifications may have another owner`);
    const nowMs = clock.monotonicMs();
    // The attempt's deadline is told from its beginning; and what Discord said meanwhile is obeyed.
    const isInTime = nowMs - begunMs <= beginMsMax;
    return isInTime && gate.pace.closedMs(nowMs) === 0 && this.#pace.waitMs(nowMs) === 0;
  }

  async #act(answer: Answer, begunMs: number, doubt: Doubt): Promise<void> {
    const { gate, clock } = this.#context;
    const action = actionFor(answer);
    this.#context.answered(action.kind);
    const nowMs = clock.monotonicMs();
    gate.answered(action, begunMs, nowMs);
    this.#heedBucket(answer);
    const { batch, webhook } = doubt;
    switch (action.kind) {
      case 'delivered':
        this.#pace.served();
        this.#trouble = undefined;
        this.#context.parked.served(webhook);
        await this.#settle(doubt, action.messageId);
        return;
      case 'refused_body':
        this.#pace.served();
        if (this.#sending.plain)
          await this.#end(batch.map((waiting) => ({ waiting, outcome: 'dead', reason: action.reason })));
        else this.#sending.plain = true;
        return;
      case 'webhook_broken':
        this.#pace.served();
        await this.#park(webhook, action.reason);
        return;
      case 'address_blocked':
        // The gate holds everybody back; nothing is wrong with this webhook.
        return;
      case 'rate_limited':
        if (!action.everybody) this.#limit(action.waitMs);
        return;
      case 'try_again':
        if (action.ambiguous) this.#doubtful(doubt);
        this.#fail(webhook, action.reason);
        this.#pace.failed(nowMs, clock.chance());
        if (action.isServerError && this.#pace.serverError(gate.served))
          await this.#park(webhook, `nothing but server errors, while others are served: ${action.reason}`);
        return;
      default:
        unreachable(action);
    }
  }

  /** It may have been delivered: what follows is a repeat of exactly it. */
  #doubtful(doubt: Doubt): void {
    this.#sending.repeat = new Set(doubt.batch.map(({ notification }) => notification.id));
    this.#doubt = doubt;
  }

  /** The answer to a request that was given up has come after all. */
  #hearLate(doubt: Doubt, answer: Answer): void {
    this.#heedBucket(answer);
    const action = actionFor(answer);
    if (action.kind !== 'delivered' || action.messageId === undefined) return;
    doubt.lateMessageId = action.messageId;
    if (doubt.repeatMessageId === undefined) this.reconsider();
    else void undouble(doubt, doubt.repeatMessageId, this.#context).catch(() => {});
  }

  /** The late answer came before the repeat: there is no need for one. */
  async #believe(doubt: Doubt): Promise<undefined> {
    const queued = doubt.batch.filter(({ notification }) => this.queue.has(notification.id));
    if (queued.length > 0) return this.#end(doubt.endings(doubt.lateMessageId, queued));
    this.#sending = newSending();
    this.#doubt = undefined;
    return undefined;
  }

  async #settle(sent: Doubt, messageId: string | undefined): Promise<void> {
    const doubt = this.#doubt;
    this.#packer.delivered(sent.shown);
    if (doubt !== undefined) doubt.repeatMessageId = messageId;
    await this.#end(sent.endings(messageId, sent.batch));
    if (doubt?.lateMessageId !== undefined && messageId !== undefined) await undouble(doubt, messageId, this.#context);
  }

  async #park(webhook: Webhook, reason: string): Promise<void> {
    const { parked, clock, troubled } = this.#context;
    parked.park(webhook, reason, clock.wallMs());
    this.#trouble = undefined;
    troubled({ webhook: webhookName(webhook), reason: `parked: ${reason}` });
    await this.#parkAll(webhook);
  }

  /** All that waits for a parked pair is parked with it. */
  async #parkAll(webhook: Webhook): Promise<undefined> {
    const { parked } = this.#context;
    const state = parked.stateOf(this.webhookId, webhook);
    const all = [...this.queue].filter((waiting) => {
      const verdict = this.#verdictOn(waiting);
      return verdict.kind === 'send' && webhookName(verdict.webhook) === state?.webhook;
    });
    for (const waiting of all) parked.note(waiting, webhook);
    const { webhook: name = webhookName(webhook), reason = 'parked' } = state ?? {};
    await this.#end(
      all.map((waiting) => ({
        waiting,
        outcome: 'parked',
        reason,
        webhook: name,
        possibleRepeat: this.#isDoubtful(waiting),
      })),
    );
    return undefined;
  }

  /** Whether it may have been delivered, so that it is marked when it is sent after all. */
  #isDoubtful({ notification: { id } }: Waiting): boolean {
    return this.#sending.repeat?.has(id) === true || this.#context.deliveries.isDoubtful(id, this.webhookId);
  }

  async #end(endings: readonly Ending[]): Promise<undefined> {
    if (endings.length > 0) await this.#context.deliveries.end(endings, this.#context.clock.wallMs());
    failpoint('notify.after-outcome');
    this.#context.ended(endings);
    return this.#drop(endings.map(({ waiting }) => waiting));
  }

  #drop(batch: readonly Waiting[]): undefined {
    this.#context.dropped(this.queue.remove(batch));
    for (const { notification } of batch) this.#sending.repeat?.delete(notification.id);
    // What is left of a repeat is one still.
    const { repeat } = this.#sending;
    this.#sending = { ...newSending(), ...(repeat !== undefined && repeat.size > 0 && { repeat }) };
    if (this.#sending.repeat === undefined) this.#doubt = undefined;
    return undefined;
  }

  #fail(webhook: Webhook, reason: string): void {
    const isNews = this.#trouble?.reason !== reason;
    this.#trouble = { webhook: webhookName(webhook), reason };
    if (isNews) this.#context.troubled(this.#trouble);
  }

  #heedBucket(answer: Answer): void {
    const waitMs = bucketWaitMs(answer, this.#context.clock.wallMs());
    if (waitMs > 0) this.#limit(waitMs);
  }

  #limit(durationMs: number): void {
    this.#pace.limited(this.#context.clock.monotonicMs(), durationMs);
    this.#context.limited(durationMs);
  }

  async #pause(durationMs: number): Promise<void> {
    const { clock, signal } = this.#context;
    await clock.pause(durationMs, AbortSignal.any([signal, this.#hurry.signal]));
  }
}

function newSending(): Sending {
  return { attempt: 0, repeat: undefined, plain: false };
}

function targetOf(webhook: Webhook): string {
  return `${webhookSecretText(webhook)}:${webhook.threadId ?? ''}`;
}
