/** For how long a partition's position has not moved although there are records to evaluate. */
export class Standstill {
  #position = -1;
  /** By the monotonic clock: when the position last moved, or had nothing before it. */
  #movedMs = 0;
  #nowMs = 0;

  /** To be called every second. `head`: the next offset that the log will give. */
  look(position: number, head: number, nowMs: number): void {
    this.#nowMs = nowMs;
    if (position === this.#position && position < head) return;
    this.#position = position;
    this.#movedMs = nowMs;
  }

  /** Up to the last look. */
  get forMs(): number {
    return this.#nowMs - this.#movedMs;
  }
}
