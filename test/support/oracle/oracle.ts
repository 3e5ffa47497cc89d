/**
 * What must come of a partition: a slow, literal replay of its samples and of the rules in force, made from the text "What
 * a rule means" alone. It shares no code with the evaluator, keeps every sample of a series, and computes each mean afresh.
 *
 * Where the text leaves a choice, the one that src/alarm/SPEC.md marks as chosen is taken (A3, A8, A9, A12); and these:
 *
 * - Alarms that fall silent by the same reading of the clock are judged in the order of the times when they were due; of
 *   equal times in the order of their series' newest samples.
 * - A silence is judged once: a late sample, which moves T nowhere, ends the alarm and makes nothing due again.
 * - A silence that is noticed only when the series is to be forgotten already fires nothing.
 * - What is forgotten is the alarm; T and the window stay what the log says.
 */
import { exactMean } from './exact-mean.ts';
import { oracleAlarmId, oracleNotificationId, oracleSeriesKey, type At } from './oracle-ids.ts';
import { forgottenAfterMs, inMilliseconds, isEnabled, isMatch, standingOf, type OracleRule } from './oracle-rule.ts';
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

/** What else there is to know, before the record at `fromOffset` is judged: a rule's version, its end, or the time. */
export type OracleEvent =
  | { readonly fromOffset: number; readonly rule: OracleRule; readonly version: Version }
  | { readonly fromOffset: number; readonly deletedRuleId: string }
  | { readonly fromOffset: number; readonly clockMs: number };

export interface OracleInput {
  readonly partition: number;
  /** In the order of their offsets. */
  readonly records: readonly OracleRecord[];
  /** In the order of their offsets, and of their happening. */
  readonly events: readonly OracleEvent[];
}

export interface OracleNotification {
  readonly id: string;
  readonly kind: 'fired' | 'resolved' | 'no_data';
  readonly alarmId: string;
  readonly ruleId: string;
  readonly version: Version;
  readonly series: string;
  readonly cause: Cause;
  /** undefined for want of data. */
  readonly x: number | undefined;
  readonly timeMs: number;
  readonly sinceMs: number;
  readonly at: At;
  readonly owed: boolean;
}

type Cause = 'breach' | 'no_data';

export type OracleState =
  | { readonly state: 'ok' }
  | { readonly state: 'pending'; readonly sinceMs: number }
  | {
      readonly state: 'firing';
      readonly sinceMs: number;
      readonly alarmId: string;
      readonly cause: Cause;
      readonly notified: boolean;
      readonly owed: boolean;
    };

/** A state that an alarm came to. */
export interface OracleChange {
  /** The rule's id, a blank, and the series. */
  readonly alarm: string;
  readonly state: OracleState;
  /** The newest sample of the series then. */
  readonly offset: number;
  /** How many records and events had been taken, this one included. */
  readonly taken: number;
  /** Whether a sample brought it about: not a rule, and not a clock. */
  readonly isOfSample: boolean;
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

interface SeriesKept {
  readonly key: string;
  readonly name: string;
  readonly tags: ReadonlyMap<string, string>;
  /** In log order, all of them. */
  readonly samples: KeptSample[];
  /** The newest in log order. */
  last: At;
  /** Silent for so long that it owes nothing. */
  isForgotten: boolean;
}

/** A rule on a series at a moment. */
interface Moment {
  readonly rule: OracleRule;
  readonly version: Version;
  readonly series: SeriesKept;
  /** T; for a silence the time when the sample was due. */
  readonly timeMs: number;
  readonly x: number | undefined;
}

const ok: OracleState = { state: 'ok' };
const dayMs = 24 * 3_600_000;

class Oracle {
  readonly #partition: number;
  readonly #rules = new Map<string, { rule: OracleRule; version: Version }>();
  readonly #series = new Map<string, SeriesKept>();
  readonly #states = new Map<string, OracleState>();
  readonly #lastSentMs = new Map<string, number>();
  /** By alarm: the due time whose passing was judged. */
  readonly #silencesJudged = new Map<string, number>();
  readonly #notifications: OracleNotification[] = [];
  readonly #changes: OracleChange[] = [];
  #taken = 0;
  #isOfSample = false;
  #unreadable = 0;

  constructor(partition: number) {
    this.#partition = partition;
  }

  verdict(): Verdict {
    return {
      notifications: this.#notifications,
      states: new Map([...this.#states].filter(([, state]) => state.state !== 'ok')),
      changes: this.#changes,
      lastSentMs: this.#lastSentMs,
      unreadable: this.#unreadable,
    };
  }

  takeEvent(event: OracleEvent): void {
    this.#isOfSample = false;
    this.#taken += 1;
    if ('clockMs' in event) this.#readClock(event.clockMs);
    else if ('rule' in event) this.#setRule(event.rule, event.version);
    else this.#deleteRule(event.deletedRuleId);
  }

  takeRecord(record: OracleRecord): void {
    this.#isOfSample = true;
    this.#taken += 1;
    const sample = readSample(record.key, record.value, record.timestampMs);
    if (sample === undefined) {
      this.#unreadable += 1;
      return;
    }
    const series = this.#seriesOf(sample);
    const beforeMs = newestMs(series);
    series.samples.push({ timestampMs: record.timestampMs, value: sample.value });
    series.last = { partition: this.#partition, offset: record.offset, timestampMs: record.timestampMs };
    series.isForgotten = false;
    const timeMs = newestMs(series);
    for (const { rule, version } of this.#rulesOn(series)) {
      const x = comparedValue(rule, series, record.timestampMs);
      if (x === undefined) continue;
      if (timeMs - beforeMs >= forgottenAfterMs(rule)) this.#become(rule.id, series, ok);
      this.#judge({ rule, version, series, timeMs, x });
    }
  }

  // A sample's judgement.

  #judge(moment: Moment): void {
    const { rule, series } = moment;
    const state = this.#stateOf(rule.id, series);
    const standing = standingOf(rule, moment.x!);
    if (state.state === 'firing' && state.cause === 'no_data') {
      this.#end(moment, state);
      this.#judge(moment);
    } else if (state.state === 'firing' && standing === 'clear') {
      this.#end(moment, state);
    } else if (state.state === 'firing') {
      this.#goOnFiring(moment, state, standing === 'breach');
    } else if (standing !== 'breach') {
      if (state.state === 'pending') this.#become(rule.id, series, ok);
    } else {
      const sinceMs = state.state === 'pending' ? state.sinceMs : moment.timeMs;
      const isLongEnough = moment.timeMs - sinceMs >= inMilliseconds(rule.for_seconds ?? 0);
      if (isLongEnough) this.#fire(moment, { sinceMs, cause: 'breach' });
      else this.#become(rule.id, series, { state: 'pending', sinceMs });
    }
  }

  #fire(moment: Moment, { sinceMs, cause }: { sinceMs: number; cause: Cause }): void {
    const { rule, series } = moment;
    const alarmId = oracleAlarmId({ ruleId: rule.id, series: series.key, at: series.last, cause });
    const isSent = this.#isCooldownOver(rule, moment.timeMs);
    const firing = { state: 'firing', sinceMs, alarmId, cause, notified: isSent, owed: !isSent } as const;
    if (isSent) this.#send(moment, firing, { kind: cause === 'breach' ? 'fired' : 'no_data', owed: false });
    this.#become(rule.id, series, firing);
  }

  #goOnFiring(moment: Moment, state: OracleState & { state: 'firing' }, isBreach: boolean): void {
    const { rule, series } = moment;
    const isDue = state.owed || (isBreach && rule.trigger === 'every_sample');
    if (!isDue) return;
    if (!this.#isCooldownOver(rule, moment.timeMs)) {
      this.#become(rule.id, series, { ...state, owed: true });
      return;
    }
    this.#send(moment, state, { kind: 'fired', owed: state.owed });
    this.#become(rule.id, series, { ...state, notified: true, owed: false });
  }

  #end(moment: Moment, state: OracleState & { state: 'firing' }): void {
    if (moment.rule.notify_on_resolve === true && state.notified) {
      this.#send(moment, state, { kind: 'resolved', owed: false });
    }
    this.#become(moment.rule.id, moment.series, ok);
  }

  #isCooldownOver(rule: OracleRule, timeMs: number): boolean {
    const cooldownMs = inMilliseconds(rule.cooldown_seconds ?? 0);
    const lastMs = this.#lastSentMs.get(rule.id);
    return cooldownMs === 0 || lastMs === undefined || timeMs - lastMs >= cooldownMs;
  }

  #send(
    { rule, version, series, timeMs, x }: Moment,
    alarm: { alarmId: string; cause: Cause; sinceMs: number },
    { kind, owed }: { kind: OracleNotification['kind']; owed: boolean },
  ): void {
    const { alarmId, cause, sinceMs } = alarm;
    const receivers = [
      ...(rule.discord_webhook_url === undefined ? [] : [undefined]),
      ...(rule.notify ?? []).map((name) => `receiver:${name}`),
    ];
    for (const receiver of receivers) {
      const id = oracleNotificationId(alarmId, kind, series.last, receiver);
      const what = { id, kind, alarmId, ruleId: rule.id, version, series: series.key, cause };
      this.#notifications.push({ ...what, x, timeMs, sinceMs, at: series.last, owed });
    }
    if (kind !== 'resolved') this.#lastSentMs.set(rule.id, timeMs);
  }

  // Silence.

  #readClock(clockMs: number): void {
    const known = [...this.#series.values()].filter((series) => !series.isForgotten);
    const silences = known.flatMap((series) =>
      this.#rulesOn(series)
        .filter(({ rule }) => rule.no_data_seconds !== undefined)
        .map(({ rule, version }) => {
          const dueMs = newestMs(series) + inMilliseconds(rule.no_data_seconds!);
          return { rule, version, series, timeMs: dueMs, x: undefined };
        }),
    );
    const inOrder = silences.sort((one, other) => {
      return one.timeMs - other.timeMs || one.series.last.offset - other.series.last.offset;
    });
    for (const silence of inOrder) {
      const isForgotten = clockMs - newestMs(silence.series) >= forgottenAfterMs(silence.rule);
      if (clockMs > silence.timeMs && !isForgotten) this.#judgeSilence(silence);
    }
    for (const series of known) this.#forgetIfSilent(series, clockMs);
  }

  #judgeSilence(silence: Moment): void {
    const name = nameOf(silence.rule.id, silence.series.key);
    if ((this.#silencesJudged.get(name) ?? -Infinity) >= silence.timeMs) return;
    this.#silencesJudged.set(name, silence.timeMs);
    // What fires already goes on firing for what it fires for.
    if (this.#stateOf(silence.rule.id, silence.series).state === 'firing') return;
    this.#fire(silence, { sinceMs: silence.timeMs, cause: 'no_data' });
  }

  #forgetIfSilent(series: SeriesKept, clockMs: number): void {
    const silentMs = clockMs - newestMs(series);
    const rules = this.#rulesOn(series);
    for (const { rule } of rules) {
      if (silentMs >= forgottenAfterMs(rule)) this.#become(rule.id, series, ok);
    }
    series.isForgotten = silentMs >= dayMs && rules.every(({ rule }) => silentMs >= forgottenAfterMs(rule));
  }

  // Rules.

  #setRule(rule: OracleRule, version: Version): void {
    this.#rules.set(rule.id, { rule, version });
    this.#endStrangers(rule.id, (series) => isEnabled(rule) && isMatch(rule, series.name, series.tags));
  }

  #deleteRule(id: string): void {
    this.#rules.delete(id);
    this.#endStrangers(id, () => false);
    this.#lastSentMs.delete(id);
  }

  /** The alarms of a rule on series that are no longer its own end, and nobody hears of it. */
  #endStrangers(ruleId: string, isOwn: (series: SeriesKept) => boolean): void {
    for (const series of this.#series.values()) {
      if (isOwn(series)) continue;
      this.#become(ruleId, series, ok);
      this.#silencesJudged.delete(nameOf(ruleId, series.key));
    }
  }

  /** In the order of their ids. */
  #rulesOn(series: SeriesKept): { rule: OracleRule; version: Version }[] {
    return [...this.#rules.values()]
      .filter(({ rule }) => isEnabled(rule) && isMatch(rule, series.name, series.tags))
      .sort((one, other) => (one.rule.id < other.rule.id ? -1 : 1));
  }

  // States.

  #seriesOf(sample: OracleSample): SeriesKept {
    const key = oracleSeriesKey(sample.name, sample.tags);
    const last = { partition: this.#partition, offset: -1, timestampMs: 0 };
    const { name, tags } = sample;
    const series = this.#series.get(key) ?? { key, name, tags, samples: [], last, isForgotten: false };
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
    this.#changes.push({ alarm, state, offset, taken: this.#taken, isOfSample: this.#isOfSample });
  }
}

/** T: the largest timestamp that the series has shown. */
function newestMs(series: SeriesKept): number {
  return Math.max(...series.samples.map((sample) => sample.timestampMs));
}

/** x; undefined when the sample is older than the rule's window. */
function comparedValue(rule: OracleRule, series: SeriesKept, timestampMs: number): number | undefined {
  if (rule.type !== 'window_average') return series.samples.at(-1)!.value;
  const toMs = newestMs(series);
  const fromMs = toMs - inMilliseconds(rule.window_duration_seconds!);
  if (timestampMs <= fromMs) return undefined;
  const held = series.samples.filter((sample) => sample.timestampMs > fromMs && sample.timestampMs <= toMs);
  return exactMean(held.map((sample) => sample.value));
}

function nameOf(ruleId: string, seriesKey: string): string {
  return `${ruleId} ${seriesKey}`;
}
