/**
 * Which request goes next among the keys that wait for the rate of the address. Work is conserved: the order decides who waits,
 * not how long all of it takes. So a storm is drained as soon in any order, and those beside it need not notice it:
 *
 * - the key with the fewest due notifications goes first, since waiting fills the messages of the others;
 * - among equals the newest goes first: of a thousand that came together one must be the last, but one that comes after them with
 *   one alarm need not wait until the thousand are served;
 * - every fourth request is the one that has waited longest, so that none waits for ever;
 * - the last of a burst are reserved for newcomers with no more than one message shows.
 *
 * Times are of one monotonic clock, in milliseconds.
 */
export interface Request {
  /** How many notifications are due under its key now. */
  readonly due: () => number;
  readonly cameMs: number;
}

/** Every so many requests are the longest waiting one. */
const longestEvery = 4;
/** What one message shows. */
const fewMax = 10;
/** A request that has waited longer is no newcomer. */
const justCameMs = 50;

export class FairQueue<Entry extends Request> {
  /** In the order in which they came. */
  readonly #waiting: Entry[] = [];
  #sinceLongest = 0;
  /** Reserved tokens that newcomers took since another request went. */
  #newcomersInARow = 0;

  get size(): number {
    return this.#waiting.length;
  }

  add(entry: Entry): void {
    this.#waiting.push(entry);
  }

  remove(entry: Entry): void {
    const at = this.#waiting.lastIndexOf(entry);
    if (at !== -1) this.#waiting.splice(at, 1);
  }

  /** Takes out the next request. `isScarce`: only what is reserved for newcomers is left; then there may be none. */
  take(nowMs: number, isScarce: boolean): Entry | undefined {
    const entry = isScarce ? this.#newcomer(nowMs) : this.#any(nowMs);
    if (entry !== undefined) this.remove(entry);
    return entry;
  }

  #any(nowMs: number): Entry | undefined {
    this.#newcomersInARow = 0;
    const isLongests = this.#sinceLongest >= longestEvery - 1;
    this.#sinceLongest = isLongests ? 0 : this.#sinceLongest + 1;
    return isLongests ? this.#waiting[0] : this.#fewestDue(nowMs, false);
  }

  #newcomer(nowMs: number): Entry | undefined {
    const longest = this.#waiting[0];
    const isEnough = this.#newcomersInARow >= longestEvery - 1;
    if (longest === undefined || (isEnough && !isNewcomer(longest, nowMs))) return undefined;
    const entry = this.#fewestDue(nowMs, true);
    if (entry === undefined || !isNewcomer(entry, nowMs)) return undefined;
    this.#newcomersInARow += 1;
    this.#sinceLongest += 1;
    return entry;
  }

  /** The newest of those with the fewest due; among newcomers alone when only they may go. */
  #fewestDue(nowMs: number, ofNewcomers: boolean): Entry | undefined {
    let best: Entry | undefined;
    let fewest = Infinity;
    for (let at = this.#waiting.length - 1; at >= 0 && fewest > 1; at--) {
      const entry = this.#waiting[at]!;
      if (ofNewcomers && nowMs - entry.cameMs > justCameMs) break;
      const due = entry.due();
      if (due < fewest) [best, fewest] = [entry, due];
    }
    return best;
  }
}

function isNewcomer({ cameMs, due }: Request, nowMs: number): boolean {
  return nowMs - cameMs <= justCameMs && due() <= fewMax;
}
