/**
 * Whose turn it is among the webhooks that wait for the rate of the address. Work is conserved: the order says who waits, not how
 * long all of it takes. So a storm is drained as soon whatever the order is, and those beside it need not feel it:
 *
 * - who has the fewest notifications due goes first, since waiting fills the messages of the others;
 * - of the like the newest goes first: of a thousand that came together somebody must be the last, but who comes after them with
 *   one alarm need not wait until the thousand are served;
 * - every fourth turn is that of whoever has waited longest, so that nobody waits for ever;
 * - the last of a burst are kept for who has just come with no more than one message shows.
 *
 * Times are of one monotonic clock, in milliseconds.
 */
export interface Waiter {
  /** How many notifications are due to its webhook now. */
  readonly due: () => number;
  readonly cameMs: number;
}

/** Every so many turns are the longest waiting one's. */
const longestEvery = 4;
/** What one message shows. */
const fewMax = 10;
/** Who waits for longer has not just come. */
const justCameMs = 50;

export class Turns<Entry extends Waiter> {
  /** In the order in which they came. */
  readonly #waiting: Entry[] = [];
  #sinceLongest = 0;
  /** So many of what is kept for them were taken, and nobody else had a turn. */
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

  /** Takes out whose turn it is. `isScarce`: only what is kept for newcomers is left; then it may be nobody's turn. */
  take(nowMs: number, isScarce: boolean): Entry | undefined {
    const entry = isScarce ? this.#newcomer(nowMs) : this.#anybody(nowMs);
    if (entry !== undefined) this.remove(entry);
    return entry;
  }

  #anybody(nowMs: number): Entry | undefined {
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

  /** The newest of those with the fewest due, looked for among the newcomers alone when only they may go. */
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

function isNewcomer({ cameMs, due }: Waiter, nowMs: number): boolean {
  return nowMs - cameMs <= justCameMs && due() <= fewMax;
}
