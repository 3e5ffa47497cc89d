/**
 * Values in order, to be asked for by rank: blocks of at most 128, so that adding and removing one of a few thousand moves only some of
 * them. Two neighbouring blocks always hold more than half a block, so that there are few blocks.
 */
const blockMax = 128;

export class SortedValues {
  /** Undefined while one block holds all. */
  #blocks: number[][] | undefined;
  #only: number[] = [];
  #count = 0;
  /** One that is to be removed: mostly another comes then, and the values between the two move by one place. */
  #leaving = Number.NaN;

  get count(): number {
    return Number.isNaN(this.#leaving) ? this.#count : this.#count - 1;
  }

  /** About what is held. */
  get bytes(): number {
    return this.#count * 12 + (this.#blocks?.length ?? 1) * 48;
  }

  add(value: number): void {
    const leaving = this.#leaving;
    if (this.#blocks === undefined && !Number.isNaN(leaving)) {
      this.#leaving = Number.NaN;
      return replaceIn(this.#only, leaving, value);
    }
    this.#removeLeaving();
    this.#count += 1;
    const at = this.#blocks === undefined ? 0 : Math.min(this.#blockOf(value), this.#blocks.length - 1);
    const block = this.#blocks?.[at] ?? this.#only;
    let index = block.length;
    block.push(value);
    for (; index > 0 && block[index - 1]! > value; index -= 1) block[index] = block[index - 1]!;
    block[index] = value;
    if (block.length < blockMax) return;
    this.#blocks ??= [block];
    this.#blocks.splice(at + 1, 0, block.splice(blockMax / 2));
  }

  /** Removes one that is there. */
  remove(value: number): void {
    this.#removeLeaving();
    this.#leaving = value;
  }

  /** The value of a rank, from 0. */
  at(rank: number): number {
    this.#removeLeaving();
    if (this.#blocks === undefined) return this.#only[rank]!;
    return rank < this.#count / 2 ? fromFirst(this.#blocks, rank) : fromLast(this.#blocks, this.#count - 1 - rank);
  }

  #removeLeaving(): void {
    const value = this.#leaving;
    if (Number.isNaN(value)) return;
    this.#leaving = Number.NaN;
    this.#count -= 1;
    const at = this.#blockOf(value);
    const block = this.#blocks?.[at] ?? this.#only;
    let index = placeIn(block, value);
    for (; index < block.length - 1; index += 1) block[index] = block[index + 1]!;
    block.pop();
    if (this.#blocks !== undefined) this.#joinSmall(this.#blocks, at);
  }

  /** The first block that ends with this value or a larger one. */
  #blockOf(value: number): number {
    const blocks = this.#blocks ?? [];
    let [low, high] = [0, blocks.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (blocks[middle]!.at(-1)! < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #joinSmall(blocks: number[][], at: number): void {
    for (const first of [at - 1, at]) {
      const [one, other] = [blocks[first], blocks[first + 1]];
      if (one === undefined || other === undefined || one.length + other.length > blockMax / 2) continue;
      one.push(...other);
      blocks.splice(first + 1, 1);
      break;
    }
    if (blocks.length > 1) return;
    this.#only = blocks[0]!;
    this.#blocks = undefined;
  }
}

function fromFirst(blocks: readonly number[][], rank: number): number {
  let left = rank;
  let at = 0;
  for (; left >= blocks[at]!.length; at += 1) left -= blocks[at]!.length;
  return blocks[at]![left]!;
}

/** `rank`: counted from the largest. */
function fromLast(blocks: readonly number[][], rank: number): number {
  let left = rank;
  let at = blocks.length - 1;
  for (; left >= blocks[at]!.length; at -= 1) left -= blocks[at]!.length;
  return blocks[at]!.at(-1 - left)!;
}

/** One value leaves and another comes. */
function replaceIn(block: number[], leaving: number, value: number): void {
  let index = placeIn(block, leaving);
  for (; index < block.length - 1 && block[index + 1]! < value; index += 1) block[index] = block[index + 1]!;
  for (; index > 0 && block[index - 1]! > value; index -= 1) block[index] = block[index - 1]!;
  block[index] = value;
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
