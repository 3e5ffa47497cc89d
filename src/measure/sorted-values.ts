/**
 * Values in order, to be asked for by rank: blocks of at most 128, so that adding and removing one of a few thousand moves only some of
 * them. Two neighbouring blocks always hold more than half a block, so that there are few blocks.
 */
const blockMax = 128;

export class SortedValues {
  readonly #blocks: number[][] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** About what is held. */
  get bytes(): number {
    return this.#count * 12 + this.#blocks.length * 48;
  }

  add(value: number): void {
    this.#count += 1;
    if (this.#blocks.length === 0) this.#blocks.push([]);
    const at = Math.min(this.#blockOf(value), this.#blocks.length - 1);
    const block = this.#blocks[at]!;
    let index = block.length;
    block.push(value);
    for (; index > 0 && block[index - 1]! > value; index -= 1) block[index] = block[index - 1]!;
    block[index] = value;
    if (block.length === blockMax) this.#blocks.splice(at + 1, 0, block.splice(blockMax / 2));
  }

  /** Removes one that is there. */
  remove(value: number): void {
    this.#count -= 1;
    const at = this.#blockOf(value);
    const block = this.#blocks[at]!;
    let index = placeIn(block, value);
    for (; index < block.length - 1; index += 1) block[index] = block[index + 1]!;
    block.pop();
    this.#joinSmall(at);
  }

  /** The value of a rank, from 0. */
  at(rank: number): number {
    let left = rank;
    for (const block of this.#blocks) {
      if (left < block.length) return block[left]!;
      left -= block.length;
    }
    return Number.NaN;
  }

  /** The first block that ends with this value or a larger one. */
  #blockOf(value: number): number {
    let [low, high] = [0, this.#blocks.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#blocks[middle]!.at(-1)! < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #joinSmall(at: number): void {
    for (const first of [at - 1, at]) {
      const [one, other] = [this.#blocks[first], this.#blocks[first + 1]];
      if (one === undefined || other === undefined || one.length + other.length > blockMax / 2) continue;
      one.push(...other);
      this.#blocks.splice(first + 1, 1);
      return;
    }
  }
}

/** Where the first value stands that is not smaller. */
function placeIn(block: readonly number[], value: number): number {
  let [low, high] = [0, block.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (block[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
