/**
 * The mean of a series over (T - W, T], T being the largest timestamp so far. It must stay exact however long it runs.
 *
 *   older                                                      newer
 *   [ cells: (sum, count), each within W/1,024 ] [ the newest 4,096 samples, in order of time ]
 *
 * Samples are true until there are more than 4,096 of them; then the oldest moves into the cell of its time. So a window
 * that holds at most 4,096 samples is exact, also after a burst has passed. A cell leaves when its newest sample does.
 *
 * The sum is kept as two doubles (Dekker 1971, Knuth's two-sum), samples being added and taken off again. What even two
 * doubles lost is known exactly: when it could matter, the sum is made afresh (Shewchuk 1997, as Python's fsum). For
 * values of like size it never does.
 */
import { assert } from '../base/assert.ts';

const exactSamplesMax = 4_096;
const cellsPerWindow = 1_024;

/**
 * What the sum may have lost, relative to itself. The contract is 1e-9; this is so little that a window that was filled
 * from the log says the same, to the last digit, as one that has always run.
 */
const relativeLossMax = 1e-22;
/** From here on values are kept scaled down, so that no sum of them overflows. */
const largeValue = 2 ** 960;
const smallScale = 2 ** -64;
const capacityMin = 4;

/** Samples of one stretch of time, at most W/1,024 long. Its sum is `sum + rest`. */
interface Cell {
  readonly bucket: number;
  newestMs: number;
  sum: number;
  rest: number;
  count: number;
}

/**
 * The time, inclusive, from which on the log must be read so that a window filled from it is the same as one that has
 * always run, the series' T being `timeMs`: a cell that lies across T - W is whole only with the samples before it.
 */
export function windowFillFromMs(timeMs: number, durationMs: number): number {
  return timeMs - durationMs - durationMs / cellsPerWindow;
}

export class Window {
  readonly durationMs: number;
  #newestMs = -Infinity;
  /** A ring of pairs (timestamp, value), sorted by time; its length in pairs is a power of two. */
  #ring = new Float64Array(2 * capacityMin);
  #head = 0;
  #held = 0;
  /** Sorted by bucket. Only while the ring holds exactSamplesMax samples. */
  #cells: Cell[] = [];
  #count = 0;
  #sum = 0;
  #rest = 0;
  /** At most this much is missing from #sum + #rest. */
  #lost = 0;
  #scale = 1;

  constructor(durationMs: number) {
    assert(durationMs > 0, 'a window has a duration');
    this.durationMs = durationMs;
  }

  /** T, or -Infinity before the first sample. */
  get newestMs(): number {
    return this.#newestMs;
  }

  /** How many samples the mean is of. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of samples held, about. */
  get bytes(): number {
    return this.#ring.byteLength + this.#cells.length * 64;
  }

  /**
   * Takes a sample and returns the mean with it; undefined when the sample is older than the window, which then is as it
   * was. `value` must be finite. The cost is constant on average; a late sample's grows with the samples after it.
   */
  add(timestampMs: number, value: number): number | undefined {
    if (timestampMs <= this.#newestMs - this.durationMs) return undefined;
    this.advance(timestampMs);
    if (Math.abs(value) >= largeValue && this.#scale === 1) this.#scaleDown();
    const scaled = value * this.#scale;
    if (this.#held < exactSamplesMax) {
      this.#insert(timestampMs, scaled);
    } else if (timestampMs < this.#timeAt(0)) {
      this.#addToCell(timestampMs, scaled);
    } else {
      this.#addToCell(this.#timeAt(0), this.#valueAt(0));
      this.#dropOldest();
      this.#insert(timestampMs, scaled);
    }
    this.#count += 1;
    this.#addToSum(scaled);
    return this.mean;
  }

  /** Moves T forward; a time before T changes nothing. */
  advance(timeMs: number): void {
    if (timeMs <= this.#newestMs) return;
    this.#newestMs = timeMs;
    const endMs = timeMs - this.durationMs;
    for (let cell = this.#cells[0]; cell && cell.newestMs <= endMs; cell = this.#cells[0]) {
      this.#cells.shift();
      this.#count -= cell.count;
      this.#addToSum(-cell.sum);
      this.#addToSum(-cell.rest);
    }
    // While there are cells, all samples of the ring are at least as new as these.
    while (this.#held > 0 && this.#timeAt(0) <= endMs) {
      this.#addToSum(-this.#valueAt(0));
      this.#count -= 1;
      this.#dropOldest();
    }
    if (this.#count === 0) this.#clearSum();
    this.#shrink();
  }

  /** The mean of the samples held, or undefined when there are none. */
  get mean(): number | undefined {
    if (this.#count === 0) return undefined;
    if (this.#lost > relativeLossMax * Math.abs(this.#sum)) this.#sumAfresh();
    const mean = quotient(this.#sum, this.#rest, this.#count);
    return this.#scale === 1 ? mean : mean / this.#scale;
  }

  #timeAt(index: number): number {
    return this.#ring[2 * this.#slot(index)] as number;
  }

  #valueAt(index: number): number {
    return this.#ring[2 * this.#slot(index) + 1] as number;
  }

  #slot(index: number): number {
    return (this.#head + index) & (this.#ring.length / 2 - 1);
  }

  #insert(timestampMs: number, value: number): void {
    if (2 * this.#held === this.#ring.length) this.#resize(this.#ring.length);
    let index = this.#held;
    this.#held += 1;
    for (; index > 0 && this.#timeAt(index - 1) > timestampMs; index -= 1) {
      this.#put(index, this.#timeAt(index - 1), this.#valueAt(index - 1));
    }
    this.#put(index, timestampMs, value);
  }

  #put(index: number, timestampMs: number, value: number): void {
    const slot = 2 * this.#slot(index);
    this.#ring[slot] = timestampMs;
    this.#ring[slot + 1] = value;
  }

  #dropOldest(): void {
    this.#head = this.#slot(1);
    this.#held -= 1;
  }

  /** Gives memory back after a burst, late enough that a window of steady size never goes to and fro. */
  #shrink(): void {
    const capacity = this.#ring.length / 2;
    if (capacity > capacityMin && this.#held <= capacity >> 3) this.#resize(capacity >> 1);
  }

  #resize(capacity: number): void {
    const ring = new Float64Array(2 * capacity);
    for (let index = 0; index < this.#held; index += 1) {
      ring[2 * index] = this.#timeAt(index);
      ring[2 * index + 1] = this.#valueAt(index);
    }
    this.#ring = ring;
    this.#head = 0;
  }

  #addToCell(timestampMs: number, value: number): void {
    const bucket = Math.floor(timestampMs / (this.durationMs / cellsPerWindow));
    const index = this.#cells.findLastIndex((held) => held.bucket <= bucket);
    const cell = this.#cells[index];
    if (cell?.bucket !== bucket) {
      this.#cells.splice(index + 1, 0, { bucket, newestMs: timestampMs, sum: value, rest: 0, count: 1 });
      return;
    }
    const sum = cell.sum + value;
    const low = lostInSum(cell.sum, value, sum);
    const rest = cell.rest + low;
    // What the cell lost will be missing when it is taken off the sum.
    this.#lost += Math.abs(lostInSum(cell.rest, low, rest));
    cell.sum = sum + rest;
    cell.rest = lostInSum(sum, rest, cell.sum);
    cell.newestMs = Math.max(cell.newestMs, timestampMs);
    cell.count += 1;
  }

  #addToSum(value: number): void {
    const sum = this.#sum + value;
    const low = lostInSum(this.#sum, value, sum);
    const rest = this.#rest + low;
    this.#lost += Math.abs(lostInSum(this.#rest, low, rest));
    this.#sum = sum + rest;
    this.#rest = lostInSum(sum, rest, this.#sum);
  }

  #clearSum(): void {
    this.#sum = 0;
    this.#rest = 0;
    this.#lost = 0;
    this.#scale = 1;
  }

  #sumAfresh(): void {
    const parts: number[] = [];
    for (const cell of this.#cells) {
      addExactly(parts, cell.sum);
      addExactly(parts, cell.rest);
    }
    for (let index = 0; index < this.#held; index += 1) addExactly(parts, this.#valueAt(index));
    this.#sum = 0;
    this.#rest = 0;
    this.#lost = 0;
    for (const part of parts.reverse()) this.#addToSum(part);
  }

  #scaleDown(): void {
    this.#scale = smallScale;
    for (let index = 0; index < this.#held; index += 1) {
      this.#put(index, this.#timeAt(index), this.#valueAt(index) * smallScale);
    }
    for (const cell of this.#cells) {
      cell.sum *= smallScale;
      cell.rest *= smallScale;
    }
    this.#sumAfresh();
  }
}

/**
 * (sum + rest) / count, rounded once: the mean of equal values is that value, and so not beyond a threshold equal to it.
 * The remainder is exact because each half of the quotient (Veltkamp's split) times a count below 2^26 is.
 */
function quotient(sum: number, rest: number, count: number): number {
  const first = sum / count;
  const shifted = first * 134_217_729;
  const high = shifted - (shifted - first);
  const low = first - high;
  return first + (sum - high * count - low * count + rest) / count;
}

/** What rounding took from the sum of two doubles, exactly. */
function lostInSum(one: number, other: number, sum: number): number {
  const back = sum - one;
  return one - (sum - back) + (other - back);
}

/** Adds to a sum kept as doubles that do not overlap, in growing size: exact for any number of them. */
function addExactly(parts: number[], value: number): void {
  let rest = value;
  let kept = 0;
  for (const part of parts) {
    const sum = rest + part;
    const lost = lostInSum(rest, part, sum);
    if (lost !== 0) {
      parts[kept] = lost;
      kept += 1;
    }
    rest = sum;
  }
  parts.length = kept;
  parts.push(rest);
}
