/**
 * The members of a group and their latest values, and the one value that they make. A sample costs the same however many members
 * there are; only the smallest and the largest cost the logarithm of their number.
 *
 * A member counts while G - g is at most `staleMs`: G is the group's time, g what G was at the newest sample that gave it a value. G only
 * grows, so a list of the members in the order of g starts with those that no longer count. A sample moves its member to the end of the
 * list and makes no object.
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
}

/** A member in the list, which is a ring with the list's ends at its root. */
interface LinkedMember extends Member {
  readonly key: string;
  series: Series;
  value: number;
  atMs: number;
  /** Grows with each value, and when it no longer counts. */
  version: number;
  before: LinkedMember;
  after: LinkedMember;
}

interface Aggregator {
  add(member: LinkedMember): void;
  remove(value: number): void;
  /** `members`: all that count, at least one. Undefined when it is beyond the range of doubles. */
  value(members: ReadonlyMap<string, LinkedMember>): number | undefined;
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
  readonly #members = new Map<string, LinkedMember>();
  /** Its `after` is the member that stops counting first, its `before` the newest one. */
  readonly #root = newRoot();
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

  /** In the order of g. */
  *members(): IterableIterator<Member> {
    for (let member = this.#root.after; member !== this.#root; member = member.after) yield member;
  }

  /** The latest value of a member. `groupMs`: G, with its sample. */
  set(key: string, series: Series, value: number, groupMs: number): void {
    let member = this.#members.get(key);
    if (member === undefined) {
      member = { key, series, value, atMs: groupMs, version: 0, before: this.#root, after: this.#root };
      this.#members.set(key, member);
    } else {
      this.#aggregator.remove(member.value);
      unlink(member);
      member.series = series;
      member.value = value;
      member.atMs = groupMs;
      member.version += 1;
    }
    const { before } = this.#root;
    member.before = before;
    member.after = this.#root;
    before.after = member;
    this.#root.before = member;
    this.#aggregator.add(member);
  }

  /** Drops the members that no longer count at G. */
  expire(groupMs: number): void {
    for (let member = this.#root.after; member !== this.#root; member = this.#root.after) {
      if (groupMs - member.atMs <= this.#staleMs) return;
      this.#members.delete(member.key);
      unlink(member);
      member.version += 1;
      this.#aggregator.remove(member.value);
    }
  }

  /** The group's value; undefined without members. */
  get value(): number | undefined {
    return this.#members.size === 0 ? undefined : this.#aggregator.value(this.#members);
  }
}

function newRoot(): LinkedMember {
  const root = { key: '', series: { name: '', tags: {} }, value: Number.NaN, atMs: Number.NaN, version: 0 };
  const ring = root as LinkedMember;
  ring.before = ring;
  ring.after = ring;
  return ring;
}

function unlink({ before, after }: LinkedMember): void {
  before.after = after;
  after.before = before;
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
    return [...(this.#first?.members() ?? [])];
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

  add({ value }: LinkedMember): void {
    this.#sum.add(value);
  }

  remove(value: number): void {
    this.#sum.add(-value);
  }

  value(members: ReadonlyMap<string, LinkedMember>): number | undefined {
    if (!Number.isFinite(this.#sum.value)) {
      this.#sum = new ExactSum();
      for (const { value } of members.values()) this.#sum.add(value);
    }
    const value = this.#result(this.#sum.value, members.size);
    return Number.isFinite(value) ? value : undefined;
  }
}

/** A member's value as it was at a version; a later version is another entry. */
interface HeapEntry {
  readonly member: LinkedMember;
  readonly version: number;
  readonly value: number;
}

/** The smallest, or the largest, as a heap from which outdated entries are taken only when they come to its top. */
class Extreme implements Aggregator {
  #heap: HeapEntry[] = [];
  readonly #isBefore: (one: number, other: number) => boolean;

  constructor(isBefore: (one: number, other: number) => boolean) {
    this.#isBefore = isBefore;
  }

  add(member: LinkedMember): void {
    const entry: HeapEntry = { member, version: member.version, value: member.value };
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(entry.value, heap[parent]!.value)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  remove(): void {
    // The member's version grows, so its entry is outdated.
  }

  value(members: ReadonlyMap<string, LinkedMember>): number {
    // Most entries are outdated: rebuilding the heap costs as much as was added since the last time.
    if (this.#heap.length > 2 * members.size + 16) {
      this.#heap = [];
      for (const member of members.values()) this.add(member);
    }
    while (isOutdated(this.#heap[0]!)) this.#dropFirst();
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

function isOutdated({ member, version }: HeapEntry): boolean {
  return member.version !== version;
}

/** The number of members, or of those that satisfy `aggregate_where`. */
class Count implements Aggregator {
  #count = 0;
  readonly #isWanted: (value: number) => boolean;
  readonly #result: (count: number, all: number) => number;

  constructor(isWanted: (value: number) => boolean, result: (count: number, all: number) => number) {
    this.#isWanted = isWanted;
    this.#result = result;
  }

  add({ value }: LinkedMember): void {
    if (this.#isWanted(value)) this.#count += 1;
  }

  remove(value: number): void {
    if (this.#isWanted(value)) this.#count -= 1;
  }

  value(members: ReadonlyMap<string, LinkedMember>): number {
    return this.#result(this.#count, members.size);
  }
}

function whichOf({ operator, threshold }: AggregateWhere, isComputed: boolean): (value: number) => boolean {
  return (value) => comparisons[operator].breaches(asCompared(value, threshold, isComputed), threshold);
}
