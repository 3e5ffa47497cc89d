/**
 * A sum that never drifts, however much is added and taken off again. It is kept as doubles that do not overlap, in growing size, so
 * that nothing is rounded away (J. R. Shewchuk, Adaptive Precision Floating-Point Arithmetic, 1997).
 */
export class ExactSum {
  #parts: number[] = [];

  /** To take a value off again, add its negative. */
  add(value: number): void {
    let rest = value;
    let kept = 0;
    for (const part of this.#parts) {
      const sum = rest + part;
      const back = sum - rest;
      const lost = rest - (sum - back) + (part - back);
      if (lost !== 0) {
        this.#parts[kept] = lost;
        kept += 1;
      }
      rest = sum;
    }
    this.#parts.length = kept;
    if (rest !== 0) this.#parts.push(rest);
  }

  /** Not finite once the sum has left the range of doubles: then it must be made anew. */
  get value(): number {
    return this.#parts.reduce((sum, part) => sum + part, 0);
  }
}
