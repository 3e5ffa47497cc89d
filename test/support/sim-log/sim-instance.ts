import { AsyncLocalStorage } from 'node:async_hooks';
import { Health } from '../../../src/base/health.ts';
import { createLogger } from '../../../src/base/logger.ts';
import { Meter } from '../../../src/base/meter.ts';
import { createEvaluate } from '../../../src/evaluate/evaluate.ts';
import { RuleBook } from '../../../src/rule/rule-book.ts';
import type { RuleFeed, RuleListener } from '../../../src/rule/rule-feed.ts';
import { topics } from '../../../src/topics.ts';
import type { SimClaim } from './sim-group.ts';
import { SimLog, type SimGroups } from './sim-log.ts';
import { SimProcess, type Conductor } from './sim-process.ts';

/** Says whose code is running, so that the timers of a paused process can be held. */
export const runningInstance = new AsyncLocalStorage<SimInstance>();

const logger = createLogger('silent', 'test');

/**
 * One instance of the evaluator in a process of its own: the real service, on a simulated log. It learns of the rules'
 * changes one by one, when the world says so.
 */
export class SimInstance {
  readonly process: SimProcess;
  readonly meter = new Meter();
  readonly #groups: SimGroups;
  readonly #book = new RuleBook();
  readonly #listeners = new Set<RuleListener>();
  readonly #caughtUp = Promise.withResolvers<void>();
  readonly #stop = new AbortController();
  readonly #rulesAtBirth: number;
  #rulesApplied = 0;
  /** Its code stands still, as under SIGSTOP. */
  isPaused = false;
  /** Others have its partition. */
  isZombie = false;
  /** Its claim of the partition, since it last had one. */
  claim: SimClaim | undefined;
  /** Why the service ended before it was told to. */
  failure: unknown;

  constructor(name: string, groups: SimGroups, conductor: Conductor) {
    this.process = new SimProcess(name, conductor);
    this.#groups = groups;
    this.#rulesAtBirth = this.#rules.length;
    if (this.#rulesAtBirth === 0) this.#caughtUp.resolve();
  }

  get #rules() {
    return this.#groups.store.records(topics.rules.name, 0);
  }

  start(): void {
    const rules: RuleFeed = {
      book: this.#book,
      caughtUp: this.#caughtUp.promise,
      subscribe: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    };
    const log = new SimLog(this.#groups, this.process);
    const service = createEvaluate({
      log,
      clock: this.#groups.clock,
      rules,
      health: new Health(),
      meter: this.meter,
      waits: { pauseMsMin: Infinity, graceMs: 0 },
      logger,
    });
    runningInstance.run(this, () => {
      service.run(this.#stop.signal).catch((error: unknown) => (this.failure = error));
    });
  }

  get hasRulesToLearn(): boolean {
    return this.#rulesApplied < this.#rules.length;
  }

  learnRule(): void {
    const { key, value, offset } = this.#rules[this.#rulesApplied++]!;
    runningInstance.run(this, () => {
      const change = this.#book.apply({ key: key!, value, partition: 0, offset });
      for (const listener of this.#listeners) listener(change, { partition: 0, offset, timestampMs: 0 });
    });
    if (this.#rulesApplied >= this.#rulesAtBirth) this.#caughtUp.resolve();
  }

  /** As on SIGTERM: it settles what it has under way, and gives its partition up. */
  stop(): void {
    this.#stop.abort();
  }

  get isStopping(): boolean {
    return this.#stop.signal.aborted;
  }

  get isAlive(): boolean {
    return !this.process.isDead && !this.isStopping;
  }
}
