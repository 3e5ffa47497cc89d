/**
 * The samples of a series in (T - W, T], T being the largest timestamp so far. What a measure needs of them is its tally, which is
 * told of each sample that comes, leaves or is merged.
 *
 *   older                                                      newer
 *   [ cells, each within W/1,024 since the epoch ] [ the newest 4,096 samples, in order of time ]
 *
 * Samples are true until there are more than 4,096 of them; then the oldest moves into the cell of its time. So a window
 * that holds at most 4,096 samples is exact, also after a burst has passed. A cell leaves when its newest sample does.
 */
import { assert } from '../base/assert.ts';
import type { Measure } from './measure.ts';

const exactSamplesMax = 4_096;
const cellsPerWindow = 1_024;
const capacityMin = 4;
/** About what an object of a cell takes. */
const cellBytes = 64;

// A window is one array of doubles: what it counts, then what its tally does, then the ring. An object's own doubles would each lie
// apart, and among many series what a sample costs is the places in memory that it has to wait for.
/** T, or -Infinity before the first sample. */
const newestMsAt = 0;
/** Where in the ring the oldest sample is, in pairs. */
const headAt = 1;
/** How many samples the ring holds. */
const heldAt = 2;
/** How many samples the window holds: those of the cells, too. */
const countAt = 3;
/** Where a tally's doubles begin. */
export const tallyAt = 4;

/** Samples of one stretch of time. */
export interface Cell {
  readonly bucket: number;
  newestMs: number;
  count: number;
}

/** What a measure computes from the samples of a window. One object for all windows: what it counts is in the window's state. */
export interface Tally<TallyCell extends Cell, Own = undefined> {
  /** How many doubles it has in the window's state, from `tallyAt` on; 0 at first. */
  readonly doubles: number;
  /** Whether samples leave when there are 4,096 newer ones, instead of being merged into cells. */
  readonly holdsNewestAlone?: true;
  /** Sets its doubles for a window without samples. */
  clear(window: SampleWindow<TallyCell, Own>): void;
  /** A sample has come, and is at this place of the ring. */
  entered(window: SampleWindow<TallyCell, Own>, index: number): void;
  /** The oldest sample of the ring leaves the window; there are no cells. */
  leaving(window: SampleWindow<TallyCell, Own>): void;
  /** A cell of one sample. */
  newCell(window: SampleWindow<TallyCell, Own>, bucket: number, timeMs: number, value: number): TallyCell;
  /** The oldest sample of the ring moves into the newest cell, which holds others. */
  merging(window: SampleWindow<TallyCell, Own>, cell: TallyCell, timeMs: number, value: number): void;
  /** A late sample comes into the cell at this index; `isNew` when that was made of it. */
  enteredCell(window: SampleWindow<TallyCell, Own>, index: number, sample: LateSample): void;
  /** The oldest cell leaves the window; it is still there. */
  cellLeaving(window: SampleWindow<TallyCell, Own>, cell: TallyCell): void;
  value(window: SampleWindow<TallyCell, Own>): number | undefined;
  ownBytes?(own: Own): number;
}

export interface LateSample {
  readonly timeMs: number;
  readonly value: number;
  readonly isNew: boolean;
}

/**
 * How far before T the log must be read, so that a window that is filled from it is the same as one that has always run: a cell that
 * lies across T - W is whole only with the samples before it.
 */
export function windowFillBackMs(windowMs: number): number {
  return windowMs + windowMs / cellsPerWindow;
}

export class SampleWindow<TallyCell extends Cell, Own = undefined> implements Measure {
  readonly durationMs: number;
  /** To be written by the tally alone, at its own places. */
  state: number[];
  /** What the tally holds beside the samples. */
  readonly own: Own;
  readonly #tally: Tally<TallyCell, Own>;
  /** Where the ring begins: pairs (timestamp, value), sorted by time; its length in pairs is a power of two. */
  readonly #ringAt: number;
  /** Sorted by bucket; undefined before the ring was full. */
  #cells: TallyCell[] | undefined;

  constructor(durationMs: number, tally: Tally<TallyCell, Own>, ...[own]: Own extends undefined ? [] : [own: Own]) {
    assert(durationMs > 0, 'a window has a duration');
    this.durationMs = durationMs;
    this.own = own as Own;
    this.#tally = tally;
    this.#ringAt = tallyAt + tally.doubles;
    this.state = stateOf(this.#ringAt, capacityMin);
    this.state[newestMsAt] = -Infinity;
    tally.clear(this);
  }

  /** T, or -Infinity before the first sample. */
  get newestMs(): number {
    return this.state[newestMsAt]!;
  }

  /** How many samples the window holds. */
  get count(): number {
    return this.state[countAt]!;
  }

  /** How many of them are true samples, in the ring. */
  get held(): number {
    return this.state[heldAt]!;
  }

  get cells(): readonly TallyCell[] {
    return this.#cells ?? [];
  }

  get oldestCell(): TallyCell | undefined {
    return this.#cells?.[0];
  }

  get newestCell(): TallyCell | undefined {
    return this.#cells?.at(-1);
  }

  get bytes(): number {
    const cells = (this.#cells?.length ?? 0) * cellBytes;
    return this.state.length * 8 + cells + (this.#tally.ownBytes?.(this.own) ?? 0);
  }

  get value(): number | undefined {
    return this.#tally.value(this);
  }

  /**
   * Takes a sample and returns the value with it; undefined when the sample is older than the window, which then is as it
   * was. `value` must be finite. The cost is constant on average; a late sample's grows with the samples after it.
   */
  add(timestampMs: number, value: number): number | undefined {
    if (timestampMs <= this.state[newestMsAt]! - this.durationMs) return undefined;
    this.advance(timestampMs);
    this.state[countAt]! += 1;
    const held = this.state[heldAt]!;
    const isFull = held === exactSamplesMax;
    if ((isFull || this.#hasCells()) && held > 0 && timestampMs < this.timeAt(0)) {
      this.#addToCell(timestampMs, value);
    } else {
      if (isFull) this.#makeRoom();
      this.#insert(timestampMs, value);
    }
    return this.#tally.value(this);
  }

  /** Moves T forward; a time before T changes nothing. */
  advance(timeMs: number): void {
    if (timeMs <= this.state[newestMsAt]!) return;
    this.state[newestMsAt] = timeMs;
    const endMs = timeMs - this.durationMs;
    if (this.#cells !== undefined) this.#dropCells(this.#cells, endMs);
    // While there are cells, all samples of the ring are at least as new as these.
    while (this.state[heldAt]! > 0 && this.timeAt(0) <= endMs) {
      this.#leaveOldest();
    }
    if (this.state[countAt] === 0) this.#tally.clear(this);
    this.#shrink();
  }

  /** The time of a sample of the ring, counted from the oldest. */
  timeAt(index: number): number {
    return this.state[this.#place(index)]!;
  }

  valueAt(index: number): number {
    return this.state[this.#place(index) + 1]!;
  }

  /** For a tally to which some samples do not matter any more: takes these out of the ring. */
  remove(from: number, count: number): void {
    const held = this.state[heldAt]! - count;
    for (let index = from; index < held; index += 1)
      this.#put(index, this.timeAt(index + count), this.valueAt(index + count));
    this.state[heldAt] = held;
    this.state[countAt]! -= count;
  }

  removeCells(from: number, count: number): void {
    const gone = this.#cells?.splice(from, count) ?? [];
    for (const cell of gone) this.state[countAt]! -= cell.count;
  }

  #hasCells(): boolean {
    return this.#cells !== undefined && this.#cells.length > 0;
  }

  #dropCells(cells: TallyCell[], endMs: number): void {
    for (let cell = cells[0]; cell && cell.newestMs <= endMs; cell = cells[0]) {
      this.#tally.cellLeaving(this, cell);
      cells.shift();
      this.state[countAt]! -= cell.count;
    }
  }

  /** Where in the state a sample stands, counted from the oldest. */
  #place(index: number): number {
    const capacity = (this.state.length - this.#ringAt) >> 1;
    return this.#ringAt + 2 * ((this.state[headAt]! + index) & (capacity - 1));
  }

  #insert(timestampMs: number, value: number): void {
    const held = this.state[heldAt]!;
    if (2 * held === this.state.length - this.#ringAt) this.#resize(2 * held);
    let index = held;
    this.state[heldAt] = held + 1;
    for (; index > 0 && this.timeAt(index - 1) > timestampMs; index -= 1) {
      this.#put(index, this.timeAt(index - 1), this.valueAt(index - 1));
    }
    this.#put(index, timestampMs, value);
    this.#tally.entered(this, index);
  }

  #put(index: number, timestampMs: number, value: number): void {
    const place = this.#place(index);
    this.state[place] = timestampMs;
    this.state[place + 1] = value;
  }

  #dropOldest(): void {
    this.state[headAt] = (this.#place(1) - this.#ringAt) >> 1;
    this.state[heldAt]! -= 1;
  }

  /** Gives memory back after a burst, late enough that a window of steady size never goes to and fro. */
  #shrink(): void {
    const capacity = (this.state.length - this.#ringAt) >> 1;
    if (capacity > capacityMin && this.state[heldAt]! <= capacity >> 3) this.#resize(capacity >> 1);
  }

  #resize(capacity: number): void {
    const state = stateOf(this.#ringAt, capacity);
    for (let index = 0; index < this.#ringAt; index += 1) state[index] = this.state[index]!;
    for (let index = 0; index < this.state[heldAt]!; index += 1) {
      state[this.#ringAt + 2 * index] = this.timeAt(index);
      state[this.#ringAt + 2 * index + 1] = this.valueAt(index);
    }
    state[headAt] = 0;
    this.state = state;
  }

  #bucketOf(timestampMs: number): number {
    return Math.floor(timestampMs / (this.durationMs / cellsPerWindow));
  }

  #makeRoom(): void {
    if (this.#tally.holdsNewestAlone === true) this.#leaveOldest();
    else this.#mergeOldest();
  }

  #leaveOldest(): void {
    this.#tally.leaving(this);
    this.state[countAt]! -= 1;
    this.#dropOldest();
  }

  /** All cells are older than the oldest sample of the ring. */
  #mergeOldest(): void {
    const [timeMs, value] = [this.timeAt(0), this.valueAt(0)];
    const bucket = this.#bucketOf(timeMs);
    const cells = (this.#cells ??= []);
    const last = cells.at(-1);
    if (last?.bucket === bucket) {
      this.#tally.merging(this, last, timeMs, value);
      last.newestMs = timeMs;
      last.count += 1;
    } else {
      cells.push(this.#tally.newCell(this, bucket, timeMs, value));
    }
    this.#dropOldest();
  }

  #addToCell(timeMs: number, value: number): void {
    if (this.#tally.holdsNewestAlone === true) {
      this.state[countAt]! -= 1;
      return;
    }
    const bucket = this.#bucketOf(timeMs);
    const cells = (this.#cells ??= []);
    const found = cells.findLastIndex((held) => held.bucket <= bucket);
    const isNew = cells[found]?.bucket !== bucket;
    const index = isNew ? found + 1 : found;
    if (isNew) cells.splice(index, 0, this.#tally.newCell(this, bucket, timeMs, value));
    const cell = cells[index]!;
    this.#tally.enteredCell(this, index, { timeMs, value, isNew });
    if (isNew) return;
    cell.newestMs = Math.max(cell.newestMs, timeMs);
    cell.count += 1;
  }
}

/** Filled with a number that is not whole, so that the array holds doubles and nothing else from the first moment. */
function stateOf(ringAt: number, capacity: number): number[] {
  const state = Array.from({ length: ringAt + 2 * capacity }, () => 0.5);
  return state.fill(0, 0, ringAt);
}
