// One alert of Prometheus as one rule, or the reason why there is none.
import { Failure } from '../base/failure.ts';
import { parseRule } from '../rule/parse-rule.ts';
import type { Rule } from '../rule/rule.ts';
import { severities, type Severity } from '../rule/severity.ts';
import { textsOf } from './annotations.ts';
import { withoutReason } from './divide.ts';
import { placeOf, Untranslatable, type Span } from './expression.ts';
import { interpret } from './interpret.ts';
import { isWithin, positive, type Limit } from './limit.ts';
import type { Absence, Condition, Meaning, SeriesValue, Value } from './meaning.ts';
import { parseExpression } from './parse-expression.ts';
import type { PrometheusAlert } from './prometheus-alert.ts';
import type { Warn } from './tags-of-matchers.ts';
import { lastingMsOf, staleMsOf, windowMsOf, type Timing } from './timing.ts';

/** A rule without its identity, in the order in which a rule file has its fields. */
export type RuleDraft = Partial<Omit<Rule, 'id'>>;

export interface Translated {
  readonly kind: 'translated';
  /** One; several where they became the levels of one rule. */
  readonly alerts: readonly [PrometheusAlert, ...PrometheusAlert[]];
  readonly rule: RuleDraft;
  /** What is not said by the rule, and what to check. */
  readonly notes: readonly string[];
}

export interface Refused {
  readonly kind: 'refused';
  readonly alert: PrometheusAlert;
  readonly reason: string;
  /** The part of the expression that is the reason; undefined where it is not the expression. */
  readonly at: Span | undefined;
}

export interface Translating extends Timing {
  /** Where notifications go; undefined leaves it to the author. */
  readonly receiver: string | undefined;
}

export function translateAlert(alert: PrometheusAlert, options: Translating): Translated | Refused {
  const notes: string[] = [];
  const warn = (text: string): void => {
    if (!notes.includes(text)) notes.push(text);
  };
  alert.groupNotes.forEach(warn);
  try {
    const subject = subjectOf(alert, warn);
    const meaning = interpret(parseExpression(alert.expr), warn);
    const rule: RuleDraft = {
      ...subject,
      ...evaluationOf(meaning, { alert, timing: options, warn }),
      ...(options.receiver !== undefined && { notify: [options.receiver] }),
    };
    checkRule(rule);
    return { kind: 'translated', alerts: [alert], rule, notes };
  } catch (error) {
    if (error instanceof Untranslatable) return { kind: 'refused', alert, reason: error.message, at: error.span };
    if (error instanceof Failure)
      return { kind: 'refused', alert, reason: `no rule may be so: ${error.message}`, at: undefined };
    throw error;
  }
}

/** "column 12: rate(x[5m] offset 1h)"; nothing where the reason is not in the expression. */
export function placeText({ alert, at }: Refused): string {
  if (at === undefined) return '';
  const part = alert.expr.slice(at.from, at.to).replaceAll(/\s+/g, ' ').trim();
  const shown = Array.from(part);
  const short = shown.length > partCharactersMax ? `${shown.slice(0, partCharactersMax).join('')}…` : part;
  return `${placeOf(alert.expr, at)}${short === '' ? '' : `: ${short}`}`;
}

const partCharactersMax = 80;

const anyId = '00000000-0000-4000-8000-000000000000';
const anyReceiver = 'any';

/** Throws a Failure where the rules API would refuse the rule, when it has a receiver. */
function checkRule(rule: RuleDraft): void {
  parseRule({ ...rule, notify: rule.notify ?? [anyReceiver] }, { id: anyId, idInInput: 'refused' });
}

/** Name, texts and labels: what does not depend on the expression. */
function subjectOf(alert: PrometheusAlert, warn: Warn): RuleDraft {
  const labels: [label: string, value: string][] = [];
  let severity: Severity | undefined;
  for (const [label, value] of Object.entries(alert.labels)) {
    if (value === '') continue;
    if (value.includes('{{')) warn(`the label ${label} is left out: a rule's labels have no templates`);
    else if (label === 'severity' && isSeverity(value)) severity = value;
    else {
      if (label === 'severity') warn(`severity ${value} stays a label: a rule's severity is ${severities.join(', ')}`);
      labels.push([label, value]);
    }
  }
  return {
    name: alert.name,
    ...textsOf(alert.annotations, warn),
    ...(severity !== undefined && { severity }),
    ...(labels.length > 0 && { labels: Object.fromEntries(labels) }),
  };
}

function isSeverity(value: string): value is Severity {
  return (severities as readonly string[]).includes(value);
}

interface Evaluating {
  readonly alert: PrometheusAlert;
  readonly timing: Timing;
  readonly warn: Warn;
}

function evaluationOf(meaning: Meaning, evaluating: Evaluating): RuleDraft {
  const rule = fieldsOf(meaning, evaluating);
  // By convention only recording rules have colons in their names.
  if (rule.metric_name?.includes(':') === true)
    evaluating.warn(`${rule.metric_name} looks like the result of a recording rule: Prometheus must go on sending it`);
  return rule;
}

function fieldsOf(meaning: Meaning, evaluating: Evaluating): RuleDraft {
  if (meaning.kind === 'absence') return absenceRule(meaning, evaluating);
  if (meaning.kind === 'condition' && !meaning.isBool) return conditionRule(meaning, evaluating);
  if (meaning.kind === 'value') return conditionRule(existenceOf(meaning, evaluating.warn), evaluating);
  throw new Untranslatable('the expression has a value all the time, and would always fire', meaning);
}

/** An expression without a comparison: it fires while there is a value. */
function existenceOf(value: Value, warn: Warn): Condition {
  const { from, to } = value;
  if (value.group?.aggregate === 'count_where' && value.isAbsentAtZero)
    return { kind: 'condition', value, limit: positive, isBool: false, from, to };
  if (value.second !== undefined || value.isAbsentAtZero)
    throw new Untranslatable('there is no comparison: the expression fires while it has a value', value);
  warn('there is no comparison: it fires for whatever exists, as in Prometheus');
  const limit = { operator: '>=', threshold: -Number.MAX_VALUE } as const;
  return { kind: 'condition', value, limit, isBool: false, from, to };
}

function absenceRule({ series, limit }: Absence, { alert, timing }: Evaluating): RuleDraft {
  const staleMs = staleMsOf(series.rangeMs, timing);
  const forMs = lastingMsOf(alert.forMs, timing);
  return {
    ...seriesFields(series),
    ...(limit !== undefined && measureFields(series, timing, series)),
    group_by: [],
    ...(limit !== undefined && {
      aggregate: 'count_where',
      aggregate_where: { operator: limit.operator, threshold: limit.threshold },
      stale_seconds: seconds(staleMs),
      operator: '<',
      threshold: 1,
      ...lasting(alert, timing),
    }),
    no_data_seconds: seconds(staleMs + forMs),
  };
}

function conditionRule(condition: Condition, evaluating: Evaluating): RuleDraft {
  const { value, limit } = condition;
  const { series, group, second } = value;
  const { alert, timing, warn } = evaluating;
  if (group?.isWithout === true) throw new Untranslatable(withoutReason, condition);
  checkReach(condition, warn);
  if (second !== undefined) warn('while the divisor is 0 the alarm keeps its state; in Prometheus it resolves');
  const rangeMs = Math.max(series.rangeMs ?? 0, second?.rangeMs ?? 0);
  const staleMs = staleMsOf(rangeMs === 0 ? undefined : rangeMs, timing);
  if (rangeMs > 0 && rangeMs < 2 * timing.scrapeIntervalMs)
    warn(`a range of ${seconds(rangeMs)} s holds less than two scrapes`);
  return {
    ...seriesFields(series),
    ...measureFields(series, timing, condition),
    ...(group !== undefined && {
      group_by: group.by,
      aggregate: group.aggregate,
      ...(group.where !== undefined && { aggregate_where: group.where }),
      stale_seconds: seconds(staleMs),
    }),
    ...(second !== undefined && { divide_by: secondFields(series, second, { timing, at: condition }) }),
    operator: limit.operator,
    threshold: limit.threshold,
    ...lasting(alert, timing),
    // What is kept firing is so without data, too.
    resolve_without_data_seconds: seconds(staleMs + lastingMsOf(alert.keepFiringMs, timing)),
  };
}

function seriesFields({ metric, tags }: SeriesValue): RuleDraft {
  return { metric_name: metric, ...(Object.keys(tags).length > 0 && { tags }) };
}

function measureFields({ type, rangeMs, percentile }: SeriesValue, timing: Timing, at: Span | SeriesValue): RuleDraft {
  const windowMs = windowMsOf(type, rangeMs, timing);
  if (windowMs === undefined) return {};
  if (windowMs <= 0)
    throw new Untranslatable(
      'the range is shorter than half a scrape interval',
      'from' in at ? at : { from: 0, to: 0 },
    );
  return {
    type,
    window_duration_seconds: seconds(windowMs),
    ...(percentile !== undefined && { percentile }),
  };
}

interface SecondOptions {
  readonly timing: Timing;
  readonly at: Span;
}

/** What of a ratio's second value differs from the first. */
function secondFields(
  first: SeriesValue,
  second: SeriesValue,
  { timing, at }: SecondOptions,
): NonNullable<Rule['divide_by']> {
  const own = measureFields(second, timing, at);
  const given = measureFields(first, timing, at);
  return {
    tags: second.tags,
    ...(second.type !== first.type && { type: second.type }),
    ...(own.window_duration_seconds !== undefined &&
      own.window_duration_seconds !== given.window_duration_seconds && {
        window_duration_seconds: own.window_duration_seconds,
      }),
    ...(own.percentile !== undefined && own.percentile !== given.percentile && { percentile: own.percentile }),
  };
}

function lasting({ forMs, keepFiringMs }: PrometheusAlert, timing: Timing): RuleDraft {
  const [fireMs, resolveMs] = [lastingMsOf(forMs, timing), lastingMsOf(keepFiringMs, timing)];
  return {
    ...(fireMs > 0 && { for_seconds: seconds(fireMs) }),
    ...(resolveMs > 0 && { resolve_for_seconds: seconds(resolveMs) }),
  };
}

/** Values that fall to 0, or end, as what they count does. */
function fallsWithData({ series, group, second }: Value): boolean {
  const counts = ['window_increase', 'window_rate', 'window_count', 'window_changes', 'window_sum'];
  const aggregated = ['count', 'count_where', 'share_where', 'sum'];
  return second !== undefined || counts.includes(series.type) || aggregated.includes(group?.aggregate ?? '');
}

/** Refuses what never fires in Prometheus, and warns where the result depends on what there is no data of. */
function checkReach(condition: Condition, warn: Warn): void {
  const { value, limit } = condition;
  const { aggregate } = value.group ?? {};
  if (aggregate === 'count' && value.second === undefined && !canCount(limit))
    throw new Untranslatable(
      'a count is 1 at the least in Prometheus, so that this never fires: see absent()',
      condition,
    );
  if (!isWithin(limit, 0) || !fallsWithData(value)) return;
  if (!value.isAbsentAtZero)
    return warn(
      'it fires on low values: where all series have ended there is no value, and the alarm resolves, as in Prometheus',
    );
  if (aggregate === 'count_where' && !canCount(limit))
    throw new Untranslatable(
      'a count is 1 at the least in Prometheus, so that this never fires: see absent()',
      condition,
    );
  const what = value.second === undefined ? 'where no series is within the limit' : 'where the dividend has no series';
  warn(`${what} the rule has 0 and fires; Prometheus has no value and does not`);
}

/** Whether some number of series is within a limit. */
function canCount(limit: Limit): boolean {
  const near = Math.max(1, Math.floor(limit.threshold));
  return [1, near, near + 1, Number.MAX_SAFE_INTEGER].some((count) => isWithin(limit, count));
}

/** Exact to the millisecond. */
function seconds(milliseconds: number): number {
  return Math.round(milliseconds) / 1_000;
}
