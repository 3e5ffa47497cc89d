// The checkers of GUARANTEES.md's invariants I1 to I4, on what stands in Kafka after a run.
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { OracleChange, OracleNotification, OracleState } from '../support/oracle/oracle.ts';
import { loosely, looseState, plainState, winners } from '../support/oracle/seen.ts';
import type { Evidence, StoodNotification, StoodState } from './evidence.ts';
import type { Snapshot } from './positions.ts';

const relativeMax = 1e-9;
const shownMax = 5;

/** What a run came to, for the report. */
export interface Summary {
  readonly samples: number;
  readonly notifications: number;
  readonly copies: number;
  readonly states: number;
  /** Alarms whose last record is not the one that holds: a late one of a former owner stands behind it. */
  readonly outdatedLastWords: number;
  /** Records of `alarms` that were old news when they were written. */
  readonly lateStates: number;
}

export function checkEvidence(evidence: Evidence, snapshots: readonly Snapshot[]): Summary {
  const due = evidence.verdicts.flatMap((verdict) => verdict.notifications);
  const firsts = checkCopies(evidence.notifications);
  checkIds(firsts, due);
  checkContents(firsts, due);
  checkOrder(firsts, due);
  checkStateRecords(evidence);
  checkFinalStates(evidence);
  checkPositions(evidence, firsts, snapshots);
  return {
    samples: evidence.samples,
    notifications: firsts.size,
    copies: evidence.notifications.length - firsts.size,
    states: evidence.states.length,
    outdatedLastWords: outdatedLastWords(evidence.states),
    lateStates: lateStates(evidence.states),
  };
}

function none(problems: readonly unknown[], what: string): void {
  if (problems.length === 0) return;
  const shown = problems.slice(0, shownMax).map((problem) => JSON.stringify(problem));
  assert.fail(`${what}: ${problems.length}, such as\n${shown.join('\n')}`);
}

/** Without its place, and without what is not said in the log. */
const contentOf = (one: OracleNotification | StoodNotification): OracleNotification => {
  const { stood: _stood, sentOffset: _sent, isOfDeletion: _deletion, ...content } = { stood: undefined, ...one };
  return loosely(content);
};

const textOf = (state: OracleState): string => JSON.stringify(plainState(looseState(state)));

/** I2: all copies of an id say the same. Gives the first of each id. */
export function checkCopies(all: readonly StoodNotification[]): Map<string, StoodNotification> {
  const firsts = new Map<string, StoodNotification>();
  const different: unknown[] = [];
  for (const one of all) {
    const first = firsts.get(one.id);
    if (first === undefined) firsts.set(one.id, one);
    else if (!isDeepStrictEqual(contentOf(one), contentOf(first))) different.push([first, one]);
  }
  none(different, 'I2: copies of an id that say different things');
  return firsts;
}

/** I1: the ids are the oracle's, none missing, none more. */
export function checkIds(firsts: ReadonlyMap<string, StoodNotification>, due: readonly OracleNotification[]): void {
  const wanted = new Set(due.map(({ id }) => id));
  const missing = due.filter(({ id }) => !firsts.has(id));
  const more = [...firsts.values()].filter(({ id }) => !wanted.has(id));
  if (missing.length > 0 && more.length > 0)
    none([[missing[0], more[0]]], `I1: ${missing.length} missing and ${more.length} too many`);
  none(missing, 'I1: notifications missing');
  none(more, 'I1: notifications that nobody is due');
}

function checkContents(firsts: ReadonlyMap<string, StoodNotification>, due: readonly OracleNotification[]): void {
  const different = due.filter((one) => {
    const { x, ...wanted } = contentOf(one);
    const { x: seenX, ...seen } = contentOf(firsts.get(wanted.id)!);
    const isNear = x === seenX || Math.abs((x ?? NaN) - (seenX ?? NaN)) <= relativeMax * Math.abs(x ?? NaN);
    return !isNear || !isDeepStrictEqual(seen, wanted);
  });
  none(
    different.map((wanted) => [wanted, firsts.get(wanted.id)]),
    'I1: notifications that do not say what the oracle says',
  );
}

/** I3: of one partition of samples, the first copies in a partition of `notifications` stand in the oracle's order. */
export function checkOrder(firsts: ReadonlyMap<string, StoodNotification>, due: readonly OracleNotification[]): void {
  const places = new Map(due.map(({ id }, place) => [id, place]));
  const newest = new Map<string, StoodNotification>();
  const disordered: unknown[] = [];
  for (const one of firsts.values()) {
    const lane = `${one.stood.partition} ${one.at.partition}`;
    const before = newest.get(lane);
    if (before !== undefined && places.get(before.id)! > places.get(one.id)!) disordered.push([before, one]);
    else newest.set(lane, one);
  }
  none(disordered, 'I3: notifications not in the order in which they were sent');
}

function changesByAlarm(evidence: Evidence): Map<string, OracleChange[]> {
  return Map.groupBy(
    evidence.verdicts.flatMap((verdict) => verdict.changes),
    ({ alarm }) => alarm,
  );
}

/** I3, I4: each record of `alarms` is the oracle's state after its sample, and each change of the oracle's stands there. */
function checkStateRecords(evidence: Evidence): void {
  const changes = changesByAlarm(evidence);
  const wrong = evidence.states.filter(({ alarm, state, offset }) => {
    // What its own sample made of it, and what others of the rule, or a clock, made of it before its next sample.
    const before = (changes.get(alarm) ?? []).filter((change) => change.offset <= offset);
    const own = before.findLastIndex((change) => change.byOffset === change.offset);
    const possible: OracleState[] = before.slice(Math.max(0, own)).map((change) => change.state);
    if (own < 0) possible.push({ state: 'ok' });
    return !possible.some((one) => textOf(one) === textOf(state));
  });
  none(wrong, 'I3: states that are not the oracle’s after their sample');
  const written = new Set(evidence.states.map(({ alarm, offset }) => `${alarm} ${offset}`));
  const missing = [...changes.values()].flat().filter(({ alarm, offset }) => !written.has(`${alarm} ${offset}`));
  none(missing, 'I4: changes that are not in alarms');
}

/** I1, I4: the states that hold are the oracle's, and so is what each rule remembers across its series. */
export function checkFinalStates({ states, verdicts }: Evidence): void {
  const winning = [...winners(states).values()];
  const seen = winning
    .filter(({ state }) => state.state !== 'ok')
    .map(({ alarm, state }) => [alarm, textOf(state)] as const);
  const wanted = verdicts.flatMap((verdict) =>
    [...verdict.states].map(([alarm, state]) => [alarm, textOf(state)] as const),
  );
  const sorted = (pairs: readonly (readonly [string, unknown])[]) =>
    Object.fromEntries([...pairs].sort(([one], [other]) => (one < other ? -1 : 1)));
  assert.deepEqual(sorted(seen), sorted(wanted), 'I4: the final states are the oracle’s');

  const newest = new Map<string, StoodState>();
  for (const state of winning) {
    if ((newest.get(state.ruleId)?.sentCount ?? -1) <= state.sentCount) newest.set(state.ruleId, state);
  }
  const remembered = [...newest].flatMap(([ruleId, { lastSentMs }]) =>
    lastSentMs === undefined ? [] : [[ruleId, lastSentMs] as const],
  );
  const sent = verdicts.flatMap((verdict) => [...verdict.lastSentMs]);
  assert.deepEqual(sorted(remembered), sorted(sent), 'I4: the times of the last sent notifications are the oracle’s');
}

/** I4: at no moment did a position, or a state, promise what was not in the log. */
export function checkPositions(
  { states, verdicts }: Evidence,
  firsts: ReadonlyMap<string, StoodNotification>,
  snapshots: readonly Snapshot[],
): void {
  const ahead: unknown[] = [];
  for (const [partition, verdict] of verdicts.entries()) {
    const stoodStates = states.filter(({ stood }) => stood.partition === partition);
    const firstWritten = new Map<string, number>();
    for (const { alarm, offset, stood } of stoodStates) {
      const name = `${alarm} ${offset}`;
      if (!firstWritten.has(name)) firstWritten.set(name, stood.offset);
    }
    for (const { committed, alarmsNext, notificationsNext } of snapshots) {
      const position = committed.get(partition) ?? 0;
      const statesNext = alarmsNext.get(partition)!;
      const largest = stoodStates.reduce(
        (most, one) => (one.stood.offset < statesNext ? Math.max(most, one.offset) : most),
        -1,
      );
      const promised = Math.max(position - 1, largest);
      for (const { id, sentOffset } of verdict.notifications) {
        const stood = firsts.get(id)?.stood;
        const isThere = stood !== undefined && stood.offset < notificationsNext.get(stood.partition)!;
        if (sentOffset !== undefined && sentOffset <= promised && !isThere)
          ahead.push({ id, sentOffset, position, largest });
      }
      for (const { alarm, offset, byOffset } of verdict.changes) {
        const isThere = (firstWritten.get(`${alarm} ${offset}`) ?? Infinity) < statesNext;
        if (byOffset !== undefined && byOffset < position && !isThere) ahead.push({ alarm, offset, position });
      }
    }
  }
  none(ahead, 'I4: promised by a position or a state, and not in the log');
}

function outdatedLastWords(states: readonly StoodState[]): number {
  const winning = winners(states);
  const last = new Map(states.map((state) => [state.alarm, state]));
  return [...last].filter(([alarm, state]) => state !== winning.get(alarm)).length;
}

function lateStates(states: readonly StoodState[]): number {
  const newest = new Map<string, number>();
  return states.filter(({ alarm, offset }) => {
    const known = newest.get(alarm) ?? -1;
    newest.set(alarm, Math.max(known, offset));
    return offset < known;
  }).length;
}
