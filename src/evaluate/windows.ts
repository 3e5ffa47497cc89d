import { windowFillFromMs } from '../alarm/window.ts';
import { recordsOf } from '../log/batch.ts';
import type { Log } from '../log/log.ts';
import { partitionOf } from '../log/murmur2.ts';
import { seriesKey } from '../metric/series.ts';
import type { RuleBook, RuleChange } from '../rule/rule-book.ts';
import type { RuleEntry } from '../rule/rule-list.ts';
import { topics } from '../topics.ts';
import type { PartitionEvaluator } from './partition-evaluator.ts';
import { asksForWindow } from './series-state.ts';

/**
 * Which windows of a partition's evaluator are still to be filled. A window is a function of the log alone, whenever its rule
 * was made: so one that a rule newly asks for is filled from the log before the next sample is judged. That another rule of
 * the metric asks for the same duration is no reason to leave it: the series that only the new one matches were not judged by
 * any window so far, and the samples that change nothing have passed theirs by.
 */
export class Windows {
  readonly #wanted = new Map<string, Set<number>>();
  readonly #book: RuleBook;
  readonly #partition: number;

  /** Begins with nothing to be filled: a restored evaluator has all windows of the rules in the book. */
  constructor(book: RuleBook, partition: number) {
    this.#book = book;
    this.#partition = partition;
  }

  ruleChanged(change: RuleChange, evaluator: PartitionEvaluator): void {
    if (change.kind !== 'set' && change.kind !== 'deleted') return;
    if (change.kind === 'set' && asksForWindow(change.entry) && !isSameWindow(change.entry, change.before))
      add(this.#wanted, change.entry.rule.metric_name, change.entry.condition.windowMs);
    if (change.before !== undefined && asksForWindow(change.before)) {
      this.#release(change.before.rule.metric_name, change.before.condition.windowMs, evaluator);
    }
  }

  /**
   * Fills what is wanted with the records before an offset: all those that the evaluator has taken. Rules may change
   * meanwhile: what they want is filled too, and what nobody asks for any more is dropped.
   */
  async fill(evaluator: PartitionEvaluator, log: Log, before: number): Promise<void> {
    if (this.#wanted.size === 0) return;
    const partitions = await log.partitionCount(topics.metrics.name);
    for (let wanted = this.#takeWanted(); wanted !== undefined; wanted = this.#takeWanted()) {
      const { name, windowMs } = wanted;
      const key = Buffer.from(name);
      // A rule that came in the midst of a restore, or of this, may have left it half full.
      evaluator.dropWindow(name, windowMs);
      // A metric that belongs elsewhere and was never seen here has nothing to fill.
      if (evaluator.metrics.has(name) || partitionOf(key, partitions) === this.#partition) {
        await this.#fillOne(evaluator, log, { key, name, windowMs, before });
      }
      if (!this.#isAskedFor(name, windowMs)) evaluator.dropWindow(name, windowMs);
    }
  }

  #takeWanted(): { name: string; windowMs: number } | undefined {
    for (const [name, windows] of this.#wanted) {
      for (const windowMs of windows) {
        windows.delete(windowMs);
        return { name, windowMs };
      }
      this.#wanted.delete(name);
    }
    return undefined;
  }

  async #fillOne(
    evaluator: PartitionEvaluator,
    log: Log,
    window: { key: Buffer; name: string; windowMs: number; before: number },
  ): Promise<void> {
    const series = [...(evaluator.metrics.get(window.name)?.series.values() ?? [])];
    const newestMs = Number.isFinite(evaluator.newestMs) ? evaluator.newestMs : Date.now();
    const oldestMs = series.reduce((oldest, { timeMs }) => Math.min(oldest, timeMs), newestMs);
    const timestampMs = Math.max(0, windowFillFromMs(oldestMs, window.windowMs));
    for await (const chunk of log.read(topics.metrics.name, this.#partition, {
      from: { timestampMs },
      to: window.before,
      lends: true,
    })) {
      for (const record of recordsOf(chunk)) {
        if (record.key !== null && window.key.equals(record.key)) evaluator.fillWindow(record, window.windowMs);
      }
    }
  }

  #release(name: string, windowMs: number, evaluator: PartitionEvaluator): void {
    if (this.#isAskedFor(name, windowMs)) return;
    this.#wanted.get(name)?.delete(windowMs);
    evaluator.dropWindow(name, windowMs);
  }

  #isAskedFor(name: string, windowMs: number): boolean {
    for (const rule of this.#book.byMetric(name))
      if (asksForWindow(rule) && rule.condition.windowMs === windowMs) return true;
    return false;
  }
}

/** Whether a rule's new version is judged by the same windows of the same series as the one before. */
function isSameWindow(entry: RuleEntry, before: RuleEntry | undefined): boolean {
  if (before === undefined || !asksForWindow(before)) return false;
  const { metricName, windowMs, tags } = entry.condition;
  if (before.condition.metricName !== metricName || before.condition.windowMs !== windowMs) return false;
  return seriesKey(metricName, tags) === seriesKey(metricName, before.condition.tags);
}

function add(map: Map<string, Set<number>>, name: string, windowMs: number): void {
  const set = map.get(name);
  if (set === undefined) map.set(name, new Set([windowMs]));
  else set.add(windowMs);
}
