import assert from 'node:assert/strict';
import { topics } from '../../../src/topics.ts';
import type { OracleChange, OracleNotification, OracleState, Verdict } from '../oracle/oracle.ts';
import {
  assertNotifications,
  assertStates,
  seenNotification,
  seenState,
  winners,
  winningStates,
  withoutCopies,
  type SeenState,
} from '../oracle/seen.ts';
import type { SimStore } from './sim-store.ts';
import type { WorldWatch } from './sim-world.ts';

const ok: OracleState = { state: 'ok' };

/** Holds what stands in the log against the verdict: at each claim, at each commit, and at the end. */
export class Checker implements WorldWatch {
  readonly #verdict: Verdict;
  readonly #storeNow: () => SimStore;
  readonly #changes = new Map<string, OracleChange[]>();
  #stepsDurable = 0;

  constructor(verdict: Verdict, storeNow: () => SimStore) {
    this.#verdict = verdict;
    this.#storeNow = storeNow;
    for (const change of verdict.changes) {
      const before = this.#changes.get(change.alarm);
      if (before === undefined) this.#changes.set(change.alarm, [change]);
      else before.push(change);
    }
  }

  rested(steps: number): void {
    this.#stepsDurable = steps;
  }

  /** At every load: the restored states are the oracle's after S, and every notification due up to S is in the log (I4). */
  claimed(): void {
    const restored = winners(this.#states());
    const largest = Math.max(-1, ...[...restored.values()].map((state) => state.offset));
    this.#assertNotificationsTo(largest, 'S');
    for (const [alarm, changes] of this.#changes) {
      const isCertain = (change: OracleChange): boolean =>
        change.taken <= this.#stepsDurable || (change.isOfSample && change.offset < largest);
      const certain = changes.findLastIndex(isCertain);
      const possible = changes.slice(Math.max(0, certain)).filter(({ offset }) => offset <= largest);
      const states = certain < 0 ? [ok, ...possible.map(({ state }) => state)] : possible.map(({ state }) => state);
      const state = JSON.stringify(restored.get(alarm)?.state ?? ok);
      assert.ok(
        states.some((one) => JSON.stringify(one) === state),
        `${alarm} is restored as ${state}, and S is ${largest}; after the sample at S the oracle has ${JSON.stringify(states)} (I4)`,
      );
    }
  }

  /** The position is never ahead of an append (I4). */
  committed(position: number): void {
    this.#assertNotificationsTo(position - 1, 'the position');
    const written = winners(this.#states());
    for (const [alarm, changes] of this.#changes) {
      const last = changes.findLast((change) => change.isOfSample && change.offset < position);
      const offset = written.get(alarm)?.offset ?? -1;
      assert.ok(
        last === undefined || offset >= last.offset,
        `the position ${position} is committed, and ${alarm} is written only up to ${offset} (I4)`,
      );
    }
  }

  /** Returns how many copies of notifications there are. */
  end(): number {
    const partitions = this.#notifications();
    const ids = this.#verdict.notifications.map(({ id }) => id);
    const placeOf = ({ id }: OracleNotification): number => (ids.includes(id) ? ids.indexOf(id) : Infinity);
    const inOrder = (some: readonly OracleNotification[]): OracleNotification[] =>
      some.toSorted((one, other) => placeOf(one) - placeOf(other));
    assertNotifications(inOrder(partitions.flat()), this.#verdict);
    for (const partition of partitions) {
      const first = withoutCopies(partition);
      assert.deepEqual(first, inOrder(first), 'first copies stand in the order of their samples (I3)');
    }
    assertStates(winningStates(this.#states()), this.#verdict);
    return partitions.flat().length - ids.length;
  }

  /** What a clock brought about is left out: it stands at a sample of long ago. */
  #assertNotificationsTo(offset: number, what: string): void {
    const written = new Set(this.#notifications().flatMap((some) => some.map(({ id }) => id)));
    for (const { id, kind, at } of this.#verdict.notifications) {
      if (kind === 'no_data' || at.offset > offset) continue;
      assert.ok(
        written.has(id),
        `${what} is at ${offset}, and the notification ${id} due at ${at.offset} is not in the log (I4)`,
      );
    }
  }

  #notifications(): OracleNotification[][] {
    const { partitions } = this.#storeNow().topic(topics.notifications.name)!;
    return partitions.map(({ records }) => records.map(({ value }) => seenNotification(value!)));
  }

  #states(): SeenState[] {
    return this.#storeNow()
      .records(topics.alarms.name, 0)
      .flatMap(({ value }) => (value === null ? [] : [seenState(value)]));
  }
}
