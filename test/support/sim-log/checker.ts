import assert from 'node:assert/strict';
import { topics } from '../../../src/topics.ts';
import type { OracleChange, OracleNotification, OracleState, Verdict } from '../oracle/oracle.ts';
import {
  assertNotifications,
  assertStates,
  isOfGroup,
  loosely,
  looseState,
  plainState,
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

function textOf(state: OracleState): string {
  return JSON.stringify(plainState(looseState(state)));
}

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
        change.taken <= this.#stepsDurable || (change.byOffset !== undefined && change.byOffset < largest);
      const certain = changes.findLastIndex(isCertain);
      const possible = changes
        .slice(Math.max(0, certain))
        .filter((change) => change.offset <= largest || isByEdit(change));
      const states = certain < 0 ? [ok, ...possible.map(({ state }) => state)] : possible.map(({ state }) => state);
      const state = textOf(restored.get(alarm)?.state ?? ok);
      assert.ok(
        states.some((one) => textOf(one) === state),
        `${alarm} is restored as ${state}, and S is ${largest}; after the sample at S the oracle has ${JSON.stringify(states)} (I4)`,
      );
    }
  }

  /** The position is never ahead of an append (I4). */
  committed(position: number): void {
    this.#assertNotificationsTo(position - 1, 'the position');
    const written = winners(this.#states());
    for (const [alarm, changes] of this.#changes) {
      const last = changes.findLast(({ byOffset }) => byOffset !== undefined && byOffset < position);
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
    const { notifications: all } = this.#verdict;
    const ofSamples = new Set(all.filter(({ sentOffset }) => sentOffset !== undefined).map(({ id }) => id));
    const written = new Set(partitions.flat().map(({ id }) => id));
    const notifications = this.#verdict.notifications.filter(
      ({ id, isOfDeletion }) => !isOfDeletion || written.has(id),
    );
    const due = { ...this.#verdict, notifications: notifications.map(loosely) };
    assertNotifications(inOrder(partitions.flat()), due);
    for (const partition of partitions) {
      // What an edit or a clock had sent has no place among them: by two readings of the clock it may be in another order.
      const first = withoutCopies(partition).filter(({ id }) => ofSamples.has(id));
      assert.deepEqual(first, inOrder(first), 'first copies stand in the order of their samples (I3)');
    }
    const loose = (states: ReadonlyMap<string, OracleState>): Map<string, OracleState> =>
      new Map([...states].map(([alarm, state]) => [alarm, looseState(state)]));
    assertStates(loose(winningStates(this.#states())), { ...this.#verdict, states: loose(this.#verdict.states) });
    return partitions.flat().length - notifications.length;
  }

  /** What a clock brought about is left out: it stands at a sample of long ago. */
  #assertNotificationsTo(offset: number, what: string): void {
    const written = new Set(this.#notifications().flatMap((some) => some.map(({ id }) => id)));
    for (const { id, sentOffset } of this.#verdict.notifications) {
      if (sentOffset === undefined || sentOffset > offset) continue;
      assert.ok(
        written.has(id),
        `${what} is at ${offset}, and the notification ${id} sent at ${sentOffset} is not in the log (I4)`,
      );
    }
  }

  #notifications(): OracleNotification[][] {
    const { partitions } = this.#storeNow().topic(topics.notifications.name)!;
    return partitions.map(({ records }) => records.map(({ value }) => loosely(seenNotification(value!))));
  }

  #states(): SeenState[] {
    return this.#storeNow()
      .records(topics.alarms.name, 0)
      .flatMap(({ value }) => (value === null ? [] : [seenState(value)]));
  }
}

/** A group's alarm that an edit ended: which members it had last, who restores it cannot know, since the rule is another now. */
function isByEdit({ alarm, byOffset }: OracleChange): boolean {
  return byOffset === undefined && isOfGroup(alarm);
}
