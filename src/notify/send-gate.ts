import type { Action, Answer } from '../receiver/receiver.ts';
import type { Addressee, Admission, InvalidBudget, Trial } from '../receiver/invalid-budget.ts';
import { verdictOn } from '../receiver/discord/answer.ts';
import type { Clock } from '../base/clock.ts';
import { AddressPace } from './schedule/address-pace.ts';
import { RequestWindow } from './schedule/request-window.ts';
import { FairQueue, type Request } from './schedule/fair-queue.ts';

/** Burst tokens reserved for newcomers. */
const sparedByWaiting = 2;
interface GateRequest extends Request {
  readonly go: () => void;
}

/**
 * Every request of this process to receivers of one address passes here. Senders queue, and are let through as fast as AddressPace allows, in the
 * order of FairQueue. Once its attempt is durable, a request is written as RequestWindow allows, which delays it only after a stall.
 */
export class SendGate {
  readonly pace: AddressPace;
  /** Of invalid answers, where too many bring a ban. */
  readonly budget: InvalidBudget | undefined;
  readonly #clock: Clock;
  readonly #queue = new FairQueue<GateRequest>();
  readonly #window: RequestWindow;
  readonly #inSecondMax: number;
  /** The last request that may be written: those after it wait for it. */
  #lastWrite: Promise<unknown> = Promise.resolve();
  #isPumping = false;
  #served = 0;
  /** Interrupts the pump's wait: the pace has changed. */
  #change = new AbortController();

  /** `inSecondMax`: no second may hold more requests than this. */
  constructor(requestsPerSecond: number, clock: Clock, inSecondMax: number, budget?: InvalidBudget) {
    this.budget = budget;
    this.pace = new AddressPace(requestsPerSecond);
    this.#window = new RequestWindow(inSecondMax);
    this.#inSecondMax = inSecondMax;
    this.#clock = clock;
  }

  /** How many requests wait for the rate of the address. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** Resolves when one request may go out; false when the signal aborted before. `due`: how many notifications wait for it. */
  enter(signal: AbortSignal, due: () => number = () => 1): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const leave = (): void => {
        this.#queue.remove(entry);
        resolve(false);
        // Wake the pump: its waiter is gone.
        this.#changed();
      };
      const go = (): void => {
        signal.removeEventListener('abort', leave);
        resolve(true);
      };
      const entry: GateRequest = { go, due, cameMs: this.#clock.monotonicMs() };
      signal.addEventListener('abort', leave, { once: true });
      this.#queue.add(entry);
      // It may go before those that wait.
      this.#changed();
      void this.#pump();
    });
  }

  /**
   * Makes the request of one that was let through, as soon as the second has room for it. `mayStill` is asked last; undefined when
   * it says no, as it does by itself when the signal aborted.
   */
  async write(
    signal: AbortSignal,
    request: () => Promise<Answer>,
    mayStill: () => boolean = () => !signal.aborted,
  ): Promise<Answer | undefined> {
    const written = this.#lastWrite.then(async () => {
      if (!(await this.#hasRoom(signal)) || !mayStill()) return undefined;
      return { begun: this.#window.begin(this.#clock.monotonicMs()), answering: request() };
    });
    this.#lastWrite = written.catch(() => {});
    const writing = await written;
    if (writing === undefined) return undefined;
    const answer = await writing.answering;
    this.#window.end(writing.begun, this.#clock.monotonicMs(), answer.kind === 'answered');
    return answer;
  }

  /** How many requests of this process succeeded, ever. */
  get served(): number {
    return this.#served;
  }

  /** When a request to this target may be made, since its answer may be one too many of the invalid ones. */
  admit(target: Addressee): Admission {
    return this.budget?.admit(target, this.#clock.monotonicMs()) ?? 'now';
  }

  /** Call it before a request to this target, and `judge` with the answer. Undefined when the request must wait. */
  try(target: Addressee): Trial | undefined {
    if (this.admit(target) !== 'now') return undefined;
    return this.budget?.begin(target, this.#clock.monotonicMs()) ?? { ...target, isOpen: false };
  }

  /** Why targets are held back, in words. */
  refusedLately(): string {
    const { budget } = this;
    const count = budget?.count(this.#clock.monotonicMs()) ?? 0;
    return `${count} requests were refused in 10 min, and more than ${budget?.most ?? 0} might bring a ban of this address`;
  }

  /** Records the answer; undefined when the request was not made. */
  judge(trial: Trial, answer: Answer | undefined): void {
    this.budget?.end(trial, answer && verdictOn(answer), this.#clock.monotonicMs());
  }

  /** How long the receiver wants no request of this address. */
  closedMs(): number {
    return this.pace.closedMs(this.#clock.monotonicMs());
  }

  /** A granted slot was not used. */
  unused(): void {
    this.pace.unanswered();
    this.#changed();
  }

  /** The answer to a request that was let through, and begun at `begunMs`. */
  answered(action: Action, begunMs: number, nowMs: number): void {
    if (action.kind === 'address_blocked') this.pace.block(nowMs, begunMs, action.waitMs);
    else if (action.kind === 'try_again') this.pace.unanswered();
    else this.pace.answered(begunMs);
    if (action.kind === 'rate_limited' && action.everybody) this.pace.close(nowMs, action.waitMs);
    if (action.kind === 'delivered') this.#served += 1;
    this.#changed();
  }

  /** So many requests a second are made at the address from now on, of which this share is ours. */
  setRate(requestsPerSecond: number, share = 1): void {
    this.pace.requestsPerSecond = requestsPerSecond * share;
    this.#window.most = Math.max(1, Math.floor(this.#inSecondMax * share));
    this.budget?.setShare(share);
    this.#changed();
  }

  /** The pace has changed: waiters check again. */
  #changed(): void {
    this.#change.abort();
    this.#change = new AbortController();
  }

  async #pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.#queue.size > 0) {
      const nowMs = this.#clock.monotonicMs();
      const waitMs = Math.max(this.pace.waitMs(nowMs), this.#window.waitMs(nowMs));
      const spareMs = waitMs > 0 ? waitMs : this.pace.waitMs(nowMs, sparedByWaiting);
      const next = waitMs > 0 ? undefined : this.#queue.take(nowMs, spareMs > 0);
      if (next === undefined) {
        await this.#clock.pause(spareMs, this.#change.signal);
        continue;
      }
      this.pace.take(nowMs);
      next.go();
    }
    this.#isPumping = false;
  }

  /** Resolves when the second has room for one more; false when the signal aborted before. */
  async #hasRoom(signal: AbortSignal): Promise<boolean> {
    for (;;) {
      const waitMs = this.#window.waitMs(this.#clock.monotonicMs());
      if (waitMs === 0 || signal.aborted) return waitMs === 0;
      await this.#clock.pause(waitMs, AbortSignal.any([signal, this.#change.signal]));
    }
  }
}
