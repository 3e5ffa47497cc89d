/** So long a bucket is, and so many there are: a day, and the part of a bucket that now stands in. */
export const bucketMs = 15 * 60_000;
const buckets = 97;
/** Rules whose fires are counted; past them the one that has not fired for longest is forgotten. */
const rulesMax = 20_000;

interface Ring {
  readonly counts: Uint32Array;
  /** The newest bucket that was counted in, in buckets since the epoch. */
  newest: number;
}

/** How often each rule fired in the last 24 hours, to a quarter of an hour. */
export class FireCounts {
  readonly #byRule = new Map<string, Ring>();

  add(ruleId: string, atMs: number, nowMs: number): void {
    const [bucket, now] = [Math.floor(atMs / bucketMs), Math.floor(nowMs / bucketMs)];
    // A device's clock may be far ahead: that fire is of now.
    const at = Math.min(bucket, now);
    if (at <= now - buckets) return;
    const ring = this.#byRule.get(ruleId) ?? { counts: new Uint32Array(buckets), newest: at };
    this.#byRule.delete(ruleId);
    this.#byRule.set(ruleId, ring);
    if (this.#byRule.size > rulesMax) this.#byRule.delete(this.#byRule.keys().next().value!);
    turnTo(ring, at);
    if (at > ring.newest - buckets) ring.counts[at % buckets]!++;
  }

  last24h(ruleId: string, nowMs: number): number {
    return this.strip(ruleId, nowMs).reduce((sum, count) => sum + count, 0);
  }

  /** The counts of the last day's buckets, oldest first; the last is the one that now stands in. */
  strip(ruleId: string, nowMs: number): number[] {
    const ring = this.#byRule.get(ruleId);
    const now = Math.floor(nowMs / bucketMs);
    return Array.from({ length: buckets }, (_, index) => {
      const bucket = now - buckets + 1 + index;
      if (ring === undefined || bucket > ring.newest || bucket <= ring.newest - buckets) return 0;
      return ring.counts[bucket % buckets]!;
    });
  }

  /** Rules that have fired and are still counted. */
  rules(): IterableIterator<string> {
    return this.#byRule.keys();
  }
}

function turnTo(ring: Ring, bucket: number): void {
  for (let cleared = Math.max(ring.newest + 1, bucket - buckets + 1); cleared <= bucket; cleared++)
    ring.counts[cleared % buckets] = 0;
  ring.newest = Math.max(ring.newest, bucket);
}
