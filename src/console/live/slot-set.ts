const firstLength = 4;
/** Past so many members for each word of a bitmap, the bitmap is the smaller of the two. */
const membersPerWord = 1;
/** How much longer an array becomes when it is full. */
const growth = 1.5;

/**
 * A set of small whole numbers, as a sorted array while they are few and as a bitmap once they are many: four bytes a member at
 * the most. Adding is quickest in order.
 */
export class SlotSet {
  #members: Uint32Array | undefined = new Uint32Array(firstLength);
  #bits: Uint32Array | undefined;
  #size = 0;

  constructor(members: Iterable<number> = []) {
    for (const slot of members) this.add(slot);
  }

  get size(): number {
    return this.#size;
  }

  has(slot: number): boolean {
    if (this.#bits !== undefined) return ((this.#bits[slot >>> 5] ?? 0) & (1 << (slot & 31))) !== 0;
    const place = placeOf(this.#members!, this.#size, slot);
    return place < this.#size && this.#members![place] === slot;
  }

  /** Adds a number that is not in it. */
  add(slot: number): void {
    if (this.#bits === undefined) this.#insert(slot);
    else this.#setBit(slot);
    this.#size++;
  }

  /** Takes out a number that is in it. */
  delete(slot: number): void {
    this.#size--;
    if (this.#bits !== undefined) {
      this.#bits[slot >>> 5]! &= ~(1 << (slot & 31));
      return;
    }
    const members = this.#members!;
    const place = placeOf(members, this.#size + 1, slot);
    members.copyWithin(place, place + 1, this.#size + 1);
  }

  /** Leaves in the bitmap what is in the set, too. */
  narrow(bits: Uint32Array): void {
    if (this.#bits !== undefined) {
      const own = this.#bits;
      const both = Math.min(own.length, bits.length);
      for (let word = 0; word < both; word++) bits[word]! &= own[word]!;
      bits.fill(0, both);
      return;
    }
    const members = this.#members!;
    let cleared = 0;
    for (let index = 0; index < this.#size;) {
      const word = members[index]! >>> 5;
      let kept = 0;
      for (; index < this.#size && members[index]! >>> 5 === word; index++) kept |= 1 << (members[index]! & 31);
      bits.fill(0, cleared, word);
      bits[word]! &= kept;
      cleared = word + 1;
    }
    bits.fill(0, cleared);
  }

  /** Adds what is in the set to the bitmap, which is long enough. */
  widen(bits: Uint32Array): void {
    if (this.#bits !== undefined) for (let word = 0; word < this.#bits.length; word++) bits[word]! |= this.#bits[word]!;
    else for (let index = 0; index < this.#size; index++) setBit(bits, this.#members![index]!);
  }

  #insert(slot: number): void {
    let members = this.#members!;
    const last = this.#size === 0 ? -1 : members[this.#size - 1]!;
    if (this.#size > (Math.max(last, slot) >>> 5) * membersPerWord + firstLength) {
      this.#becomeBits(Math.max(last, slot));
      this.#setBit(slot);
      return;
    }
    if (this.#size === members.length) {
      members = new Uint32Array(Math.ceil(members.length * growth));
      members.set(this.#members!);
      this.#members = members;
    }
    if (slot > last) members[this.#size] = slot;
    else {
      const place = placeOf(members, this.#size, slot);
      members.copyWithin(place + 1, place, this.#size);
      members[place] = slot;
    }
  }

  #becomeBits(highest: number): void {
    const bits = new Uint32Array(Math.ceil(((highest >>> 5) + 1) * growth));
    this.widen(bits);
    this.#bits = bits;
    this.#members = undefined;
  }

  #setBit(slot: number): void {
    if (slot >>> 5 >= this.#bits!.length) {
      const bits = new Uint32Array(Math.ceil(((slot >>> 5) + 1) * growth));
      bits.set(this.#bits!);
      this.#bits = bits;
    }
    setBit(this.#bits!, slot);
  }
}

export function setBit(bits: Uint32Array, slot: number): void {
  bits[slot >>> 5]! |= 1 << (slot & 31);
}

/** Where the number is among the first `size`, or belongs. */
function placeOf(members: Uint32Array, size: number, slot: number): number {
  let [low, high] = [0, size];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (members[middle]! < slot) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The numbers in a bitmap, in order. */
export function* slotsOf(bits: Uint32Array): Generator<number> {
  for (let word = 0; word < bits.length; word++) {
    for (let rest = bits[word]!; rest !== 0; rest &= rest - 1) yield word * 32 + (31 - Math.clz32(rest & -rest));
  }
}

export function countOf(bits: Uint32Array): number {
  let count = 0;
  for (let word = 0; word < bits.length; word++) {
    let bit = bits[word]!;
    bit -= (bit >>> 1) & 0x55555555;
    bit = (bit & 0x33333333) + ((bit >>> 2) & 0x33333333);
    count += (((bit + (bit >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
  }
  return count;
}
