/**
 * A world in which notifiers live and die, on a simulated log and before a simulated Discord. The seed says when a process
 * crashes, pauses and wakes too late, or loses an answer of the log; and what Discord does to its requests.
 *
 *   plan ──> notifications ──> instances (NotificationPartition, the real one) ──> SimDiscord
 *                                  │ acts: append, commit, read
 *                                  └──> conductor ──> SimStore (survives)
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { formatNotification, type Notification } from '../../../src/alarm/notification.ts';
import { createLogger } from '../../../src/base/logger.ts';
import { ClaimLost, LogUnavailable, type Claim } from '../../../src/log/log.ts';
import { parseDeliveryRecord, type DeliveryRecord } from '../../../src/notice/delivery-record.ts';
import { isParkingKey, parseParkingRecord, type ParkingRecord } from '../../../src/notice/parking-record.ts';
import { NotificationPartition } from '../../../src/notify/partition.ts';
import { Destinations } from '../../../src/notify/destinations.ts';
import { SendGates } from '../../../src/notify/send-gates.ts';
import { openReceivers } from '../../../src/receiver/receivers.ts';
import { RuleBook } from '../../../src/rule/rule-book.ts';
import type { RuleListener } from '../../../src/rule/rule-feed.ts';
import { topics } from '../../../src/topics.ts';
import { Random } from '../sim-log/random.ts';
import type { SimClaim } from '../sim-log/sim-group.ts';
import { SimGroups, SimLog } from '../sim-log/sim-log.ts';
import { SimProcess, type Act } from '../sim-log/sim-process.ts';
import { SimStore } from '../sim-log/sim-store.ts';
import { SimDiscord } from './sim-discord.ts';
import { SimTime } from './sim-time.ts';

const logger = createLogger('silent', 'test');
/** The others than Discord are not sent to. */
const { receivers } = openReceivers({ version: '0', nowMs: () => beginsMs });
const beginsMs = 1_800_000_000_000;
const groupName = 'notify';
const requestsPerSecond = 40;
const group = { topic: topics.notifications.name, name: groupName };

/** One process with a notifier. */
export interface Instance {
  readonly process: SimProcess;
  /** Asks it to end in order. */
  readonly stop: AbortController;
  isPaused: boolean;
  claim: SimClaim | undefined;
}

export interface Due {
  readonly id: string;
  readonly value: string;
  /** The webhook's id, and after a slash the thread, if any. */
  readonly target: string;
  readonly appendedMs: number;
}

export class SimWorld {
  readonly store: SimStore;
  readonly random: Random;
  readonly time: SimTime;
  readonly discord: SimDiscord;
  readonly due: Due[] = [];
  readonly trace: string[] = [];
  /** How often something happened after which a message may be doubled: at most one a webhook with an open request each. */
  excuses = 0;
  readonly #groups: SimGroups;
  readonly #acts: Act[] = [];
  readonly #late: (() => void)[] = [];
  readonly #instances: Instance[] = [];
  readonly #gates = new Map<Instance, SendGates>();
  readonly #book = new RuleBook();
  readonly #listeners = new Set<RuleListener>();
  readonly #ruleOf = new Map<string, string>();
  readonly #deliveries: DeliveryRecord[] = [];
  #broken: unknown;
  #born = 0;
  #rules = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
    this.time = new SimTime(beginsMs, this.random);
    this.store = new SimStore(this.random);
    this.discord = new SimDiscord(this.time, this.random);
    for (const settings of [topics.notifications, topics.deliveries])
      this.store.addTopic({ ...settings, partitions: 1 });
    this.#groups = new SimGroups(this.store, this.time.clockOf(this));
    this.#group.onClaim = (claim) => {
      const instance = this.#instances.find(({ process }) => process === claim.member.process)!;
      instance.claim = claim;
      this.note(`${instance.process.name} claims from ${claim.start}`);
    };
    this.#group.onFailure = (error) => {
      this.note(`begun anew after ${String(error)}`);
      this.#excuse();
      if (!(error instanceof LogUnavailable || error instanceof ClaimLost)) this.#broken ??= error;
    };
  }

  get #group() {
    return this.#groups.group(group.topic, group.name);
  }

  get position(): number {
    return this.store.position(`${group.topic}/${group.name}`, 0) ?? 0;
  }

  get head(): number {
    return this.store.bounds(group.topic, 0).next;
  }

  /** What was told of parked webhooks. */
  get parkings(): ParkingRecord[] {
    const records = this.store.records(topics.deliveries.name, 0).filter(({ key }) => isParkingKey(key));
    return records.map(({ value }) => {
      const record = parseParkingRecord(value!);
      if ('problem' in record) throw new Error(record.problem);
      return record;
    });
  }

  get deliveries(): readonly DeliveryRecord[] {
    const records = this.store.records(topics.deliveries.name, 0).filter(({ key }) => !isParkingKey(key));
    for (const { value } of records.slice(this.#deliveries.length)) {
      const record = parseDeliveryRecord(value!);
      if ('problem' in record) throw new Error(record.problem);
      this.#deliveries.push(record);
    }
    return this.#deliveries;
  }

  note(what: string): void {
    this.trace.push(`${this.time.nowMs - beginsMs}: ${what}`);
  }

  // What the plan does.

  /** A rule with this target, or a new version of it. */
  setRule(target: string): void {
    const id = this.#ruleOf.get(target) ?? `00000000-0000-4000-8000-${String(this.#ruleOf.size).padStart(12, '0')}`;
    this.#ruleOf.set(target, id);
    const [webhookId, threadId] = target.split('/');
    const thread = threadId === undefined ? '' : `?thread_id=${threadId}`;
    const url = `https://discord.com/api/webhooks/${webhookId}/${'t'.repeat(60)}${thread}`;
    const rule = { id, metric_name: 'cpu', threshold: 0, discord_webhook_url: url };
    const change = this.#book.apply({ key: id, value: JSON.stringify(rule), partition: 0, offset: this.#rules });
    const place = { partition: 0, offset: this.#rules++, timestampMs: 0 };
    for (const listener of [...this.#listeners]) listener(change, place);
  }

  enqueue(target: string): Due {
    const number = this.due.length;
    const one: Due = { id: `n${number}`, value: String(10_000 + number), target, appendedMs: this.time.nowMs };
    this.due.push(one);
    this.#append(one);
    return one;
  }

  /** The evaluator appends something again, as after a crash. */
  enqueueAgain(): void {
    if (this.due.length > 0) this.#append(this.random.pick(this.due));
  }

  #append({ id, value, target }: Due): void {
    const timeMs = this.time.nowMs;
    const notification: Notification = {
      id,
      kind: 'fired',
      alarmId: id,
      ruleId: this.#ruleOf.get(target)!,
      ruleVersion: { partition: 0, offset: 0 },
      series: { name: 'cpu', tags: {} },
      x: Number(value),
      rule: { id: this.#ruleOf.get(target)!, metric_name: 'received-packages', threshold: 0 },
      cause: 'breach',
      timeMs,
      sinceMs: timeMs,
      sample: { partition: 0, offset: 0, timestampMs: timeMs },
      message: true,
      deferred: false,
      isPast: false,
    };
    const record = {
      key: Buffer.from(target.split('/')[0]!),
      value: Buffer.from(formatNotification(notification)),
      timestampMs: timeMs,
    };
    this.store.append(group.topic, { ...record, partition: 0 });
  }

  // Processes.

  beBorn(): void {
    const process = new SimProcess(`p${this.#born++}`, (act) => this.#acts.push(act));
    const instance: Instance = { process, stop: new AbortController(), isPaused: false, claim: undefined };
    this.#instances.push(instance);
    this.note(`${process.name} is born`);
    const log = new SimLog(this.#groups, process);
    const clock = this.time.clockOf(instance);
    const gates = new SendGates({ requestsPerSecond, inSecondMax: 48, invalidMax: 80 }, clock);
    this.#gates.set(instance, gates);
    const rules = {
      book: this.#book,
      caughtUp: Promise.resolve(),
      subscribe: (listener: RuleListener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    };
    const count = { ended: () => {}, answered: () => {}, limited: () => {}, unreadable: () => {} };
    const discord = this.discord.receiverOf(instance);
    const destinations = new Destinations({ ...receivers, discord });
    const none = { receivers: undefined, consoleUrl: undefined };
    const context = { log, rules, destinations, gates, clock, logger, count, ...none };
    const handle = (claim: Claim): Promise<void> => new NotificationPartition(claim, context).run();
    void log.process(group.topic, group.name, handle, instance.stop.signal).catch(() => {});
  }

  /** The process that owns the partition. */
  get owner(): Instance | undefined {
    return this.#instances.find((instance) => instance.claim?.isOwner === true && !instance.process.isDead);
  }

  /** As SIGTERM: its partition goes to another when it has settled. */
  terminate(instance: Instance): void {
    this.note(`${instance.process.name} is asked to end`);
    // Its other partitions come to their ends, and with them its share of the address's rate.
    this.#gates.get(instance)!.shared.setRate(requestsPerSecond, 1 / 20);
    instance.stop.abort();
  }

  kill(instance: Instance): void {
    this.note(`${instance.process.name} dies`);
    this.#excuse();
    instance.process.die();
    this.#dropActs(instance);
    this.#group.expel(instance.process);
  }

  /** As under SIGSTOP, beyond the group's timeout: others get its partition. */
  pause(instance: Instance): void {
    this.note(`${instance.process.name} is paused`);
    this.#excuse();
    instance.isPaused = true;
    this.#group.expel(instance.process);
  }

  wakeAll(): void {
    for (const instance of this.#instances.filter((one) => one.isPaused)) {
      this.note(`${instance.process.name} wakes`);
      instance.isPaused = false;
      instance.claim?.lose();
    }
  }

  get paused(): Instance[] {
    return this.#instances.filter((instance) => instance.isPaused);
  }

  /** Each request without a durable outcome may be made again. */
  #excuse(): void {
    const ended = new Set(this.deliveries.flatMap((one) => (one.kind === 'outcome' ? [one.notificationId] : [])));
    const idOf = new Map(this.due.map(({ id, value }) => [value, id]));
    const open = this.discord.requests.filter(({ values }) => values.some((value) => !ended.has(idOf.get(value)!)));
    this.excuses += new Set(open.map(({ webhookId }) => webhookId)).size;
  }

  #dropActs({ process }: Instance): void {
    for (const act of this.#acts.filter((one) => one.process === process))
      this.#acts.splice(this.#acts.indexOf(act), 1);
  }

  // Going on.

  /** Plays until a moment. `chanceOfLoss`: that an act goes wrong. */
  async play(untilMs: number, chanceOfLoss: number): Promise<void> {
    while (this.time.nowMs < untilMs) {
      await nextTurn();
      if (this.#broken !== undefined) throw this.#broken;
      const ready = this.#readyActs();
      if (ready.length > 0) this.#perform(this.random.pick(ready), chanceOfLoss);
      else this.time.next(untilMs, (owner) => (owner as Instance).isPaused);
    }
  }

  /** Plays until something holds, no longer than so much. Resolves to whether it does. */
  async playUntil(isReached: () => boolean, durationMs: number): Promise<boolean> {
    for (const endMs = this.time.nowMs + durationMs; this.time.nowMs < endMs && !isReached();)
      await this.play(this.time.nowMs + 5_000, 0);
    return isReached();
  }

  /** Nothing but time passes, in long steps: a timer fires once a step. Resolves to whether it holds then. */
  async skipUntil(isReached: () => boolean, durationMs: number): Promise<boolean> {
    for (const endMs = this.time.nowMs + durationMs; this.time.nowMs < endMs && !isReached();) {
      this.time.nowMs += 10 * 60_000;
      await this.play(this.time.nowMs + 2_000, 0);
    }
    return isReached();
  }

  /** Appends, commits and reads of one process keep their order among themselves. */
  #readyActs(): Act[] {
    const first = new Map<string, Act>();
    for (const act of this.#acts) {
      if (this.#instances.some(({ process, isPaused }) => process === act.process && isPaused)) continue;
      const kind = `${act.process.name} ${act.what.split(' ')[0]}`;
      if (!first.has(kind)) first.set(kind, act);
    }
    return [...first.values()];
  }

  #perform(act: Act, chanceOfLoss: number): void {
    this.#acts.splice(this.#acts.indexOf(act), 1);
    if (this.#late.length > 0 && this.random.chance(0.05)) this.#late.shift()!();
    const isWrite = act.what.startsWith('append') || act.what.startsWith('commit');
    if (isWrite && this.random.chance(chanceOfLoss)) return this.#spoil(act);
    this.time.nowMs += this.random.below(4);
    for (const effect of act.effects) effect();
    act.answer();
  }

  /** The process is paused over it, crashes before, amid or after it, or its answer is lost and some of it may land later. */
  #spoil(act: Act): void {
    const instance = this.#instances.find(({ process }) => process === act.process)!;
    if (this.random.chance(0.25)) {
      this.note(`${act.process.name} falls asleep over ${act.what}`);
      this.#acts.unshift(act);
      return this.pause(instance);
    }
    const count = this.random.below(act.effects.length + 1);
    for (const effect of act.effects.slice(0, count)) effect();
    if (this.random.chance(0.5)) {
      this.note(`${act.process.name} crashes at ${act.what} after ${count}`);
      return this.kill(instance);
    }
    this.note(`the answer to ${act.what} is lost after ${count}`);
    if (this.random.chance(0.5)) this.#late.push(...act.effects.slice(count));
    act.refuse(new LogUnavailable('the answer was lost'));
  }

  end(): void {
    for (const { process } of this.#instances) process.die();
  }
}
