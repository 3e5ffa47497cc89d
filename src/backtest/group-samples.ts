// What a rule with groups compares, for a chart: the evaluator's own groups, over the samples that are retained.
import { Groups } from '../evaluate/groups.ts';
import { SeriesBudget } from '../evaluate/series-budget.ts';
import type { SamplePlace } from '../alarm/alarm-state.ts';
import type { ReadSample } from '../evaluate/series-index.ts';
import { subjectKey, type Subject } from '../metric/subject.ts';
import { comparisons } from '../rule/comparison.ts';
import { concerns, valuesMade } from '../rule/condition.ts';
import { measureRequestsOf } from '../rule/measure-request.ts';
import type { RuleEntry } from '../rule/rule-list.ts';
import type { Rule } from '../rule/rule.ts';
import { bookOf, reachMsOf, tagsRead } from './backtest.ts';
import { readPast, type SamplesSource } from './read-past.ts';
import type { Samples } from './samples.ts';
import {
  ChartLines,
  inOrder,
  noPoints,
  noteSample,
  Quantiles,
  stretchMsOf,
  type ChartRange,
  type SeriesOrder,
  type SeriesPoints,
} from './series-points.ts';

export interface GroupSamplesOrder extends ChartRange {
  readonly rule: Rule;
  /** The only group that is wanted; undefined: all. */
  readonly only: Subject | undefined;
  /** At most so many groups. */
  readonly seriesMax: number;
  /** Members of the first group. */
  readonly membersMax: number;
  readonly order: SeriesOrder;
  readonly threshold: number;
}

/** A line of a chart for each group that a rule makes, and lines for the members of the first. */
export interface GroupSamples extends Samples {
  readonly members: { readonly series: readonly SeriesPoints[]; readonly total: number };
}

export async function readGroupSamples(
  source: SamplesSource,
  order: GroupSamplesOrder,
  signal: AbortSignal,
): Promise<GroupSamples> {
  const { rule, fromMs } = order;
  const book = bookOf(rule);
  const entry = book.get(rule.id)!;
  const { condition } = entry;
  const past = { metricName: rule.metric_name, tags: tagsRead(condition), sinceMs: fromMs - reachMsOf(condition) };
  const begin = (firstMs: number | undefined) => {
    const groups = new Groups(book);
    const requests = measureRequestsOf(condition);
    const { windows } = new SeriesBudget();
    const chart = new GroupChart(order, entry, stretchMsOf(order, firstMs));
    return {
      // A late sample changes what is compared at a time within the range.
      wants: () => true,
      take(read: ReadSample, sample: SamplePlace) {
        const { series, value } = read;
        if (!concerns(condition, series.tags)) return;
        series.saw(sample.offset, sample.timestampMs, value);
        for (const request of requests) series.addToMeasure(request, windows, sample.timestampMs, value);
        const compared = groups.take(entry, series, { value, sample, heardAtMs: -Infinity, isFill: false });
        chart.add(read, groups.groupOf(entry, series), sample, compared);
      },
      finish: () => chart.finish(),
    };
  };
  return readPast(source, past, begin, signal);
}

interface MemberPoints extends SeriesPoints {
  readonly groupKey: string;
}

class GroupChart {
  readonly #order: GroupSamplesOrder;
  readonly #entry: RuleEntry;
  readonly #only: string | undefined;
  readonly #groups: ChartLines<SeriesPoints>;
  readonly #members: ChartLines<MemberPoints>;
  readonly #quantiles = new Quantiles();
  #samples = 0;

  constructor(order: GroupSamplesOrder, entry: RuleEntry, stretchMs: number) {
    this.#order = order;
    this.#entry = entry;
    this.#only = order.only && subjectKey(order.only);
    this.#groups = new ChartLines(stretchMs);
    this.#members = new ChartLines(stretchMs);
  }

  /** A sample of a member of a group, with what is compared of the group then. */
  add(
    { series, value }: ReadSample,
    group: Subject & { readonly key: string; readonly timeMs: number },
    { offset, timestampMs }: { readonly offset: number; readonly timestampMs: number },
    compared: number | undefined,
  ): void {
    const { fromMs, toMs } = this.#order;
    if (this.#only !== undefined && group.key !== this.#only) return;
    // Its time is that of the group: a late member changes the value now.
    const { timeMs } = group;
    if (timeMs >= fromMs && timeMs <= toMs && compared !== undefined) {
      this.#quantiles.note(compared);
      const line = this.#groups.of(group.key, () => ({ ...noPoints(group.tags), group: group.group }));
      const point = { timestampMs: timeMs, value: compared, offset };
      if (line !== undefined) {
        noteSample(line, point, compared);
        this.#groups.add(line, point);
      }
    }
    if (timestampMs < fromMs || timestampMs > toMs) return;
    this.#samples++;
    const { condition } = this.#entry;
    const own = valuesMade(condition, series.tags).isFirst ? series.comparedValue(condition, value) : undefined;
    if (own === undefined) return;
    const member = this.#members.of(series.key, () => ({ ...noPoints(series.tags), groupKey: group.key }));
    if (member === undefined) return;
    const point = { timestampMs, value: own, offset };
    noteSample(member, point, own);
    this.#members.add(member, point);
  }

  finish(): Omit<GroupSamples, 'partition' | 'cutShort'> {
    const { seriesMax, membersMax, order, threshold } = this.#order;
    const series = inOrder(this.#groups.all, order, threshold).slice(0, seriesMax);
    const [first] = series;
    const key = first && subjectKey({ name: this.#entry.rule.metric_name, ...first });
    const ofFirst = [...this.#members.all].filter(({ groupKey }) => groupKey === key);
    const { where } = this.#entry.condition.grouping!;
    const members = inOrder(
      ofFirst,
      where === undefined ? order : comparisons[where.operator].nearest,
      where?.threshold ?? threshold,
    );
    return {
      series,
      seriesTotal: this.#groups.total,
      members: { series: members.slice(0, membersMax), total: members.length },
      samples: this.#samples,
      ...this.#quantiles.finish(),
    };
  }
}
