// The page's own pure parts, which need no browser.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import {
  behaviour,
  comparedSentence,
  comparedText,
  conditionSentence,
  distanceText,
  plainSentence,
  tagTexts,
  type DescribedRule,
} from './page/words/condition-sentence.ts';
import { withHead, withMore, type Page, type PagedList } from './page/state/paged-list.ts';
import { differences, draftOf, emptyDraft, fieldsOf } from './page/editor/rule-draft.ts';
import { linesOf } from './page/editor/tags-draft.ts';
import { agoText, durationText, grouped, secondsText, shortText } from './page/words/time-text.ts';
import type { Rule } from '../rule/rule.ts';

test('a condition is said in a sentence', () => {
  const table: [DescribedRule, string][] = [
    [{}, 'a metric is above …'],
    [{ metric_name: 'cpu', threshold: 90 }, 'cpu is above 90'],
    [{ metric_name: 'cpu', threshold: -0.5, operator: '<' }, 'cpu is below -0.5'],
    [{ metric_name: 'free', threshold: 5, operator: '<=' }, 'free is at most 5'],
    [{ metric_name: 'up', threshold: 0, operator: '==' }, 'up is exactly 0'],
    [{ metric_name: 'replicas', threshold: 3, operator: '!=' }, 'replicas is not 3'],
    [{ metric_name: 'n', threshold: 12_000 }, 'n is above 12,000'],
    [
      { metric_name: 'cpu', threshold: 90, type: 'window_average', window_duration_seconds: 90, for_seconds: 3_600 },
      'cpu averages above 90 over 90 s for 1 h',
    ],
    [
      { metric_name: 'cpu', threshold: 90, type: 'window_max', window_duration_seconds: 60 },
      'cpu has a maximum above 90 over 1 min',
    ],
    [
      { metric_name: 'ms', threshold: 800, type: 'window_percentile', percentile: 95, window_duration_seconds: 300 },
      'ms has a 95th percentile above 800 over 5 min',
    ],
    [
      { metric_name: 'cpu', threshold: 90, tags: { host: 'a', zone: 'b' } },
      'cpu is above 90 where host is a and zone is b',
    ],
    [
      { metric_name: 'cpu', threshold: 90, tags: { host: ['a', 'b'], zone: { like: 'eu-*' } } },
      'cpu is above 90 where host is a or b and zone is like eu-*',
    ],
    [
      { metric_name: 'cpu', threshold: 90, tags: { host: { not: ['a', 'b'] }, zone: { not: { like: 'eu-*' } } } },
      'cpu is above 90 where host is not a or b and zone is not like eu-*',
    ],
    [
      { metric_name: 'cpu', threshold: 90, tags: { host: { exists: true }, zone: { exists: false } } },
      'cpu is above 90 where host exists and zone does not exist',
    ],
    [
      { metric_name: 'n', threshold: 5, group_by: ['service', 'zone'], aggregate: 'sum', tags: { host: 'a' } },
      'the sum of n where host is a by service, zone is above 5',
    ],
    [
      {
        metric_name: 'n',
        threshold: 5,
        operator: '<',
        group_by: [],
        aggregate: 'count',
        type: 'window_rate',
        window_duration_seconds: 300,
        for_seconds: 60,
      },
      'the number of series of n is below 5 for 1 min',
    ],
    [
      {
        metric_name: 'memory',
        threshold: 0.1,
        group_by: ['zone'],
        aggregate: 'share_where',
        aggregate_where: { operator: '>=', threshold: 0.9 },
        type: 'window_average',
        window_duration_seconds: 300,
      },
      'the share of series of memory whose average over 5 min is at least 0.9 by zone is above 10 %',
    ],
    [
      {
        metric_name: 'requests',
        threshold: 0.07,
        tags: { status: { like: '5*' }, app: 'shop' },
        type: 'window_increase',
        window_duration_seconds: 300,
        group_by: ['service'],
        aggregate: 'sum',
        divide_by: { tags: { app: 'shop' }, min_value: 100 },
      },
      'the share of requests where status is like 5* and app is shop (increase over 5 min, of at least 100) by service is above 7 %',
    ],
    [
      { metric_name: 'n', threshold: 2, group_by: [], aggregate: 'average', divide_by: { tags: { role: 'idle' } } },
      'the average of n, divided by the average of series where role is idle, is above 2',
    ],
    [
      { metric_name: 'heartbeat', no_data_seconds: 300, tags: { host: 'a' } },
      'heartbeat has sent no data for 5 min where host is a',
    ],
    [{ metric_name: 'probe', threshold: 2, for_samples: { breaches: 3, of: 5 } }, 'probe is above 2 for 3 of 5 values'],
    [
      {
        metric_name: 'disk',
        levels: [
          { threshold: 80, severity: 'warning', for_seconds: 600 },
          { threshold: 95, severity: 'critical' },
        ],
      },
      'disk is above 80 (warning, for 10 min) or 95 (critical)',
    ],
  ];
  for (const [rule, sentence] of table) assert.equal(plainSentence(conditionSentence(rule)), sentence);
});

test('of a computed value people read four significant decimals', () => {
  const share: DescribedRule = { threshold: 0.05, group_by: ['service'], aggregate: 'share_where' };
  assert.equal(comparedText(0.0512820512, share, 8), '0.05128');
  assert.equal(comparedText(0.0512820512, { threshold: 0.05 }, 8), '0.051282051');
  assert.equal(distanceText(0.1428571, 0.1), '0.04286 above threshold');
  const said = comparedSentence({ ...share, metric_name: 'n' }, 0.0512820512, { service: 'a' });
  assert.equal(plainSentence(said), 'the share of series of n of service a was 5.128 %');
});

test('only what is unusual is said of the rest', () => {
  assert.deepEqual(
    behaviour({ metric_name: 'a', threshold: 1, resolve_threshold: 1, cooldown_seconds: 0, trigger: 'crossing' }),
    [],
  );
  const all: DescribedRule = {
    threshold: 9,
    resolve_threshold: 8,
    trigger: 'every_sample',
    cooldown_seconds: 300,
    notify_on_resolve: true,
    no_data_seconds: 60,
  };
  assert.deepEqual(behaviour(all), [
    'Notifies on every sample',
    'At most one message in 5 min',
    'Ends at 8 or below',
    'Notifies when it ends',
    'Fires after 1 min without data',
  ]);
  assert.deepEqual(behaviour({ threshold: 1, resolve_for_seconds: 60, resolve_without_data_seconds: 300 }), [
    'Ends after 1 min clear',
    'Ends after 5 min without data',
  ]);
});

test('of equality there is no hysteresis, and a distance is seen from the threshold', () => {
  assert.deepEqual(behaviour({ threshold: 9, resolve_threshold: 8, operator: '==' }), []);
  assert.deepEqual(behaviour({ threshold: 9, resolve_threshold: 8, operator: '>=' }), ['Ends at 8 or below']);
  assert.deepEqual(
    [11.5, 9, 0].map((value) => distanceText(value, 9)),
    ['2.5 above threshold', 'at threshold', '9 below threshold'],
  );
});

test('large counts are grouped, as Intl would do it', () => {
  const counts = [0, 7, 999, 1_000, -1_000, -999, 123_456, 1_234_567, Number.MAX_SAFE_INTEGER];
  assert.deepEqual(
    counts.map(grouped),
    counts.map((count) => count.toLocaleString('en')),
  );
});

test('durations have two units at most, and those of a rule are exact', () => {
  assert.deepEqual([0, 999, 61_000, 3_600_000, 93_784_000].map(durationText), [
    '0 s',
    '0 s',
    '1 min 1 s',
    '1 h',
    '1 d 2 h',
  ]);
  assert.deepEqual([-3, 0, 999, 1_000, 61_000].map(agoText), [
    'just now',
    'just now',
    'just now',
    '1 s ago',
    '1 min 1 s ago',
  ]);
  assert.deepEqual([-3, 0.4, 182.4, 999.4, 999.5, 2_000, 4_064, 9_949, 9_950, 61_000].map(shortText), [
    '0 ms',
    '0 ms',
    '182 ms',
    '999 ms',
    '1 s',
    '2 s',
    '4.1 s',
    '9.9 s',
    '10 s',
    '1 min 1 s',
  ]);
  assert.deepEqual([0.5, 45, 61, 300, 5_400, 86_400, 90_060].map(secondsText), [
    '0.5 s',
    '45 s',
    '61 s',
    '5 min',
    '1 h 30 min',
    '1 d',
    '90060 s',
  ]);
});

const webhook = 'https://discord.com/api/webhooks/1/t';
const small: Rule = { id: 'x', metric_name: 'cpu', threshold: 90, discord_webhook_url: webhook };

const { threshold: _threshold, ...withoutThreshold } = small;

test('a form that is left as it is sends the rule as its author wrote it', () => {
  const rules: Rule[] = [
    small,
    { ...small, operator: '>', type: 'instantaneous', trigger: 'crossing', enabled: true, notify_on_resolve: false },
    {
      ...small,
      operator: '<',
      type: 'window_average',
      window_duration_seconds: 60,
      cooldown_seconds: 0,
      for_seconds: 1.5,
      resolve_threshold: 95,
      trigger: 'every_sample',
      notify_on_resolve: true,
      no_data_seconds: 30,
      enabled: false,
      description: 'd',
      tags: { host: 'a', __proto: 'b' },
      name: 'Disk',
      severity: 'warning',
      runbook_url: 'https://wiki.example.org',
      labels: { team: 'ops', 'a=b': 'c', note: 'two\nlines' },
    },
    { ...small, for_samples: { breaches: 3, of: 5 }, resolve_for_seconds: 0, resolve_without_data_seconds: 60 },
    {
      ...withoutThreshold,
      levels: [
        { severity: 'warning', threshold: 80, for_seconds: 60 },
        { threshold: 95, notify: ['oncall', 'ops'], ...{ mentions: ['@here'] } },
      ],
    },
  ];
  for (const rule of rules) {
    const { id: _id, ...fields } = rule;
    assert.deepEqual(fieldsOf(draftOf(rule), rule), fields);
  }
});

const matchers: Rule['tags'] = {
  host: ['web-1', 'web-2'],
  zone: { like: 'eu-*' },
  rack: { not: 'r1' },
  disk: { exists: false },
  // No line says these two.
  'a=b': { exists: true },
  team: ['ops'],
};

test('matchers other than a value are lines, and stay what they are when nothing is typed', () => {
  const draft = draftOf({ ...small, tags: { cpu: '0', ...matchers } });
  assert.deepEqual(draft.tags.exact, [{ key: 'cpu', value: '0' }]);
  assert.deepEqual(draft.tags.lines.split('\n'), [
    'host=web-1|web-2',
    'zone=eu-*',
    'rack!=r1',
    'disk absent',
    'a=b exists',
    'team=ops',
  ]);
  assert.deepEqual(fieldsOf(draft)['tags'], { cpu: '0', ...matchers });
  assert.deepEqual(
    linesOf(draft.tags).map(({ problem }) => problem),
    [undefined, undefined, undefined, undefined, undefined, undefined],
  );
});

test('lines that are typed are read, and a wrong one is sent as no matcher, for the server to refuse', () => {
  const typed = (lines: string) => ({ ...emptyDraft, tags: { ...emptyDraft.tags, lines } });
  assert.deepEqual(fieldsOf(typed('\n host!=db-* \n\nzone exists\n'))['tags'], {
    host: { not: { like: 'db-*' } },
    zone: { exists: true },
  });
  assert.equal(fieldsOf(typed(' \n'))['tags'], undefined);
  const wrong = typed('host\nzone=a\nzone=b');
  assert.deepEqual(fieldsOf(wrong)['tags'], { host: null, zone: 'a', 'zone=b': null });
  assert.deepEqual(
    linesOf(wrong.tags).map(({ problem = 'none' }) => problem.slice(0, 22)),
    ['must be host=web-1|web', 'none', 'names zone, which is t'],
  );
  assert.deepEqual(tagTexts({ cpu: '0', ...matchers }), {
    cpu: '0',
    host: 'web-1 or web-2',
    zone: 'eu-*',
    rack: 'not r1',
    disk: 'none',
    'a=b': 'any',
    team: 'ops',
  });
});

test('groups and ratios have inputs of their own, and what they do not know is kept', () => {
  const rule = {
    id: 'x',
    metric_name: 'requests',
    threshold: 0.05,
    group_by: ['service', 'zone'],
    aggregate: 'sum',
    divide_by: { tags: { status: { not: '200' }, app: 'shop' }, type: 'window_rate', min_value: 100, newer: [1] },
  } as unknown as Rule;
  const draft = draftOf(rule);
  assert.deepEqual({ id: 'x', ...fieldsOf(draft, rule) }, rule);
  assert.equal(draft.divide_by.tags.lines, 'status!=200\napp=shop');
  const of = (more: Partial<typeof draft.divide_by>): unknown =>
    fieldsOf({ ...draft, divide_by: { ...draft.divide_by, unknown: {}, ...more } })['divide_by'];
  const rest = { type: 'window_rate', min_value: 100 };
  assert.deepEqual(of({ series: 'all' }), { tags: {}, ...rest });
  assert.deepEqual(of({ series: 'same' }), rest);
  assert.deepEqual(of({ series: 'all', type: '', min_value: '' }), { tags: {} });
  assert.deepEqual(of({ series: 'same', min_value: 'x' }), { ...rest, min_value: 'x' }, 'for the server to refuse');
  assert.equal(of({ isOn: false }), undefined);
  const share = { ...emptyDraft, group_by: '[]', aggregate: 'share_where' };
  const where = { operator: '<=', threshold: '0,9' };
  assert.deepEqual(fieldsOf({ ...share, aggregate_where: where }), {
    metric_name: '',
    group_by: [],
    aggregate: 'share_where',
    aggregate_where: { operator: '<=', threshold: 0.9 },
  });
  assert.equal('aggregate_where' in fieldsOf({ ...share, aggregate: 'sum', aggregate_where: where }), false);
});

test('labels are lines, and one without a value is sent for the server to refuse', () => {
  const typed = (lines: string) => fieldsOf({ ...emptyDraft, labels: { lines, given: {} } })['labels'];
  assert.deepEqual(typed(' team = payments \n\ntier=1=2\n'), { team: 'payments', tier: '1=2' });
  assert.deepEqual(typed('team'), { team: null });
  assert.equal(typed('  \n'), undefined);
  assert.equal(fieldsOf({ ...emptyDraft, severity: '', name: ' ' })['severity'], undefined);
});

test('an empty form leaves out what was not given, and a decimal comma is understood', () => {
  assert.deepEqual(fieldsOf(emptyDraft), { metric_name: '' });
  assert.equal(fieldsOf({ ...emptyDraft, threshold: ' 0,5 ' })['threshold'], 0.5);
  assert.equal(
    fieldsOf({ ...emptyDraft, threshold: '1e400' })['threshold'],
    '1e400',
    'the server says what is wrong with it',
  );
  assert.equal('window_duration_seconds' in fieldsOf({ ...emptyDraft, window_duration_seconds: '60' }), false);
  assert.deepEqual(fieldsOf({ ...emptyDraft, type: 'window_max', window_duration_seconds: '60', percentile: '95' }), {
    metric_name: '',
    type: 'window_max',
    window_duration_seconds: 60,
  });
});

test('two versions of a rule are told apart by field, the webhook unseen', () => {
  const found = differences(
    { ...small, threshold: 1, description: 'mine' },
    { ...small, discord_webhook_url: 'other', threshold: 2 },
  );
  assert.deepEqual(found, [
    { field: 'threshold', mine: '1', theirs: '2' },
    { field: 'discord_webhook_url', mine: 'another webhook', theirs: 'another webhook' },
    { field: 'description', mine: '"mine"', theirs: 'left out' },
  ]);
});

interface Letters extends Page {
  readonly text: string;
}
const letters = { itemsOf: ({ text }: Letters) => text.split(''), keyOf: (letter: string) => letter };
const page = (text: string, next?: string): Letters => ({ text, ...(next !== undefined && { next }) });
const said = ({ items, next }: PagedList<string, Letters>): string => `${items.join('')} ${next ?? 'end'}`;

test('a list whose first page is read again keeps what stands behind it, and has no gap', () => {
  const first = withHead(undefined, page('fed', 'd'), letters);
  assert.equal(said(first), 'fed d');
  assert.equal(said(withHead(first, page('gfe', 'e'), letters)), 'gfe e', 'nobody asked for what is behind');
  const both = withMore(first, page('cb', 'b'), letters);
  assert.equal(said(both), 'fedcb b');
  assert.equal(said(withHead(both, page('gfe', 'e'), letters)), 'gfedcb b');
  assert.equal(said(withHead(both, page('gfc', 'c'), letters)), 'gfcb b', 'what is gone from the first page goes');
  assert.equal(said(withHead(both, page('hge', 'e'), letters)), 'hgedcb b', 'also at its edge');
  assert.equal(said(withHead(both, page('zyx', 'x'), letters)), 'zyx x', 'so much is new that the two do not meet');
  assert.equal(said(withHead(both, page('fe'), letters)), 'fe end', 'there is no more than this');
  assert.equal(said(withMore(both, page('ba'), letters)), 'fedcba end');
});
