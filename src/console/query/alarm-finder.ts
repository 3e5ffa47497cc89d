import { isEnd } from '../../alarm/due.ts';
import { OneAtATime } from '../../base/one-at-a-time.ts';
import { Failure } from '../../base/failure.ts';
import type { Members, Notification } from '../../alarm/notification.ts';
import type { Log } from '../../log/log.ts';
import type { RuleFeed } from '../../rule/rule-feed.ts';
import type { RuleEntry } from '../../rule/rule-list.ts';
import {
  ruleVersions,
  traceAlarm,
  type AlarmTrace,
  type RuleVersionSeen,
  type SentNotification,
} from './alarm-trace.ts';
import type { LiveStore } from '../live/live-store.ts';

export interface AlarmFinderOptions {
  readonly log: Log;
  readonly live: LiveStore;
  readonly rules: RuleFeed;
  /** The operator's base in place of Discord's: without it, rules with webhooks there are none. */
  readonly discordApiBase?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** What fired an alarm. */
export type Facts = Pick<
  Notification,
  'ruleId' | 'ruleVersion' | 'series' | 'members' | 'x' | 'sinceMs' | 'timeMs' | 'sample' | 'cause'
>;

export interface FoundAlarm {
  readonly id: string;
  readonly facts: Facts;
  /** Those that are still held. */
  readonly sendings: readonly SentNotification[];
  /** Whether a message was due: otherwise the cooldown deferred it. */
  readonly notified: boolean;
  readonly isFiring: boolean;
  readonly endedMs: number | undefined;
  /** The version that judged, or else the one in force. */
  readonly rule: RuleEntry | undefined;
  readonly isRuleCurrent: boolean;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** What was read from the log is good for so long: a page asks again and again. */
const rememberedMs = 10_000;
const rememberedMax = 200;

/**
 * Finds one alarm: in memory when it is of the last days, or else in the log, which takes as long as the log is. What the log
 * said is remembered for a moment, and only one search of a kind runs at a time, so that pages cannot keep the process busy.
 */
export class AlarmFinder {
  readonly #options: AlarmFinderOptions;
  readonly #traces: Remembered<AlarmTrace | undefined>;
  readonly #versions: Remembered<RuleVersionSeen[]>;

  constructor(options: AlarmFinderOptions) {
    this.#options = options;
    const { log, now, discordApiBase: apiBase } = options;
    this.#traces = new Remembered(now, (alarmId) => traceAlarm(log, alarmId, now()));
    this.#versions = new Remembered(now, (ruleId) => ruleVersions(log, ruleId, { apiBase }));
  }

  /** Throws the Failure `not_found`, or `unavailable` while the log is still being read. */
  async find(id: string): Promise<FoundAlarm> {
    const known = (await this.#inMemory(id)) ?? (await this.#inLog(id));
    if (known === undefined) {
      const detail = `there is no alarm ${JSON.stringify(id.slice(0, 80))}: it may be older than what the log holds`;
      throw new Failure('not_found', detail);
    }
    const { ruleId, ruleVersion } = known.facts;
    const current = this.#options.rules.book.get(ruleId);
    const isRuleCurrent = current !== undefined && isVersion(current, ruleVersion);
    const judged = isRuleCurrent
      ? current
      : (await this.#versions.get(ruleId)).find(({ entry }) => isVersion(entry, ruleVersion))?.entry;
    return { id, ...known, rule: judged ?? current, isRuleCurrent };
  }

  /** When the first version that is held was written; 0 when none is. */
  async ruleSinceMs(ruleId: string): Promise<number> {
    return (await this.#versions.get(ruleId))[0]?.atMs ?? 0;
  }

  async #inMemory(id: string): Promise<Omit<FoundAlarm, 'id' | 'rule' | 'isRuleCurrent'> | undefined> {
    const alarm = this.#options.live.past.get(id);
    // What fired it is then known from elsewhere, or from nowhere.
    if (alarm === undefined || !alarm.isExact) return undefined;
    const { firedMs: timeMs, isFiring, endedMs, notified } = alarm;
    const held = alarm.sendings.filter((one) => one.notification !== undefined) as SentNotification[];
    // A state is known however old it is, and messages of some days alone: the log has those for longer.
    const sendings = notified && held.length === 0 ? ((await this.#inLog(id))?.sendings ?? []) : held;
    const members = membersAt(alarm.sample.offset, sendings[0]?.notification);
    return { facts: { ...alarm, timeMs, ...(members && { members }) }, sendings, notified, isFiring, endedMs };
  }

  async #inLog(id: string): Promise<Omit<FoundAlarm, 'id' | 'rule' | 'isRuleCurrent'> | undefined> {
    const trace = uuid.test(id) ? await this.#traces.get(id) : undefined;
    if (trace === undefined) return undefined;
    const facts = factsOf(trace);
    const isFiring = [...this.#options.live.alarms.ofRule(facts.ruleId)].some(
      ({ state }) => state.state === 'firing' && state.alarmId === id,
    );
    const endedMs = trace.endedMs ?? this.#options.live.past.get(id)?.endedMs;
    const wasNotified = trace.states.some(({ state }) => state.state === 'firing' && state.notified);
    return { facts, sendings: trace.sendings, notified: wasNotified || trace.sendings.length > 0, isFiring, endedMs };
  }
}

/** The members that a notification names; of what a ratio was divided by only with the sample that fired. */
function membersAt(offset: number, notification: Notification | undefined): Members | undefined {
  const { members, sample } = notification ?? {};
  if (members === undefined || sample?.offset === offset) return members;
  const { first, total } = members;
  return { first, total };
}

function isVersion(entry: RuleEntry, version: { readonly partition: number; readonly offset: number }): boolean {
  return entry.partition === version.partition && entry.offset === version.offset;
}

function factsOf({ states, sendings }: AlarmTrace): Facts {
  const fired = sendings.find(({ notification }) => !isEnd(notification.kind));
  // A deferred message is of a later sample than the one that fired.
  const [first] = states.toSorted((a, b) => a.sample.offset - b.sample.offset);
  const ofState: Facts | undefined =
    first?.state.state === 'firing' ? { ...first, cause: first.state.cause, sinceMs: first.state.sinceMs } : undefined;
  const ofMessage = (fired ?? sendings[0])?.notification;
  if (ofMessage === undefined) return ofState!;
  return ofState !== undefined && ofState.sample.offset < ofMessage.sample.offset ? ofState : ofMessage;
}

/** The answers to questions that take long, each asked one after the other and kept for a moment. */
class Remembered<Answer> {
  readonly #now: () => number;
  readonly #ask: (key: string) => Promise<Answer>;
  readonly #answers = new Map<string, { readonly answer: Promise<Answer>; readonly untilMs: number }>();
  readonly #turns = new OneAtATime();

  constructor(now: () => number, ask: (key: string) => Promise<Answer>) {
    this.#now = now;
    this.#ask = ask;
  }

  get(key: string): Promise<Answer> {
    const known = this.#answers.get(key);
    if (known !== undefined && this.#now() < known.untilMs) return known.answer;
    const answer = this.#turns.run('', () => this.#ask(key));
    answer.catch(() => this.#answers.delete(key));
    this.#answers.delete(key);
    this.#answers.set(key, { answer, untilMs: this.#now() + rememberedMs });
    if (this.#answers.size > rememberedMax) this.#answers.delete(this.#answers.keys().next().value!);
    return answer;
  }
}
