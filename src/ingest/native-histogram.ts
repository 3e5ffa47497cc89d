// A native histogram of remote write: only its count and sum are published, yet a count that contradicts the buckets says
// that the sender is at fault, and Prometheus refuses it, too (model/histogram, `Validate`).
//
//   Histogram { count 1 or 2, sum 3, zero count 6 or 7, negative { spans 8, deltas 9, counts 10 },
//               positive { spans 11, deltas 12, counts 13 }, timestamp 15 }     BucketSpan { offset 1, length 2 }
import type { ProtoCursor } from './protobuf.ts';

export interface NativeHistogram {
  readonly count: number;
  readonly sum: number;
  readonly timestampMs: number;
  readonly isStale: boolean;
  /** How it contradicts itself. */
  readonly problem: string | undefined;
}

/** The buckets of one sign. */
class Buckets {
  /** How many the spans announce. */
  announced = 0;
  count = 0;
  total = 0;
  hasNegative = false;
  #last = 0;

  readSpan(cursor: ProtoCursor, end: number): void {
    while (cursor.next(end)) {
      if (cursor.field === 2 && cursor.wire === 0) this.announced += cursor.uint64(end);
      else cursor.skip(end);
    }
  }

  /** Whole buckets are written as the difference to the one before. */
  addDelta(delta: number): void {
    this.add(this.#last + delta);
  }

  add(bucket: number): void {
    this.#last = bucket;
    this.count++;
    this.total += bucket;
    if (bucket < 0) this.hasNegative = true;
  }
}

/** Reads the message that ends at `end`; leaves the cursor there. */
export function readNativeHistogram(cursor: ProtoCursor, end: number): NativeHistogram {
  let [count, sum, zero, timestampMs] = [0, 0, 0, 0];
  let [isStale, isFloat, hasZero] = [false, false, false];
  const [negative, positive] = [new Buckets(), new Buckets()];
  while (cursor.next(end)) {
    const { field, wire } = cursor;
    const buckets = field <= 10 ? negative : positive;
    if (field === 1 && wire === 0) count = cursor.uint64(end);
    else if (field === 2 && wire === 1) {
      isFloat = true;
      count = cursor.double(end);
    } else if (field === 3 && wire === 1) {
      sum = cursor.double(end);
      isStale = cursor.isStaleMarker;
    } else if ((field === 6 && wire === 0) || (field === 7 && wire === 1)) {
      hasZero = true;
      zero = wire === 0 ? cursor.uint64(end) : cursor.double(end);
    } else if ((field === 8 || field === 11) && wire === 2) buckets.readSpan(cursor, cursor.fieldEnd);
    else if ((field === 9 || field === 12) && (wire === 2 || wire === 0)) {
      for (const last = wire === 2 ? cursor.fieldEnd : cursor.at + 1; cursor.at < last;) {
        buckets.addDelta(cursor.sint64(wire === 2 ? last : end));
      }
    } else if ((field === 10 || field === 13) && (wire === 2 || wire === 1)) {
      for (const last = wire === 2 ? cursor.fieldEnd : cursor.at + 1; cursor.at < last;) {
        buckets.add(cursor.double(wire === 2 ? last : end));
      }
    } else if (field === 15 && wire === 0) timestampMs = cursor.int64(end);
    else cursor.skip(end);
  }
  const hasBuckets = hasZero || negative.count + positive.count > 0;
  const problem = problemOf({ count, sum, zero, isFloat, hasBuckets, negative, positive });
  return { count, sum, timestampMs, isStale, problem };
}

interface Parts {
  readonly count: number;
  readonly sum: number;
  readonly zero: number;
  readonly isFloat: boolean;
  readonly hasBuckets: boolean;
  readonly negative: Buckets;
  readonly positive: Buckets;
}

function problemOf({ count, sum, zero, isFloat, hasBuckets, negative, positive }: Parts): string | undefined {
  for (const { announced, count: present } of [negative, positive]) {
    if (announced !== present) return `the spans of a histogram announce ${announced} buckets, and ${present} came`;
  }
  if (count < 0 || zero < 0 || negative.hasNegative || positive.hasNegative) {
    return 'the count or a bucket of a histogram is below 0';
  }
  // Sums of floats are rounded. A sender may leave the buckets out, since only count and sum are used here.
  if (isFloat || !hasBuckets) return undefined;
  const total = zero + negative.total + positive.total;
  // An observation that is NaN counts, falls into no bucket, and makes the sum NaN.
  const fits = Number.isNaN(sum) ? total <= count : total === count;
  return fits ? undefined : `a histogram's count is ${count}, and its buckets come to ${total}`;
}
