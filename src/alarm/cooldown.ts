/**
 * When a rule may send again. A cooldown belongs to the rule, across all its alarms, and is counted in rule time M, the largest
 * T of the rule's series: no series' own clock decides for the others. Where nothing flows, or a device is ahead of the time, M
 * stands still: then the monotonic clock of the process decides, at the head of the log.
 */
import type { Condition } from '../rule/condition.ts';

/** So much later than by rule time a cooldown ends by the clock: where samples flow, they decide, and a replay of the log gives the same. */
export const clockMarginMs = 1_000;

/** `ruleTimeMs`: M. `lastSentMs`: L, what M was when the rule last sent a message; undefined before the first. */
export function isCooldownOver(condition: Condition, ruleTimeMs: number, lastSentMs: number | undefined): boolean {
  const { cooldownMs } = condition;
  return cooldownMs === 0 || lastSentMs === undefined || ruleTimeMs - lastSentMs >= cooldownMs;
}

/** `passedMs`: what the monotonic clock has gone on by since the rule last sent a message, or since the process began. */
export function isCooldownOverByClock(condition: Condition, passedMs: number): boolean {
  return passedMs >= condition.cooldownMs + clockMarginMs;
}
