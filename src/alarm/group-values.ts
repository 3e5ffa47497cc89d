/**
 * The members of a group and their latest values, and the one value that they make. A sample costs the same however many members
 * there are; only the smallest and the largest cost the logarithm of their number.
 *
 * A member counts while G - g is at most `staleMs`: G is the group's time, g what G was at the newest sample that gave it a value. G only
 * grows, so the members stand in the order of g, and those that no longer count stand first.
 */
import { ExactSum } from '../measure/exact-sum.ts';
import type { Aggregate, AggregateWhere } from '../rule/aggregate.ts';
import type { Grouping } from '../rule/condition.ts';
import { asCompared, comparisons } from '../rule/comparison.ts';
import type { Series } from '../metric/series.ts';

export interface Member {
  readonly series: Series;
  readonly value: number;
  /** g, in milliseconds since the epoch. */
  readonly atMs: number;
  /** Another sample has come of its series, or it no longer counts. */
  isGone: boolean;
}

interface Aggregator {
  add(member: Member): void;
  remove(member: Member): void;
  /** `members`: all that count, at least one. Undefined when it is beyond the range of doubles. */
  value(members: ReadonlyMap<string, Member>): number | undefined;
}

/** `isComputed`: whether members' values are, so that roundings must not decide. */
type Maker = (where: AggregateWhere | undefined, isComputed: boolean) => Aggregator;

const aggregators: Record<Aggregate, Maker> = {
  sum: () => new Sum((sum) => sum),
  average: () => new Sum((sum, count) => sum / count),
  min: () => new Extreme((one, other) => one < other),
  max: () => new Extreme((one, other) => one > other),
  count: () =>
    new Count(
      () => true,
      (count) => count,
    ),
  count_where: (where, isComputed) => new Count(whichOf(where!, isComputed), (count) => count),
  share_where: (where, isComputed) => new Count(whichOf(where!, isComputed), (count, all) => count / all),
};

interface GroupValuesOptions {
  readonly aggregate: Aggregate;
  readonly where?: AggregateWhere | undefined;
  readonly isComputed: boolean;
  readonly staleMs: number;
}

export class GroupValues {
  readonly #members = new Map<string, Member>();
  readonly #aggregator: Aggregator;
  readonly #staleMs: number;

  constructor({ aggregate, where, isComputed, staleMs }: GroupValuesOptions) {
    this.#aggregator = aggregators[aggregate](where, isComputed);
    this.#staleMs = staleMs;
  }

  /** How many members count. */
  get count(): number {
    return this.#members.size;
  }

  get members(): IterableIterator<Member> {
    return this.#members.values();
  }

  /** The latest value of a member. `groupMs`: G, with its sample. */
  set(key: string, series: Series, value: number, groupMs: number): void {
    this.#remove(key, this.#members.get(key));
    const member: Member = { series, value, atMs: groupMs, isGone: false };
    this.#members.set(key, member);
    this.#aggregator.add(member);
  }

  /** Drops the members that no longer count at G. */
  expire(groupMs: number): void {
    for (const [key, member] of this.#members) {
      if (groupMs - member.atMs <= this.#staleMs) return;
      this.#remove(key, member);
    }
  }

  /** The group's value; undefined without members. */
  get value(): number | undefined {
    return this.#members.size === 0 ? undefined : this.#aggregator.value(this.#members);
  }

  #remove(key: string, member: Member | undefined): void {
    if (member === undefined) return;
    this.#members.delete(key);
    member.isGone = true;
    this.#aggregator.remove(member);
  }
}

/** A series' values for the two values of a group; undefined where it makes none, or its sample is not evaluated. */
export interface MemberSample {
  readonly first: number | undefined;
  readonly second: number | undefined;
}

/** The members of one group of a rule, and what is compared of them: a value, or the ratio of two. */
export class GroupMembers {
  readonly #grouping: Grouping;
  readonly #first: GroupValues | undefined;
  readonly #second: GroupValues | undefined;

  constructor(grouping: Grouping) {
    const { aggregate, where, isComputed, staleMs, divideBy } = grouping;
    this.#grouping = grouping;
    this.#first = aggregate && new GroupValues({ aggregate, where, isComputed, staleMs });
    this.#second = aggregate && divideBy && new GroupValues({ aggregate, isComputed, staleMs });
  }

  /** Those that make the first value. */
  get ofFirst(): readonly Member[] {
    return [...(this.#first?.members ?? [])];
  }

  /** The latest values of a member. `groupMs`: G, with its sample. */
  set(key: string, series: Series, { first, second }: MemberSample, groupMs: number): void {
    if (first !== undefined) this.#first?.set(key, series, first, groupMs);
    if (second !== undefined) this.#second?.set(key, series, second, groupMs);
    this.#first?.expire(groupMs);
    this.#second?.expire(groupMs);
  }

  /** What the value of a ratio is divided by; undefined when there is none. */
  get divisor(): number | undefined {
    return this.#second?.value;
  }

  /** Undefined when nothing is evaluated. */
  get value(): number | undefined {
    const { minSeries, divideBy } = this.#grouping;
    if (divideBy === undefined) return (this.#first?.count ?? 0) < minSeries ? undefined : this.#first?.value;
    const { divisor } = this;
    if ((this.#second?.count ?? 0) < minSeries || divisor === undefined) return undefined;
    if (divisor <= 0 || divisor < divideBy.minValue) return undefined;
    const dividend = this.#first?.count === 0 ? 0 : this.#first?.value;
    const ratio = dividend === undefined ? undefined : dividend / divisor;
    return ratio !== undefined && Number.isFinite(ratio) ? ratio : undefined;
  }
}

class Sum implements Aggregator {
  #sum = new ExactSum();
  readonly #result: (sum: number, count: number) => number;

  constructor(result: (sum: number, count: number) => number) {
    this.#result = result;
  }

  add({ value }: Member): void {
    this.#sum.add(value);
  }

  remove({ value }: Member): void {
    this.#sum.add(-value);
  }

  value(members: ReadonlyMap<string, Member>): number | undefined {
    if (!Number.isFinite(this.#sum.value)) {
      this.#sum = new ExactSum();
      for (const { value } of members.values()) this.#sum.add(value);
    }
    const value = this.#result(this.#sum.value, members.size);
    return Number.isFinite(value) ? value : undefined;
  }
}

/** The smallest, or the largest, as a heap from which members that are gone are taken only when they come to its top. */
class Extreme implements Aggregator {
  #heap: Member[] = [];
  readonly #isBefore: (one: number, other: number) => boolean;

  constructor(isBefore: (one: number, other: number) => boolean) {
    this.#isBefore = isBefore;
  }

  add(member: Member): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(member);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(member.value, heap[parent]!.value)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = member;
  }

  remove(): void {
    // It is marked as gone.
  }

  value(members: ReadonlyMap<string, Member>): number {
    // Those that are gone are most of it: made anew, it costs as much as was added since.
    if (this.#heap.length > 2 * members.size + 16) {
      this.#heap = [];
      for (const member of members.values()) this.add(member);
    }
    while (this.#heap[0]!.isGone) this.#dropFirst();
    return this.#heap[0]!.value;
  }

  #dropFirst(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#isBefore(heap[child + 1]!.value, heap[child]!.value)) child += 1;
      if (!this.#isBefore(heap[child]!.value, last.value)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

/** How many members count, or are as wanted. */
class Count implements Aggregator {
  #count = 0;
  readonly #isWanted: (value: number) => boolean;
  readonly #result: (count: number, all: number) => number;

  constructor(isWanted: (value: number) => boolean, result: (count: number, all: number) => number) {
    this.#isWanted = isWanted;
    this.#result = result;
  }

  add({ value }: Member): void {
    if (this.#isWanted(value)) this.#count += 1;
  }

  remove({ value }: Member): void {
    if (this.#isWanted(value)) this.#count -= 1;
  }

  value(members: ReadonlyMap<string, Member>): number {
    return this.#result(this.#count, members.size);
  }
}

function whichOf({ operator, threshold }: AggregateWhere, isComputed: boolean): (value: number) => boolean {
  return (value) => comparisons[operator].breaches(asCompared(value, threshold, isComputed), threshold);
}
