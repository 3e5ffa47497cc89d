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

/** What the links of a window say. */
export interface Links {
  readonly first: number;
  readonly last: number;
  /** Of the links from the first sample to the last; `weight + weightRest`. */
  readonly weight: number;
  readonly weightRest: number;
  /** At most how much is missing from both. */
  readonly weightLost: number;
  /** The same sum, scaled, as doubles that do not overlap, in growing size. */
  exactWeights(scale: number): number[];
  /** Undefined when the first sample has no previous one, or where merged samples lie across T - W. */
  readonly crossing: Crossing | undefined;
  readonly count: number;
}

interface Crossing {
  readonly previous: number;
  /** How long the link is, and how much of that is inside the window. */
  readonly spanMs: number;
  readonly insideMs: number;
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
  return {
    doubles: sumDoubles + 2,
    clear(window) {
      clearSum(window.state, weightsAt);
      if (window.newestMs === -Infinity) window.state[previousMsAt] = -Infinity;
    },
    entered(window, index) {
      const before = index > 0 ? window.valueAt(index - 1) : window.cells.at(-1)?.last;
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
      return valueOf(linksOf(window, weigh), window.durationMs);
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

function linksOf(window: LinkWindow, weigh: Weigh): Links {
  const { state, cells, held, newestMs, durationMs, count } = window;
  const [cell] = cells;
  const [firstMs, first] = cell === undefined ? [window.timeAt(0), window.valueAt(0)] : [cell.firstMs, cell.first];
  const spanMs = firstMs - state[previousMsAt]!;
  const insideMs = firstMs - (newestMs - durationMs);
  const hasPrevious = insideMs > 0 && spanMs <= previousWindowsMax * durationMs;
  return {
    first,
    last: window.valueAt(held - 1),
    weight: state[weightsAt]!,
    weightRest: state[weightsAt + 1]!,
    weightLost: state[weightsAt + 2]!,
    exactWeights: (scale) => exactWeights(window, weigh, scale),
    crossing: hasPrevious ? { previous: state[previousAt]!, spanMs, insideMs } : undefined,
    count,
  };
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
