/**
 * The largest or smallest sample of a window. A sample that a newer one equals or beats can never be the extreme again, so the
 * window keeps only the others: from the oldest to the newest each is beaten by the one before, and the first is the value.
 */
import type { Cell, LateSample, SampleWindow, Tally } from './sample-window.ts';

interface ExtremeCell extends Cell {
  extreme: number;
}

type ExtremeWindow = SampleWindow<ExtremeCell>;

/** `beats`: whether a value is as extreme as another, or more so. */
export function extremeTally(beats: (value: number, other: number) => boolean): Tally<ExtremeCell> {
  return {
    doubles: 0,
    clear() {},
    entered(window, index) {
      const value = window.valueAt(index);
      if (index + 1 < window.held && beats(window.valueAt(index + 1), value)) return window.remove(index, 1);
      let from = index;
      while (from > 0 && beats(value, window.valueAt(from - 1))) from -= 1;
      if (from < index) window.remove(from, index - from);
      if (from === 0) removeBeatenCells(window, window.cells.length, value);
    },
    leaving() {},
    newCell: (_window, bucket, timeMs, value) => ({ bucket, newestMs: timeMs, count: 1, extreme: value }),
    // The cell's samples beat it.
    merging() {},
    enteredCell(window, index, { value, isNew }: LateSample) {
      const newer = window.cells[index + 1]?.extreme ?? window.valueAt(0);
      if (beats(newer, value)) {
        if (isNew) window.removeCells(index, 1);
        return;
      }
      const cell = window.cells[index]!;
      if (beats(value, cell.extreme)) cell.extreme = value;
      removeBeatenCells(window, index, value);
    },
    cellLeaving() {},
    value: (window) => window.oldestCell?.extreme ?? (window.held > 0 ? window.valueAt(0) : undefined),
  };

  /** Of the cells before `end`. */
  function removeBeatenCells(window: ExtremeWindow, end: number, value: number): void {
    let from = end;
    while (from > 0 && beats(value, window.cells[from - 1]!.extreme)) from -= 1;
    if (from < end) window.removeCells(from, end - from);
  }
}
