/**
 * For measures that look at each sample and its previous one, in order of time: such a pair is a link. Of the samples that left the
 * window the last is kept: it is the previous one of the oldest in the window, unless it is more than 2 W older.
 *
 *              T - W
 *    previous    |    first ──> … ──> last
 *        └───────┼──────┘
 *          the crossing link; the others are weighed, and the weights summed
 *
 * A cell keeps its first and last sample and the weights between them. A late sample that falls between these two is taken as equal to
 * its neighbour, which is not known any more: it changes nothing.
 */
import { addExactly, addToSum, clearSum, hasLostTooMuch, noteLoss, setSum, sumDoubles } from './exact-sum.ts';
import { tallyAt, type Cell, type SampleWindow, type Tally } from './sample-window.ts';

const weightsAt = tallyAt;
const previousMsAt = tallyAt + sumDoubles;
const previousAt = previousMsAt + 1;

/** A previous sample that is more than so many windows older does not count as one. */
const previousWindowsMax = 2;

interface LinkCell extends Cell {
  firstMs: number;
  first: number;
  last: number;
  /** The sum of the weights inside the cell. */
  readonly weights: number[];
}

export type LinkWindow = SampleWindow<LinkCell>;

/** What the links of a window say. To be read at once: the next window uses the same object. */
export interface Links {
  readonly first: number;
  readonly last: number;
  /** Of the links from the first sample to the last; `weight + weightRest`. */
  readonly weight: number;
  readonly weightRest: number;
  /** At most how much is missing from both. */
  readonly weightLost: number;
  /** False when the first sample has no previous one, or where merged samples lie across T - W. */
  readonly hasCrossing: boolean;
  /** The first value when there is none. */
  readonly previous: number;
  /** How long the crossing link is, and how much of that is inside the window: 1 and 0 without one. */
  readonly spanMs: number;
  readonly insideMs: number;
  readonly count: number;
  /** The same sum, scaled, as doubles that do not overlap, in growing size. */
  exactWeights(scale: number): number[];
}

/** How far before T the log must be read. */
export function linkFillBackMs(windowMs: number): number {
  return (1 + previousWindowsMax) * windowMs + windowMs / 512;
}

/** What a link weighs, by its previous value and its value. */
type Weigh = (previous: number, value: number) => number;

/** A tally whose value is a function of the links. */
export function linkTally(
  weigh: Weigh,
  valueOf: (links: Links, windowMs: number) => number | undefined,
): Tally<LinkCell> {
  const links = new LinkReading(weigh);
  return {
    doubles: sumDoubles + 2,
    clear(window) {
      clearSum(window.state, weightsAt);
      if (window.newestMs === -Infinity) window.state[previousMsAt] = -Infinity;
    },
    entered(window, index) {
      const before = index > 0 ? window.valueAt(index - 1) : window.newestCell?.last;
      const after = index + 1 < window.held ? window.valueAt(index + 1) : undefined;
      insertLinks(window, weigh, before, window.valueAt(index), after);
    },
    leaving(window) {
      const value = window.valueAt(0);
      if (window.held > 1) addWeight(window.state, weightsAt, -weigh(value, window.valueAt(1)));
      setPrevious(window, window.timeAt(0), value);
    },
    newCell: (_window, bucket, timeMs, value) => ({
      bucket,
      newestMs: timeMs,
      count: 1,
      firstMs: timeMs,
      first: value,
      last: value,
      weights: Array.from({ length: sumDoubles }, () => 0),
    }),
    merging(_window, cell, _timeMs, value) {
      addWeight(cell.weights, 0, weigh(cell.last, value));
      cell.last = value;
    },
    enteredCell(window, index, { timeMs, value, isNew }) {
      const cell = window.cells[index]!;
      const before = window.cells[index - 1]?.last;
      const after = firstAfter(window, index);
      if (isNew) insertLinks(window, weigh, before, value, after);
      else if (timeMs < cell.firstMs) {
        insertLinks(window, weigh, before, value, cell.first);
        addWeight(cell.weights, 0, weigh(value, cell.first));
        [cell.firstMs, cell.first] = [timeMs, value];
      } else if (timeMs >= cell.newestMs) {
        insertLinks(window, weigh, cell.last, value, after);
        addWeight(cell.weights, 0, weigh(cell.last, value));
        cell.last = value;
      }
    },
    cellLeaving(window, cell) {
      const { state } = window;
      const [weight, rest, lost] = cell.weights as [number, number, number];
      addToSum(state, weightsAt, -weight);
      addToSum(state, weightsAt, -rest);
      noteLoss(state, weightsAt, lost);
      addWeight(state, weightsAt, -weigh(cell.last, firstAfter(window, 0)));
      setPrevious(window, cell.newestMs, cell.last);
    },
    value(window) {
      if (window.count === 0) return undefined;
      if (hasLostTooMuch(window.state, weightsAt)) setSum(window.state, weightsAt, exactWeights(window, weigh, 1));
      return valueOf(links.read(window), window.durationMs);
    },
  };
}

function insertLinks(
  { state }: LinkWindow,
  weigh: Weigh,
  ...[before, value, after]: readonly [number | undefined, number, number | undefined]
): void {
  if (before !== undefined) addWeight(state, weightsAt, weigh(before, value));
  if (after !== undefined) addWeight(state, weightsAt, weigh(value, after));
  if (before !== undefined && after !== undefined) addWeight(state, weightsAt, -weigh(before, after));
}

function exactWeights(window: LinkWindow, weigh: Weigh, scale: number): number[] {
  const { cells, held } = window;
  const parts: number[] = [];
  cells.forEach((cell, index) => {
    addExactly(parts, cell.weights[0]! * scale);
    addExactly(parts, cell.weights[1]! * scale);
    addExactly(parts, weigh(cell.last, firstAfter(window, index)) * scale);
  });
  for (let index = 1; index < held; index += 1)
    addExactly(parts, weigh(window.valueAt(index - 1), window.valueAt(index)) * scale);
  return parts;
}

/** One for all windows of a type, since a sample of each makes one. */
class LinkReading implements Links {
  first = 0;
  last = 0;
  weight = 0;
  weightRest = 0;
  weightLost = 0;
  hasCrossing = false;
  previous = 0;
  spanMs = 1;
  insideMs = 0;
  count = 0;
  readonly #weigh: Weigh;
  #window: LinkWindow | undefined;

  constructor(weigh: Weigh) {
    this.#weigh = weigh;
  }

  read(window: LinkWindow): this {
    const { state } = window;
    const cell = window.oldestCell;
    const firstMs = cell === undefined ? window.timeAt(0) : cell.firstMs;
    this.#window = window;
    this.first = cell === undefined ? window.valueAt(0) : cell.first;
    this.last = window.valueAt(window.held - 1);
    this.weight = state[weightsAt]!;
    this.weightRest = state[weightsAt + 1]!;
    this.weightLost = state[weightsAt + 2]!;
    this.count = window.count;
    const spanMs = firstMs - state[previousMsAt]!;
    const insideMs = firstMs - (window.newestMs - window.durationMs);
    this.hasCrossing = insideMs > 0 && spanMs <= previousWindowsMax * window.durationMs;
    this.previous = this.hasCrossing ? state[previousAt]! : this.first;
    this.spanMs = this.hasCrossing ? spanMs : 1;
    this.insideMs = this.hasCrossing ? insideMs : 0;
    return this;
  }

  exactWeights(scale: number): number[] {
    return this.#window === undefined ? [] : exactWeights(this.#window, this.#weigh, scale);
  }
}

function addWeight(state: number[], at: number, weight: number): void {
  if (weight !== 0) addToSum(state, at, weight);
}

function setPrevious({ state }: LinkWindow, timeMs: number, value: number): void {
  state[previousMsAt] = timeMs;
  state[previousAt] = value;
}

/** The first sample after a cell. While there are cells, the ring holds samples. */
function firstAfter(window: LinkWindow, index: number): number {
  return window.cells[index + 1]?.first ?? window.valueAt(0);
}
