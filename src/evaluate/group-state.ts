import type { SamplePlace } from '../alarm/alarm-state.ts';
import { GroupMembers, type Member, type MemberSample } from '../alarm/group-values.ts';
import { subjectKey, type Group, type Subject } from '../metric/subject.ts';
import type { Tags } from '../metric/sample.ts';
import type { Grouping, ValuesMade } from '../rule/condition.ts';
import type { Alarm, AlarmSubject } from './alarm.ts';

/** What a series is to a rule's groups. */
export interface Membership extends ValuesMade {
  readonly group: GroupState;
}

/** One group of one rule, as far as its partition has been read. */
export class GroupState implements AlarmSubject {
  readonly name: string;
  readonly tags: Tags;
  readonly group: Group;
  readonly key: string;
  /** Its rule's only one; undefined before there is one. */
  alarms: Map<string, Alarm> | undefined;
  last: SamplePlace | undefined;
  lastValue: number | undefined;
  heardAtMs = -Infinity;
  isForgotten = false;
  /** Another one takes its place when a member sends again. */
  isRemoved = false;
  #awaitedMs = -Infinity;
  /** The largest timestamp of the samples taken. */
  #takenMs = -Infinity;
  /** What else is known of G: members filled from the log are as old as the log says, whatever came after them. */
  #knownMs = -Infinity;
  /** Undefined while its rule makes no such group. */
  #members: GroupMembers | undefined;

  constructor({ name, tags, group }: Subject) {
    this.name = name;
    this.tags = tags;
    this.group = group!;
    this.key = subjectKey({ name, tags, group });
  }

  /** G: the largest timestamp seen in it. */
  get timeMs(): number {
    return Math.max(this.#takenMs, this.#knownMs);
  }

  get awaitedMs(): number {
    return this.timeMs === -Infinity ? this.#awaitedMs : -Infinity;
  }

  /** The newest members that count, for the first value. */
  get members(): readonly Member[] {
    return this.#members?.ofFirst ?? [];
  }

  /** What the value of a ratio is divided by. */
  get divisor(): number | undefined {
    return this.#members?.divisor;
  }

  /** Its members are others than before: nothing is known of them. */
  forgetMembers(): void {
    this.heardAtMs = -Infinity;
    this.#takenMs = -Infinity;
    this.#knownMs = -Infinity;
  }

  /** Begins without members: those that the log tells of are still to come. */
  empty(grouping: Grouping): void {
    this.#knownMs = this.timeMs;
    this.#takenMs = -Infinity;
    this.lastValue = undefined;
    this.#members = new GroupMembers(grouping);
  }

  /** No sample of it was ever seen, and one is waited for. */
  awaitFirst(partition: number, clockMs: number, monotonicMs: number): void {
    this.isForgotten = false;
    this.#awaitedMs = clockMs;
    this.heardAtMs = monotonicMs;
    this.last ??= { partition, offset: -1, timestampMs: clockMs };
  }

  /** A series is a member, whose newest sample was taken before there was the group. */
  know({ last, timeMs, heardAtMs }: AlarmSubject): void {
    this.isForgotten = false;
    if (last !== undefined && last.offset > (this.last?.offset ?? -1)) this.last = last;
    this.heardAtMs = Math.max(this.heardAtMs, heardAtMs);
    this.reached(timeMs);
  }

  /** G is at least this, from the next sample on that is evaluated. */
  reached(timeMs: number): void {
    this.#knownMs = Math.max(this.#knownMs, timeMs);
  }

  /** Takes note of a member's sample. `isFill`: it was evaluated before. */
  saw(sample: SamplePlace, heardAtMs: number, isFill: boolean): void {
    this.isForgotten = false;
    if (sample.offset > (this.last?.offset ?? -1)) this.last = sample;
    this.heardAtMs = heardAtMs;
    this.#takenMs = Math.max(this.#takenMs, sample.timestampMs, isFill ? -Infinity : this.#knownMs);
  }

  /** Takes a member's values. Returns what is compared; undefined when nothing is evaluated. */
  take(member: AlarmSubject, values: MemberSample): number | undefined {
    this.#members?.set(member.key, member, values, this.#takenMs);
    if (values.first === undefined && values.second === undefined) return undefined;
    const value = this.#members?.value;
    if (value !== undefined) this.lastValue = value;
    return value;
  }

  judgeAll(): void {
    // Each sample of a member is evaluated.
  }

  forget(): void {
    this.isForgotten = true;
    this.forgetMembers();
    this.#awaitedMs = -Infinity;
  }
}
