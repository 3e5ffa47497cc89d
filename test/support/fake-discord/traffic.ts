/** What was asked of each webhook, and what the client had been told before: who asks all the same does not obey. */
import type { Answer } from './answer.ts';

/** No client waits longer for an answer: a request this old has ended for it, though its socket may be open still. */
const requestMsMax = 15_000;

export interface Arrival {
  /** From 1, of this webhook. */
  readonly requestOfWebhook: number;
  /** Whether earlier answers had said that the bucket is empty, or to wait. */
  readonly whileEmpty: boolean;
  /** Whether another request to the same webhook was under way. */
  readonly overlapped: boolean;
  /** Its client has heard this answer. */
  readonly told: (answer: Answer) => void;
  /** It is over, answered or not. */
  readonly over: () => void;
}

export class Traffic {
  readonly #requests = new Map<string, number>();
  readonly #underWay = new Map<string, Set<{ readonly sinceMs: number }>>();
  /** By bucket (a method and a webhook) and by address: until when nothing may be asked. */
  readonly #emptyUntilMs = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  arrive(webhookId: string, method: string, address: string): Arrival {
    const nowMs = this.#now();
    const requestOfWebhook = (this.#requests.get(webhookId) ?? 0) + 1;
    this.#requests.set(webhookId, requestOfWebhook);
    const underWay = this.#underWay.get(webhookId) ?? new Set();
    this.#underWay.set(webhookId, underWay);
    const overlapped = [...underWay].some(({ sinceMs }) => nowMs - sinceMs < requestMsMax);
    const own = { sinceMs: nowMs };
    underWay.add(own);
    const bucket = `${method} ${webhookId}`;
    const emptyUntilMs = Math.max(this.#until(bucket), this.#until(address));
    return {
      requestOfWebhook,
      whileEmpty: nowMs < emptyUntilMs,
      overlapped,
      told: (answer) => {
        if (answer.waitMs <= 0) return;
        const everybody = answer.outcome === 'banned' || answer.headers['x-ratelimit-global'] === 'true';
        const key = everybody ? address : bucket;
        this.#emptyUntilMs.set(key, Math.max(this.#until(key), this.#now() + answer.waitMs));
      },
      over: () => underWay.delete(own),
    };
  }

  #until(key: string): number {
    return this.#emptyUntilMs.get(key) ?? -Infinity;
  }
}
