import type { Action } from '../discord/answer.ts';
import type { NotifyClock } from './clock.ts';
import { AddressPace } from './schedule/address-pace.ts';
import { WebhookPace } from './schedule/webhook-pace.ts';

/** Webhooks whose pace is remembered; past them those that may be asked at once are forgotten. */
const pacesMax = 10_000;

/** While webhooks with much due are waiting, one of them goes after so many others. */
const fewInARowMax = 3;
/** What those with much due leave of a burst, for others that may come. */
const sparedByMany = 2;

/** Whether more is due than one message shows: then it takes many messages, and their order among others matters little. */
export type HasMuch = () => boolean;

/**
 * The one door of this process to Discord: lanes queue here, and go through as fast as AddressPace allows, in the order in
 * which they came; but those to whose webhooks little is due go before those of a storm, which hardly feel it.
 */
export class SendGate {
  readonly pace: AddressPace;
  readonly #clock: NotifyClock;
  readonly #queue = new Map<() => void, HasMuch>();
  #fewInARow = 0;
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
  enter(signal: AbortSignal, hasMuch: HasMuch = () => false): Promise<boolean> {
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
      this.#queue.set(go, hasMuch);
      // It may go before who waits now.
      this.#changed();
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
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const nowMs = this.#clock.monotonicMs();
      const waitMs = this.pace.waitMs(nowMs, next.hasMuch ? sparedByMany : 0);
      if (waitMs === 0) {
        this.#fewInARow = next.hasMuch ? 0 : this.#fewInARow + 1;
        this.#queue.delete(next.go);
        this.pace.take(nowMs);
        next.go();
      } else {
        await this.#clock.pause(waitMs, this.#change.signal);
      }
    }
    this.#isPumping = false;
  }

  /** Whose turn it is. */
  #next(): { readonly go: () => void; readonly hasMuch: boolean } | undefined {
    let many: (() => void) | undefined;
    let few: (() => void) | undefined;
    const isManysTurn = this.#fewInARow >= fewInARowMax;
    for (const [go, hasMuch] of this.#queue) {
      if (hasMuch()) many ??= go;
      else few ??= go;
      if ((isManysTurn ? many : few) !== undefined) break;
    }
    const go = isManysTurn ? (many ?? few) : (few ?? many);
    return go === undefined ? undefined : { go, hasMuch: go === many };
  }
}
