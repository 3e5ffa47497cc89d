/**
 * The rules of the system's own, by which it sees that it works: one for each canary metric, in force without standing in the topic
 * `rules`. They fire at 1 and resolve at 0, have no receiver, and are shown to nobody.
 */
import { compileRule } from './condition.ts';
import { OneRule, type RuleEntry } from './rule-list.ts';
import type { RulesInForce } from './rule-book.ts';

const metricPrefix = 'ssrms-canary-';
/** A UUID v4 but for its last twelve digits, which are the number of the metric. */
const ruleIdPrefix = '5e55c0de-ca4a-4000-8000-';
const numberDigits = 12;

export const canaryMetric = (number: number): string => `${metricPrefix}${number}`;

/** Whether a metric is one that the system writes to watch itself. */
export function isCanaryMetric(name: string): boolean {
  return name.startsWith(metricPrefix);
}

/** Whether a rule, or the key of an alarm, is of a canary. */
export function isOfCanary(ruleIdOrKey: string): boolean {
  return ruleIdOrKey.startsWith(ruleIdPrefix);
}

/** The same rules, and those of the canaries. */
export function withCanaries(rules: RulesInForce): RulesInForce {
  const entries = new Map<number, RuleEntry>();
  const entryOf = (number: number): RuleEntry => {
    const entry = entries.get(number) ?? canaryRule(number);
    entries.set(number, entry);
    return entry;
  };
  return {
    get: (id) => (isOfCanary(id) ? entryOf(Number.parseInt(id.slice(ruleIdPrefix.length), 16)) : rules.get(id)),
    // Those who go through all rules look for windows and silence, and canaries have neither.
    [Symbol.iterator]: () => rules[Symbol.iterator](),
    byMetric(name) {
      const number = isCanaryMetric(name) ? Number(name.slice(metricPrefix.length)) : Number.NaN;
      return Number.isSafeInteger(number) && canaryMetric(number) === name
        ? new OneRule(entryOf(number))
        : rules.byMetric(name);
    },
  };
}

function canaryRule(number: number): RuleEntry {
  const id = ruleIdPrefix + number.toString(16).padStart(numberDigits, '0');
  const rule = { id, metric_name: canaryMetric(number), threshold: 0.5 };
  return { rule, condition: compileRule(rule), webhook: undefined, partition: 0, offset: 0 };
}
