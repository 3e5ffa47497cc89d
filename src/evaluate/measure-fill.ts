import type { Clock } from '../base/clock.ts';
import { fillBackMs } from '../measure/measures.ts';
import { recordsOf } from '../log/batch.ts';
import type { Log } from '../log/log.ts';
import { partitionOf } from '../log/murmur2.ts';
import { matchersKey } from '../rule/matcher.ts';
import { measureRequestOf, type MeasureRequest } from '../rule/measure-request.ts';
import type { RuleChange, RulesInForce } from '../rule/rule-book.ts';
import type { RuleEntry } from '../rule/rule-list.ts';
import { topics } from '../topics.ts';
import type { PartitionEvaluator } from './partition-evaluator.ts';
import type { WindowBudget } from './window-budget.ts';

/**
 * Which measures of a partition's evaluator must still be filled. A measure is a function of the log alone, whenever its rule
 * was made: one that a rule newly asks for is filled from the log before the next sample is evaluated. It is filled even when
 * another rule of the metric asks for the same one: series that only the new rule matches had no measure so far, and samples
 * inside the unchanged interval did not reach it.
 */
export class MeasureFill {
  /** By metric, then by the request's key. */
  readonly #wanted = new Map<string, Map<string, MeasureRequest>>();
  /** What was held when refused windows were last wanted. */
  #heldAtRetry = Infinity;
  readonly #book: RulesInForce;
  readonly #partition: number;
  readonly #clock: Clock;

  /** Begins with nothing to fill: a restored evaluator has all measures of the rules in the book. */
  constructor(book: RulesInForce, partition: number, clock: Clock) {
    this.#book = book;
    this.#partition = partition;
    this.#clock = clock;
  }

  ruleChanged(change: RuleChange, evaluator: PartitionEvaluator): void {
    if (change.kind !== 'set' && change.kind !== 'deleted') return;
    if (change.kind === 'set') {
      const request = measureRequestOf(change.entry.condition);
      if (request !== undefined && !readsTheSame(change.entry, change.before))
        add(this.#wanted, change.entry.rule.metric_name, request);
    }
    const before = change.before === undefined ? undefined : measureRequestOf(change.before.condition);
    if (before !== undefined) this.#release(change.before!.rule.metric_name, before, evaluator);
  }

  /** Wants the windows that the budget had no room for, once it has: again only when even less is held than the last time. */
  retry(evaluator: PartitionEvaluator, budget: WindowBudget): void {
    const refused = budget.refused();
    if (refused.length === 0) this.#heldAtRetry = Infinity;
    else if (budget.isFree(this.#heldAtRetry)) {
      this.#heldAtRetry = budget.held;
      for (const { metricName, request } of refused)
        if (evaluator.metrics.has(metricName)) add(this.#wanted, metricName, request);
    }
  }

  /**
   * Fills what is wanted with the records before an offset: all those that the evaluator has taken. Rules may change
   * meanwhile: what they want is filled too, and what no rule asks for any more is dropped.
   */
  async fill(evaluator: PartitionEvaluator, log: Log, before: number): Promise<void> {
    if (this.#wanted.size === 0) return;
    const partitions = await log.partitionCount(topics.metrics.name);
    for (let wanted = this.#takeWanted(); wanted !== undefined; wanted = this.#takeWanted()) {
      const { name, request } = wanted;
      const key = Buffer.from(name);
      // A rule that came during a restore, or during this fill, may have left it half full.
      evaluator.dropMeasure(name, request.key);
      // A metric that belongs to another partition and was never seen here has nothing to fill.
      if (evaluator.metrics.has(name) || partitionOf(key, partitions) === this.#partition) {
        await this.#fillOne(evaluator, log, { key, name, request, before });
      }
      if (!this.#isAskedFor(name, request)) evaluator.dropMeasure(name, request.key);
    }
  }

  #takeWanted(): { name: string; request: MeasureRequest } | undefined {
    for (const [name, requests] of this.#wanted) {
      for (const request of requests.values()) {
        requests.delete(request.key);
        return { name, request };
      }
      this.#wanted.delete(name);
    }
    return undefined;
  }

  async #fillOne(
    evaluator: PartitionEvaluator,
    log: Log,
    wanted: { key: Buffer; name: string; request: MeasureRequest; before: number },
  ): Promise<void> {
    const { request } = wanted;
    const series = [...(evaluator.metrics.get(wanted.name)?.series.values() ?? [])];
    const newestMs = Number.isFinite(evaluator.newestMs) ? evaluator.newestMs : this.#clock.wallMs();
    const oldestMs = series.reduce((oldest, { timeMs }) => Math.min(oldest, timeMs), newestMs);
    const fromMs = oldestMs - fillBackMs(request.type, request.windowMs);
    for await (const chunk of log.read(topics.metrics.name, this.#partition, {
      from: { timestampMs: Math.max(0, fromMs) },
      to: wanted.before,
      lends: true,
    })) {
      for (const record of recordsOf(chunk)) {
        if (record.key !== null && wanted.key.equals(record.key)) evaluator.fillMeasure(record, request);
      }
    }
  }

  #release(name: string, request: MeasureRequest, evaluator: PartitionEvaluator): void {
    if (this.#isAskedFor(name, request)) return;
    this.#wanted.get(name)?.delete(request.key);
    evaluator.dropMeasure(name, request.key);
  }

  #isAskedFor(name: string, { key }: MeasureRequest): boolean {
    for (const { condition } of this.#book.byMetric(name)) if (measureRequestOf(condition)?.key === key) return true;
    return false;
  }
}

/** Whether a rule's new version needs the same measure of the same series as the one before. */
function readsTheSame(entry: RuleEntry, before: RuleEntry | undefined): boolean {
  if (before === undefined) return false;
  if (measureRequestOf(before.condition)?.key !== measureRequestOf(entry.condition)?.key) return false;
  const { metricName, tags } = entry.condition;
  return metricName === before.condition.metricName && matchersKey(tags) === matchersKey(before.condition.tags);
}

function add(wanted: Map<string, Map<string, MeasureRequest>>, name: string, request: MeasureRequest): void {
  const requests = wanted.get(name);
  if (requests === undefined) wanted.set(name, new Map([[request.key, request]]));
  else requests.set(request.key, request);
}
