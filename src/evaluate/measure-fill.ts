import type { Clock } from '../base/clock.ts';
import { fillBackMs } from '../measure/measures.ts';
import { recordsOf } from '../log/batch.ts';
import type { Log } from '../log/log.ts';
import { partitionOf } from '../log/murmur2.ts';
import { matchersKey } from '../rule/matcher.ts';
import { measureRequestsOf, type MeasureRequest } from '../rule/measure-request.ts';
import type { RuleChange, RulesInForce } from '../rule/rule-book.ts';
import type { RuleEntry } from '../rule/rule-list.ts';
import { topics } from '../topics.ts';
import type { PartitionEvaluator } from './partition-evaluator.ts';
import type { WindowBudget } from './window-budget.ts';

/** What one read of the log fills: measures of a metric's series, and the groups that a rule makes of them. */
interface Wanted {
  readonly name: string;
  readonly requests: readonly MeasureRequest[];
  /** Undefined when no groups are to be filled. */
  readonly rule: RuleEntry | undefined;
}

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
  /** The ids of rules whose groups must be filled. */
  readonly #wantedGroups = new Set<string>();
  readonly #book: RulesInForce;
  readonly #partition: number;
  readonly #clock: Clock;

  /** Begins with nothing to fill: a restored evaluator has all measures of the rules in the book. */
  constructor(book: RulesInForce, partition: number, clock: Clock) {
    this.#book = book;
    this.#partition = partition;
    this.#clock = clock;
  }

  ruleChanged(change: RuleChange, evaluator: PartitionEvaluator, atMs: number): void {
    if (change.kind !== 'set' && change.kind !== 'deleted') return;
    const { before } = change;
    const entry = change.kind === 'set' ? change.entry : undefined;
    // What the version before has not been filled with is still missing.
    const isWanted = this.#wantedGroups.delete((entry ?? before)!.rule.id);
    if (entry !== undefined && readsTheSame(entry, before)) {
      if (isWanted) this.#wantedGroups.add(entry.rule.id);
    } else if (entry !== undefined) {
      if (entry.condition.grouping !== undefined && entry.condition.enabled) {
        evaluator.subjects.beginGroups(entry, before, atMs);
        this.#wantedGroups.add(entry.rule.id);
      } else
        for (const request of measureRequestsOf(entry.condition)) add(this.#wanted, entry.rule.metric_name, request);
    }
    if (before === undefined) return;
    for (const request of measureRequestsOf(before.condition))
      this.#release(before.rule.metric_name, request, evaluator);
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
    if (this.#wanted.size === 0 && this.#wantedGroups.size === 0) return;
    const partitions = await log.partitionCount(topics.metrics.name);
    for (let wanted = this.#takeWanted(); wanted !== undefined; wanted = this.#takeWanted()) {
      const { name, requests } = wanted;
      // A rule that came during a restore or this fill may have left them half full; a group needs them at each sample.
      for (const request of requests) evaluator.dropMeasure(name, request.key);
      // A metric that belongs to another partition and was never seen here has nothing to fill.
      if (evaluator.metrics.has(name) || partitionOf(Buffer.from(name), partitions) === this.#partition) {
        await this.#fillOne(wanted, evaluator, log, before);
      }
      for (const request of requests) if (!this.#isAskedFor(name, request)) evaluator.dropMeasure(name, request.key);
    }
  }

  #takeWanted(): Wanted | undefined {
    for (const [name, requests] of this.#wanted) {
      for (const request of requests.values()) {
        requests.delete(request.key);
        return { name, requests: [request], rule: undefined };
      }
      this.#wanted.delete(name);
    }
    for (const ruleId of this.#wantedGroups) {
      this.#wantedGroups.delete(ruleId);
      const rule = this.#ruleOf(ruleId);
      if (rule !== undefined) return { name: rule.rule.metric_name, requests: measureRequestsOf(rule.condition), rule };
    }
    return undefined;
  }

  async #fillOne(wanted: Wanted, evaluator: PartitionEvaluator, log: Log, before: number): Promise<void> {
    const { name, requests, rule } = wanted;
    let timeMs = Number.isFinite(evaluator.newestMs) ? evaluator.newestMs : this.#clock.wallMs();
    if (rule !== undefined) {
      evaluator.subjects.emptyGroups(rule);
      timeMs = Math.min(timeMs, evaluator.subjects.oldestGroupMs(rule.rule.id)) - rule.condition.grouping!.staleMs;
    }
    const fromMs = Math.min(timeMs, ...requests.map((request) => this.#fillFromMs(evaluator, name, request, timeMs)));
    const key = Buffer.from(name);
    for await (const chunk of log.read(topics.metrics.name, this.#partition, {
      from: { timestampMs: Math.max(0, fromMs) },
      to: before,
      lends: true,
    })) {
      for (const record of recordsOf(chunk))
        if (record.key !== null && key.equals(record.key))
          evaluator.fill(record, requests, rule && this.#ruleOf(rule.rule.id));
    }
  }

  /** A rule whose groups are filled now; undefined while they are still wanted, and once nobody wants them. */
  #ruleOf(id: string): RuleEntry | undefined {
    const rule = this.#wantedGroups.has(id) ? undefined : this.#book.get(id);
    return rule?.condition.grouping !== undefined && rule.condition.enabled ? rule : undefined;
  }

  /** From when on a measure must be filled, for all series of a metric as they were at this time. */
  #fillFromMs(evaluator: PartitionEvaluator, name: string, { type, windowMs }: MeasureRequest, timeMs: number): number {
    let oldestMs = timeMs;
    for (const series of evaluator.metrics.get(name)?.series.values() ?? [])
      oldestMs = Math.min(oldestMs, series.timeMs);
    return oldestMs - fillBackMs(type, windowMs);
  }

  #release(name: string, request: MeasureRequest, evaluator: PartitionEvaluator): void {
    if (this.#isAskedFor(name, request)) return;
    this.#wanted.get(name)?.delete(request.key);
    evaluator.dropMeasure(name, request.key);
  }

  #isAskedFor(name: string, { key }: MeasureRequest): boolean {
    for (const { condition } of this.#book.byMetric(name))
      if (measureRequestsOf(condition).some((request) => request.key === key)) return true;
    return false;
  }
}

/** Whether a rule's new version needs the same measures of the same series, in the same groups, as the one before. */
function readsTheSame(entry: RuleEntry, before: RuleEntry | undefined): boolean {
  return before !== undefined && whatIsRead(entry) === whatIsRead(before);
}

function whatIsRead({ condition }: RuleEntry): string {
  const { metricName, tags, grouping, enabled } = condition;
  const keys = measureRequestsOf(condition).map(({ key }) => key);
  return JSON.stringify([metricName, matchersKey(tags), keys, grouping === undefined ? null : [grouping, enabled]]);
}

function add(wanted: Map<string, Map<string, MeasureRequest>>, name: string, request: MeasureRequest): void {
  const requests = wanted.get(name);
  if (requests === undefined) wanted.set(name, new Map([[request.key, request]]));
  else requests.set(request.key, request);
}
