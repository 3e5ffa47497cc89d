import { createLogger } from '../../../src/base/logger.ts';
import { PartitionEvaluator, type Outcome } from '../../../src/evaluate/partition-evaluator.ts';
import { restore } from '../../../src/evaluate/restore.ts';
import { MeasureFill } from '../../../src/evaluate/measure-fill.ts';
import { recordsOf } from '../../../src/log/batch.ts';
import type { Claim } from '../../../src/log/log.ts';
import type { NewRecord, RecordChunk } from '../../../src/log/record.ts';
import { RuleBook, type RuleRecord } from '../../../src/rule/rule-book.ts';
import { topics } from '../../../src/topics.ts';
import { Random } from '../sim-log/random.ts';
import { SimGroups, SimLog } from '../sim-log/sim-log.ts';
import { SimStore } from '../sim-log/sim-store.ts';
import { VirtualTime } from '../sim-log/virtual-time.ts';
import { beginsMs, type Step } from './history.ts';
import type { OracleNotification } from './oracle.ts';
import { seenNotification, seenState, type SeenState } from './seen.ts';

/** How records reach the evaluator: with care and one at a time, or as it reads them in production. */
export type Feed = 'one by one' | 'in chunks';

export const feeds: readonly Feed[] = ['one by one', 'in chunks'];

/** Hands a chunk to the evaluator. The only place that knows how. */
export function feedChunk(
  evaluator: PartitionEvaluator,
  { chunk, feed }: { chunk: RecordChunk; feed: Feed },
  count: (outcome: Outcome, records: number) => void,
): void {
  if (feed === 'in chunks') evaluator.evaluateChunk(chunk, count);
  else for (const record of recordsOf(chunk)) count(evaluator.evaluate(record), 1);
}

export interface TrialResult {
  readonly notifications: readonly OracleNotification[];
  /** In the order in which they were written. */
  readonly states: readonly SeenState[];
  /** How many records came to what. */
  readonly outcomes: ReadonlyMap<Outcome, number>;
}

const logger = createLogger('silent', 'test');

/** Runs a history through the evaluator, its measures and, at restarts, its restore, on a log without faults. */
export async function tryHistory(steps: readonly Step[], how: { feed: Feed; seed: number }): Promise<TrialResult> {
  const time = new VirtualTime(beginsMs);
  const trial = new Trial({ ...how, time });
  for (const step of steps) {
    if (step.kind === 'clock') time.clockMs = Math.max(time.clockMs, step.clockMs);
    if (step.kind === 'record') time.clockMs = Math.max(time.clockMs, step.timestampMs);
    await trial.take(step);
  }
  return trial.end();
}

class Trial {
  readonly #random: Random;
  readonly #store: SimStore;
  readonly #log: SimLog;
  readonly #feed: Feed;
  readonly #time: VirtualTime;
  readonly #book = new RuleBook();
  readonly #notifications: OracleNotification[] = [];
  readonly #states: SeenState[] = [];
  readonly #outcomes = new Map<Outcome, number>();
  #evaluator = new PartitionEvaluator(this.#book);
  #measureFill: MeasureFill;
  #position = 0;
  #committed = 0;
  /** It goes on only when a history has the clock read: so it does not matter when a record is. */
  #monotonicMs = 0;

  constructor({ feed, seed, time }: { feed: Feed; seed: number; time: VirtualTime }) {
    this.#feed = feed;
    this.#time = time;
    this.#measureFill = new MeasureFill(this.#book, 0, time);
    this.#random = new Random(seed);
    this.#store = new SimStore(this.#random);
    for (const settings of Object.values(topics)) this.#store.addTopic({ ...settings, partitions: 1 });
    this.#log = new SimLog(new SimGroups(this.#store, this.#time));
  }

  async take(step: Step): Promise<void> {
    if (step.kind === 'record') {
      const { key, value, timestampMs } = step;
      this.#store.append(topics.metrics.name, { key, value, timestampMs });
      // Some come to the evaluator together, some alone.
      if (this.#random.chance(0.5)) await this.#catchUp();
      return;
    }
    await this.#catchUp();
    if (step.kind === 'rule') this.#changeRule(step.rule.id, JSON.stringify(step.rule));
    else if (step.kind === 'deletion') this.#changeRule(step.ruleId, null);
    else if (step.kind === 'clock') this.#readClocks(step.clockMs, step.passedMs);
    else await this.#restart();
    this.#collect();
  }

  async end(): Promise<TrialResult> {
    await this.#catchUp();
    return { notifications: this.#notifications, states: this.#states, outcomes: this.#outcomes };
  }

  async #catchUp(): Promise<void> {
    const metrics = topics.metrics.name;
    const { next } = this.#store.bounds(metrics, 0);
    while (this.#position < next) {
      const chunk = this.#store.chunk(metrics, 0, this.#position, next);
      this.#evaluator.monotonicMs = this.#monotonicMs;
      await this.#measureFill.fill(this.#evaluator, this.#log, this.#position);
      feedChunk(this.#evaluator, { chunk, feed: this.#feed }, (outcome, records) => {
        this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + records);
      });
      this.#position = chunk.nextOffset;
      this.#collect();
      if (this.#random.chance(0.2)) this.#committed = this.#position;
    }
  }

  #readClocks(clockMs: number, passedMs: number): void {
    this.#monotonicMs += passedMs;
    this.#evaluator.passTime({ clockMs, monotonicMs: this.#monotonicMs, isAtHead: true });
  }

  #changeRule(id: string, value: string | null): void {
    const record = { key: Buffer.from(id), value: value === null ? null : Buffer.from(value), timestampMs: 0 };
    const place = this.#store.append(topics.rules.name, record);
    const change = this.#book.apply({ ...record, ...place } satisfies RuleRecord);
    // Else a restart would judge by the new version what the old one has judged.
    this.#committed = this.#position;
    this.#evaluator.ruleChanged(change, 0);
    this.#measureFill.ruleChanged(change, this.#evaluator, 0);
  }

  async #restart(): Promise<void> {
    const append = async (topic: string, records: readonly NewRecord[]): Promise<void> => {
      for (const record of records) this.#store.append(topic, record);
    };
    const claim = { partition: 0, committed: this.#committed, start: this.#committed, append } as unknown as Claim;
    const restored = await restore(claim, { log: this.#log, clock: this.#time, book: this.#book, logger });
    this.#evaluator = restored.evaluator;
    this.#evaluator.beganAt(this.#monotonicMs);
    this.#measureFill = new MeasureFill(this.#book, 0, this.#time);
    this.#position = restored.start;
    this.#collect();
    await this.#catchUp();
  }

  #collect(): void {
    const { ahead, notifications, states } = this.#evaluator.drain();
    for (const { key, value } of ahead)
      this.#store.append(topics.alarms.name, { key, value, timestampMs: this.#time.wallMs(), partition: 0 });
    for (const { value } of notifications) this.#notifications.push(seenNotification(value!));
    for (const { key, value } of states) {
      if (value !== null) this.#states.push(seenState(value));
      this.#store.append(topics.alarms.name, { key, value, timestampMs: this.#time.wallMs(), partition: 0 });
    }
  }
}
