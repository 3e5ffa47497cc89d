import { unreachable } from '../base/assert.ts';
import { failpoint, failpointAmid } from '../base/failpoint.ts';
import { aborted } from '../base/service.ts';
import { ClaimLost } from '../log/log.ts';
import type { Trial } from '../receiver/invalid-budget.ts';
import {
  mayHaveArrived,
  requestMsMax,
  type Action,
  type Answer,
  type Destination,
  type Packed,
} from '../receiver/receiver.ts';
import { beginMsMax, type Ending, type Waiting } from './delivery-writer.ts';
import { deliveredFate, endingOf, nextStep, type Step } from './fate.ts';
import { worldOf, type PartitionContext } from './partition-context.ts';
import type { SendGate } from './send-gate.ts';
import type { WebhookPace } from './schedule/webhook-pace.ts';
import { attemptsOf, type FirstCopy, type SentMessage } from './sender-state.ts';
import type { Target } from './target.ts';
import { heldMsMax, Targets } from './targets.ts';
import { UndeliveredAttempts } from './undelivered-attempts.ts';

type SendStep = Step & { readonly kind: 'send' };

/** How long a target's first request waits before it asks again whether others were answered. */
const triedAgainMs = 100;
/** How long shutdown waits for the retractions to be appended. */
const retractMsMax = 2_000;

/**
 * Sends what waits under one key of `notifications`: one request at a time, to each of its targets in order. A message is made when it
 * may be sent, from whatever is due then. What the next request to a target is and what its last answer meant is in sender-state.ts;
 * what becomes of each notification, and whose turn it is, in fate.ts. Nothing leaves a queue but with an outcome in `deliveries`.
 */
export class Sender {
  readonly #key: string;
  readonly #context: PartitionContext;
  /** The limits that the receiver keeps for the key as a whole. */
  readonly #pace: WebhookPace;
  readonly #targets: Targets;
  readonly #undelivered: UndeliveredAttempts;
  /** By the message whose answer was lost: its repeat, which is a duplicate when the first copy proves accepted. */
  readonly #repeatIds = new WeakMap<SentMessage, string>();
  /** The last that a request of this sender went through. */
  #gate: SendGate | undefined;
  #messages = 0;
  /** Interrupts a wait. */
  #wake = new AbortController();
  /** Whether it waits for targets, while the key may be sent to. */
  #awaitsTargets = false;

  constructor(key: string, context: PartitionContext) {
    this.#key = key;
    this.#context = context;
    this.#pace = context.gates.paceOf(key);
    this.#targets = new Targets(key, context);
    this.#undelivered = new UndeliveredAttempts((waiting) => context.queues.has(waiting));
  }

  /** A rule was edited, or a late answer came: a failing target may work again. */
  wake(): void {
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  /** Something came of a rule of which nothing waited: its target may be another than those that are waited for. */
  noteArrival(): void {
    if (this.#awaitsTargets) this.wake();
  }

  /** Sends all that is queued. Resolves when nothing is left, or the signal has aborted and what came to nothing is retracted. */
  async run(): Promise<void> {
    const { signal } = this.#context;
    while (this.#size > 0 && !signal.aborted) {
      await this.#inherit();
      if (!signal.aborted) await this.#takeStep();
    }
    if (signal.aborted) await this.#retract();
  }

  async #takeStep(): Promise<void> {
    const { clock, signal } = this.#context;
    const first = await this.#settleUntilSend();
    if (first === undefined) return;
    const waitMs = this.#paceMs();
    if (waitMs > 0) return this.#pause(waitMs);
    const gate = this.#gateTo(first.destination);
    const { name } = first.destination;
    const admission = gate.admit({ key: this.#key, name });
    if (admission === 'later') return this.#targets.holdBack(first.destination, gate);
    if (admission === 'soon') return this.#targets.at(name).pace.holdUntil(clock.monotonicMs() + triedAgainMs);
    if (!(await gate.enter(signal, () => this.#size))) return;
    // What has changed while it waited at the gate counts.
    const step = await this.#settleUntilSend(false);
    if (step === undefined || this.#paceMs() > 0 || this.#gateTo(step.destination) !== gate) return gate.unused();
    const trial = gate.try({ key: this.#key, name: step.destination.name });
    if (trial === undefined) return gate.unused();
    await this.#send(step, gate, trial);
    // Also when this process is about to end: the next owner must not repeat what has an answer.
    const after = this.#size === 0 ? undefined : this.#nextStep();
    if (after?.kind === 'end') await this.#endAll(after);
  }

  /** Carries out the next step, unless it is to send: then it returns that. `mayWait`: otherwise it returns at once. */
  async #settleUntilSend(mayWait = true): Promise<SendStep | undefined> {
    const step = this.#nextStep();
    switch (step.kind) {
      case 'send':
        return step;
      case 'wait':
        this.#awaitsTargets = true;
        if (mayWait) await this.#pause(step.waitMs);
        this.#awaitsTargets = false;
        return undefined;
      case 'gone':
        this.#targets.at(step.target).note(step);
        return undefined;
      case 'drop':
        this.#leave(step.batch);
        return undefined;
      case 'reroute': {
        const { waiting, toKey, reason } = step;
        this.#context.queues.find(this.#key, waiting.notification.ruleId)?.letGo(waiting);
        await this.#context.deliveries.reroute(waiting, toKey);
        await this.#end([
          { waiting, outcome: 'rerouted', reason, possibleRepeat: this.#targets.isPossibleRepeat(waiting) },
        ]);
        return undefined;
      }
      case 'end':
        await this.#endAll(step);
        return undefined;
      default:
        return unreachable(step);
    }
  }

  get #size(): number {
    return this.#context.queues.waitingUnder(this.#key);
  }

  #nextStep(): Step {
    const targets = this.#targets.sendings();
    return nextStep([...this.#context.queues.ofKey(this.#key)], { ...worldOf(this.#context), targets });
  }

  async #endAll({ ends, target }: Step & { kind: 'end' }): Promise<void> {
    const state = target === undefined ? undefined : this.#targets.at(target).state;
    const accepted = state?.kind === 'accepted' ? state : undefined;
    for (const { waiting, fate } of ends)
      if (fate.outcome === 'parked' && fate.webhook !== undefined) this.#context.parking.note(waiting, fate.webhook);
    await this.#end(
      ends.map(({ waiting, fate }) => ({
        ...endingOf(waiting, fate),
        ...(fate.outcome === 'parked' && { possibleRepeat: this.#targets.isPossibleRepeat(waiting) }),
      })),
    );
    if (accepted?.duplicateOf !== undefined && accepted.messageId !== undefined)
      await this.#deleteDuplicate(accepted.duplicateOf, accepted.messageId);
  }

  async #end(endings: readonly Ending[]): Promise<void> {
    await this.#context.deliveries.end(endings);
    failpoint('notify.after-outcome');
    this.#leave(endings.map(({ waiting }) => waiting));
  }

  #leave(batch: readonly Waiting[]): void {
    this.#context.queues.remove(batch);
    const ids = new Set(batch.map(({ notification }) => notification.id));
    this.#targets.noteEnded(ids);
  }

  /** What a former owner was sending when it ended: its request is waited out, then repeated exactly. */
  async #inherit(): Promise<void> {
    const { deliveries, clock, signal, queues } = this.#context;
    const heldMs = deliveries.sent.takeHold(this.#key) - clock.wallMs();
    if (heldMs > 0) this.#pace.holdUntil(clock.monotonicMs() + Math.min(heldMs, heldMsMax));
    const open = deliveries.sent.takeOpenAttempts(this.#key);
    if (open.length === 0) return;
    const deadlineMs = Math.max(...open.map((attempt) => attempt.deadlineMs));
    const leftMs = Math.min(beginMsMax + requestMsMax, Math.max(0, deadlineMs - clock.wallMs()));
    this.#pace.holdUntil(clock.monotonicMs() + leftMs);
    await Promise.race([queues.caughtUp(this.#key, signal), aborted(signal)]);
    this.#targets.inherit(open);
  }

  async #send(step: SendStep, gate: SendGate, trial: Trial): Promise<void> {
    const { batch: due, destination } = step;
    const { clock, consoleUrl } = this.#context;
    const target = this.#targets.at(step.target);
    const isMarked = due.some((waiting) => this.#targets.isPossibleRepeat(waiting));
    const sending = { possibleRepeat: isMarked, nowMs: clock.wallMs(), consoleUrl };
    const message = target.pack(due, destination, sending);
    const begunMs = clock.monotonicMs();
    let written: { readonly sent: SentMessage; readonly answer: Answer | undefined } | undefined;
    try {
      const waitingOf = new Map(due.map((waiting) => [waiting.notification, waiting]));
      const batch = message.carried.map((notification) => waitingOf.get(notification)!);
      written = await this.#write({ batch, step, message }, gate, begunMs);
    } finally {
      gate.judge(trial, written?.answer);
      if (written?.answer === undefined) gate.unused();
    }
    const { sent, answer } = written;
    const action = answer === undefined ? undefined : destination.actionFor(answer, clock.wallMs());
    const isUndelivered = !isMarked && (action === undefined || !mayHaveArrived(action));
    this.#undelivered.note(sent.attempt, destination.name, isUndelivered);
    this.#noteTurn(sent.attempt.batch, target);
    if (answer === undefined || action === undefined) return;
    failpoint('notify.after-answer');
    gate.answered(action, begunMs, clock.monotonicMs());
    this.#heedWait(destination, answer);
    this.#act(action, sent, { gate, target });
  }

  /** The target and the rules of this message come last in the next turn. */
  #noteTurn(batch: readonly Waiting[], target: Target): void {
    target.turn = ++this.#messages;
    for (const { notification } of batch) {
      const queue = this.#context.queues.find(this.#key, notification.ruleId);
      if (queue !== undefined) queue.turn = this.#messages;
    }
  }

  /** Makes the attempt durable, then the request: without an answer when it must not be made any more. */
  async #write(
    { batch, step, message }: { batch: readonly Waiting[]; step: SendStep; message: Packed },
    gate: SendGate,
    begunMs: number,
  ): Promise<{ sent: SentMessage; answer: Answer | undefined }> {
    const { deliveries, signal } = this.#context;
    const { destination } = step;
    const target = this.#targets.at(step.target);
    failpoint('notify.before-attempt');
    target.note({ kind: 'begun' });
    const attempt = await deliveries.begin(batch, attemptsOf(target.state), message.shown);
    failpoint('notify.before-request');
    const sent: SentMessage = { attempt, shown: message.shown, destination };
    // One alone has the id of its own; a repeat carries the same notifications, and so has the same key.
    const idempotencyKey = batch.length === 1 ? batch[0]!.notification.id : attempt.id;
    const send = (): Promise<Answer> => {
      const request = { act: 'send', message, idempotencyKey } as const;
      const answer = destination.request(request, (late) => this.#hearLate(sent, late));
      return failpointAmid('notify.request-written', answer);
    };
    return { sent, answer: await gate.write(signal, send, () => this.#mayWrite(gate, destination, begunMs)) };
  }

  #mayWrite(gate: SendGate, { name }: Destination, begunMs: number): boolean {
    const { claim, clock } = this.#context;
    // Asked last: no receiver can stop a process that was paused and woke.
    if (!claim.isHeld()) throw new ClaimLost(`partition ${claim.partition} of notifications may have another owner`);
    const nowMs = clock.monotonicMs();
    // The attempt's deadline counts from its beginning; and limits that came meanwhile are obeyed.
    const isInTime = nowMs - begunMs <= beginMsMax;
    const targetMs = this.#targets.at(name).pace.waitMs(nowMs);
    return isInTime && gate.pace.closedMs(nowMs) === 0 && this.#pace.waitMs(nowMs) === 0 && targetMs === 0;
  }

  /** Applies an answer to the pace and to the state of the notifications sent. The outcomes follow from the new state. */
  #act(
    action: Action,
    sent: SentMessage,
    { gate, target }: { readonly gate: SendGate; readonly target: Target },
  ): void {
    const { clock, count, parking, troubles } = this.#context;
    // Where it went to: another than `target`, when the rule of what is repeated was edited.
    const to = this.#targets.at(sent.destination.name);
    count.answered(action.kind);
    switch (action.kind) {
      case 'delivered':
        to.pace.served();
        troubles.over({ webhook: to.name, webhookId: this.#key });
        parking.served(this.#key, to.name);
        if (target.storm !== undefined) target.storm += sent.shown;
        if ('repeat' in target.state && target.state.repeat?.lost !== undefined && action.messageId !== undefined)
          this.#repeatIds.set(target.state.repeat.lost, action.messageId);
        return target.note({ kind: 'accepted', sent, messageId: action.messageId });
      case 'refused_body':
        to.pace.served();
        return target.note({ kind: 'body_refused', sent, reason: action.reason });
      case 'webhook_broken':
        to.pace.served();
        this.#park(to, action.reason);
        return target.note({ kind: 'not_accepted' });
      case 'address_blocked':
        // The gate holds everybody back; nothing is wrong with this target.
        this.#fail(to, action, gate);
        return target.note({ kind: 'not_accepted' });
      case 'rate_limited':
        if (!action.everybody) this.#limit(action.waitMs);
        this.#fail(to, action, gate);
        return target.note({ kind: 'not_accepted' });
      case 'try_again':
        target.note(action.ambiguous ? { kind: 'answer_lost', sent } : { kind: 'not_accepted' });
        to.pace.failed(clock.monotonicMs(), clock.chance());
        this.#fail(to, action, gate);
        if (action.isServerError && to.pace.serverError(gate.served))
          this.#park(to, `nothing but server errors, while others are served: ${action.reason}`);
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
    this.#targets.noteLate({ sent, messageId: action.messageId });
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
    gate.judge({ key: this.#key, name: destination.name, isOpen: false }, answer);
    if (answer === undefined) return gate.unused();
    gate.answered(destination.actionFor(answer, clock.wallMs()), begunMs, clock.monotonicMs());
    if (answer.kind !== 'answered' || answer.status !== 204) return;
    const ends = sent.attempt.batch.map((waiting) => endingOf(waiting, deliveredFate(waiting, sent, messageId)!));
    await deliveries.correct(ends);
  }

  #park(target: Target, reason: string): void {
    const { parking, clock, logger, troubles } = this.#context;
    const { name } = target;
    parking.park(this.#key, name, reason, clock.wallMs());
    troubles.over({ webhook: name, webhookId: this.#key });
    logger.warn({ webhook: name, reason: `parked: ${reason}` }, troubleText);
  }

  /** The request is made again, when the pace and the gate allow it. */
  #fail({ name: webhook, pace }: Target, { kind, reason }: Action & { readonly reason: string }, gate: SendGate): void {
    const { clock, logger, troubles } = this.#context;
    const waitMs = Math.max(pace.waitMs(clock.monotonicMs()), this.#paceMs(), gate.closedMs());
    const nowMs = clock.wallMs();
    const failure = { webhook, webhookId: this.#key, reason, nextTryMs: nowMs + waitMs };
    const isNews = troubles.failed({ ...failure, isLimit: kind === 'rate_limited' }, nowMs);
    if (isNews && kind === 'try_again') logger.warn({ webhook, reason }, troubleText);
  }

  /** This partition is given up in order. The next owner can do without this, so nothing waits long for it, and nothing fails. */
  async #retract(): Promise<void> {
    const { claim, clock, deliveries } = this.#context;
    const attempts = this.#undelivered.list();
    // We no longer own the partition, so we must not write.
    if (attempts.length === 0 || !claim.isHeld()) return;
    const [wallMs, nowMs] = [clock.wallMs(), clock.monotonicMs()];
    const momentAfter = (waitMs: number): number | undefined => (waitMs > 0 ? wallMs + waitMs : undefined);
    const retractions = attempts.map(({ attempt, target }) => {
      return { attempt, webhook: target, webhookNotBeforeMs: momentAfter(this.#targets.at(target).pace.waitMs(nowMs)) };
    });
    const waitMs = Math.max(this.#paceMs(), this.#gate?.closedMs() ?? 0);
    const over = new AbortController();
    const retracted = deliveries.retract(retractions, momentAfter(waitMs));
    await Promise.race([retracted.catch(() => {}), clock.pause(retractMsMax, over.signal)]);
    over.abort();
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
    this.#gate = this.#context.gates.gateOf(this.#key, destination);
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
