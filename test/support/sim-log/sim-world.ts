/**
 * A world in which evaluators live and die. It plays a history of samples, rules and times; between any two things that the
 * processes do it may let one of them crash, pause and wake too late, or lose an answer. The seed says when.
 *
 *   history ──> metrics, rules, clock            faults: crash before, amid or after an act; answer lost; an append that
 *                  │                                     lands later; pause, new owner, wake; hand-over; compaction
 *   instances ──acts──> conductor ──> store
 *
 * Rules change and silences are judged only when all before was judged and is durable: which version judges a sample that
 * is under way when the rule changes is nobody's promise, so that there would be nothing to compare.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { evaluateGroup } from '../../../src/evaluate/evaluate.ts';
import { ClaimLost, LogUnavailable } from '../../../src/log/log.ts';
import { topics } from '../../../src/topics.ts';
import { beginsMs, type Step } from '../oracle/history.ts';
import { Random } from './random.ts';
import type { SimClaim } from './sim-group.ts';
import { runningInstance, SimInstance } from './sim-instance.ts';
import { SimGroups } from './sim-log.ts';
import type { Act } from './sim-process.ts';
import { SimStore } from './sim-store.ts';
import { VirtualTime } from './virtual-time.ts';

export interface WorldOptions {
  readonly seed: number;
  /** How many faults happen at the most. */
  readonly faultsMax: number;
  /** Whether old states may be compacted away before the owner can have put right what came late (what the lag prevents). */
  readonly compactsEarly?: boolean;
  /** Crashes the owner exactly at this act, counted from 0, instead of by chance. */
  readonly crashAt?: { readonly act: number; readonly when: CrashWhen };
}

export type CrashWhen = 'before' | 'amid' | 'after';

/** What is told of the world while it runs. */
export interface WorldWatch {
  /** All that follows from so many steps of the history is durable from now on. */
  rested(steps: number): void;
  /** A partition was claimed: what stands in the log now is what will be restored. */
  claimed(): void;
  /** A position was committed. */
  committed(position: number): void;
}

type Fault = 'crash' | 'refuse' | 'pause' | 'hand over' | 'kill';

/** More moves than this without coming to rest: nothing goes on any more (I14). */
const movesMax = 5_000;
/** Longer than any timer takes. */
const lookMs = 6_000;
const notificationPartitions = 2;
/** How likely an act is to go wrong, as long as faults are left. */
const faultChance: Record<string, number> = { append: 0.12, commit: 0.06 };

export class SimWorld {
  readonly store: SimStore;
  readonly trace: string[] = [];
  readonly #random: Random;
  readonly #options: WorldOptions;
  readonly #watch: WorldWatch;
  readonly #time: VirtualTime;
  readonly #groups: SimGroups;
  readonly #instances: SimInstance[] = [];
  readonly #acts: Act[] = [];
  /** Effects of appends that were given up, still on their way. */
  readonly #late: (() => void)[] = [];
  #faultsLeft: number;
  #born = 0;
  #actCount = 0;
  #lastPosition = 0;
  /** What the watch found at a claim. */
  #broken: unknown;
  /** Where `alarms` ended when the present owner claimed its partition. */
  #alarmsAtClaim = 0;
  /** States before this offset are old: all that came late among them was put right. */
  #compactableBefore = 0;

  constructor(options: WorldOptions, watch: WorldWatch) {
    this.#options = options;
    this.#watch = watch;
    this.#faultsLeft = options.faultsMax;
    this.#random = new Random(options.seed);
    this.store = new SimStore(this.#random);
    this.#time = new VirtualTime(beginsMs, { ownerNow: () => runningInstance.getStore(), tickShare: 0.001 });
    this.#groups = new SimGroups(this.store, this.#time);
    for (const settings of Object.values(topics)) {
      const partitions = settings.name === topics.notifications.name ? notificationPartitions : 1;
      this.store.addTopic({ ...settings, partitions });
    }
    this.#group.onClaim = (claim) => this.#noteClaim(claim);
    this.#group.onFailure = (error) => this.#noteFailure(error);
  }

  get #group() {
    return this.#groups.group(topics.metrics.name, evaluateGroup);
  }

  get acts(): number {
    return this.#actCount;
  }

  async play(steps: readonly Step[]): Promise<void> {
    try {
      for (const [index, step] of steps.entries()) await this.#playOne(step, index);
      await this.rest();
      this.#watch.rested(steps.length);
      this.#faultsLeft = 0;
      await this.#endAll();
    } finally {
      for (const instance of this.#instances) instance.process.die();
      await nextTurn();
    }
  }

  async #playOne(step: Step, index: number): Promise<void> {
    if (step.kind === 'record') {
      // Some samples come in a burst, some alone.
      if (this.#random.chance(0.4)) for (let moves = this.#random.below(8); moves > 0; moves--) await this.#move();
      this.#time.showWall(Math.max(this.#time.wallMs(), step.timestampMs));
      this.store.append(topics.metrics.name, step);
      return;
    }
    await this.rest();
    this.#watch.rested(index);
    if (step.kind === 'clock') {
      this.#note(`the clock shows ${step.clockMs - beginsMs}`);
      // It sees that it is at the head before any time passes: by one reading all that the time has brought is found.
      await this.#tickAtRest();
      const sawHead = this.#owner()?.claim;
      this.#time.showWall(step.clockMs);
      await this.#readClocks(step.passedMs, sawHead);
    } else if (step.kind !== 'restart') {
      const [id, value] = step.kind === 'rule' ? [step.rule.id, JSON.stringify(step.rule)] : [step.ruleId, null];
      const record = { key: Buffer.from(id), value: value === null ? null : Buffer.from(value), timestampMs: 0 };
      this.store.append(topics.rules.name, record);
      this.#note(`a rule changes`);
      await this.rest();
    }
  }

  /** Goes on until every sample is judged, and all that follows from it is durable. */
  async rest(): Promise<void> {
    for (let moves = 0; !this.#isAtRest(); moves++) {
      if (moves > movesMax) throw new Error('nothing goes on any more: the position stands still (I14)');
      await this.#move();
    }
    this.#compactableBefore = this.#alarmsAtClaim;
  }

  #isAtRest(): boolean {
    const owner = this.#owner();
    if (owner === undefined || this.#acts.some((act) => !this.#instanceOf(act).isZombie)) return false;
    if (this.#instances.some((instance) => this.#isAwake(instance) && instance.hasRulesToLearn)) return false;
    const { next } = this.store.bounds(topics.metrics.name, 0);
    return this.#position === next;
  }

  /**
   * Has the present owner, whoever that comes to be, read the clocks once, when so much time has passed: with each new owner it passes
   * again, as no clock counts for one that did not watch it.
   */
  async #readClocks(passedMs: number, sawHead: SimClaim | undefined): Promise<void> {
    let lookedAt: SimClaim | undefined;
    while (lookedAt === undefined || this.#owner()?.claim !== lookedAt) {
      await this.rest();
      lookedAt = this.#owner()?.claim;
      if (lookedAt !== sawHead) await this.#tickAtRest();
      this.#time.goOn(passedMs);
      this.#tick(lookMs);
      await nextTurn();
      await this.rest();
    }
  }

  async #tickAtRest(): Promise<void> {
    this.#tick(lookMs);
    await nextTurn();
    await this.rest();
  }

  /** All that lives ends without a word, and others take over: twice, as the second restores what the first repaired. */
  async #endAll(): Promise<void> {
    for (let times = 0; times < 2; times++) {
      while (this.#late.length > 0) this.#late.shift()!();
      for (const instance of this.#instances) this.#kill(instance);
      await this.rest();
    }
  }

  // What may happen next.

  async #move(): Promise<void> {
    const ready = this.#readyActs();
    const zombies = this.#instances.filter((instance) => instance.isZombie && !instance.process.isDead);
    const learners = this.#instances.filter((instance) => this.#isAwake(instance) && instance.hasRulesToLearn);
    const isLonely = !this.#instances.some((instance) => instance.isAlive && !instance.isZombie);
    const move = this.#random.weighted<() => void>([
      [ready.length > 0 ? 12 : 0, () => this.#perform(this.#random.pick(ready))],
      [isLonely ? 6 : 0.05, () => this.#beBorn()],
      [learners.length > 0 ? 4 : 0, () => this.#random.pick(learners).learnRule()],
      [1, () => this.#tick(this.#random.pick([10, 100, 260]))],
      [zombies.length > 0 ? 2 : 0, () => this.#stirZombie(this.#random.pick(zombies))],
      [this.#late.length > 0 ? 0.5 : 0, () => this.#late.shift()!()],
      [0.3, () => this.#compact()],
      [this.#faultsLeft > 0 ? 0.25 : 0, () => this.#strike()],
    ]);
    move!();
    const position = this.#position;
    if (position !== this.#lastPosition) this.#watch.committed(position);
    this.#lastPosition = position;
    await nextTurn();
    if (this.#broken !== undefined) throw this.#broken;
  }

  get #position(): number {
    return this.store.position(`${topics.metrics.name}/${evaluateGroup}`, 0) ?? 0;
  }

  /**
   * Acts of one process may end in any order, but its appends and its commits keep theirs. A zombie ends what it was at, and
   * reads no more: it would judge new samples by rules of which it has not heard.
   */
  #readyActs(): Act[] {
    const first = new Map<string, Act>();
    for (const act of this.#acts) {
      const { isPaused, isZombie } = this.#instanceOf(act);
      if (isPaused || (isZombie && act.what.startsWith('read'))) continue;
      const kind = `${act.process.name} ${act.what.split(' ')[0]}`;
      if (!first.has(kind)) first.set(kind, act);
    }
    return [...first.values()];
  }

  #perform(act: Act): void {
    const number = this.#actCount++;
    this.#acts.splice(this.#acts.indexOf(act), 1);
    const planned = this.#options.crashAt;
    if (planned !== undefined && planned.act === number) return this.#crash(act, planned.when);
    if (this.#faultsLeft > 0 && this.#random.chance(faultChance[act.what.split(' ')[0]!] ?? 0.01)) {
      this.#faultsLeft -= 1;
      if (this.#random.chance(0.5)) return this.#crash(act, this.#random.pick(['before', 'amid', 'after']));
      return this.#loseAnswer(act);
    }
    this.#note(`${number}: ${act.process.name} ${act.what}`);
    for (const effect of act.effects) effect();
    act.answer();
  }

  #crash(act: Act, when: CrashWhen): void {
    this.#note(`${act.process.name} crashes ${when} it can ${act.what}`);
    this.#happen(act, when);
    this.#kill(this.#instanceOf(act));
  }

  /** The process is told that it could not be had. What did not happen yet may still. */
  #loseAnswer(act: Act): void {
    const when = this.#random.pick<CrashWhen>(['before', 'amid', 'after']);
    this.#note(`${act.process.name} hears nothing of its ${act.what}: lost ${when} it`);
    const left = this.#happen(act, when);
    if (act.what.startsWith('append') && this.#random.chance(0.5)) this.#late.push(...left);
    act.refuse(new LogUnavailable('the answer was lost'));
  }

  /** Lets some of the effects happen, and returns the others. */
  #happen(act: Act, when: CrashWhen): readonly (() => void)[] {
    const { length } = act.effects;
    const count = when === 'before' ? 0 : when === 'after' ? length : this.#random.below(length + 1);
    for (const effect of act.effects.slice(0, count)) effect();
    return act.effects.slice(count);
  }

  #strike(): void {
    const owner = this.#owner();
    if (owner === undefined) return;
    this.#faultsLeft -= 1;
    const fault = this.#random.weighted<Fault>([
      [3, 'kill'],
      [4, 'pause'],
      [1, 'hand over'],
    ]);
    this.#note(`${fault} ${owner.process.name}`);
    if (fault === 'kill') this.#kill(owner);
    else if (fault === 'hand over') owner.stop();
    else {
      owner.isPaused = true;
      owner.isZombie = true;
      if (owner.claim !== undefined) owner.claim.heardAtMs = -Infinity;
      this.#group.expel(owner.process);
    }
  }

  /** A paused process wakes, and takes itself for the owner for a while or sees at once that it is none; then it ends. */
  #stirZombie(zombie: SimInstance): void {
    const { claim } = zombie;
    if (zombie.isPaused) {
      zombie.isPaused = false;
      if (claim !== undefined) claim.believes = this.#random.chance(0.7);
      this.#note(
        `${zombie.process.name} wakes and ${claim?.believes === true ? 'suspects nothing' : 'looks at the clock'}`,
      );
    } else if (claim?.believes === true) {
      claim.believes = false;
      claim.lose();
    } else if (this.#random.chance(0.3)) this.#kill(zombie);
  }

  #beBorn(): void {
    if (this.#instances.filter((instance) => instance.isAlive).length >= 3) return;
    const instance = new SimInstance(`p${this.#born++}`, this.#groups, (act) => this.#acts.push(act));
    this.#note(`${instance.process.name} is born`);
    this.#instances.push(instance);
    instance.start();
  }

  #kill(instance: SimInstance): void {
    instance.process.die();
    for (const act of this.#acts.filter((one) => one.process === instance.process)) {
      this.#acts.splice(this.#acts.indexOf(act), 1);
    }
    this.#group.expel(instance.process);
  }

  #compact(): void {
    const before = this.#options.compactsEarly
      ? this.store.bounds(topics.alarms.name, 0).next
      : this.#random.below(this.#compactableBefore + 1);
    this.store.compact(topics.alarms.name, 0, before);
  }

  #tick(ms: number): void {
    this.#time.tick(ms, (owner) => owner instanceof SimInstance && owner.isPaused);
  }

  // Who is who.

  #owner(): SimInstance | undefined {
    return this.#instances.find((instance) => instance.claim?.isOwner === true && !instance.process.isDead);
  }

  #isAwake(instance: SimInstance): boolean {
    return !instance.process.isDead && !instance.isPaused;
  }

  #instanceOf(act: Act): SimInstance {
    return this.#instances.find((instance) => instance.process === act.process)!;
  }

  #noteClaim(claim: SimClaim): void {
    const instance = this.#instances.find(({ process }) => process === claim.member.process)!;
    instance.claim = claim;
    this.#alarmsAtClaim = this.store.bounds(topics.alarms.name, 0).next;
    this.#note(`${instance.process.name} claims the partition from ${claim.start}`);
    // Thrown here it would be taken for a fault of the claim's handler.
    try {
      this.#watch.claimed();
    } catch (error) {
      this.#broken ??= error;
    }
  }

  /** The world may fail an evaluator; anything else that it throws is a bug. */
  #noteFailure(error: unknown): void {
    this.#note(`begun anew after ${String(error)}`);
    if (!(error instanceof LogUnavailable || error instanceof ClaimLost)) this.#broken ??= error;
  }

  #note(what: string): void {
    this.trace.push(what);
  }
}
