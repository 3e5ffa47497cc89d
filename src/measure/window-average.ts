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
import type { Measure, MeasureType, WindowCalculator } from './measure.ts';

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

// A window is one array of doubles: what it counts, then the ring. An object's own doubles would each lie apart, and among many
// series what a sample costs is the places in memory that it has to wait for.
/** T, or -Infinity before the first sample. */
const newestMsAt = 0;
/** Where in the ring the oldest sample is, in pairs. */
const headAt = 1;
/** How many samples the ring holds. */
const heldAt = 2;
/** How many samples the mean is of: those of the cells, too. */
const countAt = 3;
const sumAt = 4;
const restAt = 5;
/** At most this much is missing from the sum and its rest. */
const lostAt = 6;
const scaleAt = 7;
/** A ring of pairs (timestamp, value), sorted by time; its length in pairs is a power of two. */
const ringAt = 8;

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
function windowFillFromMs(timeMs: number, durationMs: number): number {
  return timeMs - durationMs - durationMs / cellsPerWindow;
}

export const windowAverageType: MeasureType = {
  hasWindow: true,
  isComputed: true,
  words: { verb: 'averages', verbPast: 'averaged', noun: 'Average' },
};

export const windowAverage: WindowCalculator = {
  create: (windowMs) => new WindowAverage(windowMs),
  fillFromMs: windowFillFromMs,
  ofTotals: ({ sum, count }) => sum / count,
};

export class WindowAverage implements Measure {
  readonly durationMs: number;
  #state = stateOf(capacityMin);
  /** Sorted by bucket. Only while the ring holds exactSamplesMax samples; undefined before. */
  #cells: Cell[] | undefined;

  constructor(durationMs: number) {
    assert(durationMs > 0, 'a window has a duration');
    this.durationMs = durationMs;
    this.#state[newestMsAt] = -Infinity;
    this.#state[scaleAt] = 1;
  }

  /** T, or -Infinity before the first sample. */
  get newestMs(): number {
    return this.#state[newestMsAt]!;
  }

  /** How many samples the mean is of. */
  get count(): number {
    return this.#state[countAt]!;
  }

  /** Bytes of samples held, about. */
  get bytes(): number {
    return this.#state.length * 8 + (this.#cells?.length ?? 0) * 64;
  }

  /**
   * Takes a sample and returns the mean with it; undefined when the sample is older than the window, which then is as it
   * was. `value` must be finite. The cost is constant on average; a late sample's grows with the samples after it.
   */
  add(timestampMs: number, value: number): number | undefined {
    if (timestampMs <= this.#state[newestMsAt]! - this.durationMs) return undefined;
    this.advance(timestampMs);
    if (Math.abs(value) >= largeValue && this.#state[scaleAt] === 1) this.#scaleDown();
    const scaled = value * this.#state[scaleAt]!;
    if (this.#state[heldAt]! < exactSamplesMax) {
      this.#insert(timestampMs, scaled);
    } else if (timestampMs < this.#timeAt(0)) {
      this.#addToCell(timestampMs, scaled);
    } else {
      this.#addToCell(this.#timeAt(0), this.#valueAt(0));
      this.#dropOldest();
      this.#insert(timestampMs, scaled);
    }
    this.#state[countAt]! += 1;
    this.#addToSum(scaled);
    return this.mean;
  }

  /** Moves T forward; a time before T changes nothing. */
  advance(timeMs: number): void {
    if (timeMs <= this.#state[newestMsAt]!) return;
    this.#state[newestMsAt] = timeMs;
    const endMs = timeMs - this.durationMs;
    if (this.#cells !== undefined) this.#dropCells(this.#cells, endMs);
    // While there are cells, all samples of the ring are at least as new as these.
    while (this.#state[heldAt]! > 0 && this.#timeAt(0) <= endMs) {
      this.#addToSum(-this.#valueAt(0));
      this.#state[countAt]! -= 1;
      this.#dropOldest();
    }
    if (this.#state[countAt] === 0) this.#clearSum();
    this.#shrink();
  }

  /** The mean of the samples held, or undefined when there are none. */
  get mean(): number | undefined {
    const state = this.#state;
    if (state[countAt] === 0) return undefined;
    if (state[lostAt]! > relativeLossMax * Math.abs(state[sumAt]!)) this.#sumAfresh();
    const mean = quotient(state[sumAt]!, state[restAt]!, state[countAt]!);
    return state[scaleAt] === 1 ? mean : mean / state[scaleAt]!;
  }

  #dropCells(cells: Cell[], endMs: number): void {
    for (let cell = cells[0]; cell && cell.newestMs <= endMs; cell = cells[0]) {
      cells.shift();
      this.#state[countAt]! -= cell.count;
      this.#addToSum(-cell.sum);
      this.#addToSum(-cell.rest);
    }
  }

  #timeAt(index: number): number {
    return this.#state[this.#place(index)]!;
  }

  #valueAt(index: number): number {
    return this.#state[this.#place(index) + 1]!;
  }

  /** Where in the state a sample stands, counted from the oldest. */
  #place(index: number): number {
    const capacity = (this.#state.length - ringAt) >> 1;
    return ringAt + 2 * ((this.#state[headAt]! + index) & (capacity - 1));
  }

  #insert(timestampMs: number, value: number): void {
    const held = this.#state[heldAt]!;
    if (2 * held === this.#state.length - ringAt) this.#resize(2 * held);
    let index = held;
    this.#state[heldAt] = held + 1;
    for (; index > 0 && this.#timeAt(index - 1) > timestampMs; index -= 1) {
      this.#put(index, this.#timeAt(index - 1), this.#valueAt(index - 1));
    }
    this.#put(index, timestampMs, value);
  }

  #put(index: number, timestampMs: number, value: number): void {
    const place = this.#place(index);
    this.#state[place] = timestampMs;
    this.#state[place + 1] = value;
  }

  #dropOldest(): void {
    this.#state[headAt] = (this.#place(1) - ringAt) >> 1;
    this.#state[heldAt]! -= 1;
  }

  /** Gives memory back after a burst, late enough that a window of steady size never goes to and fro. */
  #shrink(): void {
    const capacity = (this.#state.length - ringAt) >> 1;
    if (capacity > capacityMin && this.#state[heldAt]! <= capacity >> 3) this.#resize(capacity >> 1);
  }

  #resize(capacity: number): void {
    const state = stateOf(capacity);
    for (let index = 0; index < ringAt; index += 1) state[index] = this.#state[index]!;
    for (let index = 0; index < this.#state[heldAt]!; index += 1) {
      state[ringAt + 2 * index] = this.#timeAt(index);
      state[ringAt + 2 * index + 1] = this.#valueAt(index);
    }
    state[headAt] = 0;
    this.#state = state;
  }

  #addToCell(timestampMs: number, value: number): void {
    const bucket = Math.floor(timestampMs / (this.durationMs / cellsPerWindow));
    const cells = (this.#cells ??= []);
    const index = cells.findLastIndex((held) => held.bucket <= bucket);
    const cell = cells[index];
    if (cell?.bucket !== bucket) {
      cells.splice(index + 1, 0, { bucket, newestMs: timestampMs, sum: value, rest: 0, count: 1 });
      return;
    }
    const sum = cell.sum + value;
    const low = lostInSum(cell.sum, value, sum);
    const rest = cell.rest + low;
    // What the cell lost will be missing when it is taken off the sum.
    this.#state[lostAt]! += Math.abs(lostInSum(cell.rest, low, rest));
    cell.sum = sum + rest;
    cell.rest = lostInSum(sum, rest, cell.sum);
    cell.newestMs = Math.max(cell.newestMs, timestampMs);
    cell.count += 1;
  }

  #addToSum(value: number): void {
    const state = this.#state;
    const before = state[sumAt]!;
    const restBefore = state[restAt]!;
    const sum = before + value;
    const low = lostInSum(before, value, sum);
    const rest = restBefore + low;
    const total = sum + rest;
    state[lostAt]! += Math.abs(lostInSum(restBefore, low, rest));
    state[sumAt] = total;
    state[restAt] = lostInSum(sum, rest, total);
  }

  #clearSum(): void {
    const state = this.#state;
    state[sumAt] = 0;
    state[restAt] = 0;
    state[lostAt] = 0;
    state[scaleAt] = 1;
  }

  #sumAfresh(): void {
    const state = this.#state;
    const parts: number[] = [];
    for (const cell of this.#cells ?? []) {
      addExactly(parts, cell.sum);
      addExactly(parts, cell.rest);
    }
    for (let index = 0; index < state[heldAt]!; index += 1) addExactly(parts, this.#valueAt(index));
    state[sumAt] = 0;
    state[restAt] = 0;
    state[lostAt] = 0;
    for (const part of parts.reverse()) this.#addToSum(part);
  }

  #scaleDown(): void {
    this.#state[scaleAt] = smallScale;
    for (let index = 0; index < this.#state[heldAt]!; index += 1) {
      this.#put(index, this.#timeAt(index), this.#valueAt(index) * smallScale);
    }
    for (const cell of this.#cells ?? []) {
      cell.sum *= smallScale;
      cell.rest *= smallScale;
    }
    this.#sumAfresh();
  }
}

/** Filled with a number that is not whole, so that the array holds doubles and nothing else from the first moment. */
function stateOf(capacity: number): number[] {
  const state = Array.from({ length: ringAt + 2 * capacity }, () => 0.5);
  return state.fill(0, 0, ringAt);
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
