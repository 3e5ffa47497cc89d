/**
 * The population standard deviation of a window, from the sums of d and d^2, d being how far a sample is from a pivot near the mean.
 * The sums are exact to some thirty digits. When the mean has moved so far from the pivot, or the samples have become so much smaller,
 * that these digits do not suffice, a new pivot is taken and the sums are made afresh: after a change of the data, not with each sample.
 * All is kept scaled by a power of two, so that no square is too large or too small for a double.
 */
import { addProduct, addToSum, clearSum, finite, lostInProduct, lostInSum, noteLoss, sumDoubles } from './exact-sum.ts';
import type { MeasureType, WindowCalculator } from './measure.ts';
import { nounWords } from './measure-words.ts';
import { SampleWindow, tallyAt, windowFillBackMs, type Cell, type Tally } from './sample-window.ts';

export const windowStddevType: MeasureType = {
  hasWindow: true,
  isComputed: true,
  words: /* @__PURE__ */ nounWords('standard deviation'),
};

const sumAt = tallyAt;
const squaresAt = tallyAt + sumDoubles;
const pivotAt = tallyAt + 2 * sumDoubles;
const scaleAt = pivotAt + 1;

/** Scaled distances are below this, so that neither their squares nor the sum's square overflow. */
const distanceMax = 2 ** 440;
/** Squares of distances below this lose digits at the lower end of the doubles. */
const distanceMin = 2 ** -440;
const lostSquareMax = 2 ** -880;
/** What a sum of two doubles is exact to, relative to its largest part. */
const doubledPrecision = 2 ** -98;
/** Of the sum of squares around the mean; its root is then exact to half of that. */
const relativeErrorMax = 1e-11;

/** Its sums are of distances from its own first sample, by its own scale: it leaves as a whole, and needs no other. */
interface StddevCell extends Cell {
  readonly pivot: number;
  scale: number;
  /** The sum of distances, then that of their squares. */
  readonly sums: number[];
}

type StddevWindow = SampleWindow<StddevCell>;

const tally: Tally<StddevCell> = {
  doubles: 2 * sumDoubles + 2,
  clear({ state }) {
    clearSum(state, sumAt);
    clearSum(state, squaresAt);
    state[pivotAt] = 0;
    state[scaleAt] = 1;
  },
  entered(window, index) {
    if (window.count === 1) window.state[pivotAt] = window.valueAt(0);
    addSample(window, window.valueAt(index), 1);
  },
  leaving: (window) => addSample(window, window.valueAt(0), -1),
  newCell: (_window, bucket, timeMs, value) => ({
    bucket,
    newestMs: timeMs,
    count: 1,
    pivot: value,
    scale: 1,
    sums: Array.from({ length: 2 * sumDoubles }, () => 0),
  }),
  merging: (_window, cell, _timeMs, value) => addToCell(cell, value),
  enteredCell(window, index, { value, isNew }) {
    if (!isNew) addToCell(window.cells[index]!, value);
    addSample(window, value, 1);
  },
  cellLeaving: (window, cell) => addCell(window, cell, -1),
  value(window) {
    if (window.count === 0) return undefined;
    let squares = squaresAroundMean(window);
    if (squares === undefined) {
      sumAfresh(window);
      squares = squaresAroundMean(window) ?? 0;
    }
    return Math.sqrt(squares / window.count) / window.state[scaleAt]!;
  },
};

export const windowStddev: WindowCalculator = {
  create: ({ windowMs }) => new SampleWindow(windowMs, tally),
  hasSampleScale: false,
  fillBackMs: windowFillBackMs,
  ofTotals: () => undefined,
};

/** Adds a sample to the sums, or takes it off again: `sign` is 1 or -1. */
function addSample({ state }: StddevWindow, value: number, sign: number): void {
  const scale = state[scaleAt]!;
  addDistance(state, sumAt, { value: value * scale, pivot: state[pivotAt]! * scale, sign });
}

/** To the sum of distances at `at`, and to that of squares behind it. */
function addDistance(
  state: number[],
  at: number,
  { value, pivot, sign }: { readonly value: number; readonly pivot: number; readonly sign: number },
): void {
  const distance = value - pivot;
  const size = Math.abs(distance);
  if (!(size < distanceMax)) return noteLoss(state, at + sumDoubles, Infinity);
  if (size === 0) return;
  const low = lostInSum(value, -pivot, distance);
  addToSum(state, at, sign * distance);
  addToSum(state, at, sign * low);
  addProduct(state, at + sumDoubles, sign * distance, distance);
  addToSum(state, at + sumDoubles, sign * 2 * distance * low);
  if (size < distanceMin) noteLoss(state, at + sumDoubles, lostSquareMax);
}

/** The scale at which a distance is about 1. */
function scaleFor(distance: number): number {
  return distance === 0 ? 1 : 2 ** Math.max(-1_000, Math.min(1_000, -Math.floor(Math.log2(distance))));
}

function addToCell(cell: StddevCell, value: number): void {
  const { sums, pivot } = cell;
  const distance = Math.abs(finite(value - pivot));
  const isFirst = sums[sumDoubles] === 0;
  if (distance > 0 && (isFirst || distance * cell.scale >= distanceMax / 4)) {
    const scale = scaleFor(distance);
    const ratio = scale / cell.scale;
    for (let index = 0; index < sumDoubles; index += 1) {
      sums[index]! *= ratio;
      sums[sumDoubles + index]! *= ratio * ratio;
    }
    cell.scale = scale;
  }
  addDistance(sums, 0, { value: value * cell.scale, pivot: pivot * cell.scale, sign: 1 });
}

/** Adds a cell to the sums of its window, or takes it off again. */
function addCell({ state }: StddevWindow, cell: StddevCell, sign: number): void {
  const scale = state[scaleAt]!;
  const ratio = scale / cell.scale;
  const { count, sums } = cell;
  const [sum, sumRest] = [sums[0]! * ratio, sums[1]! * ratio];
  const [squares, squaresRest] = [sums[sumDoubles]! * ratio * ratio, sums[sumDoubles + 1]! * ratio * ratio];
  const apart = cell.pivot * scale - state[pivotAt]! * scale;
  if (!(Math.abs(apart) < distanceMax && squares < distanceMax * distanceMax))
    return noteLoss(state, squaresAt, Infinity);
  const apartLow = lostInSum(cell.pivot * scale, -state[pivotAt]! * scale, apart);
  addToSum(state, sumAt, sign * sum);
  addToSum(state, sumAt, sign * sumRest);
  addProduct(state, sumAt, sign * count, apart);
  addToSum(state, sumAt, sign * count * apartLow);
  const apartSquared = apart * apart;
  addToSum(state, squaresAt, sign * squares);
  addToSum(state, squaresAt, sign * squaresRest);
  addProduct(state, squaresAt, sign * 2 * apart, sum);
  addToSum(state, squaresAt, sign * 2 * (apart * sumRest + apartLow * sum));
  addProduct(state, squaresAt, sign * count, apartSquared);
  addToSum(state, squaresAt, sign * count * (lostInProduct(apart, apart, apartSquared) + 2 * apart * apartLow));
  noteLoss(state, squaresAt, doubledPrecision * (squares + count * apartSquared) + lostSquareMax);
  noteLoss(state, sumAt, doubledPrecision * (Math.abs(sum) + count * Math.abs(apart)));
}

/** The sum of (x - mean)^2, scaled; undefined when the sums do not tell it exactly enough. */
function squaresAroundMean({ state, count }: StddevWindow): number | undefined {
  const [sum, sumRest, sumLost] = [state[sumAt]!, state[sumAt + 1]!, state[sumAt + 2]!];
  const [squares, squaresRest, squaresLost] = [state[squaresAt]!, state[squaresAt + 1]!, state[squaresAt + 2]!];
  const square = sum * sum;
  const share = square / count;
  const product = share * count;
  const rest = square - product - lostInProduct(share, count, product);
  const shareRest = (rest + lostInProduct(sum, sum, square) + 2 * sum * sumRest) / count;
  const difference = squares - share;
  const around = difference + (lostInSum(squares, -share, difference) + squaresRest - shareRest);
  const error = squaresLost + 2 * Math.abs(sum / count) * sumLost + doubledPrecision * squares;
  return around >= 0 && error <= relativeErrorMax * around ? around : undefined;
}

function sumAfresh(window: StddevWindow): void {
  const { state, count, cells, held } = window;
  const first = cells[0]?.pivot ?? window.valueAt(0);
  // Of shares, which do not overflow. It is the mean, about.
  let pivot = first;
  let furthest = 0;
  const look = (value: number, times: number): void => {
    const distance = finite(value - first);
    pivot += distance * (times / count);
    furthest = Math.max(furthest, Math.abs(distance));
  };
  for (const cell of cells) {
    look(cell.pivot, cell.count);
    pivot += cell.sums[0]! / count / cell.scale;
    furthest = Math.max(furthest, finite(Math.sqrt(cell.sums[sumDoubles]!) / cell.scale));
  }
  for (let index = 0; index < held; index += 1) look(window.valueAt(index), 1);
  clearSum(state, sumAt);
  clearSum(state, squaresAt);
  state[pivotAt] = finite(pivot);
  state[scaleAt] = scaleFor(furthest);
  for (const cell of cells) addCell(window, cell, 1);
  for (let index = 0; index < held; index += 1) addSample(window, window.valueAt(index), 1);
}
