import type { Notification } from '../alarm/notification.ts';
import { unreachable } from '../base/assert.ts';
import { failpoint, failpointAmid } from '../base/failpoint.ts';
import { aborted } from '../base/service.ts';
import { actionFor, bucketWaitMs, mayHaveArrived, type Action, type Answer } from '../receiver/discord/answer.ts';
import { postMsMax } from '../receiver/discord/client.ts';
import { webhookName } from '../receiver/discord/webhook-name.ts';
import { ClaimLost } from '../log/log.ts';
import type { SendingFacts } from '../receiver/discord/embed.ts';
import type { Message } from '../receiver/discord/message.ts';
import { discordApiBase, webhookAddress, type Webhook } from '../receiver/discord/address.ts';
import { beginMsMax, type Ending, type Waiting } from './delivery-writer.ts';
import { deliveredFate, endingOf, nextStep, type Step } from './fate.ts';
import type { NotificationQueue } from './notification-queue.ts';
import type { TargetTrouble } from './notify-meters.ts';
import { Packer } from './packer.ts';
import type { PartitionContext } from './partition-context.ts';
import type { WebhookPace } from './schedule/webhook-pace.ts';
import {
  attemptsOf,
  isPlain,
  mayRepeat,
  ready,
  senderAfter,
  type FirstCopy,
  type SenderEvent,
  type SenderState,
  type SentMessage,
} from './sender-state.ts';
import { UndeliveredAttempts } from './undelivered-attempts.ts';

type SendStep = Step & { readonly kind: 'send' };

/** How long a sender waits before it asks again for a rule whose change is on the way. */
const ruleAskedEveryMs = 250;
/** Cap on a wait inherited from the previous owner, whose clock may be off. */
const heldMsMax = 60_000;
/** How long shutdown waits for the retractions to be appended. */
const retractMsMax = 2_000;

/**
 * Sends what waits under one key of `notifications`: in order, one request at a time. A message is made when it may be sent, from
 * whatever is due then. What its next request is and what the last answer meant is in sender-state.ts; what becomes of each
 * notification in fate.ts. Nothing leaves the queue but with an outcome in `deliveries`.
 */
export class Sender {
  readonly #context: PartitionContext;
  readonly #queue: NotificationQueue;
  readonly #pace: WebhookPace;
  readonly #packer = new Packer();
  readonly #undelivered: UndeliveredAttempts;
  /** By the message whose answer was lost: its repeat, which is a duplicate when the first copy proves accepted. */
  readonly #repeatIds = new WeakMap<SentMessage, string>();
  #state: SenderState = ready;
  #trouble: TargetTrouble | undefined;
  /** Interrupts a wait. */
  #wake = new AbortController();

  constructor(queue: NotificationQueue, context: PartitionContext) {
    this.#context = context;
    this.#queue = queue;
    this.#pace = context.gate.paceOf(queue.key);
    this.#undelivered = new UndeliveredAttempts(queue);
  }

  get trouble(): TargetTrouble | undefined {
    return this.#trouble;
  }

  /** A rule was edited, or a late answer came: what was wrong may be right now. */
  wake(): void {
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  /** Sends all that is queued. Resolves when nothing is left, or the signal has aborted and what came to nothing is retracted. */
  async run(): Promise<void> {
    const { signal } = this.#context;
    while (this.#queue.size > 0 && !signal.aborted) {
      await this.#inherit();
      if (!signal.aborted) await this.#takeStep();
    }
    if (signal.aborted) await this.#retract();
  }

  async #takeStep(): Promise<void> {
    const { signal, gate } = this.#context;
    if ((await this.#settleUntilSend()) === undefined) return;
    const waitMs = this.#paceMs();
    if (waitMs > 0) return this.#pause(waitMs);
    if (!(await gate.enter(signal, () => this.#queue.size))) return;
    // What has changed while it waited at the gate counts.
    const step = await this.#settleUntilSend();
    if (step === undefined || this.#paceMs() > 0) return gate.unused();
    await this.#send(step);
    // Also when this process is about to end: the next owner must not repeat what has an answer.
    const after = this.#queue.size === 0 ? undefined : this.#nextStep();
    if (after?.kind === 'end') await this.#endAll(after);
  }

  /** Carries out the next step, unless it is to send: then it returns that. */
  async #settleUntilSend(): Promise<SendStep | undefined> {
    const step = this.#nextStep();
    switch (step.kind) {
      case 'send':
        return step;
      case 'wait':
        await this.#pause(ruleAskedEveryMs);
        return undefined;
      case 'gone':
        this.#note(step);
        return undefined;
      case 'drop':
        this.#leave(step.batch);
        return undefined;
      case 'reroute': {
        const { waiting, target, reason } = step;
        this.#queue.letGo(waiting);
        await this.#context.deliveries.reroute(waiting, target.id);
        await this.#end([{ waiting, outcome: 'rerouted', reason, possibleRepeat: this.#isPossibleRepeat(waiting) }]);
        return undefined;
      }
      case 'end':
        await this.#endAll(step);
        return undefined;
      default:
        return unreachable(step);
    }
  }

  #nextStep(): Step {
    const { rules, deliveries, parking, clock } = this.#context;
    const world = { nowMs: clock.wallMs(), rules: rules.book, sent: deliveries.sent, parking, sender: this.#state };
    return nextStep(this.#queue, world);
  }

  async #endAll({ ends }: Step & { kind: 'end' }): Promise<void> {
    const duplicateOf = this.#state.kind === 'accepted' ? this.#state.duplicateOf : undefined;
    const repeatId = this.#state.kind === 'accepted' ? this.#state.messageId : undefined;
    for (const { waiting, fate } of ends)
      if (fate.target !== undefined) this.#context.parking.note(waiting, fate.target);
    await this.#end(
      ends.map(({ waiting, fate }) => ({
        ...endingOf(waiting, fate),
        ...(fate.outcome === 'parked' && { possibleRepeat: this.#isPossibleRepeat(waiting) }),
      })),
    );
    if (duplicateOf !== undefined && repeatId !== undefined) await this.#deleteDuplicate(duplicateOf, repeatId);
  }

  async #end(endings: readonly Ending[]): Promise<void> {
    await this.#context.deliveries.end(endings);
    failpoint('notify.after-outcome');
    this.#leave(endings.map(({ waiting }) => waiting));
  }

  #leave(batch: readonly Waiting[]): void {
    this.#context.queues.remove(this.#queue, batch);
    this.#note({ kind: 'ended', ids: new Set(batch.map(({ notification }) => notification.id)) });
  }

  #note(event: SenderEvent): void {
    this.#state = senderAfter(this.#state, event);
  }

  /** What a former owner was sending when it ended: its request is waited out, then repeated exactly. */
  async #inherit(): Promise<void> {
    const { deliveries, clock, signal, queues } = this.#context;
    const { key } = this.#queue;
    const heldMs = deliveries.sent.takeHold(key) - clock.wallMs();
    if (heldMs > 0) this.#pace.holdUntil(clock.monotonicMs() + Math.min(heldMs, heldMsMax));
    const open = deliveries.sent.takeOpenAttempt(key);
    if (open === undefined) return;
    if (open.notificationIds.size > 0)
      this.#note({ kind: 'inherited', ids: open.notificationIds, attempts: open.attempt });
    const leftMs = Math.min(beginMsMax + postMsMax, Math.max(0, open.deadlineMs - clock.wallMs()));
    this.#pace.holdUntil(clock.monotonicMs() + leftMs);
    await Promise.race([queues.caughtUp(this.#queue, signal), aborted(signal)]);
  }

  async #send({ batch: due, target }: SendStep): Promise<void> {
    const { gate, clock } = this.#context;
    const isMarked = due.some((waiting) => this.#isPossibleRepeat(waiting));
    const message = this.#pack(due, isMarked);
    const begunMs = clock.monotonicMs();
    let written: { readonly sent: SentMessage; readonly answer: Answer | undefined } | undefined;
    try {
      written = await this.#write({ batch: due.slice(0, message.taken), target, message }, begunMs);
    } finally {
      if (written?.answer === undefined) gate.unused();
    }
    const { sent, answer } = written;
    const action = answer === undefined ? undefined : actionFor(answer);
    this.#undelivered.note(sent.attempt, !isMarked && (action === undefined || !mayHaveArrived(action)));
    if (answer === undefined || action === undefined) return;
    failpoint('notify.after-answer');
    gate.answered(action, begunMs, clock.monotonicMs());
    this.#heedBucket(answer);
    this.#act(action, sent);
  }

  #pack(due: readonly Waiting[], possibleRepeat: boolean): Message {
    const { clock, consoleUrl } = this.#context;
    const appended = new Map(due.map(({ notification, appendedMs }) => [notification, appendedMs]));
    // It was appended as soon as it was evaluated.
    const judgedMs = (notification: Notification): number | undefined => appended.get(notification);
    const facts: SendingFacts = { possibleRepeat, nowMs: clock.wallMs(), judgedMs, consoleUrl };
    const notifications = due.map(({ notification }) => notification);
    return this.#packer.pack(notifications, facts, isPlain(this.#state));
  }

  /** Makes the attempt durable, then the request: without an answer when it must not be made any more. */
  async #write(
    { batch, target, message }: { batch: readonly Waiting[]; target: Webhook; message: Message },
    begunMs: number,
  ): Promise<{ sent: SentMessage; answer: Answer | undefined }> {
    const { apiBase, client, deliveries, gate, signal } = this.#context;
    failpoint('notify.before-attempt');
    this.#note({ kind: 'begun' });
    const attempt = await deliveries.begin(batch, attemptsOf(this.#state));
    failpoint('notify.before-request');
    const sent: SentMessage = { attempt, shown: message.shown, target };
    const url = webhookAddress(target, apiBase ?? discordApiBase, { wait: true });
    const post = (): Promise<Answer> => {
      const request = client.post(url, JSON.stringify(message.body), (late) => this.#hearLate(sent, late));
      return failpointAmid('notify.request-written', request);
    };
    return { sent, answer: await gate.write(signal, post, () => this.#mayWrite(begunMs)) };
  }

  #mayWrite(begunMs: number): boolean {
    const { claim, clock, gate } = this.#context;
    // Asked last: nothing at Discord can stop a process that was paused and woke.
    if (!claim.isHeld()) throw new ClaimLost(`partition ${claim.partition} of notifications may have another owner`);
    const nowMs = clock.monotonicMs();
    // The attempt's deadline counts from its beginning; and what Discord said meanwhile is obeyed.
    const isInTime = nowMs - begunMs <= beginMsMax;
    return isInTime && gate.pace.closedMs(nowMs) === 0 && this.#pace.waitMs(nowMs) === 0;
  }

  /** What follows from an answer, for the pace and for what was sent. The outcomes follow from the new state. */
  #act(action: Action, sent: SentMessage): void {
    const { clock, count, gate, parking } = this.#context;
    count.answered(action.kind);
    switch (action.kind) {
      case 'delivered':
        this.#pace.served();
        this.#trouble = undefined;
        parking.served(this.#queue.key, sent.target);
        this.#packer.delivered(sent.shown);
        if ('repeat' in this.#state && this.#state.repeat?.lost !== undefined && action.messageId !== undefined)
          this.#repeatIds.set(this.#state.repeat.lost, action.messageId);
        return this.#note({ kind: 'accepted', sent, messageId: action.messageId });
      case 'refused_body':
        this.#pace.served();
        return this.#note({ kind: 'body_refused', sent, reason: action.reason });
      case 'webhook_broken':
        this.#pace.served();
        this.#park(sent.target, action.reason);
        return this.#note({ kind: 'not_accepted' });
      case 'address_blocked':
        // The gate holds everybody back; nothing is wrong with this target.
        return this.#note({ kind: 'not_accepted' });
      case 'rate_limited':
        if (!action.everybody) this.#limit(action.waitMs);
        return this.#note({ kind: 'not_accepted' });
      case 'try_again':
        this.#note(action.ambiguous ? { kind: 'answer_lost', sent } : { kind: 'not_accepted' });
        this.#fail(sent.target, action.reason);
        this.#pace.failed(clock.monotonicMs(), clock.chance());
        if (action.isServerError && this.#pace.serverError(gate.served))
          this.#park(sent.target, `nothing but server errors, while others are served: ${action.reason}`);
        return;
      default:
        unreachable(action);
    }
  }

  /** The answer to a request that was given up has come after all. */
  #hearLate(sent: SentMessage, answer: Answer): void {
    this.#heedBucket(answer);
    const action = actionFor(answer);
    if (action.kind !== 'delivered' || action.messageId === undefined) return;
    const repeatId = this.#repeatIds.get(sent);
    this.#note({ kind: 'answered_late', sent, messageId: action.messageId });
    if (repeatId === undefined) this.wake();
    else void this.#deleteDuplicate({ sent, messageId: action.messageId }, repeatId).catch(() => {});
  }

  /** Both copies were accepted: the second one is deleted, and the outcome names the first. */
  async #deleteDuplicate({ sent, messageId }: FirstCopy, repeatId: string): Promise<void> {
    const { client, apiBase, gate, signal, deliveries, clock } = this.#context;
    if (!(await gate.enter(signal))) return;
    const begunMs = clock.monotonicMs();
    const url = webhookAddress(sent.target, apiBase ?? discordApiBase, { messageId: repeatId });
    const answer = await gate.write(signal, () => client.delete(url));
    if (answer === undefined) return gate.unused();
    gate.answered(actionFor(answer), begunMs, clock.monotonicMs());
    if (answer.kind !== 'answered' || answer.status !== 204) return;
    const ends = sent.attempt.batch.map((waiting) => endingOf(waiting, deliveredFate(waiting, sent, messageId)!));
    await deliveries.correct(ends);
  }

  #park(target: Webhook, reason: string): void {
    const { parking, clock, logger } = this.#context;
    parking.park(this.#queue.key, target, reason, clock.wallMs());
    this.#trouble = undefined;
    logger.warn({ webhook: webhookName(target), reason: `parked: ${reason}` }, troubleText);
  }

  #fail(target: Webhook, reason: string): void {
    const isNews = this.#trouble?.reason !== reason;
    this.#trouble = { webhook: webhookName(target), reason };
    if (isNews) this.#context.logger.warn(this.#trouble, troubleText);
  }

  /** This partition is given up in order. The next owner can do without this, so nothing waits long for it, and nothing fails. */
  async #retract(): Promise<void> {
    const { claim, clock, deliveries, gate } = this.#context;
    const attempts = this.#undelivered.list();
    // We no longer own the partition, so we must not write.
    if (attempts.length === 0 || !claim.isHeld()) return;
    const waitMs = Math.max(this.#paceMs(), gate.closedMs());
    const over = new AbortController();
    const retracted = deliveries.retract(attempts, waitMs > 0 ? clock.wallMs() + waitMs : undefined);
    await Promise.race([retracted.catch(() => {}), clock.pause(retractMsMax, over.signal)]);
    over.abort();
  }

  /** Whether it may have been delivered, so that it is marked when it is sent after all. */
  #isPossibleRepeat({ notification: { id } }: Waiting): boolean {
    return mayRepeat(this.#state, id) || this.#context.deliveries.sent.isPossibleRepeat(id, this.#queue.key);
  }

  #heedBucket(answer: Answer): void {
    const waitMs = bucketWaitMs(answer, this.#context.clock.wallMs());
    if (waitMs > 0) this.#limit(waitMs);
  }

  #limit(durationMs: number): void {
    this.#pace.limited(this.#context.clock.monotonicMs(), durationMs);
    this.#context.count.limited(durationMs);
  }

  #paceMs(): number {
    return this.#pace.waitMs(this.#context.clock.monotonicMs());
  }

  async #pause(durationMs: number): Promise<void> {
    const { clock, signal } = this.#context;
    await clock.pause(durationMs, AbortSignal.any([signal, this.#wake.signal]));
  }
}

const troubleText = 'a webhook cannot be served, its notifications wait';
