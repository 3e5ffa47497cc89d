import type { AlarmRecord } from '../alarm/alarm-record.ts';
import type { SamplePlace } from '../alarm/alarm-state.ts';
import { groupOf, groupSubject, subjectKey, type Subject } from '../metric/subject.ts';
import { concerns, valuesMade, type Condition, type Grouping } from '../rule/condition.ts';
import type { RulesInForce } from '../rule/rule-book.ts';
import type { RuleEntry } from '../rule/rule-list.ts';
import type { ClockReading } from './partition-clock.ts';
import { GroupState, type Membership } from './group-state.ts';
import type { SeriesState } from './series-state.ts';

/** Where a partition stands among those of `metrics`. */
export interface PartitionPlace {
  readonly partition: number;
  /** Whether the metric's samples belong to it. */
  readonly owns: (metricName: string) => boolean;
}

export interface TakenSample {
  readonly value: number;
  readonly sample: SamplePlace;
  readonly heardAtMs: number;
  /** Whether it was evaluated before, and is taken again after a restart or for a new rule. */
  readonly isFill: boolean;
}

/** The groups of a partition's rules, made as their first members come. */
export class Groups {
  readonly #book: RulesInForce;
  readonly #byRule = new Map<string, Map<string, GroupState>>();
  place: PartitionPlace = { partition: 0, owns: () => true };
  /** Rules that may await a metric never seen; undefined before all rules were asked once. */
  #awaiting: Set<string> | undefined;

  constructor(book: RulesInForce) {
    this.#book = book;
  }

  /** All of them, each with its rule's id. */
  *all(): IterableIterator<readonly [ruleId: string, group: GroupState]> {
    for (const [ruleId, groups] of this.#byRule) for (const group of groups.values()) yield [ruleId, group];
  }

  of(ruleId: string): Iterable<GroupState> {
    return this.#byRule.get(ruleId)?.values() ?? [];
  }

  /** The group that a record of `alarms` is about, made when it is not there, with its newest sample. */
  restore({ ruleId, series, sample, timeMs, value }: AlarmRecord): GroupState {
    const group = this.#group(ruleId, series, this.#book.get(ruleId)?.condition.grouping);
    if ((group.last?.offset ?? -1) <= sample.offset) group.last = sample;
    if (sample.offset < 0) return group;
    group.lastValue = value;
    group.reached(timeMs);
    return group;
  }

  groupOf(rule: RuleEntry, series: SeriesState): GroupState {
    return this.#membership(rule, series, rule.condition.grouping!).group;
  }

  /** A sample of a series: its group takes note of it. Returns what is compared; undefined when nothing is evaluated. */
  take(rule: RuleEntry, series: SeriesState, { value, sample, heardAtMs, isFill }: TakenSample): number | undefined {
    const { condition } = rule;
    const grouping = condition.grouping!;
    const { group, isFirst, isSecond } = this.#membership(rule, series, grouping);
    group.saw(sample, heardAtMs, isFill);
    const first = isFirst ? series.comparedValue(condition, value) : undefined;
    const second = isSecond ? series.comparedValue(grouping.divideBy!, value) : undefined;
    return group.take(series, { first, second });
  }

  /** A rule was set: it may await a metric never seen. Returns whether it does. */
  await({ rule, condition }: RuleEntry): boolean {
    const isAwaiting = condition.grouping?.by.length === 0 && condition.noDataMs !== undefined;
    if (isAwaiting) this.#awaiting?.add(rule.id);
    return isAwaiting;
  }

  /**
   * A rule's groups are made otherwise than by the version before: they begin without members, and keep their alarms. `known`: the series
   * of its metric. Returns the groups that are gone, since the rule matches other series now and none of them belongs there.
   */
  begin(rule: RuleEntry, before: RuleEntry | undefined, known: Iterable<SeriesState>): readonly GroupState[] {
    const { grouping } = rule.condition;
    if (grouping === undefined) return [];
    const isOther = before === undefined || matchingText(before.condition) !== matchingText(rule.condition);
    const gone = new Set<GroupState>(this.of(rule.rule.id));
    for (const group of gone) {
      if (isOther) group.forgetMembers();
      group.empty(grouping);
    }
    for (const series of known) {
      // One without a newest sample was forgotten, and is known again only because a measure was filled.
      const isKnown = !series.isForgotten && series.last !== undefined;
      if (!isKnown || !concerns(rule.condition, series.tags)) continue;
      const group = this.groupOf(rule, series);
      group.know(series);
      gone.delete(group);
    }
    return isOther ? [...gone] : [];
  }

  /** The groups of a rule are about to be filled. */
  empty({ rule, condition: { grouping } }: RuleEntry): void {
    if (grouping !== undefined) for (const group of this.of(rule.id)) group.empty(grouping);
  }

  /** Whether a group is still one that the rule makes. */
  isMadeBy(rule: RuleEntry | undefined, group: GroupState): boolean {
    if (rule === undefined || !rule.condition.enabled || rule.condition.metricName !== group.name) return false;
    const { grouping } = rule.condition;
    if (grouping?.by.length !== Object.keys(group.group).length) return false;
    return grouping.by.every((name) => Object.hasOwn(group.group, name));
  }

  remove(ruleId: string, group: GroupState): void {
    const groups = this.#byRule.get(ruleId);
    groups?.delete(group.key);
    if (groups?.size === 0) this.#byRule.delete(ruleId);
    group.isRemoved = true;
    this.#awaiting?.add(ruleId);
  }

  /** A group of all series exists as soon as its rule does, though no sample of the metric was ever seen. Returns whether rules were asked. */
  awaitFirst({ clockMs, monotonicMs }: ClockReading): boolean {
    if (this.#awaiting?.size === 0) return false;
    const rules = this.#awaiting === undefined ? this.#book : [...this.#awaiting].map((id) => this.#book.get(id));
    for (const rule of rules) {
      if (rule === undefined) continue;
      const { grouping, metricName, noDataMs, enabled } = rule.condition;
      if (grouping?.by.length !== 0 || noDataMs === undefined || !enabled || !this.place.owns(metricName)) continue;
      const group = this.#group(rule.rule.id, groupSubject(metricName, {}), grouping);
      if (group.timeMs === -Infinity) group.awaitFirst(this.place.partition, clockMs, monotonicMs);
    }
    this.#awaiting = new Set();
    return true;
  }

  #membership(rule: RuleEntry, series: SeriesState, grouping: Grouping): Membership {
    const ruleId = rule.rule.id;
    let membership = series.memberships?.get(ruleId);
    if (membership === undefined || membership.group.isRemoved) {
      const group = this.#group(ruleId, groupSubject(series.name, groupOf(grouping.by, series.tags)), grouping);
      membership = { group, ...valuesMade(rule.condition, series.tags) };
      series.memberships ??= new Map();
      series.memberships.set(ruleId, membership);
    }
    return membership;
  }

  #group(ruleId: string, subject: Subject, grouping: Grouping | undefined): GroupState {
    let groups = this.#byRule.get(ruleId);
    if (groups === undefined) this.#byRule.set(ruleId, (groups = new Map()));
    const key = subjectKey(subject);
    let group = groups.get(key);
    if (group === undefined) {
      group = new GroupState(subject);
      if (grouping !== undefined) group.empty(grouping);
      groups.set(key, group);
    }
    return group;
  }
}

/** Which series make a rule's groups. */
function matchingText({ metricName, tags, grouping }: Condition): string {
  return JSON.stringify([metricName, tags, grouping?.by, grouping?.divideBy?.tags]);
}
