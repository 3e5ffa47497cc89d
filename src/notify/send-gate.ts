import type { Action } from '../discord/answer.ts';
import type { NotifyClock } from './clock.ts';
import { AddressPace } from './schedule/address-pace.ts';
import { WebhookPace } from './schedule/webhook-pace.ts';

/** Webhooks whose pace is remembered; past them those that may be asked at once are forgotten. */
const pacesMax = 10_000;

/**
 * The one door of this process to Discord: lanes queue here, and go through in the order in which they came, as fast as
 * AddressPace allows.
 */
export class SendGate {
  readonly pace: AddressPace;
  readonly #clock: NotifyClock;
  readonly #queue = new Set<() => void>();
  #isPumping = false;
  #served = 0;
  readonly #paces = new Map<string, WebhookPace>();
  /** Interrupts the pump's wait: the pace has changed. */
  #change = new AbortController();

  constructor(requestsPerSecond: number, clock: NotifyClock) {
    this.pace = new AddressPace(requestsPerSecond);
    this.#clock = clock;
  }

  /** How many requests wait for the rate of the address. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** Resolves when one request may go out; false when the signal aborted before. */
  enter(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const leave = (): void => {
        this.#queue.delete(go);
        resolve(false);
        // The pump must not sleep on for nobody.
        this.#changed();
      };
      const go = (): void => {
        signal.removeEventListener('abort', leave);
        resolve(true);
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#queue.add(go);
      void this.#pump();
    });
  }

  /** The webhook's pace. It outlives the lane: a partition that is begun anew still knows of a wait. */
  paceOf(webhookId: string): WebhookPace {
    const found = this.#paces.get(webhookId);
    if (found !== undefined) return found;
    const nowMs = this.#clock.monotonicMs();
    if (this.#paces.size >= pacesMax)
      for (const [id, pace] of this.#paces) if (pace.waitMs(nowMs) === 0) this.#paces.delete(id);
    const made = new WebhookPace();
    this.#paces.set(webhookId, made);
    return made;
  }

  /** How many requests of this process succeeded, ever. */
  get served(): number {
    return this.#served;
  }

  /** How long nobody may send, by Discord's word. */
  closedMs(): number {
    return this.pace.closedMs(this.#clock.monotonicMs());
  }

  /** Whoever was let through did not send. */
  unused(): void {
    this.pace.unanswered();
    this.#changed();
  }

  /** What came of a request that was let through, and begun at `begunMs`. */
  answered(action: Action, begunMs: number, nowMs: number): void {
    if (action.kind === 'address_blocked') this.pace.block(nowMs, begunMs, action.waitMs);
    else if (action.kind === 'try_again') this.pace.unanswered();
    else this.pace.answered(begunMs);
    if (action.kind === 'rate_limited' && action.everybody) this.pace.close(nowMs, action.waitMs);
    if (action.kind === 'delivered') this.#served += 1;
    this.#changed();
  }

  /** So many requests a second from now on. */
  setRate(requestsPerSecond: number): void {
    this.pace.requestsPerSecond = requestsPerSecond;
    this.#changed();
  }

  /** The pace was told something: whoever waits looks again. */
  #changed(): void {
    this.#change.abort();
    this.#change = new AbortController();
  }

  async #pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    for (let [first] = this.#queue; first !== undefined; [first] = this.#queue) {
      const nowMs = this.#clock.monotonicMs();
      const waitMs = this.pace.waitMs(nowMs);
      if (waitMs === 0) {
        this.#queue.delete(first);
        this.pace.take(nowMs);
        first();
      } else {
        await this.#clock.pause(waitMs, this.#change.signal);
      }
    }
    this.#isPumping = false;
  }
}
