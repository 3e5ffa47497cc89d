import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Notification } from '../../alarm/notification.ts';
import { groupSubject, type Subject } from '../../metric/subject.ts';
import type { PublicRule } from '../../rule/rule-fields.ts';
import type { SendingFacts } from '../receiver.ts';
import { embedOf, type Embed } from './embed.ts';

const timeMs = 1_700_000_000_000;
const fired: Notification = {
  id: '2f1f0a5e-9f3a-5c4e-8b59-6f1f2f3a4b5c',
  kind: 'fired',
  alarmId: '7f1f0a5e-9f3a-5c4e-8b59-6f1f2f3a4b5c',
  ruleId: '21433034-8078-4f1a-bb8d-1ac996db395d',
  ruleVersion: { partition: 1, offset: 7 },
  series: { name: 'received-packages', tags: {} },
  x: 508,
  rule: { id: '21433034-8078-4f1a-bb8d-1ac996db395d', metric_name: 'received-packages', threshold: 500 },
  cause: 'breach',
  timeMs,
  sinceMs: timeMs,
  sample: { partition: 3, offset: 1_234, timestampMs: timeMs },
  message: true,
  deferred: false,
  isPast: false,
};

type Fields = Partial<Omit<Notification, 'rule'>> & {
  readonly rule?: { readonly [Field in keyof PublicRule]?: PublicRule[Field] | undefined };
};

function embed({ rule, ...fields }: Fields = {}, facts: SendingFacts = {}): Embed {
  return embedOf({ ...fired, ...fields, rule: { ...fired.rule, ...rule } as PublicRule }, facts);
}

/** The fields after the first four. */
function further(made: Embed): Record<string, string> {
  return Object.fromEntries(made.fields.slice(4).map(({ name, value }) => [name, value]));
}

test('the plain alarm is exactly the embed of the contract, and nothing more', () => {
  const contract = `{
      "title": "Alarm triggered",
      "description": "received-packages is 508 which exceeds the rule threshold (500)",
      "color": 16711680,
      "fields": [
        { "name": "Rule id", "value": "21433034-8078-4f1a-bb8d-1ac996db395d" },
        { "name": "Metric name", "value": "received-packages" },
        { "name": "Metric value", "value": "508" },
        { "name": "Rule threshold", "value": "500" }
      ]
    }`;
  assert.equal(JSON.stringify(embed()), JSON.stringify(JSON.parse(contract)));
  assert.equal(JSON.stringify(embed({}, { nowMs: timeMs + 50 })), JSON.stringify(JSON.parse(contract)));
});

const errorShare = {
  threshold: 0.05,
  tags: { status: { like: '5*' } },
  type: 'window_increase',
  window_duration_seconds: 300,
  group_by: ['service'],
  aggregate: 'sum',
  divide_by: { tags: {}, min_value: 100 },
} as const;

function groupOf(group: Readonly<Record<string, string | null>>): Subject {
  return groupSubject('requests', group);
}

const sentences: [string, Fields, string][] = [
  ['below', { rule: { operator: '<' }, x: 3 }, 'received-packages is 3 which is below the rule threshold (500)'],
  [
    'n of the last m values',
    { rule: { for_samples: { breaches: 3, of: 5 } } },
    'received-packages is 508 which exceeds the rule threshold (500), as did 3 of the last 5 values',
  ],
  [
    'resolved without data',
    { rule: { resolve_without_data_seconds: 300 }, x: undefined, kind: 'resolved' },
    'received-packages has sent no data for 5 min',
  ],
  [
    'clear, but not for long enough',
    { rule: { resolve_for_seconds: 60 }, x: 480, kind: 'reminder' },
    'received-packages is 480 which no longer exceeds the rule threshold (500), but not for long enough to resolve',
  ],
  [
    'a rule about absence alone',
    { rule: { threshold: undefined, no_data_seconds: 60 }, x: undefined, kind: 'no_data', cause: 'no_data' },
    'received-packages has sent no data for 60 s',
  ],
  [
    'data of a rule about absence alone',
    { rule: { threshold: undefined, no_data_seconds: 60 }, x: 3, kind: 'resolved', cause: 'no_data' },
    'received-packages sends data again, and is 3',
  ],
  [
    'at or above',
    { rule: { operator: '>=' }, x: 500 },
    'received-packages is 500 which is at or above the rule threshold (500)',
  ],
  [
    'at or below',
    { rule: { operator: '<=' }, x: 3 },
    'received-packages is 3 which is at or below the rule threshold (500)',
  ],
  ['equal', { rule: { operator: '==' }, x: 500 }, 'received-packages is 500 which equals the rule threshold (500)'],
  [
    'different',
    { rule: { operator: '!=' }, x: 3 },
    'received-packages is 3 which differs from the rule threshold (500)',
  ],
  [
    'a window as good as equal',
    { rule: { type: 'window_average', window_duration_seconds: 60, operator: '>=' }, x: 499.9999999999 },
    'received-packages has averaged 500 over the last 60 s, which is at or above the rule threshold (500)',
  ],
  [
    'resolved, no longer at or above',
    { kind: 'resolved', rule: { operator: '>=' }, x: 480 },
    'received-packages is 480 which is no longer at or above the rule threshold (500)',
  ],
  [
    'resolved, no longer at or below',
    { kind: 'resolved', rule: { operator: '<=' }, x: 501 },
    'received-packages is 501 which is no longer at or below the rule threshold (500)',
  ],
  [
    'resolved, no longer equal',
    { kind: 'resolved', rule: { operator: '==' }, x: 501 },
    'received-packages is 501 which no longer equals the rule threshold (500)',
  ],
  [
    'resolved, no longer different',
    { kind: 'resolved', rule: { operator: '!=' }, x: 500 },
    'received-packages is 500 which no longer differs from the rule threshold (500)',
  ],
  [
    'a window',
    { rule: { type: 'window_average', window_duration_seconds: 60 } },
    'received-packages has averaged 508 over the last 60 s, which exceeds the rule threshold (500)',
  ],
  [
    'a window below',
    { rule: { type: 'window_average', window_duration_seconds: 0.5, operator: '<' }, x: 1 },
    'received-packages has averaged 1 over the last 0.5 s, which is below the rule threshold (500)',
  ],
  [
    'a value as JavaScript prints it',
    { x: 1e21, rule: { threshold: -0.5 } },
    'received-packages is 1e+21 which exceeds the rule threshold (-0.5)',
  ],
  [
    'no data',
    { kind: 'no_data', cause: 'no_data', x: undefined, rule: { no_data_seconds: 60 } },
    'received-packages has sent no data for 60 s',
  ],
  [
    'no data, of a rule that has lost its limit',
    { kind: 'no_data', cause: 'no_data', x: undefined },
    'received-packages has sent no data',
  ],
  [
    'resolved',
    { kind: 'resolved', x: 480 },
    'received-packages is 480 which no longer exceeds the rule threshold (500)',
  ],
  [
    'resolved below',
    { kind: 'resolved', rule: { operator: '<' }, x: 500 },
    'received-packages is 500 which is no longer below the rule threshold (500)',
  ],
  [
    'resolved past a resolve threshold',
    { kind: 'resolved', x: 480, rule: { resolve_threshold: 490 } },
    'received-packages is 480 which is back at or below the resolve threshold (490)',
  ],
  [
    'resolved past a resolve threshold above',
    { kind: 'resolved', rule: { operator: '<', resolve_threshold: 510 }, x: 511 },
    'received-packages is 511 which is back at or above the resolve threshold (510)',
  ],
  [
    'resolved window',
    { kind: 'resolved', x: 480, rule: { type: 'window_average', window_duration_seconds: 60 } },
    'received-packages has averaged 480 over the last 60 s, which no longer exceeds the rule threshold (500)',
  ],
  ['data again', { kind: 'resolved', cause: 'no_data', x: 508 }, 'received-packages sends data again, and is 508'],
  [
    'data again, with a window',
    { kind: 'resolved', cause: 'no_data', x: 508, rule: { type: 'window_average', window_duration_seconds: 60 } },
    'received-packages sends data again, and has averaged 508 over the last 60 s',
  ],
  ...(
    [
      ['window_min', 'the minimum of received-packages over the last 5 min is 508.1'],
      ['window_max', 'the maximum of received-packages over the last 5 min is 508.1'],
      ['window_sum', 'the sum of received-packages over the last 5 min is 508.1'],
      ['window_count', 'received-packages has sent 508.1 samples over the last 5 min'],
      ['window_stddev', 'the standard deviation of received-packages over the last 5 min is 508.1'],
      ['window_delta', 'received-packages has changed by 508.1 over the last 5 min'],
      ['window_increase', 'received-packages has increased by 508.1 over the last 5 min'],
      ['window_rate', 'the rate of received-packages is 508.1 per second over the last 5 min'],
      ['window_changes', 'received-packages has changed 508.1 times over the last 5 min'],
    ] as const
  ).map(([type, words]): [string, Fields, string] => [
    type,
    { x: 508.1, rule: { type, window_duration_seconds: 300 } },
    `${words}, which exceeds the rule threshold (500)`,
  ]),
  ...(
    [
      [95, '95th'],
      [1, '1st'],
      [12, '12th'],
      [22, '22nd'],
      [99.9, '99.9th'],
    ] as const
  ).map(([percentile, ordinal]): [string, Fields, string] => [
    `percentile ${percentile}`,
    { x: 508, rule: { type: 'window_percentile', percentile, window_duration_seconds: 300 } },
    `the ${ordinal} percentile of received-packages over the last 5 min is 508, which exceeds the rule threshold (500)`,
  ]),
  [
    'a maximum of before, sent late',
    { x: 508.12345, isPast: true, rule: { type: 'window_max', window_duration_seconds: 3_600 } },
    'the maximum of received-packages over the last 1 h was 508.12345 at 22:13:20 UTC, which exceeds the rule threshold (500)',
  ],
  [
    'a computed value, with four digits',
    { x: 571.11111, rule: { type: 'window_average', window_duration_seconds: 60 } },
    'received-packages has averaged 571.1 over the last 60 s, which exceeds the rule threshold (500)',
  ],
  [
    'data again, with a maximum',
    { kind: 'resolved', cause: 'no_data', x: 508, rule: { type: 'window_max', window_duration_seconds: 60 } },
    'received-packages sends data again, and the maximum of received-packages over the last 60 s is 508',
  ],
  [
    'deferred, and sent between the thresholds',
    { x: 495, rule: { resolve_threshold: 490 }, deferred: true },
    'received-packages is 495 which has exceeded the rule threshold (500) and is not back at the resolve threshold (490)',
  ],
  [
    'the sum of a group',
    { x: 591.23456, rule: { group_by: ['service'], aggregate: 'sum' }, series: groupOf({ service: 'checkout' }) },
    'the sum of requests of service checkout is 591.2, which exceeds the rule threshold (500)',
  ],
  [
    'a group whose members lack a tag',
    { x: 591, rule: { group_by: ['zone', 'host'], aggregate: 'max' }, series: groupOf({ zone: null, host: 'web-1' }) },
    'the maximum of requests of no zone, host web-1 is 591, which exceeds the rule threshold (500)',
  ],
  [
    'a group by a measure, sent late',
    {
      x: 591,
      isPast: true,
      rule: { group_by: [], aggregate: 'average', type: 'window_max', window_duration_seconds: 300 },
      series: groupOf({}),
    },
    'the average of the maximum of requests over 5 min was 591 at 22:13:20 UTC, which exceeds the rule threshold (500)',
  ],
  [
    'a share of series',
    {
      x: 0.1428571,
      rule: {
        threshold: 0.1,
        group_by: [],
        aggregate: 'share_where',
        aggregate_where: { operator: '>', threshold: 80 },
      },
      series: groupOf({}),
    },
    'the share of series of requests whose value is above 80 is 14.29 %, which exceeds the rule threshold (10 %)',
  ],
  [
    'a share of errors',
    {
      x: 0.0720001,
      rule: errorShare,
      series: groupOf({ service: 'checkout' }),
      members: { first: [], total: 2, divisor: 412 },
    },
    'the share of requests where status is like `5*` (increase over 5 min, of at least 100) of service checkout is 7.2 % (of 412), which exceeds the rule threshold (5 %)',
  ],
  [
    'a share of errors that is over',
    {
      kind: 'resolved',
      x: 0.03,
      rule: { ...errorShare, resolve_threshold: 0.04 },
      series: groupOf({ service: 'checkout' }),
    },
    'the share of requests where status is like `5*` (increase over 5 min, of at least 100) of service checkout is 3 %, which is back at or below the resolve threshold (4 %)',
  ],
  [
    'another ratio',
    {
      x: 590,
      rule: {
        group_by: ['host'],
        aggregate: 'max',
        tags: { status: '500' },
        divide_by: { type: 'window_count', window_duration_seconds: 30 },
      },
      series: groupOf({ host: 'a' }),
      members: { first: [], total: 2, divisor: 3 },
    },
    'the maximum of requests where status is `500`, divided by the maximum of the sample count of the same series over 30 s, of host a is 590 (divided by 3), which exceeds the rule threshold (500)',
  ],
  [
    'no data of a group',
    {
      kind: 'no_data',
      cause: 'no_data',
      x: undefined,
      rule: { ...errorShare, no_data_seconds: 60 },
      series: groupOf({ service: 'checkout' }),
    },
    'requests of service checkout has sent no data for 60 s',
  ],
];

for (const [name, fields, sentence] of sentences) {
  test(`the sentence is true and reads well: ${name}`, () => assert.equal(embed(fields).description, sentence));
}

test('titles, colors and the value say what kind it is', () => {
  assert.deepEqual([embed().title, embed().color], ['Alarm triggered', 0xff_00_00]);
  const resolved = embed({ kind: 'resolved', x: 480 });
  assert.deepEqual([resolved.title, resolved.fields[2]?.value], ['Alarm resolved', '480']);
  const [, red, green, blue] =
    /^(..)(..)(..)$/.exec(resolved.color.toString(16).padStart(6, '0'))?.map((part) => parseInt(part, 16)) ?? [];
  assert.ok((green as number) > (red as number) && (green as number) > (blue as number), 'resolved is green');
  const silent = embed({ kind: 'no_data', cause: 'no_data', x: undefined, rule: { no_data_seconds: 60 } });
  assert.deepEqual([silent.title, silent.fields[2]?.value], ['Alarm triggered', 'no data']);
});

test('a severity says the color, and what has ended is green whatever it was', () => {
  const colorOf = (rule: NonNullable<Fields['rule']>, kind: NonNullable<Fields['kind']> = 'fired'): number =>
    embed({ kind, rule }).color;
  assert.deepEqual([colorOf({}), colorOf({ severity: 'critical' })], [16_711_680, 16_711_680]);
  assert.deepEqual([colorOf({ severity: 'warning' }), colorOf({ severity: 'info' })], [16_753_920, 3_447_003]);
  assert.equal(colorOf({ severity: 'info', no_data_seconds: 5 }, 'no_data'), 3_447_003);
  assert.equal(colorOf({ severity: 'warning' }, 'reminder'), 16_753_920);
  assert.equal(colorOf({ severity: 'critical' }, 'resolved'), colorOf({}, 'resolved'));
});

const levels = [
  { severity: 'warning', threshold: 500 },
  { severity: 'critical', threshold: 600 },
] as const;

test('a level says its threshold, its severity and its color', () => {
  const rule = { threshold: undefined, levels, severity: 'info' } as const;
  const first = embed({ rule, level: 1 });
  assert.deepEqual(
    [first.description, first.color, first.fields[3]?.value, further(first)['Severity']],
    ['received-packages is 508 which exceeds the rule threshold (500)', 16_753_920, '500', 'warning'],
  );
  const raised = embed({ rule, level: 2, kind: 'raised', x: 650 });
  assert.deepEqual(
    [raised.title, raised.description, raised.color, raised.fields[3]?.value],
    ['Alarm raised', 'received-packages is 650 which exceeds the rule threshold (600)', 16_711_680, '600'],
  );
  const resolved = embed({ rule, level: 2, kind: 'resolved', x: 480 });
  assert.equal(resolved.description, 'received-packages is 480 which no longer exceeds the rule threshold (500)');
  const pending = embed({ rule, level: 2, kind: 'resolved', x: 550 });
  assert.equal(pending.description, 'received-packages is 550 which no longer exceeds the rule threshold (600)');
  const silent = embed({ rule: { ...rule, no_data_seconds: 60 }, kind: 'no_data', cause: 'no_data', x: undefined });
  assert.deepEqual([silent.color, further(silent)['Severity']], [3_447_003, 'info'], "without a level, the rule's own");
});

test('what to do stands after the four fields, then what the rule is called, how bad it is and whose', () => {
  const rule = {
    description: 'Too many.',
    runbook_url: 'https://wiki.example.org/größe?a=(b)#c',
    name: 'Packages',
    severity: 'warning',
    labels: { team: 'hall' },
  } as const;
  assert.deepEqual(Object.entries(further(embed({ rule, series: { name: 'a', tags: { host: 'b' } } }))), [
    ['Description', 'Too many.'],
    ['Runbook', 'https://wiki.example.org/gr%C3%B6%C3%9Fe?a=%28b%29#c'],
    ['Rule name', 'Packages'],
    ['Severity', 'warning'],
    ['Tags', 'host = b'],
    ['Labels', 'team = hall'],
  ]);
  const runbook = (url: string): string | undefined => further(embed({ rule: { runbook_url: url } }))['Runbook'];
  assert.equal(runbook('https://a.example/`*|~_@everyone'), 'https://a.example/%60%2a%7c%7e_%40everyone');
  assert.equal(runbook('javascript:alert(1)'), '`javascript:alert(1)`');
  assert.match(runbook(`https://a.example/${'ß'.repeat(900)}`)!, /^`https:.*`$/);
});

test('further fields appear only when they say something', () => {
  assert.deepEqual(further(embed({ series: { name: 'a', tags: { host: 'a', 'disk/path': '/dev sda' } } })), {
    Tags: 'host = a\n`disk/path` = `/dev sda`',
  });
  assert.deepEqual(further(embed({ sinceMs: timeMs - 90_000 })), {
    'Firing since': '<t:1699999910:F> (<t:1699999910:R>)',
  });
  assert.deepEqual(further(embed({ kind: 'resolved', x: 1, sinceMs: timeMs - 3_723_000 })), { Duration: '1 h 2 min' });
  assert.deepEqual(
    further(embed({ kind: 'no_data', cause: 'no_data', x: undefined, rule: { no_data_seconds: 100 } })),
    {
      'Last data': '<t:1699999900:F> (<t:1699999900:R>)',
    },
  );
  const neverSeen = { partition: 0, offset: -1, timestampMs: timeMs };
  assert.deepEqual(
    further(
      embed({ kind: 'no_data', cause: 'no_data', x: undefined, sample: neverSeen, rule: { no_data_seconds: 100 } }),
    ),
    { 'Waiting since': '<t:1699999900:F> (<t:1699999900:R>)' },
  );
  assert.deepEqual(further(embed({ rule: { description: 'See run-book 7.' } })), { Description: 'See run-book 7.' });
  assert.deepEqual(further(embed({ rule: { description: '' } })), {});
  const late = embed({}, { nowMs: timeMs + 60_001 });
  assert.deepEqual([further(late), late.footer?.text], [{ Time: '<t:1700000000:F> (<t:1700000000:R>)' }, 'sent late']);
});

test('an alarm judged long after its sample was measured says so, and a silence never does', () => {
  const judgedMs = (): number => timeMs + 30_001;
  const late = embed({}, { judgedMs });
  assert.deepEqual(
    [further(late), late.footer?.text],
    [{ Time: '<t:1700000000:F> (<t:1700000000:R>)' }, 'detected late'],
  );
  assert.deepEqual(embed({}, { judgedMs: () => timeMs + 30_000 }), embed());
  assert.equal(embed({ kind: 'no_data', cause: 'no_data', x: undefined }, { judgedMs }).footer, undefined);
});

test('an alarm that has resolved without data says when the last came, and was not detected late', () => {
  const fields = { rule: { resolve_without_data_seconds: 300 }, x: undefined, kind: 'resolved', sinceMs: 0 } as const;
  const made = embed(fields, { judgedMs: () => timeMs + 300_000, nowMs: timeMs });
  assert.equal(made.footer, undefined);
  assert.match(further(made)['Last data']!, new RegExp(String(timeMs / 1_000 - 300)));
  assert.deepEqual([made.title, made.fields[2]!.value], ['Alarm resolved', 'no data']);
});

test('an alarm links to its page when that has an address, and only by an id that is one', () => {
  const consoleUrl = 'https://ssrms.example/console';
  assert.deepEqual(further(embed({}, { consoleUrl })), {
    Alarm: 'https://ssrms.example/console/#/alarms/7f1f0a5e-9f3a-5c4e-8b59-6f1f2f3a4b5c',
  });
  assert.deepEqual(further(embed({ alarmId: ') @everyone' }, { consoleUrl })), {});
});

test('the footer says what is odd about the message', () => {
  assert.equal(embed().footer, undefined);
  assert.deepEqual(embed({}, { possibleRepeat: true }).footer, { text: 'possible repeat' });
  assert.deepEqual(embed({ deferred: true }).footer, { text: 'delayed by cooldown' });
  assert.equal(
    embed({ deferred: true }, { possibleRepeat: true }).footer?.text,
    'possible repeat, delayed by cooldown',
  );
});

test('a time that Discord cannot show is left out', () => {
  assert.deepEqual(further(embed({ sinceMs: -1e300 })), {});
});

test('tags that do not fit are counted', () => {
  const tags = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`key${index}`, 'v'.repeat(1_024)]));
  const text = further(embed({ series: { name: 'a', tags } }))['Tags'] ?? '';
  const lines = text.split('\n');
  assert.ok(lines.length > 3 && text.length <= 1_024);
  assert.equal(lines.at(-1), `and ${16 - (lines.length - 1)} more`);
});
