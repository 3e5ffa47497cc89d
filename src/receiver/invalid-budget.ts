/**
 * Discord bans an address that gets too many invalid answers (401, 403, 404, and 429 unless its scope is shared) in ten minutes, for all
 * targets behind it. This keeps the answers to requests that may be invalid far below that:
 *
 * - A target that was served lately is never held back.
 * - Any other request is a trial. As long as few answers were invalid trials are free, so that a first alarm is not late. Those under
 *   way may all be invalid, so that they have room in the budget too, which slow answers use up for a moment.
 * - Past half of the budget there is one trial at a time, and after an invalid answer the next one waits for its share of the window.
 * - With the budget spent there is none.
 * - A key (a webhook's id) has a small part of the budget: of its many tokens only one can be right, and a crowd of wrong ones costs
 *   the targets of other keys nothing.
 *
 * Times are of one monotonic clock, in milliseconds.
 */

/** What an answer says: the target served it, or refused it, or it is invalid without saying anything of the target, as a 429. */
export type Verdict = 'served' | 'refused' | 'invalid';

/** Whom a request is for. */
export interface Addressee {
  /** The key of its notifications. */
  readonly key: string;
  /** The target's name. */
  readonly name: string;
}

/** Whether a request may be made: now, as soon as one under way is answered, or only when answers of the past leave the window. */
export type Admission = 'now' | 'soon' | 'later';

/** A request that was let through. */
export interface Trial extends Addressee {
  /** Whether its target was not served lately. */
  readonly isOpen: boolean;
}

interface InvalidAnswer {
  readonly key: string;
  readonly atMs: number;
  readonly isRefusal: boolean;
}

/** In which Discord counts. */
const windowMs = 10 * 60_000;
/** A target that was served within this time is no trial. */
const servedForMs = 24 * 3_600_000;
/** Targets remembered as served; past them those whose last success is longest ago are forgotten. */
const servedMax = 20_000;
/** A key's part of the budget, and the least that it has: one mistyped token, or a dead thread, holds no other target of it back. */
const keyShare = 1 / 8;
const ofKeyMin = 3;
/** Trials are free up to this part of the budget. */
const freeShare = 1 / 2;

export class InvalidBudget {
  readonly #fleetMost: number;
  #most: number;
  /** The oldest first. */
  #invalid: InvalidAnswer[] = [];
  readonly #trials = new Set<Trial>();
  /** By key and name: when it was served last, the longest ago first. */
  readonly #served = new Map<string, number>();

  /** `most`: invalid answers in ten minutes of all processes behind one address. */
  constructor(most: number) {
    this.#fleetMost = most;
    this.#most = most;
  }

  /** The part of the fleet's budget that this process has. */
  setShare(share: number): void {
    this.#most = Math.max(1, Math.floor(this.#fleetMost * share));
  }

  /** Invalid answers in ten minutes that this process may get. */
  get most(): number {
    return this.#most;
  }

  /** Invalid answers of the last ten minutes. */
  count(nowMs: number): number {
    while (this.#invalid.length > 0 && this.#invalid[0]!.atMs <= nowMs - windowMs) this.#invalid.shift();
    return this.#invalid.length;
  }

  /** Refusals of the last ten minutes under this key. */
  refusedOf(key: string, nowMs: number): number {
    this.count(nowMs);
    return this.#invalid.filter((one) => one.isRefusal && one.key === key).length;
  }

  /** When a request to this target may be made. */
  admit(target: Addressee, nowMs: number): Admission {
    if (this.#isServed(target, nowMs)) return 'now';
    const count = this.count(nowMs);
    const ofKey = this.refusedOf(target.key, nowMs);
    const ofKeyMax = Math.max(ofKeyMin, Math.floor(this.#most * keyShare));
    if (count >= this.#most || ofKey >= ofKeyMax) return 'later';
    const isScarce = count >= this.#most * freeShare;
    const everyMs = isScarce ? windowMs / Math.max(1, this.#most * (1 - freeShare)) : 0;
    if (nowMs - (this.#invalid.at(-1)?.atMs ?? -Infinity) < everyMs) return 'later';
    const underWay = [...this.#trials].filter(({ key }) => key === target.key).length;
    const isFull = isScarce ? this.#trials.size > 0 : count + this.#trials.size >= this.#most;
    return isFull || ofKey + underWay >= ofKeyMax ? 'soon' : 'now';
  }

  /** A request is about to be made. Call it only when it may be made now; and `end` once for what it returns. */
  begin({ key, name }: Addressee, nowMs: number): Trial {
    const trial = { key, name, isOpen: !this.#isServed({ key, name }, nowMs) };
    if (trial.isOpen) this.#trials.add(trial);
    return trial;
  }

  /** The request was answered; or it was not made or not answered, or the answer says nothing. */
  end(trial: Trial, verdict: Verdict | undefined, nowMs: number): void {
    this.#trials.delete(trial);
    if (verdict === 'served') this.noteServed(trial, nowMs);
    if (verdict === 'refused') this.#served.delete(nameOf(trial));
    if (verdict === 'refused' || verdict === 'invalid')
      this.#invalid.push({ key: trial.key, atMs: nowMs, isRefusal: verdict === 'refused' });
  }

  /** It was served at this time, perhaps by a former owner. */
  noteServed(target: Addressee, atMs: number): void {
    const name = nameOf(target);
    const knownMs = this.#served.get(name) ?? -Infinity;
    this.#served.delete(name);
    this.#served.set(name, Math.max(knownMs, atMs));
    const [longestAgo] = this.#served.keys();
    if (this.#served.size > servedMax && longestAgo !== undefined) this.#served.delete(longestAgo);
  }

  /** A former owner was refused at this time. */
  noteRefused({ key }: Pick<Addressee, 'key'>, atMs: number): void {
    const at = this.#invalid.findLastIndex((one) => one.atMs <= atMs);
    this.#invalid.splice(at + 1, 0, { key, atMs, isRefusal: true });
  }

  #isServed(target: Addressee, nowMs: number): boolean {
    return (this.#served.get(nameOf(target)) ?? -Infinity) > nowMs - servedForMs;
  }
}

function nameOf({ key, name }: Addressee): string {
  return `${key} ${name}`;
}
