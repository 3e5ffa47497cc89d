import type { Clock } from '../base/clock.ts';
import { InvalidBudget } from '../receiver/invalid-budget.ts';
import type { Destination } from '../receiver/receiver.ts';
import { SendGate } from './send-gate.ts';
import { WebhookPace } from './schedule/webhook-pace.ts';

/** Keys whose pace is remembered; past them those that may be asked at once are forgotten. */
const pacesMax = 10_000;
/** Receivers with a rate of their own; past them those that nothing waits at are forgotten. */
const gatesMax = 1_000;

/** What all instances behind one address may do together. */
interface AddressLimits {
  readonly requestsPerSecond: number;
  /** No second may hold more requests. */
  readonly inSecondMax: number;
  /** Invalid answers in ten minutes. */
  readonly invalidMax: number;
}

/**
 * The gates of this process: one for all targets that share an address, as Discord's do, and one for each receiver with a rate of its
 * own. And the pace of each key. Both outlive the senders: after a restart of a partition a wait still holds.
 */
export class SendGates {
  /** For all receivers that share an address. */
  readonly shared: SendGate;
  readonly #clock: Clock;
  readonly #own = new Map<string, { readonly gate: SendGate; requestsPerSecond: number }>();
  readonly #paces = new Map<string, WebhookPace>();

  constructor({ requestsPerSecond, inSecondMax, invalidMax }: AddressLimits, clock: Clock) {
    this.shared = new SendGate(requestsPerSecond, clock, inSecondMax, new InvalidBudget(invalidMax));
    this.#clock = clock;
  }

  /** How many requests wait for a rate. */
  get waiting(): number {
    return [...this.#own.values()].reduce((sum, { gate }) => sum + gate.waiting, this.shared.waiting);
  }

  /** The gate to a destination of this key. */
  gateOf(key: string, { requestsPerSecond }: Destination): SendGate {
    if (requestsPerSecond === undefined) return this.shared;
    const known = this.#own.get(key);
    if (known === undefined) return this.#newGate(key, requestsPerSecond);
    if (known.requestsPerSecond !== requestsPerSecond) known.gate.setRate(requestsPerSecond);
    known.requestsPerSecond = requestsPerSecond;
    return known.gate;
  }

  paceOf(key: string): WebhookPace {
    const found = this.#paces.get(key);
    if (found !== undefined) return found;
    const nowMs = this.#clock.monotonicMs();
    if (this.#paces.size >= pacesMax)
      for (const [id, pace] of this.#paces) if (pace.waitMs(nowMs) === 0) this.#paces.delete(id);
    const made = new WebhookPace();
    this.#paces.set(key, made);
    return made;
  }

  #newGate(key: string, requestsPerSecond: number): SendGate {
    if (this.#own.size >= gatesMax)
      for (const [other, { gate }] of this.#own) if (gate.waiting === 0) this.#own.delete(other);
    const gate = new SendGate(requestsPerSecond, this.#clock, Infinity);
    this.#own.set(key, { gate, requestsPerSecond });
    return gate;
  }
}
