import type { Notification } from '../alarm/notification.ts';
import { unreachable } from '../base/assert.ts';
import { failpoint, failpointAmid } from '../base/failpoint.ts';
import { aborted } from '../base/service.ts';
import { ClaimLost } from '../log/log.ts';
import {
  mayHaveArrived,
  requestMsMax,
  type Action,
  type Answer,
  type Destination,
  type Packed,
  type SendingFacts,
} from '../receiver/receiver.ts';
import { beginMsMax, type Ending, type Waiting } from './delivery-writer.ts';
import { deliveredFate, endingOf, nextStep, type Step } from './fate.ts';
import type { NotificationQueue } from './notification-queue.ts';
import type { TargetTrouble } from './notify-meters.ts';
import { worldOf, type PartitionContext } from './partition-context.ts';
import type { SendGate } from './send-gate.ts';
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
  /** How many of the present storm were shown one by one; undefined: there is none. */
  #storm: number | undefined;
  readonly #undelivered: UndeliveredAttempts;
  /** By the message whose answer was lost: its repeat, which is a duplicate when the first copy proves accepted. */
  readonly #repeatIds = new WeakMap<SentMessage, string>();
  #state: SenderState = ready;
  #trouble: TargetTrouble | undefined;
  /** The last that a request of this sender went through. */
  #gate: SendGate | undefined;
  /** Interrupts a wait. */
  #wake = new AbortController();

  constructor(queue: NotificationQueue, context: PartitionContext) {
    this.#context = context;
    this.#queue = queue;
    this.#pace = context.gates.paceOf(queue.key);
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
    const { signal } = this.#context;
    const first = await this.#settleUntilSend();
    if (first === undefined) return;
    const waitMs = this.#paceMs();
    if (waitMs > 0) return this.#pause(waitMs);
    const gate = this.#gateTo(first.destination);
    if (!(await gate.enter(signal, () => this.#queue.size))) return;
    // What has changed while it waited at the gate counts.
    const step = await this.#settleUntilSend();
    if (step === undefined || this.#paceMs() > 0 || this.#gateTo(step.destination) !== gate) return gate.unused();
    await this.#send(step, gate);
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
        const { waiting, toKey, reason } = step;
        this.#queue.letGo(waiting);
        await this.#context.deliveries.reroute(waiting, toKey);
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
    return nextStep(this.#queue, { ...worldOf(this.#context), sender: this.#state });
  }

  async #endAll({ ends }: Step & { kind: 'end' }): Promise<void> {
    const duplicateOf = this.#state.kind === 'accepted' ? this.#state.duplicateOf : undefined;
    const repeatId = this.#state.kind === 'accepted' ? this.#state.messageId : undefined;
    for (const { waiting, fate } of ends)
      if (fate.outcome === 'parked' && fate.webhook !== undefined) this.#context.parking.note(waiting, fate.webhook);
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
    const leftMs = Math.min(beginMsMax + requestMsMax, Math.max(0, open.deadlineMs - clock.wallMs()));
    this.#pace.holdUntil(clock.monotonicMs() + leftMs);
    await Promise.race([queues.caughtUp(this.#queue, signal), aborted(signal)]);
  }

  async #send({ batch: due, destination }: SendStep, gate: SendGate): Promise<void> {
    const { clock } = this.#context;
    const isMarked = due.some((waiting) => this.#isPossibleRepeat(waiting));
    const message = this.#pack(due, destination, isMarked);
    const begunMs = clock.monotonicMs();
    let written: { readonly sent: SentMessage; readonly answer: Answer | undefined } | undefined;
    try {
      written = await this.#write({ batch: due.slice(0, message.taken), destination, message }, gate, begunMs);
    } finally {
      if (written?.answer === undefined) gate.unused();
    }
    const { sent, answer } = written;
    const action = answer === undefined ? undefined : destination.actionFor(answer, clock.wallMs());
    this.#undelivered.note(sent.attempt, !isMarked && (action === undefined || !mayHaveArrived(action)));
    if (answer === undefined || action === undefined) return;
    failpoint('notify.after-answer');
    gate.answered(action, begunMs, clock.monotonicMs());
    this.#heedWait(destination, answer);
    this.#act(action, sent, gate);
  }

  #pack(due: readonly Waiting[], destination: Destination, possibleRepeat: boolean): Packed {
    const { clock, consoleUrl } = this.#context;
    const appended = new Map(due.map(({ notification, appendedMs }) => [notification, appendedMs]));
    // It was appended as soon as it was evaluated.
    const judgedMs = (notification: Notification): number | undefined => appended.get(notification);
    const facts: SendingFacts = { possibleRepeat, nowMs: clock.wallMs(), judgedMs, consoleUrl, storm: this.#storm };
    const notifications = due.map(({ notification }) => notification);
    const message = destination.pack(notifications, facts, isPlain(this.#state) ? 'plain' : 'full');
    this.#storm = message.storm;
    return message;
  }

  /** Makes the attempt durable, then the request: without an answer when it must not be made any more. */
  async #write(
    { batch, destination, message }: { batch: readonly Waiting[]; destination: Destination; message: Packed },
    gate: SendGate,
    begunMs: number,
  ): Promise<{ sent: SentMessage; answer: Answer | undefined }> {
    const { deliveries, signal } = this.#context;
    failpoint('notify.before-attempt');
    this.#note({ kind: 'begun' });
    const attempt = await deliveries.begin(batch, attemptsOf(this.#state));
    failpoint('notify.before-request');
    const sent: SentMessage = { attempt, shown: message.shown, destination };
    // One alone has the id of its own; a repeat carries the same notifications, and so has the same key.
    const idempotencyKey = batch.length === 1 ? batch[0]!.notification.id : attempt.id;
    const send = (): Promise<Answer> => {
      const request = { act: 'send', message, idempotencyKey } as const;
      const answer = destination.request(request, (late) => this.#hearLate(sent, late));
      return failpointAmid('notify.request-written', answer);
    };
    return { sent, answer: await gate.write(signal, send, () => this.#mayWrite(gate, begunMs)) };
  }

  #mayWrite(gate: SendGate, begunMs: number): boolean {
    const { claim, clock } = this.#context;
    // Asked last: no receiver can stop a process that was paused and woke.
    if (!claim.isHeld()) throw new ClaimLost(`partition ${claim.partition} of notifications may have another owner`);
    const nowMs = clock.monotonicMs();
    // The attempt's deadline counts from its beginning; and limits that came meanwhile are obeyed.
    const isInTime = nowMs - begunMs <= beginMsMax;
    return isInTime && gate.pace.closedMs(nowMs) === 0 && this.#pace.waitMs(nowMs) === 0;
  }

  /** What follows from an answer, for the pace and for what was sent. The outcomes follow from the new state. */
  #act(action: Action, sent: SentMessage, gate: SendGate): void {
    const { clock, count, parking } = this.#context;
    count.answered(action.kind);
    switch (action.kind) {
      case 'delivered':
        this.#pace.served();
        this.#trouble = undefined;
        parking.served(this.#queue.key, sent.destination.name);
        if (this.#storm !== undefined) this.#storm += sent.shown;
        if ('repeat' in this.#state && this.#state.repeat?.lost !== undefined && action.messageId !== undefined)
          this.#repeatIds.set(this.#state.repeat.lost, action.messageId);
        return this.#note({ kind: 'accepted', sent, messageId: action.messageId });
      case 'refused_body':
        this.#pace.served();
        return this.#note({ kind: 'body_refused', sent, reason: action.reason });
      case 'webhook_broken':
        this.#pace.served();
        this.#park(sent.destination, action.reason);
        return this.#note({ kind: 'not_accepted' });
      case 'address_blocked':
        // The gate holds everybody back; nothing is wrong with this target.
        return this.#note({ kind: 'not_accepted' });
      case 'rate_limited':
        if (!action.everybody) this.#limit(action.waitMs);
        return this.#note({ kind: 'not_accepted' });
      case 'try_again':
        this.#note(action.ambiguous ? { kind: 'answer_lost', sent } : { kind: 'not_accepted' });
        this.#fail(sent.destination, action.reason);
        this.#pace.failed(clock.monotonicMs(), clock.chance());
        if (action.isServerError && this.#pace.serverError(gate.served))
          this.#park(sent.destination, `nothing but server errors, while others are served: ${action.reason}`);
        return;
      default:
        unreachable(action);
    }
  }

  /** The answer to a request that was given up has come after all. */
  #hearLate(sent: SentMessage, answer: Answer): void {
    const { destination } = sent;
    this.#heedWait(destination, answer);
    const action = destination.actionFor(answer, this.#context.clock.wallMs());
    if (action.kind !== 'delivered' || action.messageId === undefined) return;
    const repeatId = this.#repeatIds.get(sent);
    this.#note({ kind: 'answered_late', sent, messageId: action.messageId });
    if (repeatId === undefined) this.wake();
    else void this.#deleteDuplicate({ sent, messageId: action.messageId }, repeatId).catch(() => {});
  }

  /** Both copies were accepted: the second one is deleted, and the outcome names the first. */
  async #deleteDuplicate({ sent, messageId }: FirstCopy, repeatId: string): Promise<void> {
    const { signal, deliveries, clock } = this.#context;
    const { destination } = sent;
    const gate = this.#gateTo(destination);
    if (!(await gate.enter(signal))) return;
    const begunMs = clock.monotonicMs();
    const answer = await gate.write(signal, () => destination.request({ act: 'retract', messageId: repeatId }));
    if (answer === undefined) return gate.unused();
    gate.answered(destination.actionFor(answer, clock.wallMs()), begunMs, clock.monotonicMs());
    if (answer.kind !== 'answered' || answer.status !== 204) return;
    const ends = sent.attempt.batch.map((waiting) => endingOf(waiting, deliveredFate(waiting, sent, messageId)!));
    await deliveries.correct(ends);
  }

  #park({ name }: Destination, reason: string): void {
    const { parking, clock, logger } = this.#context;
    parking.park(this.#queue.key, name, reason, clock.wallMs());
    this.#trouble = undefined;
    logger.warn({ webhook: name, reason: `parked: ${reason}` }, troubleText);
  }

  #fail({ name }: Destination, reason: string): void {
    const isNews = this.#trouble?.reason !== reason;
    this.#trouble = { webhook: name, reason };
    if (isNews) this.#context.logger.warn(this.#trouble, troubleText);
  }

  /** This partition is given up in order. The next owner can do without this, so nothing waits long for it, and nothing fails. */
  async #retract(): Promise<void> {
    const { claim, clock, deliveries } = this.#context;
    const attempts = this.#undelivered.list();
    // We no longer own the partition, so we must not write.
    if (attempts.length === 0 || !claim.isHeld()) return;
    const waitMs = Math.max(this.#paceMs(), this.#gate?.closedMs() ?? 0);
    const over = new AbortController();
    const retracted = deliveries.retract(attempts, waitMs > 0 ? clock.wallMs() + waitMs : undefined);
    await Promise.race([retracted.catch(() => {}), clock.pause(retractMsMax, over.signal)]);
    over.abort();
  }

  /** Whether it may have been delivered, so that it is marked when it is sent after all. */
  #isPossibleRepeat({ notification: { id } }: Waiting): boolean {
    return mayRepeat(this.#state, id) || this.#context.deliveries.sent.isPossibleRepeat(id, this.#queue.key);
  }

  #heedWait(destination: Destination, answer: Answer): void {
    const waitMs = destination.waitMsAfter(answer, this.#context.clock.wallMs());
    if (waitMs > 0) this.#limit(waitMs);
  }

  #limit(durationMs: number): void {
    this.#pace.limited(this.#context.clock.monotonicMs(), durationMs);
    this.#context.count.limited(durationMs);
  }

  #gateTo(destination: Destination): SendGate {
    this.#gate = this.#context.gates.gateOf(this.#queue.key, destination);
    return this.#gate;
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
