import { clockMarginMs } from '../alarm/cooldown.ts';
import type { RulesInForce } from '../rule/rule-book.ts';
import type { ClockReading } from './partition-clock.ts';
import type { Alarm } from './alarm.ts';

/** A state that was still on its way when its alarm was deleted would bring it back to life; after so long none is. */
const deletedAfterMs = 3_600_000;

/** How often it is asked which alarms are to be reminded of, when none of them changes. */
const remindEveryMs = 1_000;

/** The alarms of a partition that have a record, by what is still to be done about them. */
export class AlarmRegister {
  readonly #book: RulesInForce;
  readonly #standing = new Set<Alarm>();
  /** Of the standing ones those whose rule wants reminders. */
  readonly #reminding = new Set<Alarm>();
  /** When they were last asked, by the monotonic clock; -Infinity: one of them, or its rule, has changed since. */
  #remindedAtMs = -Infinity;
  /** Those that are ok: their record holds nothing that matters, save perhaps what the rule remembers. */
  readonly #finished = new Set<Alarm>();

  constructor(book: RulesInForce) {
    this.#book = book;
  }

  /** Those that are not ok. */
  get standing(): ReadonlySet<Alarm> {
    return this.#standing;
  }

  /** The alarm, or its rule, is not what it was. */
  put(alarm: Alarm): void {
    this.remove(alarm);
    if (alarm.state.state === 'ok') {
      this.#finished.add(alarm);
      return;
    }
    this.#standing.add(alarm);
    if (alarm.state.state !== 'firing' || this.#remindMs(alarm) === undefined) return;
    this.#reminding.add(alarm);
    this.#remindedAtMs = -Infinity;
  }

  remove(alarm: Alarm): void {
    this.#standing.delete(alarm);
    this.#reminding.delete(alarm);
    this.#finished.delete(alarm);
  }

  /** The alarms that are to be reminded of, by the clock; no message from before `beganMs` is known. */
  remindersDue({ monotonicMs, isAtHead }: ClockReading, beganMs: number): readonly Alarm[] {
    if (!isAtHead || monotonicMs - this.#remindedAtMs < remindEveryMs) return [];
    this.#remindedAtMs = monotonicMs;
    return [...this.#reminding].filter((alarm) => {
      const { state } = alarm;
      const remindMs = this.#remindMs(alarm);
      if (remindMs === undefined || state.state !== 'firing' || !state.notified || state.deferred !== undefined)
        return false;
      return monotonicMs - Math.max(alarm.messagedAtMs, beganMs) >= remindMs + clockMarginMs;
    });
  }

  /** The alarms that have been ok for an hour, all before `committed` being done; `nowMs` is monotonic. */
  longFinished(committed: number, nowMs: number): readonly Alarm[] {
    return [...this.#finished].filter((alarm) => {
      alarm.seenOkMs ??= nowMs;
      return nowMs - alarm.seenOkMs >= deletedAfterMs && alarm.offset < committed;
    });
  }

  #remindMs({ ruleId }: Alarm): number | undefined {
    return this.#book.get(ruleId)?.condition.remindMs;
  }
}
