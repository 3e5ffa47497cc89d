/**
 * How much memory the windows of one instance may take, shared by its partitions. Past it a series gets no further window: its rule is
 * not evaluated there, which health and the rule's page say. A window that is there stays, and a series whose alarm is not ok always gets
 * one, so that no alarm that exists goes wrong; both may take somewhat more than the budget. What was refused stays so until its windows
 * are filled from the log again: one that began in the middle would have a wrong value.
 */
import type { MeasureRequest } from '../rule/measure-request.ts';

/** The series of one metric that have no window for a request. */
export interface RefusedWindows {
  readonly metricName: string;
  readonly request: MeasureRequest;
  series: number;
}

/** Refused windows are asked for again when so much is free. */
const freeShare = 0.1;

export class WindowBudget {
  readonly bytesMax: number;
  #held = 0;
  readonly #refused = new Map<string, RefusedWindows>();

  constructor(bytesMax = Infinity) {
    this.bytesMax = bytesMax;
  }

  get held(): number {
    return this.#held;
  }

  get hasRoom(): boolean {
    return this.#held < this.bytesMax;
  }

  /** By metric and request, those with most series first. */
  refused(): readonly RefusedWindows[] {
    return [...this.#refused.values()].sort((one, other) => other.series - one.series);
  }

  get refusedSeries(): number {
    return this.#refused.values().reduce((sum, { series }) => sum + series, 0);
  }

  /** A window has grown by so much, or shrunk. */
  resized(bytes: number): void {
    this.#held += bytes;
  }

  refuse(metricName: string, request: MeasureRequest): void {
    const key = keyOf(metricName, request);
    const known = this.#refused.get(key);
    if (known === undefined) this.#refused.set(key, { metricName, request, series: 1 });
    else known.series += 1;
  }

  /** A series that was refused is gone, or is asked for again. */
  release(metricName: string, request: MeasureRequest): void {
    const key = keyOf(metricName, request);
    const known = this.#refused.get(key);
    if (known === undefined) return;
    known.series -= 1;
    if (known.series === 0) this.#refused.delete(key);
  }

  /** Whether a tenth of what could be held, `most` at the most, is free. */
  isFree(most: number): boolean {
    return this.#held <= (1 - freeShare) * Math.min(this.bytesMax, most);
  }
}

function keyOf(metricName: string, { key }: MeasureRequest): string {
  return `${key} ${metricName}`;
}
