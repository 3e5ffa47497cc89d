/** What stands in `notifications` and `alarms`, read back and held against the oracle's verdict. */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { levelWith, type OracleLevel } from './oracle-levels.ts';
import type { OracleDeferred, OracleNotification, OracleState, Verdict } from './oracle.ts';

/** The JSON of a record of `notifications`, as documented in src/alarm/notification.ts. */
interface NotificationJson {
  readonly id: string;
  readonly kind: OracleNotification['kind'];
  readonly alarm_id: string;
  readonly rule_id: string;
  readonly rule_version: { readonly partition: number; readonly offset: number };
  readonly metric_name: string;
  readonly tags?: Record<string, string>;
  readonly group?: Record<string, string | null>;
  readonly x?: number;
  readonly cause: OracleNotification['cause'];
  readonly level?: number;
  readonly time_ms: number;
  readonly since_ms: number;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp_ms: number;
  readonly message?: boolean;
  readonly deferred?: boolean;
  readonly past?: boolean;
}

interface DeferredJson {
  readonly kind: OracleNotification['kind'];
  readonly offset: number;
  readonly timestamp_ms: number;
  readonly ordinal?: number;
  readonly x?: number;
  readonly time_ms: number;
}

interface LevelJson {
  readonly state: OracleLevel['state'];
  readonly since_ms?: number;
  readonly clear_since_ms?: number;
  readonly notified?: true;
}

/** The JSON of a record of `alarms`, as documented in src/alarm/alarm-record.ts. */
interface AlarmJson {
  readonly rule_id: string;
  readonly metric_name: string;
  readonly tags?: Record<string, string>;
  readonly group?: Record<string, string | null>;
  readonly state: 'ok' | 'pending' | 'firing';
  readonly since_ms: number;
  readonly alarm_id: string;
  readonly cause: 'breach' | 'no_data';
  readonly notified: boolean;
  readonly deferred?: DeferredJson;
  readonly recent?: readonly boolean[];
  readonly levels?: readonly LevelJson[];
  readonly clear_since_ms?: number;
  readonly silent_since_ms?: number;
  readonly messaged_ms?: number;
  readonly last_sent_ms?: number;
  readonly sent_count?: number;
  readonly offset: number;
  readonly revision?: number;
  readonly decided_at?: number;
}

export interface SeenState {
  /** The rule's id, a blank, and the series. */
  readonly alarm: string;
  readonly ruleId: string;
  readonly state: OracleState;
  readonly lastSentMs: number | undefined;
  readonly sentCount: number;
  /** The sample that it is a function of. */
  readonly offset: number;
  /** What came after the sample and before the next, counted. */
  readonly revision: number;
  /** By decision of a clock: the first offset of `metrics` that was not evaluated before it. */
  readonly decidedAt: number | undefined;
}

const jsonOf = (value: Uint8Array): unknown => JSON.parse(Buffer.from(value).toString());

export function seenNotification(value: Uint8Array): OracleNotification {
  const json = jsonOf(value) as NotificationJson;
  return {
    id: json.id,
    kind: json.kind,
    alarmId: json.alarm_id,
    ruleId: json.rule_id,
    version: json.rule_version,
    series: subjectOf(json),
    cause: json.cause,
    level: json.level,
    x: json.x,
    timeMs: json.time_ms,
    sinceMs: json.since_ms,
    at: { partition: json.partition, offset: json.offset, timestampMs: json.timestamp_ms },
    message: json.message ?? true,
    deferred: json.deferred ?? false,
    past: json.past ?? false,
  };
}

export function seenState(value: Uint8Array): SeenState {
  const json = jsonOf(value) as AlarmJson;
  const alarm = `${json.rule_id} ${subjectOf(json)}`;
  return {
    alarm,
    ruleId: json.rule_id,
    state: stateOf(json),
    lastSentMs: json.last_sent_ms,
    sentCount: json.sent_count ?? 0,
    offset: json.offset,
    revision: json.revision ?? 0,
    decidedAt: json.decided_at,
  };
}

function stateOf(json: AlarmJson): OracleState {
  const { state, since_ms: sinceMs, recent } = json;
  if (state === 'ok') return { state };
  const levels = json.levels?.map((level) =>
    levelWith({ state: level.state, sinceMs: level.since_ms, clearSinceMs: level.clear_since_ms }, level.notified),
  );
  if (state === 'pending') return { state, sinceMs, recent, levels };
  const {
    alarm_id: alarmId,
    cause,
    notified,
    deferred,
    clear_since_ms: clearSinceMs,
    silent_since_ms: silentSinceMs,
    messaged_ms: messagedMs,
  } = json;
  return {
    state,
    sinceMs,
    alarmId,
    cause,
    notified,
    deferred: deferred === undefined ? undefined : deferredOf(deferred),
    recent,
    levels,
    clearSinceMs,
    silentSinceMs,
    messagedMs,
  };
}

function deferredOf(json: DeferredJson): OracleDeferred {
  const { kind, offset, timestamp_ms: timestampMs, ordinal = 0, x, time_ms: timeMs } = json;
  return { kind, offset, timestampMs, ordinal, x, timeMs };
}

function subjectOf({ metric_name: name, tags = {}, group }: Pick<AlarmJson, 'metric_name' | 'tags' | 'group'>): string {
  if (group !== undefined) {
    const values = Object.entries(group).sort(([one], [other]) => (one < other ? -1 : 1));
    return JSON.stringify({ metric: name, group: Object.fromEntries(values) });
  }
  const pairs = Object.entries(tags).sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([name, ...pairs.flat()]);
}

/** Of each id its first copy, in order. Copies must say the same (I2), unless the rule was changed between. */
export function withoutCopies(notifications: readonly OracleNotification[]): OracleNotification[] {
  const byId = new Map<string, OracleNotification>();
  for (const notification of notifications) {
    const first = byId.get(notification.id);
    if (first === undefined) byId.set(notification.id, notification);
    else if (isDeepStrictEqual(first.version, notification.version)) {
      assert.deepEqual(notification, first, 'copies of an id say the same (I2)');
    }
  }
  return [...byId.values()];
}

/** Of each alarm the state with the largest offset; of equal ones that with the largest revision, then the later. */
export function winners<State extends SeenState>(states: readonly State[]): Map<string, State> {
  const winning = new Map<string, State>();
  for (const state of states) {
    const before = winning.get(state.alarm);
    const ahead = before === undefined ? 1 : state.offset - before.offset;
    if (ahead > 0 || (ahead === 0 && state.revision >= before!.revision)) winning.set(state.alarm, state);
  }
  return winning;
}

/** Of each alarm that is not ok its winning state. */
export function winningStates(states: readonly SeenState[]): Map<string, OracleState> {
  const notOk = [...winners(states)].filter(([, { state }]) => state.state !== 'ok');
  return new Map(notOk.map(([alarm, { state }]) => [alarm, state]));
}

const relativeMax = 1e-9;

/** What depends on the millisecond at which a process read a clock is not compared: when a series was received, or an edit seen. */
const someTime = 0;

/** By the alarm's name, or its subject. */
export function isOfGroup(name: string): boolean {
  return name.includes('{"metric":');
}

/** Which members a group had last is not known any more to a new owner when its rule is another: the id of its end does not say it. */
export function withoutLastOfGroup(one: OracleNotification): OracleNotification {
  if (one.kind !== 'ended' || !isOfGroup(one.series)) return one;
  return { ...one, at: { ...one.at, offset: -1, timestampMs: someTime } };
}

export function loosely(one: OracleNotification): OracleNotification {
  const isByClock = one.kind === 'no_data' || one.kind === 'ended' || (one.kind === 'resolved' && one.x === undefined);
  const timeMs = isByClock ? someTime : one.timeMs;
  return { ...withoutLastOfGroup(one), timeMs, sinceMs: one.cause === 'no_data' ? someTime : one.sinceMs };
}

export function looseState(state: OracleState): OracleState {
  if (state.state !== 'firing') return state;
  const { deferred, silentSinceMs, sinceMs, cause } = state;
  return {
    ...state,
    sinceMs: cause === 'no_data' ? someTime : sinceMs,
    silentSinceMs: silentSinceMs === undefined ? undefined : someTime,
    messagedMs: someTime,
    deferred: deferred?.kind === 'no_data' ? { ...deferred, timeMs: someTime } : deferred,
  };
}

/** What ends without a sample has no place among them: these stand last, by their ids. */
function inOrderOfSamples(notifications: readonly OracleNotification[]): OracleNotification[] {
  const ended = notifications.filter(({ kind }) => kind === 'ended');
  const others = notifications.filter(({ kind }) => kind !== 'ended');
  return [...others, ...ended.sort((one, other) => (one.id < other.id ? -1 : 1))];
}

function isLastOfGroup({ kind, series }: OracleNotification): boolean {
  return kind === 'no_data' && isOfGroup(series);
}

/** Asserts that the notifications, copies aside, are exactly the oracle's, in its order. */
export function assertNotifications(all: readonly OracleNotification[], verdict: Verdict): void {
  const seen = inOrderOfSamples(withoutCopies(all));
  const due = inOrderOfSamples(withoutCopies(verdict.notifications));
  const plain = (one: OracleNotification): object => ({
    ...one,
    // What a group had last, before it fell silent, is known as far back as it was filled.
    x: isLastOfGroup(one) ? 'any' : one.x === undefined ? 'none' : 'a value',
    // Not said in the log.
    sentOffset: undefined,
    isOfDeletion: undefined,
  });
  assert.deepEqual(seen.map(plain), due.map(plain), 'the notifications are the oracle’s (I1)');
  for (const [index, { id, x }] of seen.entries()) {
    const wanted = due[index]!.x;
    if (x === undefined || wanted === undefined || isLastOfGroup(due[index]!)) continue;
    // The smallest doubles lie further apart than a billionth.
    const isNear = Math.abs(x - wanted) <= Math.max(relativeMax * Math.abs(wanted), 1e-300);
    assert.ok(isNear, `x of ${id} is ${x}, and the oracle’s ${wanted}`);
  }
}

/** Without values, which may differ in their last digits. */
export function plainState(state: OracleState): object {
  if (state.state !== 'firing' || state.deferred === undefined) return state;
  const { deferred } = state;
  const x = deferred.kind === 'no_data' || deferred.x === undefined ? 'none' : 'a value';
  return { ...state, deferred: { ...deferred, x } };
}

/** Asserts that the states are exactly the oracle's. */
export function assertStates(seen: ReadonlyMap<string, OracleState>, verdict: Verdict): void {
  const inOrder = (states: ReadonlyMap<string, OracleState>): unknown =>
    Object.fromEntries(
      [...states].map(([name, state]) => [name, plainState(state)]).sort(([one], [other]) => (one! < other! ? -1 : 1)),
    );
  assert.deepEqual(inOrder(seen), inOrder(verdict.states), 'the states are the oracle’s (I1)');
}
