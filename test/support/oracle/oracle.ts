/**
 * What must come of a partition: a slow, literal replay of its samples and of the rules in force, made from the text "What
 * a rule means" alone. It shares no code with the evaluator, keeps every sample of a series, and computes each mean afresh.
 *
 * Where the text leaves a choice, the one that src/alarm/SPEC.md marks as chosen is taken (A3, A8, A9, A12); and these:
 *
 * - What a sample makes due is deferred first, and sent at once where the cooldown is over: so one order holds for all that a
 *   rule sends together, that of the samples that made it due.
 * - Without a cooldown, L is the T of the first series that something is sent of.
 * - By one reading of the clock first all missing series are found, in the order of the times when they were expected (of equal
 *   times in that of their newest samples), then alarms to be reminded of, then series to be forgotten; then rules send.
 * - A series is received at the time that the clock shows when its sample is read, also while the reader lags.
 * - A reminder that a clock makes due says the newest value, and none of a window.
 * - The clock is read often, but only what a history names is a reading: between two of them no time passes by the clocks.
 * - What is forgotten is the alarm; T and the window stay what the log says.
 */
import { groupValue, oracleGroupKey, type GroupSample } from './oracle-group.ts';
import { oracleAlarmId, oracleNotificationId, oracleSeriesKey, type At } from './oracle-ids.ts';
import { earliestOf, highestOf, levelsAfter, levelsBefore, levelWith, type OracleLevel } from './oracle-levels.ts';
import { measureAfresh } from './oracle-measures.ts';
import {
  forgottenAfterMs,
  breachesIn,
  inMilliseconds,
  isEnabled,
  isMatch,
  recentOf,
  standingOf,
  windowTypeOf,
  type OracleRule,
} from './oracle-rule.ts';
import { readSample, type OracleSample } from './oracle-sample.ts';

/** A record of `metrics`. */
export interface OracleRecord {
  readonly offset: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly timestampMs: number;
}

export interface Version {
  readonly partition: number;
  readonly offset: number;
}

/**
 * What else there is to know, before the record at `fromOffset` is judged: a rule's version, its end, the time at the head of the
 * log, which both clocks have come to, or that the process has begun again.
 */
export type OracleEvent =
  | { readonly fromOffset: number; readonly rule: OracleRule; readonly version: Version; readonly atMs?: number }
  | { readonly fromOffset: number; readonly deletedRuleId: string; readonly atMs?: number }
  | { readonly fromOffset: number; readonly clockMs: number; readonly passedMs?: number }
  | { readonly fromOffset: number; readonly isRestart: true }
  /** A clock had the rule send what it had deferred, as a record says: when that was is not for the oracle to know. */
  | { readonly fromOffset: number; readonly sendsByClock: string };

export interface OracleInput {
  readonly partition: number;
  /** In the order of their offsets. */
  readonly records: readonly OracleRecord[];
  /** In the order of their offsets, and of their happening. */
  readonly events: readonly OracleEvent[];
}

export type OracleKind = 'fired' | 'raised' | 'lowered' | 'no_data' | 'reminder' | 'resolved' | 'data_again' | 'ended';

export interface OracleNotification {
  readonly id: string;
  readonly kind: OracleKind;
  readonly alarmId: string;
  readonly ruleId: string;
  readonly version: Version;
  readonly series: string;
  readonly cause: Cause;
  readonly level: number | undefined;
  /** undefined without a value. */
  readonly x: number | undefined;
  readonly timeMs: number;
  readonly sinceMs: number;
  /** What made it due. */
  readonly at: At;
  readonly message: boolean;
  readonly deferred: boolean;
  readonly past: boolean;
  /** The record at which it was sent; undefined when a clock or an edit had it sent. Not compared. */
  readonly sentOffset?: number | undefined;
  /** That its rule was deleted says the log of the rules, too: after a crash nobody knows any more whom to tell. Not compared. */
  readonly isOfDeletion?: boolean;
}

type Cause = 'breach' | 'no_data';

export interface OracleDeferred {
  readonly kind: OracleKind;
  readonly offset: number;
  readonly timestampMs: number;
  readonly ordinal: number;
  readonly x: number | undefined;
  readonly timeMs: number;
}

export type OracleState =
  | { readonly state: 'ok' }
  | {
      readonly state: 'pending';
      readonly sinceMs: number;
      readonly recent: readonly boolean[] | undefined;
      readonly levels: readonly OracleLevel[] | undefined;
    }
  | OracleFiring;

export interface OracleFiring {
  readonly state: 'firing';
  readonly sinceMs: number;
  readonly alarmId: string;
  readonly cause: Cause;
  readonly notified: boolean;
  readonly deferred: OracleDeferred | undefined;
  readonly recent: readonly boolean[] | undefined;
  readonly levels: readonly OracleLevel[] | undefined;
  /** Since when the values have been clear. */
  readonly clearSinceMs: number | undefined;
  readonly silentSinceMs: number | undefined;
  readonly messagedMs: number | undefined;
}

/** A state that an alarm came to. */
export interface OracleChange {
  /** The rule's id, a blank, and the series. */
  readonly alarm: string;
  readonly state: OracleState;
  /** The newest sample of the series then. */
  readonly offset: number;
  /** How many records and events had been taken, this one included. */
  readonly taken: number;
  /** The record that brought it about, which may be of another series; undefined when a rule or a clock did. */
  readonly byOffset: number | undefined;
}

export interface Verdict {
  readonly notifications: readonly OracleNotification[];
  /** Of every alarm that is not ok. */
  readonly states: ReadonlyMap<string, OracleState>;
  readonly changes: readonly OracleChange[];
  /** By rule: the event time of its last sent notification. */
  readonly lastSentMs: ReadonlyMap<string, number>;
  /** How many records are no samples. */
  readonly unreadable: number;
}

export function judgeAll(input: OracleInput): Verdict {
  const oracle = new Oracle(input.partition);
  const events = [...input.events];
  for (const record of input.records) {
    while (events[0] !== undefined && events[0].fromOffset <= record.offset) oracle.takeEvent(events.shift()!);
    oracle.takeRecord(record);
  }
  for (const event of events) oracle.takeEvent(event);
  return oracle.verdict();
}

interface KeptSample {
  readonly timestampMs: number;
  readonly value: number;
}

/** A sample of a series, by its index there. */
interface MemberSample {
  readonly series: SeriesKept;
  readonly index: number;
  readonly at: At;
}

interface SeriesKept {
  readonly key: string;
  readonly name: string;
  readonly tags: ReadonlyMap<string, string>;
  /** In log order, all of them. */
  readonly samples: KeptSample[];
  /** The newest in log order. */
  last: At;
  /** When the newest was read, by the clock that goes on; undefined before the first. */
  read: { readonly passedMs: number } | undefined;
  /** Silent for so long that it owes nothing. */
  isForgotten: boolean;
  /** How many notifications a clock has made due since the newest sample, by rule. */
  readonly clockDues: Map<string, number>;
  /** Of a group: its rule, the samples of its members in log order, its newest value, and since when a first sample is awaited. */
  readonly group?: {
    readonly ruleId: string;
    readonly by: string;
    readonly samples: GroupSample[];
    value: number | undefined;
    awaited: { readonly clockMs: number; readonly passedMs: number } | undefined;
  };
}

/** A rule on a series at a moment. */
interface Moment {
  readonly rule: OracleRule;
  readonly version: Version;
  readonly series: SeriesKept;
  /** T; for a silence the time when the sample was expected. */
  readonly timeMs: number;
  readonly x: number | undefined;
}

interface Missing extends Moment {
  readonly heardMs: number;
}

/** What a rule remembers of what it sent. */
interface Remembered {
  /** L. */
  lastMs: number | undefined;
  /** When it last sent, by the clock that goes on. */
  sentAtMs: number;
}

const ok: OracleState = { state: 'ok' };
const dayMs = 24 * 3_600_000;
const tenMinutesMs = 600_000;
const secondMs = 1_000;
const earliestMs = -8.64e15;

class Oracle {
  readonly #partition: number;
  readonly #rules = new Map<string, { rule: OracleRule; version: Version }>();
  readonly #series = new Map<string, SeriesKept>();
  /** By rule id and key. */
  readonly #groups = new Map<string, SeriesKept>();
  /** All samples, in log order. */
  readonly #all: MemberSample[] = [];
  readonly #states = new Map<string, OracleState>();
  readonly #remembered = new Map<string, Remembered>();
  /** By alarm: when its last message was sent, by the clock that goes on. */
  readonly #messagedAtMs = new Map<string, number>();
  readonly #notifications: OracleNotification[] = [];
  readonly #changes: OracleChange[] = [];
  /** What the clock showed when it was last read. */
  #clockMs = -Infinity;
  /** The clock that only goes on: what it had come to when it was last read, and when the process began. */
  #passedMs = 0;
  #beganMs = -Infinity;
  #taken = 0;
  #offset: number | undefined;
  #isDeletion = false;
  #unreadable = 0;

  constructor(partition: number) {
    this.#partition = partition;
  }

  verdict(): Verdict {
    const sent = [...this.#remembered].flatMap(([id, { lastMs }]) =>
      lastMs === undefined ? [] : [[id, lastMs] as const],
    );
    return {
      notifications: this.#notifications,
      states: new Map([...this.#states].filter(([, state]) => state.state !== 'ok')),
      changes: this.#changes,
      lastSentMs: new Map(sent),
      unreadable: this.#unreadable,
    };
  }

  takeEvent(event: OracleEvent): void {
    this.#offset = undefined;
    this.#taken += 1;
    if ('clockMs' in event) this.#readClocks(event.clockMs, event.passedMs);
    else if ('isRestart' in event) this.#restart();
    else if ('sendsByClock' in event) this.#sendByClock(event.sendsByClock);
    else if ('rule' in event) this.#setRule(event.rule, event.version, event.atMs ?? 0);
    else this.#deleteRule(event.deletedRuleId, event.atMs ?? 0);
  }

  takeRecord(record: OracleRecord): void {
    this.#offset = record.offset;
    this.#taken += 1;
    this.#findValues();
    const sample = readSample(record.key, record.value, record.timestampMs);
    if (sample === undefined) {
      this.#unreadable += 1;
      return;
    }
    const series = this.#seriesOf(sample);
    const beforeMs = newestMs(series);
    series.samples.push({ timestampMs: record.timestampMs, value: sample.value });
    series.last = { partition: this.#partition, offset: record.offset, timestampMs: record.timestampMs };
    series.read = { passedMs: this.#passedMs };
    series.isForgotten = false;
    series.clockDues.clear();
    this.#all.push({ series, index: series.samples.length - 1, at: series.last });
    for (const { rule, version } of this.#rulesAbout(series)) {
      const moment = this.#momentOf(rule, version, series);
      // The first series that it matches after there was none may be behind.
      if ((rule.cooldown_seconds ?? 0) > 0) this.#lowerLastSent(rule);
      const { x, timeMs } = moment;
      const isFirst = timeMs - (rule.group_by === undefined ? beforeMs : this.#groupBeforeMs) >= forgottenAfterMs(rule);
      if (isFirst) this.#forget(moment, timeMs);
      if (x !== undefined) this.#judge(moment);
      else this.#endNoData(moment);
      this.#sendIfOver(rule, version, x === undefined ? undefined : moment);
    }
  }

  #groupBeforeMs = -Infinity;
  /** Groups that begin anew have no value before the next record is read. */
  readonly #unfilled = new Set<SeriesKept>();

  #findValues(): void {
    for (const { group } of this.#unfilled) {
      const { rule } = this.#rules.get(group!.ruleId)!;
      for (let count = group!.samples.length; count > 0 && group!.value === undefined; count--)
        group!.value = groupValue(rule, group!.samples.slice(0, count));
    }
    this.#unfilled.clear();
  }

  #momentOf(rule: OracleRule, version: Version, series: SeriesKept): Moment {
    if (rule.group_by === undefined)
      return { rule, version, series, timeMs: newestMs(series), x: comparedValue(rule, series) };
    const group = this.#groupOf(rule, series);
    this.#groupBeforeMs = newestMs(group);
    this.#takeMember(group, this.#all.at(-1)!);
    group.read = { passedMs: this.#passedMs };
    group.isForgotten = false;
    group.clockDues.clear();
    const x = groupValue(rule, group.group!.samples);
    if (x !== undefined) group.group!.value = x;
    return { rule, version, series: group, timeMs: newestMs(group), x };
  }

  #groupOf(rule: OracleRule, series: SeriesKept): SeriesKept {
    return this.#groupWith(rule, oracleGroupKey(rule, series.tags));
  }

  #groupWith(rule: OracleRule, key: string): SeriesKept {
    const name = nameOf(rule.id, key);
    let group = this.#groups.get(name);
    if (group === undefined) {
      const last = { partition: this.#partition, offset: -1, timestampMs: 0 };
      const by = JSON.stringify(rule.group_by!.toSorted());
      group = {
        key,
        name: rule.metric_name,
        tags: new Map(),
        samples: [],
        last,
        read: undefined,
        isForgotten: false,
        clockDues: new Map(),
        group: { ruleId: rule.id, by, samples: [], value: undefined, awaited: undefined },
      };
      this.#groups.set(name, group);
    }
    return group;
  }

  #takeMember(group: SeriesKept, { series, index, at }: MemberSample): void {
    const { timestampMs, value } = series.samples[index]!;
    group.samples.push({ timestampMs, value });
    if (at.offset > group.last.offset) group.last = at;
    const samples = series.samples.slice(0, index + 1);
    group.group!.samples.push({ member: series.key, tags: series.tags, timestampMs, samples });
  }

  /** The groups of a rule contain what the log contains, whenever the rule was made. */
  #fillGroups(rule: OracleRule, before: OracleRule | undefined): void {
    const isOther = before === undefined || matchingText(before) !== matchingText(rule);
    for (const one of this.#unfilled) if (one.group!.ruleId === rule.id) this.#unfilled.delete(one);
    for (const group of this.#groupsOf(rule.id)) {
      group.samples.length = 0;
      group.group!.samples.length = 0;
      group.group!.awaited = undefined;
      group.group!.value = undefined;
      if (group.isForgotten || isOther) group.read = undefined;
    }
    if (rule.group_by === undefined || !isEnabled(rule)) return;
    const lasts = new Map(this.#groupsOf(rule.id).map((group) => [group, group.last.offset]));
    for (const sample of this.#all) {
      const { series } = sample;
      if ((isOther && series.isForgotten) || !isMatch(rule, series.name, series.tags)) continue;
      const group = this.#groupOf(rule, series);
      group.isForgotten = false;
      this.#takeMember(group, sample);
      this.#unfilled.add(group);
      if (series.read !== undefined && series.read.passedMs > (group.read?.passedMs ?? -Infinity))
        group.read = series.read;
    }
    // What a clock made due is counted for each sample.
    for (const [group, offset] of lasts) if (group.last.offset !== offset) group.clockDues.clear();
  }

  #groupsOf(ruleId: string): SeriesKept[] {
    return [...this.#groups.values()].filter(({ group }) => group!.ruleId === ruleId);
  }

  // A sample's judgement.

  #judge(moment: Moment): void {
    const { rule, series } = moment;
    const state = this.#stateOf(rule.id, series);
    const standing = standingOf(rule, moment.x!);
    if (state.state === 'firing' && state.cause === 'no_data') {
      this.#endNoData(moment);
      this.#judge(moment);
      return;
    }
    if (rule.levels !== undefined) return this.#judgeLevels(moment, state);
    const recent = recentOf(rule, state.state === 'ok' ? undefined : state.recent, standing === 'breach');
    // The alarm is not firing, and of its last values some are in breach.
    const pending = { state: 'pending', sinceMs: moment.timeMs, recent, levels: undefined } as const;
    if (state.state === 'firing') {
      const clearSinceMs = standing === 'clear' ? (state.clearSinceMs ?? moment.timeMs) : undefined;
      const clearMs = moment.timeMs - (clearSinceMs ?? Infinity);
      const isLongEnough = clearMs >= inMilliseconds(rule.resolve_for_seconds ?? 0);
      if (isLongEnough && (rule.for_samples === undefined || breachesIn(recent) < rule.for_samples.breaches)) {
        this.#end(moment, state);
        if (recent !== undefined) this.#become(rule.id, series, pending);
      } else this.#goOnFiring(moment, { ...state, recent, clearSinceMs, levels: undefined }, standing === 'breach');
    } else if (rule.for_samples !== undefined) {
      const isEnough = standing === 'breach' && breachesIn(recent) >= rule.for_samples.breaches;
      if (isEnough) this.#fire(moment, { sinceMs: moment.timeMs, cause: 'breach', ordinal: 0, recent });
      else if (recent === undefined) this.#become(rule.id, series, ok);
      else this.#become(rule.id, series, state.state === 'pending' ? { ...state, recent, levels: undefined } : pending);
    } else if (standing !== 'breach') {
      if (state.state === 'pending') this.#become(rule.id, series, ok);
    } else {
      const sinceMs = state.state === 'pending' ? state.sinceMs : moment.timeMs;
      const isLongEnough = moment.timeMs - sinceMs >= inMilliseconds(rule.for_seconds ?? 0);
      if (isLongEnough) this.#fire(moment, { sinceMs, cause: 'breach', ordinal: 0 });
      else this.#become(rule.id, series, { state: 'pending', sinceMs, recent: undefined, levels: undefined });
    }
  }

  #judgeLevels(moment: Moment, state: OracleState): void {
    const { rule, series, timeMs } = moment;
    const levels = levelsAfter(rule, levelsBefore(rule, state), moment.x!, timeMs);
    const highest = highestOf(levels);
    if (state.state === 'firing' && highest > 0) return this.#goOnAt(moment, state, levels);
    if (state.state === 'firing') this.#end(moment, state);
    if (highest > 0) {
      this.#fire(moment, { sinceMs: earliestOf(levels, 'firing'), cause: 'breach', ordinal: 0, levels });
    } else if (levels.some((level) => level.state === 'pending')) {
      const own = levels.map((level) => levelWith(level, undefined));
      const sinceMs = earliestOf(levels, 'pending');
      this.#become(rule.id, series, { state: 'pending', sinceMs, recent: undefined, levels: own });
    } else this.#become(rule.id, series, ok);
  }

  /** It fires on, at the same level or at another one. */
  #goOnAt(moment: Moment, before: OracleFiring, levels: readonly OracleLevel[]): void {
    const { rule, series } = moment;
    const [was, is] = [highestOf(before.levels) || 1, highestOf(levels)];
    const state = { ...before, recent: undefined, clearSinceMs: undefined, levels };
    if (is > was && levels[is - 1]!.notified !== true) {
      if (state.silentSinceMs !== undefined && state.notified)
        this.#append(moment, state, { kind: 'data_again', ordinal: 0, at: series.last });
      this.#become(rule.id, series, { ...state, silentSinceMs: undefined, deferred: dueNow(moment, 'raised', 0) });
      this.#isUrgent = true;
      return;
    }
    const isBreach = standingOf({ ...rule, threshold: rule.levels![0]!.threshold }, moment.x!) === 'breach';
    this.#goOnFiring(moment, state, isBreach);
    if (is === was) return;
    const after = this.#stateOf(rule.id, series) as OracleFiring;
    const isRepeat =
      after.deferred !== undefined && after.deferred.kind === 'fired' && after.deferred !== before.deferred;
    if (is > was && isRepeat)
      this.#become(rule.id, series, { ...after, deferred: { ...after.deferred, kind: 'raised' } });
    else if (before.notified) {
      const kind = is > was ? 'raised' : 'lowered';
      this.#append(moment, state, { kind, ordinal: 0, at: series.last, message: false });
    }
  }

  #isUrgent = false;

  #endNoData(moment: Moment): void {
    const state = this.#stateOf(moment.rule.id, moment.series);
    if (state.state === 'firing' && state.cause === 'no_data') this.#end(moment, state);
  }

  #fire(
    moment: Moment,
    why: {
      sinceMs: number;
      cause: Cause;
      ordinal: number;
      recent?: readonly boolean[] | undefined;
      levels?: readonly OracleLevel[];
    },
  ): void {
    const { rule, series } = moment;
    const { sinceMs, cause, ordinal, recent, levels } = why;
    const alarmId = oracleAlarmId({ ruleId: rule.id, series: series.key, at: series.last, cause, ordinal });
    this.#become(rule.id, series, {
      state: 'firing',
      sinceMs,
      alarmId,
      cause,
      notified: false,
      deferred: dueNow(moment, cause === 'breach' ? 'fired' : 'no_data', ordinal),
      recent,
      levels,
      clearSinceMs: undefined,
      silentSinceMs: undefined,
      messagedMs: undefined,
    });
  }

  #goOnFiring(moment: Moment, state: OracleFiring, isBreach: boolean): void {
    const { rule, series, timeMs } = moment;
    const repeats = isBreach && rule.trigger === 'every_sample';
    if (state.silentSinceMs !== undefined) {
      // The word of the silence is not sent any more; who has heard of no alarm yet still has to.
      if (state.notified) this.#append(moment, state, { kind: 'data_again', ordinal: 0, at: series.last });
      const deferred = state.notified && !repeats ? undefined : dueNow(moment, 'fired', 0);
      this.#become(rule.id, series, { ...state, silentSinceMs: undefined, deferred });
      return;
    }
    this.#become(rule.id, series, state);
    if (state.deferred !== undefined) return;
    const remindMs = rule.remind_seconds === undefined ? Infinity : inMilliseconds(rule.remind_seconds);
    if (repeats) this.#become(rule.id, series, { ...state, deferred: dueNow(moment, 'fired', 0) });
    else if (state.notified && timeMs - state.messagedMs! >= remindMs)
      this.#become(rule.id, series, { ...state, deferred: dueNow(moment, 'reminder', 0) });
  }

  #end(moment: Moment, state: OracleFiring): void {
    if (state.notified) this.#append(moment, state, { kind: 'resolved', ordinal: 0, at: moment.series.last });
    this.#become(moment.rule.id, moment.series, ok);
  }

  // Sending.

  /** At a sample; `own` when it was evaluated. */
  #sendIfOver(rule: OracleRule, version: Version, own: Moment | undefined): void {
    const isUrgent = this.#isUrgent;
    this.#isUrgent = false;
    if (this.#isCooldownOver(rule)) this.#sendAll({ rule, version }, own, undefined);
    else if (isUrgent) this.#sendAll({ rule, version }, own, undefined, own!.series);
  }

  #isCooldownOver(rule: OracleRule): boolean {
    const cooldownMs = inMilliseconds(rule.cooldown_seconds ?? 0);
    const { lastMs } = this.#memoryOf(rule.id);
    if (cooldownMs === 0 || lastMs === undefined) return true;
    return this.#ruleTimeMs(rule) - lastMs >= cooldownMs;
  }

  /** M may have fallen; then L falls with it. */
  #lowerLastSent(rule: OracleRule): void {
    const memory = this.#memoryOf(rule.id);
    const ruleTimeMs = this.#ruleTimeMs(rule);
    if (memory.lastMs !== undefined && ruleTimeMs > -Infinity) memory.lastMs = Math.min(memory.lastMs, ruleTimeMs);
  }

  #isOverByClock(rule: OracleRule): boolean {
    const sinceMs = Math.max(this.#memoryOf(rule.id).sentAtMs, this.#beganMs);
    return this.#passedMs - sinceMs >= inMilliseconds(rule.cooldown_seconds ?? 0) + secondMs;
  }

  /** All that the rule has deferred, or what one series has, oldest first. `clockMs` when a clock has it sent. */
  #sendAll(
    { rule, version }: { rule: OracleRule; version: Version },
    own: Moment | undefined,
    clockMs: number | undefined,
    only?: SeriesKept,
  ): void {
    const waiting = [...this.#series.values(), ...this.#groupsOf(rule.id)]
      .filter((series) => only === undefined || series === only)
      .flatMap((series) => {
        const state = this.#stateOf(rule.id, series);
        if (state.state !== 'firing') return [];
        return state.deferred !== undefined && !isHeldWhileClear(state)
          ? [{ series, state, deferred: state.deferred }]
          : [];
      })
      .sort((one, other) => one.deferred.offset - other.deferred.offset);
    const [first] = waiting;
    if (first === undefined) return;
    const hasCooldown = (rule.cooldown_seconds ?? 0) > 0;
    const firstTimeMs = own?.series === first.series ? own.timeMs : newestMs(first.series);
    const ruleTimeMs = hasCooldown ? this.#ruleTimeMs(rule) : firstTimeMs;
    for (const { series, state, deferred } of waiting) {
      const present = own?.series === series ? own : undefined;
      const at = { partition: this.#partition, offset: deferred.offset, timestampMs: deferred.timestampMs };
      const isHere = present !== undefined && present.series.last.offset === deferred.offset;
      const { x, timeMs } = present ?? deferred;
      this.#append({ rule, version, series, timeMs, x }, state, {
        kind: deferred.kind,
        ordinal: deferred.ordinal,
        at,
        deferred: !isHere && this.#waited(rule, series, deferred),
        past: present === undefined,
        isOfLevel: true,
      });
      const messagedMs = clockMs === undefined ? (present?.timeMs ?? ruleTimeMs) : Math.max(newestMs(series), clockMs);
      const level = highestOf(state.levels);
      const levels = state.levels?.map((one, index) => (index + 1 === level ? levelWith(one, true) : one));
      this.#become(rule.id, series, { ...state, notified: true, deferred: undefined, messagedMs, levels });
      this.#messagedAtMs.set(nameOf(rule.id, series.key), this.#passedMs);
    }
    // Of a metric never seen there is no rule time.
    const lastMs = Math.max(ruleTimeMs, earliestMs);
    Object.assign(this.#memoryOf(rule.id), { lastMs, sentAtMs: this.#passedMs });
  }

  /** Whether it was made due before this moment. */
  #waited(rule: OracleRule, series: SeriesKept, deferred: OracleDeferred): boolean {
    return this.#dueByClockNow.get(nameOf(rule.id, series.key)) !== deferred;
  }

  readonly #dueByClockNow = new Map<string, OracleDeferred>();

  /** M: -Infinity for a rule that matches nothing. */
  #ruleTimeMs(rule: OracleRule): number {
    const own = [...this.#series.values()].filter(
      (series) => !series.isForgotten && isMatch(rule, series.name, series.tags),
    );
    return Math.max(-Infinity, ...own.map(newestMs));
  }

  #append(
    { rule, version, series, timeMs, x }: Moment,
    alarm: OracleFiring,
    what: {
      kind: OracleKind;
      ordinal: number;
      at: At;
      deferred?: boolean;
      past?: boolean;
      message?: boolean;
      isOfLevel?: true;
    },
  ): void {
    const { alarmId, cause, sinceMs } = alarm;
    const { kind, ordinal, at, deferred = false, past = false } = what;
    const isSaid = kind !== 'data_again' && kind !== 'ended' && kind !== 'lowered';
    const { message = kind === 'resolved' ? rule.notify_on_resolve === true : isSaid } = what;
    const level = highestOf(alarm.levels);
    // What a level was told of goes to it; the end of the alarm to all that were.
    const told = (alarm.levels ?? []).flatMap(({ notified }, index) => (notified === true ? [index + 1] : []));
    const levels = what.isOfLevel !== true ? told : level === 0 ? [] : [level];
    const receivers = [
      ...(rule.discord_webhook_url === undefined ? [] : [undefined]),
      ...receiversAt(rule, levels).map((name) => `receiver:${name}`),
    ];
    for (const receiver of receivers) {
      const id = oracleNotificationId({ alarmId, kind, at, ordinal }, receiver);
      const of = {
        id,
        kind,
        alarmId,
        ruleId: rule.id,
        version,
        series: series.key,
        cause,
        level: level === 0 ? undefined : level,
      };
      this.#notifications.push({
        ...of,
        x,
        timeMs,
        sinceMs,
        at,
        message,
        deferred,
        past,
        sentOffset: this.#offset,
        isOfDeletion: this.#isDeletion,
      });
    }
  }

  // The clocks.

  #readClocks(clockMs: number, passedMs: number | undefined): void {
    this.#passedMs += passedMs ?? Math.max(0, clockMs - (this.#clockMs === -Infinity ? clockMs : this.#clockMs));
    this.#clockMs = clockMs;
    this.#awaitFirsts();
    const known = [...this.#series.values(), ...this.#groups.values()].filter((series) => !series.isForgotten);
    const missing = known.flatMap((series) => this.#missingOf(series));
    missing.sort((one, other) => one.timeMs - other.timeMs || one.series.last.offset - other.series.last.offset);
    const before = this.#notifications.length;
    for (const one of missing) this.#miss(one);
    // What has resolved for want of data is written after what is sent.
    const resolved = this.#notifications.splice(before);
    for (const series of known) this.#remind(series);
    const forgotten = known.filter((series) => this.#forgetIfSilent(series));
    // Once all of them are: one that is forgotten at the same time makes no rule time.
    for (const series of forgotten) for (const { rule } of this.#rulesAbout(series)) this.#lowerLastSent(rule);
    const rules = [...this.#rules.values()].filter(({ rule }) => isEnabled(rule));
    rules.sort((one, other) => (one.rule.id < other.rule.id ? -1 : 1));
    for (const { rule, version } of rules)
      if (this.#isCooldownOver(rule) || this.#isOverByClock(rule)) this.#sendAll({ rule, version }, undefined, clockMs);
    this.#notifications.push(...resolved);
    this.#dueByClockNow.clear();
  }

  /** A group of all series is there as soon as its rule is. */
  #awaitFirsts(): void {
    for (const { rule } of this.#rules.values()) {
      if (rule.group_by?.length !== 0 || rule.no_data_seconds === undefined || !isEnabled(rule)) continue;
      const group = this.#groupWith(rule, oracleGroupKey(rule, new Map()));
      if (group.samples.length > 0 || group.group!.awaited !== undefined) continue;
      group.group!.awaited = { clockMs: this.#clockMs, passedMs: this.#passedMs };
      group.isForgotten = false;
      if (group.last.timestampMs === 0) group.last = { ...group.last, timestampMs: this.#clockMs };
      group.read = { passedMs: this.#passedMs };
    }
  }

  #missingOf(series: SeriesKept): Missing[] {
    return this.#rulesOn(series).flatMap(({ rule, version }) => {
      const seconds = rule.no_data_seconds ?? rule.resolve_without_data_seconds;
      if (seconds === undefined) return [];
      const waitMs = inMilliseconds(seconds);
      const newest = Math.max(
        newestMs(series),
        series.samples.length === 0 ? (series.group?.awaited?.clockMs ?? -Infinity) : -Infinity,
      );
      const isWithinGrace = this.#passedMs - this.#beganMs <= Math.min(waitMs, tenMinutesMs);
      const read = this.#readSince(series);
      if (this.#clockMs <= newest + waitMs) return [];
      if (read === undefined ? isWithinGrace : this.#passedMs - read.passedMs <= waitMs) return [];
      const readMs = read === undefined ? -Infinity : this.#clockMs - (this.#passedMs - read.passedMs);
      const heardMs = Math.max(newest, readMs);
      return [{ rule, version, series, timeMs: heardMs + waitMs, x: undefined, heardMs }];
    });
  }

  /** What was read up to a restart is read again, and counts as read before. */
  #readSince({ read }: SeriesKept): SeriesKept['read'] {
    return read === undefined || read.passedMs <= this.#beganMs ? undefined : read;
  }

  #miss(missing: Missing): void {
    const { rule, series, timeMs, heardMs } = missing;
    const state = this.#stateOf(rule.id, series);
    if (rule.resolve_without_data_seconds !== undefined) {
      if (state.state === 'firing') this.#end(missing, state);
      else this.#become(rule.id, series, ok);
      return;
    }
    if (state.state === 'firing' && (state.cause === 'no_data' || state.silentSinceMs !== undefined)) return;
    const ordinal = this.#dueByClock(rule, series);
    if (state.state !== 'firing') this.#fire(missing, { sinceMs: timeMs, cause: 'no_data', ordinal });
    else {
      const deferred = dueNow({ ...missing, x: lastValue(series) }, 'no_data', ordinal);
      this.#become(rule.id, series, { ...state, silentSinceMs: heardMs, deferred });
    }
    this.#noteDueByClock(rule, series);
  }

  #remind(series: SeriesKept): void {
    for (const { rule, version } of this.#rulesOn(series)) {
      const state = this.#stateOf(rule.id, series);
      if (rule.remind_seconds === undefined || state.state !== 'firing') continue;
      if (!state.notified || state.deferred !== undefined) continue;
      const sinceMs = Math.max(this.#messagedAtMs.get(nameOf(rule.id, series.key)) ?? -Infinity, this.#beganMs);
      if (this.#passedMs - sinceMs < inMilliseconds(rule.remind_seconds) + secondMs) continue;
      // Of a window only a sample tells the value.
      const hasValue = state.cause === 'breach' && windowTypeOf(rule) === undefined && rule.group_by === undefined;
      const x = hasValue ? lastValue(series) : undefined;
      const timeMs = series.samples.length === 0 ? series.last.timestampMs : newestMs(series);
      const moment = { rule, version, series, timeMs, x };
      const deferred = dueNow(moment, 'reminder', this.#dueByClock(rule, series) + 1);
      this.#become(rule.id, series, { ...state, deferred });
      this.#noteDueByClock(rule, series);
    }
  }

  /** How many a clock had made due before; counts one more. */
  #dueByClock(rule: OracleRule, series: SeriesKept): number {
    const before = series.clockDues.get(rule.id) ?? 0;
    series.clockDues.set(rule.id, before + 1);
    return before;
  }

  #noteDueByClock(rule: OracleRule, series: SeriesKept): void {
    const state = this.#stateOf(rule.id, series);
    if (state.state === 'firing' && state.deferred !== undefined)
      this.#dueByClockNow.set(nameOf(rule.id, series.key), state.deferred);
  }

  /** Returns whether it is a series that is forgotten now. */
  #forgetIfSilent(series: SeriesKept): boolean {
    if (series.samples.length === 0) return false;
    const silentMs = this.#clockMs - newestMs(series);
    const unreadMs = series.read === undefined ? Infinity : this.#passedMs - series.read.passedMs;
    if (silentMs < dayMs || unreadMs < dayMs) return false;
    const rules = this.#rulesOn(series);
    for (const { rule, version } of rules) {
      const moment = { rule, version, series, timeMs: this.#clockMs, x: undefined };
      if (silentMs >= forgottenAfterMs(rule)) this.#forget(moment, this.#clockMs);
    }
    const hasEnded = rules.every(({ rule }) => this.#stateOf(rule.id, series).state !== 'firing');
    series.isForgotten = hasEnded && rules.every(({ rule }) => silentMs >= forgottenAfterMs(rule));
    return series.isForgotten && series.group === undefined;
  }

  /** Nothing is known of the series any more; an alarm whose rule watches for silence goes on. */
  #forget(moment: Moment, atMs: number): void {
    const { rule, series } = moment;
    const state = this.#stateOf(rule.id, series);
    if (state.state === 'firing' && rule.no_data_seconds !== undefined) return;
    this.#endWithoutSample(moment, atMs);
  }

  #sendByClock(ruleId: string): void {
    const found = this.#rules.get(ruleId);
    if (found !== undefined) this.#sendAll(found, undefined, -Infinity);
  }

  #restart(): void {
    this.#beganMs = this.#passedMs;
    this.#findValues();
    for (const [name, kept] of this.#groups) {
      kept.group!.awaited = undefined;
      // Without a record nothing is known of one that was never seen.
      if (kept.samples.length === 0 && !this.#hasRecord(name)) this.#groups.delete(name);
    }
  }

  // Rules.

  #setRule(rule: OracleRule, version: Version, atMs: number): void {
    const by = rule.group_by === undefined ? undefined : JSON.stringify(rule.group_by.toSorted());
    const before = this.#rules.get(rule.id);
    this.#rules.set(rule.id, { rule, version });
    if (before === undefined || whatIsRead(before.rule) !== whatIsRead(rule)) this.#fillGroups(rule, before?.rule);
    // What was never seen is waited for since the rule's last change.
    for (const { group } of this.#groupsOf(rule.id)) group!.awaited = undefined;
    this.#endStrangers(rule, version, atMs, (subject) => {
      if (!isEnabled(rule) || subject.name !== rule.metric_name) return false;
      if (subject.group === undefined) return by === undefined && isMatch(rule, subject.name, subject.tags);
      const isOther = before === undefined || matchingText(before.rule) !== matchingText(rule);
      return subject.group.by === by && (!isOther || subject.samples.length > 0);
    });
    this.#lowerLastSent(rule);
  }

  #deleteRule(id: string, atMs: number): void {
    const before = this.#rules.get(id);
    for (const one of this.#unfilled) if (one.group!.ruleId === id) this.#unfilled.delete(one);
    this.#rules.delete(id);
    this.#isDeletion = true;
    if (before !== undefined) this.#endStrangers(before.rule, before.version, atMs, () => false);
    this.#isDeletion = false;
    this.#remembered.delete(id);
  }

  /** The alarms of a rule on series that are no longer its own end, without a message. */
  #endStrangers(rule: OracleRule, version: Version, atMs: number, isOwn: (series: SeriesKept) => boolean): void {
    for (const series of [...this.#series.values(), ...this.#groupsOf(rule.id)]) {
      if (isOwn(series)) continue;
      this.#endWithoutSample({ rule, version, series, timeMs: atMs, x: undefined }, atMs);
      if (series.group !== undefined) this.#dropGroup(rule, series);
    }
  }

  #dropGroup(rule: OracleRule, group: SeriesKept): void {
    const name = nameOf(rule.id, group.key);
    group.isForgotten = true;
    if (!this.#hasRecord(name)) this.#groups.delete(name);
  }

  #hasRecord(name: string): boolean {
    return this.#changes.some(({ alarm }) => alarm === name);
  }

  #endWithoutSample(moment: Moment, atMs: number): void {
    const { rule, series } = moment;
    const state = this.#stateOf(rule.id, series);
    const what = { kind: 'ended', ordinal: 0, at: series.last } as const;
    if (state.state === 'firing' && state.notified)
      this.#append({ ...moment, timeMs: atMs, x: undefined }, state, what);
    this.#become(rule.id, series, ok);
  }

  /** The rules that have an alarm about a series or a group, in the order of their ids. */
  #rulesOn(subject: SeriesKept): { rule: OracleRule; version: Version }[] {
    const { group } = subject;
    if (group === undefined) return this.#rulesAbout(subject).filter(({ rule }) => rule.group_by === undefined);
    const own = this.#rules.get(group.ruleId);
    if (own === undefined || !isEnabled(own.rule) || own.rule.metric_name !== subject.name) return [];
    return JSON.stringify(own.rule.group_by?.toSorted()) === group.by ? [own] : [];
  }

  /** The rules that a sample of a series concerns, in the order of their ids. */
  #rulesAbout(series: SeriesKept): { rule: OracleRule; version: Version }[] {
    return [...this.#rules.values()]
      .filter(({ rule }) => isEnabled(rule) && isMatch(rule, series.name, series.tags))
      .sort((one, other) => (one.rule.id < other.rule.id ? -1 : 1));
  }

  #memoryOf(ruleId: string): Remembered {
    const memory = this.#remembered.get(ruleId) ?? { lastMs: undefined, sentAtMs: -Infinity };
    this.#remembered.set(ruleId, memory);
    return memory;
  }

  // States.

  #seriesOf(sample: OracleSample): SeriesKept {
    const key = oracleSeriesKey(sample.name, sample.tags);
    const last = { partition: this.#partition, offset: -1, timestampMs: 0 };
    const { name, tags } = sample;
    const made = { key, name, tags, samples: [], last, read: undefined, isForgotten: false, clockDues: new Map() };
    const series: SeriesKept = this.#series.get(key) ?? made;
    this.#series.set(key, series);
    return series;
  }

  #stateOf(ruleId: string, series: SeriesKept): OracleState {
    return this.#states.get(nameOf(ruleId, series.key)) ?? ok;
  }

  #become(ruleId: string, series: SeriesKept, state: OracleState): void {
    const alarm = nameOf(ruleId, series.key);
    const { offset } = series.last;
    if (JSON.stringify(this.#states.get(alarm) ?? ok) === JSON.stringify(state)) return;
    this.#states.set(alarm, state);
    this.#changes.push({ alarm, state, offset, taken: this.#taken, byOffset: this.#offset });
  }
}

/** A level has receivers of its own, or the rule's. */
function receiversAt(rule: OracleRule, levels: readonly number[]): readonly string[] {
  if (levels.length === 0) return rule.notify ?? [];
  return [...new Set(levels.flatMap((level) => rule.levels?.[level - 1]?.notify ?? rule.notify ?? []))];
}

/** What is deferred waits while the value is clear, unless nothing is sent at all. */
export function isHeldWhileClear({ levels, clearSinceMs, silentSinceMs }: OracleFiring): boolean {
  if (silentSinceMs !== undefined) return false;
  if (levels === undefined) return clearSinceMs !== undefined;
  return levels.every((level) => level.state !== 'firing' || level.clearSinceMs !== undefined);
}

function dueNow({ series, x, timeMs }: Moment, kind: OracleKind, ordinal: number): OracleDeferred {
  return { kind, offset: series.last.offset, timestampMs: series.last.timestampMs, ordinal, x, timeMs };
}

/** T: the largest timestamp that the series has shown. */
function newestMs(series: SeriesKept): number {
  return Math.max(...series.samples.map((sample) => sample.timestampMs));
}

/** Which series make a rule's groups. */
function matchingText({ metric_name: name, tags, group_by: by, divide_by: second }: OracleRule): string {
  return JSON.stringify([name, tags ?? {}, by, second && (second.tags ?? tags ?? {})]);
}

/** What a rule reads: with the same, its groups are what they were. */
function whatIsRead(rule: OracleRule): string {
  const { metric_name: name, tags, type, window_duration_seconds: seconds, group_by: by, aggregate, divide_by } = rule;
  const where = [rule.aggregate_where, rule.min_series, rule.stale_seconds, divide_by];
  return JSON.stringify([name, tags, type, seconds, rule.percentile, by, aggregate, where, isEnabled(rule)]);
}

/** The newest value of a series, or of a group. */
function lastValue({ samples, group }: SeriesKept): number | undefined {
  return group === undefined ? samples.at(-1)?.value : group.value;
}

/** x; undefined when the sample is older than the rule's window. */
function comparedValue(rule: OracleRule, series: SeriesKept): number | undefined {
  const type = windowTypeOf(rule);
  if (type === undefined) return series.samples.at(-1)!.value;
  const { window_duration_seconds: seconds, percentile } = rule;
  return measureAfresh({ type, windowMs: inMilliseconds(seconds!), percentile }, series.samples);
}

function nameOf(ruleId: string, seriesKey: string): string {
  return `${ruleId} ${seriesKey}`;
}
