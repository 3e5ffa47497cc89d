/**
 * The sum of a window's samples, which must stay exact however long it runs: for the measures that are made of it. From a certain
 * size on values are summed scaled down, so that no sum of them overflows.
 */
import {
  addExactly,
  addToSum,
  clearSum,
  hasLostTooMuch,
  lostInSum,
  noteLoss,
  setSum,
  sumDoubles,
} from './exact-sum.ts';
import { tallyAt, type Cell, type LateSample, type SampleWindow, type Tally } from './sample-window.ts';

const largeValue = 2 ** 960;
const smallScale = 2 ** -64;

const sumAt = tallyAt;
const scaleAt = tallyAt + sumDoubles;

/** Its sum is `sum + rest`. */
interface SumCell extends Cell {
  sum: number;
  rest: number;
}

type SumWindow = SampleWindow<SumCell>;

interface WindowTotals {
  readonly sum: number;
  readonly rest: number;
  /** What the sum is to be divided by. */
  readonly scale: number;
}

/** A tally whose value is a function of the sum and the count, which is at least 1. */
export function sumTally(valueOf: (totals: WindowTotals, count: number) => number): Tally<SumCell> {
  return {
    doubles: sumDoubles + 1,
    clear,
    entered,
    leaving: (window) => addToSum(window.state, sumAt, -scaled(window, window.valueAt(0))),
    newCell: (window, bucket, timeMs, value) => ({
      bucket,
      newestMs: timeMs,
      count: 1,
      sum: scaled(window, value),
      rest: 0,
    }),
    merging: (window, cell, _timeMs, value) => addToCell(window, cell, value),
    enteredCell,
    cellLeaving(window, cell) {
      addToSum(window.state, sumAt, -cell.sum);
      addToSum(window.state, sumAt, -cell.rest);
    },
    value(window) {
      const { state, count } = window;
      if (count === 0) return undefined;
      if (hasLostTooMuch(state, sumAt)) sumAfresh(window);
      return valueOf({ sum: state[sumAt]!, rest: state[sumAt + 1]!, scale: state[scaleAt]! }, count);
    },
  };
}

function clear({ state }: SumWindow): void {
  clearSum(state, sumAt);
  state[scaleAt] = 1;
}

function scaled({ state }: SumWindow, value: number): number {
  return value * state[scaleAt]!;
}

function entered(window: SumWindow, index: number): void {
  const value = window.valueAt(index);
  // The sum that is made afresh is that of all samples, this one included.
  if (!scaleDownFor(window, value)) addToSum(window.state, sumAt, scaled(window, value));
}

function enteredCell(window: SumWindow, index: number, { value, isNew }: LateSample): void {
  const wasScaled = scaleDownFor(window, value);
  if (!isNew) addToCell(window, window.cells[index]!, value);
  if (!wasScaled || !isNew) addToSum(window.state, sumAt, scaled(window, value));
}

function addToCell(window: SumWindow, cell: SumCell, value: number): void {
  const more = scaled(window, value);
  const sum = cell.sum + more;
  const low = lostInSum(cell.sum, more, sum);
  const rest = cell.rest + low;
  // What the cell lost will be missing when it is taken off the sum.
  noteLoss(window.state, sumAt, lostInSum(cell.rest, low, rest));
  cell.sum = sum + rest;
  cell.rest = lostInSum(sum, rest, cell.sum);
}

function sumAfresh(window: SumWindow): void {
  const parts: number[] = [];
  for (const cell of window.cells) {
    addExactly(parts, cell.sum);
    addExactly(parts, cell.rest);
  }
  for (let index = 0; index < window.held; index += 1) addExactly(parts, scaled(window, window.valueAt(index)));
  setSum(window.state, sumAt, parts);
}

/** Returns whether this value was the first for which sums are to be scaled. */
function scaleDownFor(window: SumWindow, value: number): boolean {
  if (Math.abs(value) < largeValue || window.state[scaleAt] !== 1) return false;
  window.state[scaleAt] = smallScale;
  for (const cell of window.cells) {
    cell.sum *= smallScale;
    cell.rest *= smallScale;
  }
  sumAfresh(window);
  return true;
}
