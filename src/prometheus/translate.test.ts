// Each shape of an expression with the fields of its rule, and each refusal with the part of the expression that is its reason. The
// scrape interval is 15 s.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { PrometheusAlert } from './prometheus-alert.ts';
import { placeText, translateAlert, type Refused, type Translated, type Translating } from './translate.ts';

const options: Translating = { scrapeIntervalMs: 15_000, isPushed: false, receiver: 'ops' };

function translate(expr: string, given: Partial<PrometheusAlert> = {}, how = options): Translated | Refused {
  const alert: PrometheusAlert = {
    name: 'A',
    group: 'g',
    expr,
    for: undefined,
    forMs: 0,
    keepFiringMs: 0,
    labels: {},
    annotations: {},
    groupNotes: [],
    ...given,
  };
  return translateAlert(alert, how);
}

function ruleOf(expr: string, given?: Partial<PrometheusAlert>, how?: Translating): Record<string, unknown> {
  const result = translate(expr, given, how);
  assert.ok(result.kind === 'translated', result.kind === 'refused' ? `${result.reason} ${placeText(result)}` : '');
  const { name: _name, notify: _notify, ...rule } = result.rule;
  return rule;
}

/** Of a value without a window, and of one with 5 min. */
const newest = { resolve_without_data_seconds: 25.5 };
const inRange = { resolve_without_data_seconds: 300 };
const grouped = { stale_seconds: 25.5, ...newest };
const groupedInRange = { stale_seconds: 300, ...inRange };
const whole = { window_duration_seconds: 300 };
const shorter = { window_duration_seconds: 292.5 };

const shapes: Readonly<Record<string, object>> = {
  // A value and a constant.
  'a > 5': { metric_name: 'a', operator: '>', threshold: 5, ...newest },
  '5 >= a': { metric_name: 'a', operator: '<=', threshold: 5, ...newest },
  'a{b="c"} != 0': { metric_name: 'a', tags: { b: 'c' }, operator: '!=', threshold: 0, ...newest },
  'a > 2 * 1024 ^ 2': { metric_name: 'a', operator: '>', threshold: 2_097_152, ...newest },
  'a > -(5)': { metric_name: 'a', operator: '>', threshold: -5, ...newest },
  'a * 100 > 80': { metric_name: 'a', operator: '>', threshold: 0.8, ...newest },
  '100 - a / 2 < 60': { metric_name: 'a', operator: '>', threshold: 80, ...newest },
  '-a > 5': { metric_name: 'a', operator: '<', threshold: -5, ...newest },
  '(a > bool 5) == 1': { metric_name: 'a', operator: '>', threshold: 5, ...newest },
  'last_over_time(a[5m]) > 5': { metric_name: 'a', operator: '>', threshold: 5, ...inRange },
  // Functions of a range.
  'increase(a[5m]) > 5': {
    metric_name: 'a',
    type: 'window_increase',
    ...whole,
    operator: '>',
    threshold: 5,
    ...inRange,
  },
  'rate(a[5m]) * 60 > 5': {
    ...{ metric_name: 'a', type: 'window_rate', ...whole, operator: '>', threshold: 5 / 60 },
    ...inRange,
  },
  'delta(a[5m]) > 5': { metric_name: 'a', type: 'window_delta', ...whole, operator: '>', threshold: 5, ...inRange },
  'avg_over_time(a[5m]) > 5': {
    ...{ metric_name: 'a', type: 'window_average', ...shorter, operator: '>', threshold: 5 },
    ...inRange,
  },
  'min_over_time(a[5m]) > 5': {
    metric_name: 'a',
    type: 'window_min',
    ...shorter,
    operator: '>',
    threshold: 5,
    ...inRange,
  },
  'max_over_time(a[5m]) > 5': {
    metric_name: 'a',
    type: 'window_max',
    ...shorter,
    operator: '>',
    threshold: 5,
    ...inRange,
  },
  'sum_over_time(a[5m]) > 5': {
    metric_name: 'a',
    type: 'window_sum',
    ...shorter,
    operator: '>',
    threshold: 5,
    ...inRange,
  },
  'count_over_time(a[5m]) > 5': {
    ...{ metric_name: 'a', type: 'window_count', ...shorter, operator: '>', threshold: 5 },
    ...inRange,
  },
  'stddev_over_time(a[5m]) > 5': {
    ...{ metric_name: 'a', type: 'window_stddev', ...shorter, operator: '>', threshold: 5 },
    ...inRange,
  },
  'quantile_over_time(0.07, a[5m]) > 5': {
    ...{ metric_name: 'a', type: 'window_percentile', ...shorter, percentile: 7, operator: '>', threshold: 5 },
    ...inRange,
  },
  'changes(a[5m]) > 5': {
    metric_name: 'a',
    type: 'window_changes',
    ...shorter,
    operator: '>',
    threshold: 5,
    ...inRange,
  },
  // Groups.
  'sum by (b) (a) > 5': {
    ...{ metric_name: 'a', group_by: ['b'], aggregate: 'sum', ...grouped, operator: '>', threshold: 5 },
  },
  'avg(a * 2 + 1) > 5': {
    ...{ metric_name: 'a', group_by: [], aggregate: 'average', ...grouped, operator: '>', threshold: 2 },
  },
  'min(a) > 5': { metric_name: 'a', group_by: [], aggregate: 'min', ...grouped, operator: '>', threshold: 5 },
  'max(rate(a[5m])) by (b) > 5': {
    ...{ metric_name: 'a', type: 'window_rate', ...whole, group_by: ['b'], aggregate: 'max' },
    ...{ ...groupedInRange, operator: '>', threshold: 5 },
  },
  'count(a * 8) > 5': { metric_name: 'a', group_by: [], aggregate: 'count', ...grouped, operator: '>', threshold: 5 },
  'count(a > 1) > 5': {
    ...{ metric_name: 'a', group_by: [], aggregate: 'count_where', aggregate_where: { operator: '>', threshold: 1 } },
    ...{ ...grouped, operator: '>', threshold: 5 },
  },
  'sum(a == 1) > 5': {
    ...{ metric_name: 'a', group_by: [], aggregate: 'count_where', aggregate_where: { operator: '==', threshold: 1 } },
    ...{ ...grouped, operator: '>', threshold: 5 },
  },
  'sum(a > bool 1) < 5': {
    ...{ metric_name: 'a', group_by: [], aggregate: 'count_where', aggregate_where: { operator: '>', threshold: 1 } },
    ...{ ...grouped, operator: '<', threshold: 5 },
  },
  'avg(a > bool 1) > 0.5': {
    ...{ metric_name: 'a', group_by: [], aggregate: 'share_where', aggregate_where: { operator: '>', threshold: 1 } },
    ...{ ...grouped, operator: '>', threshold: 0.5 },
  },
  '100 * count by (b) (a == 0) / count by (b) (a) > 10': {
    ...{
      metric_name: 'a',
      group_by: ['b'],
      aggregate: 'share_where',
      aggregate_where: { operator: '==', threshold: 0 },
    },
    ...{ ...grouped, operator: '>', threshold: 0.1 },
  },
  'sum(a) / count(a) > 5': {
    ...{ metric_name: 'a', group_by: [], aggregate: 'average', ...grouped, operator: '>', threshold: 5 },
  },
  'sum by (b) (sum by (b, c) (a)) > 5': {
    ...{ metric_name: 'a', group_by: ['b'], aggregate: 'sum', ...grouped, operator: '>', threshold: 5 },
  },
  'max by (b) (max without (c) (a)) > 5': {
    ...{ metric_name: 'a', group_by: ['b'], aggregate: 'max', ...grouped, operator: '>', threshold: 5 },
  },
  'max by (b) (sum by (b) (a)) > 5': {
    ...{ metric_name: 'a', group_by: ['b'], aggregate: 'sum', ...grouped, operator: '>', threshold: 5 },
  },
  'topk by (b) (1, a) > 5': {
    ...{ metric_name: 'a', group_by: ['b'], aggregate: 'max', ...grouped, operator: '>', threshold: 5 },
  },
  'max(a > 5)': { metric_name: 'a', group_by: [], aggregate: 'max', ...grouped, operator: '>', threshold: 5 },
  'min by (b) (a == 0)': {
    ...{
      metric_name: 'a',
      group_by: ['b'],
      aggregate: 'count_where',
      aggregate_where: { operator: '==', threshold: 0 },
    },
    ...{ ...grouped, operator: '>', threshold: 0 },
  },
  // Ratios.
  'sum by (b) (rate(a{c="d"}[5m])) / sum by (b) (rate(a[5m])) > 0.05': {
    ...{ metric_name: 'a', tags: { c: 'd' }, type: 'window_rate', ...whole, group_by: ['b'], aggregate: 'sum' },
    ...{ ...groupedInRange, divide_by: { tags: {} }, operator: '>', threshold: 0.05 },
  },
  'sum(a{c="d"}) * 100 / sum(a) > 5 and sum(a) > 0': {
    ...{ metric_name: 'a', tags: { c: 'd' }, group_by: [], aggregate: 'sum', ...grouped, divide_by: { tags: {} } },
    ...{ operator: '>', threshold: 0.05 },
  },
  'sum(a{c="d"}) / (sum(a) > 0) > 0.05': {
    ...{ metric_name: 'a', tags: { c: 'd' }, group_by: [], aggregate: 'sum', ...grouped, divide_by: { tags: {} } },
    ...{ operator: '>', threshold: 0.05 },
  },
  'sum(a{c="d"}) / (sum(a) * 2) > 0.05': {
    ...{ metric_name: 'a', tags: { c: 'd' }, group_by: [], aggregate: 'sum', ...grouped, divide_by: { tags: {} } },
    ...{ operator: '>', threshold: 0.1 },
  },
  'a{c="d"} / on (b) a{c="e"} > 0.9': {
    ...{ metric_name: 'a', tags: { c: 'd' }, group_by: ['b'], aggregate: 'sum', ...grouped },
    ...{ divide_by: { tags: { c: 'e' } }, operator: '>', threshold: 0.9 },
  },
  'sum(increase(a[5m])) / sum(increase(a[10m])) > 0.9': {
    ...{ metric_name: 'a', type: 'window_increase', ...whole, group_by: [], aggregate: 'sum', stale_seconds: 600 },
    ...{ divide_by: { tags: {}, window_duration_seconds: 600 }, operator: '>', threshold: 0.9 },
    resolve_without_data_seconds: 600,
  },
  'avg(a) / avg(avg_over_time(a[5m])) > 2': {
    ...{ metric_name: 'a', group_by: [], aggregate: 'average', stale_seconds: 300 },
    ...{ divide_by: { tags: {}, type: 'window_average', window_duration_seconds: 292.5 }, operator: '>', threshold: 2 },
    ...inRange,
  },
  // Two conditions that are one.
  'a > 5 and a > 0': { metric_name: 'a', operator: '>', threshold: 5, ...newest },
  'a > 5 or a >= 5': { metric_name: 'a', operator: '>=', threshold: 5, ...newest },
  'a == 2 and a > 0': { metric_name: 'a', operator: '==', threshold: 2, ...newest },
  'a{b="c"} > 5 or a{b="d"} > 5': { metric_name: 'a', tags: { b: ['c', 'd'] }, operator: '>', threshold: 5, ...newest },
  'a{b="c", constructor="d"} > 5 or a{b="c", constructor="e"} > 5': {
    ...{ metric_name: 'a', tags: { b: 'c', constructor: ['d', 'e'] }, operator: '>', threshold: 5, ...newest },
  },
  'sum(a) > 5 and count(a) > 0': {
    ...{ metric_name: 'a', group_by: [], aggregate: 'sum', ...grouped, operator: '>', threshold: 5 },
  },
  // Absence.
  'absent(a{b="c"})': { metric_name: 'a', tags: { b: 'c' }, group_by: [], no_data_seconds: 25.5 },
  'absent(a) == 1': { metric_name: 'a', group_by: [], no_data_seconds: 25.5 },
  'absent(sum(a))': { metric_name: 'a', group_by: [], no_data_seconds: 25.5 },
  'absent_over_time(a[5m])': { metric_name: 'a', group_by: [], no_data_seconds: 300 },
  'absent(a == 1)': {
    ...{ metric_name: 'a', group_by: [], aggregate: 'count_where', aggregate_where: { operator: '==', threshold: 1 } },
    ...{ stale_seconds: 25.5, operator: '<', threshold: 1, no_data_seconds: 25.5 },
  },
  // Existence.
  'a{b="c"}': { metric_name: 'a', tags: { b: 'c' }, operator: '>=', threshold: -Number.MAX_VALUE, ...newest },
};

for (const [expr, rule] of Object.entries(shapes)) test(expr, () => assert.deepEqual(ruleOf(expr), rule));

/** The reason, and the part of the expression. */
const refusals: Readonly<Record<string, readonly [reason: RegExp, place: string]>> = {
  'a >': [/not PromQL/, 'column 4'],
  'a / b > 0.9': [/one metric, and here are a and b/, 'column 1: a / b'],
  'a > b': [/one metric, and here are a and b/, 'column 1: a > b'],
  'a > 5 or a{constructor="b"} > 5': [/two about a/, 'column 1: a > 5 or a{constructor="b"} > 5'],
  'a > 5 and b > 0': [/one metric, and here are a and b/, 'column 1: a > 5 and b > 0'],
  'a > 5 and on (c) a > 0': [/and joins two/, 'column 1: a > 5 and on (c) a > 0'],
  'a > 5 and a < 9': [/range between two/, 'column 1: a > 5 and a < 9'],
  'a < 5 or a > 9': [/here are two/, 'column 1: a < 5 or a > 9'],
  'a > 0 or absent(a)': [/or joins two/, 'column 1: a > 0 or absent(a)'],
  'a > 0 unless a > 5': [/unless is about two/, 'column 1: a > 0 unless a > 5'],
  'rate(a[5m]) > 0 and rate(a[1h]) > 0': [/two about a/, 'column 1: rate(a[5m]) > 0 and rate(a[1h]) > 0'],
  '0 < a < 5': [/compares once/, 'column 1: 0 < a < 5'],
  'a > bool 5': [/would always fire/, 'column 1: a > bool 5'],
  'a > Inf': [/finite number/, 'column 5: Inf'],
  'a > a offset 1h': [/offset compares with the past/, 'column 7: offset 1h'],
  'a @ 5 > 1': [/@ names one moment/, 'column 3: @ 5'],
  'max_over_time(rate(a[5m])[1h:]) > 1': [/a subquery/, 'column 15: rate(a[5m])[1h:]'],
  'irate(a[5m]) > 1': [/newest two samples/, 'column 1: irate(a[5m])'],
  'deriv(a[5m]) > 1': [/fits a line/, 'column 1: deriv(a[5m])'],
  'predict_linear(a[1h], 3600) < 0': [/fits a line/, 'column 1: predict_linear(a[1h], 3600)'],
  'time() - a > 60': [/time of the evaluation/, 'column 1: time()'],
  'abs(a) > 1': [/not a function of it/, 'column 1: abs(a)'],
  'vector(1)': [/no series/, 'column 1: vector(1)'],
  'label_replace(a, "b", "$1", "c", "(.*)") > 1': [
    /changes labels/,
    'column 1: label_replace(a, "b", "$1", "c", "(.*)")',
  ],
  'histogram_quantile(0.9, sum by (le) (rate(a[5m]))) > 1': [
    /buckets/,
    'column 1: histogram_quantile(0.9, sum by (le) (rate(a[5m])))',
  ],
  'quantile_over_time(2, a[5m]) > 1': [/from 0 to 1/, 'column 1: quantile_over_time(2, a[5m])'],
  'sum without (b) (a) > 1': [/names the tags that it groups by/, 'column 1: sum without (b) (a) > 1'],
  'stddev(a) > 1': [/stddev has no counterpart/, 'column 1: stddev(a)'],
  'topk(3, a) > 1': [/topk has no counterpart/, 'column 1: topk(3, a)'],
  'count(count by (b) (a)) > 1': [/a group of groups/, 'column 1: count(count by (b) (a))'],
  'sum by (d) (sum by (b, c) (a)) > 5': [/a group of groups/, 'column 1: sum by (d) (sum by (b, c) (a))'],
  'max by (c) (max without (c) (a)) > 5': [/a group of groups/, 'column 1: max by (c) (max without (c) (a))'],
  'sum(a + 1) > 5': [/arithmetic on each series/, 'column 1: sum(a + 1)'],
  'sum(a > 1) > 5': [/series within a limit/, 'column 1: sum(a > 1)'],
  'count(a == 1) < 1': [/never fires/, 'column 1: count(a == 1) < 1'],
  'count(a) == 0': [/never fires/, 'column 1: count(a) == 0'],
  'sum by (b) (a{c="d"}) / sum(a) > 1': [/same labels/, 'column 1: sum by (b) (a{c="d"}) / sum(a)'],
  'sum(a{c="d"}) / max(a) > 1': [/same aggregate/, 'column 1: sum(a{c="d"}) / max(a)'],
  'a{c="d"} / ignoring (c) a > 1': [/must be said by on/, 'column 1: a{c="d"} / ignoring (c) a'],
  'a{c="d"} / on (b) group_left a > 1': [/group_left/, 'column 1: a{c="d"} / on (b) group_left a'],
  'a * 0 > 1': [/cannot be undone/, 'column 1: a * 0'],
  '1 / a > 1': [/cannot be undone/, 'column 1: 1 / a'],
  'absent(rate(a[5m]))': [/one sample alone/, 'column 1: absent(rate(a[5m]))'],
  'a % 2 == 0': [/% has no counterpart/, 'column 1: a % 2'],
  '1 > 2': [/comparison of constants/, 'column 1: 1 > 2'],
  'a[5m] > 1': [/no single value/, 'column 1: a[5m]'],
  'rate(a) > 1': [/selector with a range/, 'column 6: a'],
  '{b="c"} > 1': [/given by its name/, 'column 1: {b="c"}'],
  'a{b=~"c.*|d.*"} > 1': [/several patterns/, 'column 3: b=~"c.*|d.*"'],
  'sum(a)\n  / sum(b)\n> 1': [/one metric/, 'line 1, column 1: sum(a) / sum(b)'],
  'avg_over_time(a[5s]) > 1': [/half a scrape interval/, 'column 1: avg_over_time(a[5s]) > 1'],
  'increase(a[7d]) > 1': [/no rule may be so: window_duration_seconds must be/, ''],
};

for (const [expr, [reason, place]] of Object.entries(refusals))
  test(`${expr} is refused: ${reason.source}`, () => {
    const result = translate(expr);
    assert.ok(result.kind === 'refused');
    assert.match(result.reason, reason);
    assert.equal(placeText(result), place);
  });

test('for and keep_firing_for last from the first to the last sample that evaluations see', () => {
  const base = { metric_name: 'a', operator: '>', threshold: 5, ...newest };
  assert.deepEqual(ruleOf('a > 5', { forMs: 300_000 }), { ...base, for_seconds: 292.5 });
  assert.deepEqual(ruleOf('a > 5', { forMs: 100_000 }), { ...base, for_seconds: 82.5 });
  assert.deepEqual(ruleOf('a > 5', { forMs: 10_000, keepFiringMs: 10_000 }), base);
  const kept = { ...base, resolve_for_seconds: 52.5, resolve_without_data_seconds: 78 };
  assert.deepEqual(ruleOf('a > 5', { keepFiringMs: 60_000 }), kept);
  assert.equal(ruleOf('absent(a)', { forMs: 60_000 })['no_data_seconds'], 78);
});

test('a series that is pushed counts for five minutes, one that is scraped for 1.7 intervals', () => {
  const pushed = { ...options, isPushed: true };
  assert.equal(ruleOf('a > 5', {}, pushed)['resolve_without_data_seconds'], 300);
  assert.equal(ruleOf('sum(a) > 5', {}, pushed)['stale_seconds'], 300);
  assert.equal(ruleOf('absent(a)', {}, pushed)['no_data_seconds'], 300);
  const slow = { ...options, scrapeIntervalMs: 60_000 };
  assert.equal(ruleOf('a > 5', {}, slow)['resolve_without_data_seconds'], 102);
  assert.equal(ruleOf('avg_over_time(a[5m]) > 5', {}, slow)['window_duration_seconds'], 270);
});

test('severity, labels and texts become those of the rule', () => {
  const labels = { severity: 'warning', team: 'payments', tier: '{{ $labels.tier }}', empty: '' };
  const annotations = {
    summary: 'Host {{ $labels.instance }} is loaded',
    description: 'The load is {{ $value | humanize }}.\n  VALUE = {{ $value }}\n  LABELS = {{ $labels }}',
    runbook_url: 'https://runbooks.example.org/load',
    dashboard: 'https://grafana.example.org',
  };
  const result = translate('a > 5', { labels, annotations }) as Translated;
  assert.deepEqual(Object.entries(result.rule).slice(0, 5), [
    ['name', 'A'],
    ['description', 'Host [instance] is loaded\nThe load is [value].'],
    ['runbook_url', 'https://runbooks.example.org/load'],
    ['severity', 'warning'],
    ['labels', { team: 'payments' }],
  ]);
  assert.deepEqual(result.rule.notify, ['ops']);
  assert.deepEqual(result.notes, [
    "the label tier is left out: a rule's labels have no templates",
    'the annotation dashboard is left out',
  ]);
});

test('another severity stays a label', () => {
  const result = translate('a > 5', { labels: { severity: 'page' } }) as Translated;
  assert.deepEqual(result.rule.labels, { severity: 'page' });
  assert.deepEqual(result.notes, ["severity page stays a label: a rule's severity is info, warning, critical"]);
});

const notes: Readonly<Record<string, RegExp>> = {
  'rate(a[5m]) < 1': /on low values: where all series have ended/,
  'count(a) < 3': /on low values: where all series have ended/,
  'count(a == 1) < 3': /where no series is within the limit the rule has 0 and fires/,
  'sum(a{b="c"}) / sum(a) < 0.9': /where the dividend has no series the rule has 0 and fires/,
  'sum(a{b="c"}) / sum(a) > 0.9': /while the divisor is 0/,
  'rate(a[15s]) > 1': /a range of 15 s holds less than two scrapes/,
  'a:rate5m > 5': /looks like the result of a recording rule/,
  'topk by (b) (1, a) > 5': /topk\(1, …\) became the maximum/,
  'a{b=~"5.."} > 1': /also matches values of another length/,
  'count(avg_over_time(a[5m]) < 1) / count(a) > 0.5': /counts for the window in both parts/,
  a: /there is no comparison/,
};

for (const [expr, note] of Object.entries(notes))
  test(`${expr} has the note ${note.source}`, () => {
    const result = translate(expr);
    assert.ok(result.kind === 'translated');
    assert.ok(
      result.notes.some((each) => note.test(each)),
      result.notes.join('; '),
    );
  });

test('most shapes need no note', () => {
  for (const expr of ['a > 5', 'a < 5', 'rate(a[5m]) > 1', 'sum by (b) (a) > 5', 'absent(a)', 'count(a > 1) > 5'])
    assert.deepEqual((translate(expr) as Translated).notes, [], expr);
});
