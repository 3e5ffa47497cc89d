import type { RuleMemory } from '../alarm/alarm-record.ts';
import type { RuleEntry } from '../rule/rule-list.ts';
import type { Alarm } from './alarm.ts';

/** A rule's memory as it is kept while its partition is owned. */
export interface KeptMemory {
  lastSentMs: number | undefined;
  lastSentOffset: number | undefined;
  sentCount: number;
  /**
   * M, or less while it is certain that the cooldown is not over: series are told to report when they reach its end. undefined:
   * to be found from the series.
   */
  ruleTimeMs: number | undefined;
  /** M is at least this: what a record said, though the series that it was of may not have been read again. */
  leastRuleTimeMs: number;
  /** When it last sent, on the monotonic clock. */
  sentAtMs: number;
  /** The alarms with a deferred notification. */
  readonly waiting: Set<Alarm>;
}

/** What is asked of the series of a rule's metric. */
export interface RuleSeries {
  /** M: the largest T of the series that the rule matches; -Infinity without any. */
  ruleTimeMs(rule: RuleEntry): number;
  /** From this time on each sample of the rule's series must be evaluated. */
  evaluateFrom(rule: RuleEntry, timeMs: number): void;
}

const nothingSent: RuleMemory = {
  lastSentMs: undefined,
  lastSentOffset: undefined,
  sentCount: 0,
  ruleTimeMs: undefined,
};

/**
 * What the rules of a partition remember across their series, for their cooldowns. Rule time M is not followed sample by sample: when a
 * rule sends, it is found from all its series, and these are told to report from L + cooldown on. Until one does, the cooldown is not
 * over, whatever M has come to.
 */
export class RuleMemories {
  readonly #series: RuleSeries;
  readonly #byRule = new Map<string, KeptMemory>();
  /** The rules that have a deferred notification. */
  readonly #waiting = new Set<string>();

  constructor(series: RuleSeries) {
    this.#series = series;
  }

  /** The memory of a rule, made when it is not there. */
  of(ruleId: string): KeptMemory {
    let memory = this.#byRule.get(ruleId);
    if (memory === undefined) {
      const notYet = { ruleTimeMs: undefined, leastRuleTimeMs: -Infinity, sentAtMs: -Infinity };
      memory = { ...nothingSent, ...notYet, waiting: new Set() };
      this.#byRule.set(ruleId, memory);
    }
    return memory;
  }

  get(ruleId: string): KeptMemory | undefined {
    return this.#byRule.get(ruleId);
  }

  isWaiting(ruleId: string): boolean {
    return this.#waiting.has(ruleId);
  }

  /** In the order of their ids. */
  waitingRules(): readonly string[] {
    return [...this.#waiting].sort();
  }

  setWaiting(alarm: Alarm, isWaiting: boolean): void {
    const { waiting } = this.of(alarm.ruleId);
    if (isWaiting) waiting.add(alarm);
    else waiting.delete(alarm);
    if (waiting.size > 0) this.#waiting.add(alarm.ruleId);
    else this.#waiting.delete(alarm.ruleId);
  }

  /** A series that the rule matches has reached a time. */
  reached(rule: RuleEntry, timeMs: number): void {
    const memory = this.#byRule.get(rule.condition.ruleId);
    if (memory?.ruleTimeMs === undefined || timeMs <= memory.ruleTimeMs) return;
    // After no series matched, the first one that does may be behind: then L falls.
    if (memory.ruleTimeMs === -Infinity && rule.condition.cooldownMs > 0) this.exactRuleTimeMs(rule, memory);
    else memory.ruleTimeMs = timeMs;
  }

  /**
   * Until when the rule's cooldown holds something back, or may have to: a sample of that T must be evaluated, whatever its value.
   * `offset`: of the sample that was evaluated last.
   */
  coolingUntilMs(rule: RuleEntry, offset: number): number {
    const { ruleId, cooldownMs } = rule.condition;
    const memory = this.#byRule.get(ruleId);
    if (memory === undefined) return Infinity;
    // Samples are read again, and the one at which it sent is yet to come.
    if (memory.lastSentOffset !== undefined && memory.lastSentOffset > offset) return -Infinity;
    if (memory.lastSentMs === undefined || cooldownMs === 0) return memory.waiting.size > 0 ? -Infinity : Infinity;
    const endsMs = memory.lastSentMs + cooldownMs;
    return this.ruleTimeMs(rule, memory) >= endsMs ? Infinity : endsMs;
  }

  /** M, or less while that is enough to know that the cooldown is not over. Without a cooldown nobody asks: then it is anything. */
  ruleTimeMs(rule: RuleEntry, memory: KeptMemory): number {
    if (rule.condition.cooldownMs === 0) return 0;
    return memory.ruleTimeMs ?? this.exactRuleTimeMs(rule, memory);
  }

  /** M. L is never above it. */
  exactRuleTimeMs(rule: RuleEntry, memory: KeptMemory): number {
    const timeMs = Math.max(this.#series.ruleTimeMs(rule), memory.leastRuleTimeMs);
    memory.ruleTimeMs = timeMs;
    if (memory.lastSentMs !== undefined && timeMs > -Infinity) memory.lastSentMs = Math.min(memory.lastSentMs, timeMs);
    return timeMs;
  }

  /** The rule's series may be others than before: M may have fallen, and then L falls with it. */
  seriesChanged(rule: RuleEntry): void {
    const memory = this.#byRule.get(rule.condition.ruleId);
    if (memory === undefined) return;
    memory.leastRuleTimeMs = -Infinity;
    this.exactRuleTimeMs(rule, memory);
  }

  /** What a rule remembered goes with it: its id does not come back. */
  forget(ruleId: string): void {
    this.#byRule.delete(ruleId);
    this.#waiting.delete(ruleId);
  }

  /** Of a rule's records the one that counts most of its messages knows best. */
  restore(ruleId: string, { lastSentMs, lastSentOffset, sentCount, ruleTimeMs = -Infinity }: RuleMemory): void {
    const memory = this.of(ruleId);
    if (memory.sentCount <= sentCount) Object.assign(memory, { lastSentMs, lastSentOffset, sentCount });
    memory.leastRuleTimeMs = Math.max(memory.leastRuleTimeMs, ruleTimeMs);
  }

  /** What a record says of it. */
  toKeep(ruleId: string): RuleMemory {
    const memory = this.#byRule.get(ruleId);
    if (memory === undefined) return nothingSent;
    const { lastSentMs, lastSentOffset, sentCount, ruleTimeMs = memory.leastRuleTimeMs } = memory;
    return { lastSentMs, lastSentOffset, sentCount, ruleTimeMs: Number.isFinite(ruleTimeMs) ? ruleTimeMs : undefined };
  }
}
