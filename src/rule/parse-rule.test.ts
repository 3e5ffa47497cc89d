import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as fc from 'fast-check';
import { Failure } from '../base/failure.ts';
import { operators } from './comparison.ts';
import { compileRule, type Condition } from './condition.ts';
import { ruleTypes } from '../measure/measures.ts';
import { parseRule, type ParseRuleOptions } from './parse-rule.ts';
import { ruleInputSchema } from './rule-schema.ts';
import { receiversAt, receiversOf, severityAt } from './rule-level.ts';
import { formatRule, type Rule } from './rule.ts';

const id = '21433034-8078-4f1a-bb8d-1ac996db395d';
const token = 'secret-token-'.padEnd(68, 'x');
const url = `https://discord.com/api/webhooks/1100000000000000001/${token}`;
const smallest = { metric_name: 'received-packages', threshold: 500, discord_webhook_url: url };
const options: ParseRuleOptions = { id, idInInput: 'optional' };

function failureOf(input: unknown, given: Partial<ParseRuleOptions> = {}): Failure {
  try {
    parseRule(input, { ...options, ...given });
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    assert.ok(
      !JSON.stringify([error.message, error.errors]).includes('secret-token'),
      'no message holds the webhook’s token',
    );
    return error;
  }
  return assert.fail(`not refused: ${JSON.stringify(input)}`);
}

test('the smallest rule is its three fields, its id first, and no default filled in', () => {
  assert.equal(
    formatRule(parseRule(smallest, options)),
    `{"id":"${id}","metric_name":"received-packages","threshold":500,"discord_webhook_url":"${url}"}`,
  );
});

test('the author’s order of fields is kept, but for the id, which comes first', () => {
  const rule = parseRule({ threshold: 1, discord_webhook_url: url, enabled: true, id, metric_name: 'a' }, options);
  assert.deepEqual(Object.keys(rule), ['id', 'threshold', 'discord_webhook_url', 'enabled', 'metric_name']);
  assert.deepEqual(Object.keys(JSON.parse(formatRule({ ...smallest, id })) as object)[0], 'id');
});

test('a rule with every field is taken as it is', () => {
  const whole = {
    ...smallest,
    operator: '<',
    tags: { host: 'a', ['__proto__']: 'b' },
    name: 'Packages: größe 📦',
    severity: 'warning',
    runbook_url: 'https://wiki.example.org/packages?a=b#c',
    labels: { team: 'hall', ['__proto__']: 'b' },
    type: 'window_average',
    window_duration_seconds: 0.5,
    cooldown_seconds: 0,
    trigger: 'every_sample',
    for_seconds: 1.5,
    resolve_threshold: 500,
    resolve_for_seconds: 0.5,
    notify_on_resolve: false,
    no_data_seconds: 60,
    enabled: false,
    description: '📦'.repeat(1_000),
  };
  assert.deepEqual(JSON.parse(formatRule(parseRule(whole, options))), JSON.parse(JSON.stringify({ id, ...whole })));
});

test('a rule that watches for silence needs no threshold', () => {
  const { threshold: _threshold, ...fields } = { ...smallest, no_data_seconds: 60 };
  const rule = parseRule(fields, options);
  assert.deepEqual([rule.threshold, compileRule(rule).threshold], [undefined, undefined]);
  const failure = failureOf({ ...fields, no_data_seconds: undefined, resolve_threshold: 5 });
  assert.match(JSON.stringify(failure.errors), /resolve_threshold must be left out without a threshold/);
});

const { threshold: _threshold, ...leveled } = smallest;

test('levels take the place of the threshold, and inherit what they leave out', () => {
  const levels = [
    { threshold: 80, for_seconds: 60 },
    { severity: 'critical', threshold: 95, notify: ['oncall'] },
  ];
  const rule = parseRule({ ...leveled, levels, for_seconds: 5, severity: 'info', notify: ['ops'] }, options);
  levels[0]!.threshold = 70;
  assert.deepEqual(rule.levels?.[0], { threshold: 80, for_seconds: 60 }, 'a copy');
  const { levels: conditions, threshold } = compileRule(rule);
  assert.deepEqual(
    [threshold, conditions],
    [
      80,
      [
        { threshold: 80, forMs: 60_000 },
        { threshold: 95, forMs: 5_000 },
      ],
    ],
  );
  assert.deepEqual(
    [severityAt(rule, 1), severityAt(rule, 2), severityAt(rule, undefined)],
    ['info', 'critical', 'info'],
  );
  assert.deepEqual(
    [receiversAt(rule), receiversAt(rule, [1]), receiversAt(rule, [1, 2]), receiversOf(rule)],
    [['ops'], ['ops'], ['ops', 'oncall'], ['ops', 'oncall']],
  );
  parseRule({ ...leveled, operator: '<=', levels: [{ threshold: 10 }, { threshold: 5 }, { threshold: 0 }] }, options);
});

test('what levels may not be is refused, and the field named', () => {
  const [low, high] = [{ threshold: 80 }, { threshold: 95 }];
  const bad: [object, string, RegExp][] = [
    [{ levels: 80 }, 'levels', /must be a list of levels, not 80/],
    [{ levels: [low] }, 'levels', /must have 2 to 4 levels, not 1/],
    [{ levels: [low, high, { threshold: 96 }, { threshold: 97 }, { threshold: 98 }] }, 'levels', /not 5/],
    [{ levels: [low, 95] }, 'levels.1', /must be an object, not 95/],
    [{ levels: [low, { severity: 'critical' }] }, 'levels.1.threshold', /is missing: it must be a finite number/],
    [{ levels: [low, { threshold: '95' }] }, 'levels.1.threshold', /must be a finite number, not "95"/],
    [
      { levels: [high, low] },
      'levels.1.threshold',
      /must be above that of the level before \(95\) with operator ">", not 80/,
    ],
    [{ levels: [low, low] }, 'levels.1.threshold', /must be above/],
    [{ levels: [low, high], operator: '<' }, 'levels.1.threshold', /must be below that of the level before \(80\)/],
    [{ levels: [low, high], operator: '==' }, 'levels', /must be left out with operator "=="/],
    [{ levels: [low, { ...high, severity: 'bad' }] }, 'levels.1.severity', /must be "info" or/],
    [{ levels: [{ ...low, for_seconds: -1 }, high] }, 'levels.0.for_seconds', /at least 0, not -1/],
    [{ levels: [{ ...low, notify: [] }, high] }, 'levels.0.notify', /must have 1 to 10 names, not 0/],
    [
      { levels: [{ ...low, mentions: ['@here'] }, high] },
      'levels.0.mentions',
      /is not a field of levels.0; the fields are severity, threshold/,
    ],
    [{ levels: [low, high], threshold: 1 }, 'threshold', /must be left out with levels/],
    [{ levels: [low, high], resolve_threshold: 1 }, 'resolve_threshold', /must be left out with levels/],
    [{ levels: [low, high], for_samples: { breaches: 1, of: 2 } }, 'for_samples', /must be left out with levels/],
  ];
  for (const [fields, field, text] of bad) {
    const failure = failureOf({ ...leveled, ...fields });
    assert.equal(failure.errors?.length, 1, JSON.stringify([fields, failure.errors]));
    assert.equal(failure.errors[0]?.field, field);
    assert.match(failure.errors[0].message, text);
  }
});

test('a resolve threshold may be the threshold itself, for the operators with a side', () => {
  for (const operator of ['>', '>=', '<', '<=']) parseRule({ ...smallest, operator, resolve_threshold: 500 }, options);
});

test('a parsed rule does not change with its input', () => {
  const hosts = ['b'];
  const tags: Record<string, string | string[]> = { host: 'a', zone: hosts };
  const rule = parseRule({ ...smallest, tags }, options);
  tags['host'] = 'b';
  hosts.push('c');
  assert.deepEqual(rule.tags, { host: 'a', zone: ['b'] });
});

/** Fields that make a rule a bad one, and what the message must say. */
const refused: [string, Record<string, unknown>, string, RegExp][] = [
  ['a missing name', { metric_name: undefined }, 'metric_name', /must be a string, not nothing/],
  ['an empty name', { metric_name: '' }, 'metric_name', /must not be empty/],
  ['a name of 256 bytes', { metric_name: 'ü'.repeat(128) }, 'metric_name', /at most 255 bytes of UTF-8, not 256/],
  ['a name with a control character', { metric_name: 'a\u0000b' }, 'metric_name', /control characters/],
  ['a name with a lone surrogate', { metric_name: '\ud800' }, 'metric_name', /Unicode/],
  ['a name that is a number', { metric_name: 7 }, 'metric_name', /must be a string, not 7/],
  ['a threshold of text', { threshold: '500' }, 'threshold', /must be a finite number, not "500"/],
  ['a threshold of NaN', { threshold: NaN }, 'threshold', /not NaN/],
  ['a threshold of Infinity', { threshold: JSON.parse('1e400') as number }, 'threshold', /not Infinity/],
  ['a threshold of null', { threshold: null }, 'threshold', /not null/],
  ['a webhook that is no URL', { discord_webhook_url: 'x' }, 'discord_webhook_url', /must be a URL/],
  [
    'a webhook elsewhere',
    { discord_webhook_url: url.replace('discord', 'evil') },
    'discord_webhook_url',
    /must be a Discord webhook URL/,
  ],
  ['a webhook that is an object', { discord_webhook_url: { url } }, 'discord_webhook_url', /must be a string/],
  [
    'a time before it resolves below 0',
    { resolve_for_seconds: -1 },
    'resolve_for_seconds',
    /a number of at least 0, not -1/,
  ],
  [
    'more breaches than values',
    { for_samples: { breaches: 4, of: 3 } },
    'for_samples.breaches',
    /at most for_samples.of \(3\), not 4/,
  ],
  [
    'no breach',
    { for_samples: { breaches: 0, of: 3 } },
    'for_samples.breaches',
    /a whole number of at least 1 and at most 20, not 0/,
  ],
  ['21 values', { for_samples: { breaches: 1, of: 21 } }, 'for_samples.of', /at most 20, not 21/],
  ['half a value', { for_samples: { breaches: 1.5, of: 2 } }, 'for_samples.breaches', /must be a whole number/],
  ['values without a number', { for_samples: 3 }, 'for_samples', /must be an object with breaches and of, not 3/],
  [
    'values of another kind',
    { for_samples: { breaches: 1, of: 2, in: 3 } },
    'for_samples.in',
    /is not a field of for_samples/,
  ],
  [
    'values and a time',
    { for_samples: { breaches: 1, of: 2 }, for_seconds: 0 },
    'for_samples',
    /must be left out with for_seconds/,
  ],
  [
    'two meanings of silence',
    { no_data_seconds: 1, resolve_without_data_seconds: 1 },
    'resolve_without_data_seconds',
    /must be left out with no_data_seconds/,
  ],
  [
    'no time without data',
    { resolve_without_data_seconds: 0 },
    'resolve_without_data_seconds',
    /greater than 0, not 0/,
  ],
  ['another operator', { operator: '=>' }, 'operator', /must be ">" or ">=" or .* or "!=", not "=>"/],
  ['tags that are an array', { tags: [] }, 'tags', /must be an object/],
  ['tags that are null', { tags: null }, 'tags', /must be an object/],
  ['a tag that is a number', { tags: { a: 1 } }, 'tags.a', /must be a string/],
  ['a list of tags that is empty', { tags: { a: [] } }, 'tags.a', /tags\.a must list 1 to 100 values, not 0/],
  ['a form that there is not', { tags: { a: { regex: '.*' } } }, 'tags.a', /tags\.a must be a string, a list/],
  ['a tag with an empty key', { tags: { '': 'a' } }, 'tags.', /must have a key/],
  ['a tag key of 256 bytes', { tags: { ['k'.repeat(256)]: 'a' } }, `tags.${'k'.repeat(80)}`, /at most 255 bytes/],
  ['a tag value of 1,025 bytes', { tags: { a: 'v'.repeat(1_025) } }, 'tags.a', /at most 1024 bytes/],
  [
    '17 tags',
    { tags: Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, ''])) },
    'tags',
    /at most 16 tags, not 17/,
  ],
  ['another type', { type: 'average' }, 'type', /"instantaneous" or "window_average"/],
  ['groups without an aggregate', { group_by: ['a'] }, 'aggregate', /is missing: with group_by it must be "sum"/],
  ['an aggregate without groups', { aggregate: 'sum' }, 'aggregate', /must be left out unless group_by is given/],
  ['a group by no list', { group_by: 'a', aggregate: 'sum' }, 'group_by', /must be a list of tag names, not "a"/],
  ['a tag twice', { group_by: ['a', 'a'], aggregate: 'sum' }, 'group_by.1', /each name once, not "a"/],
  ['half a series', { group_by: [], aggregate: 'sum', min_series: 1.5 }, 'min_series', /must be a whole number .*1.5/],
  ['a share of nothing', { group_by: [], aggregate: 'share_where' }, 'aggregate_where', /is missing/],
  [
    'a sum of some',
    { group_by: [], aggregate: 'sum', aggregate_where: { operator: '>', threshold: 1 } },
    'aggregate_where',
    /must be left out unless aggregate is "count_where" or "share_where"/,
  ],
  [
    'no comparison',
    { group_by: [], aggregate: 'count_where', aggregate_where: { operator: '=>', threshold: 1 } },
    'aggregate_where.operator',
    /must be ">" or .*, not "=>"/,
  ],
  [
    'a ratio of shares',
    { group_by: [], aggregate: 'share_where', aggregate_where: { operator: '>', threshold: 1 }, divide_by: {} },
    'divide_by',
    /needs aggregate to be "sum" or/,
  ],
  [
    'a ratio by a window without one',
    { group_by: [], aggregate: 'sum', divide_by: { type: 'window_average' } },
    'divide_by.window_duration_seconds',
    /is missing/,
  ],
  [
    'an unknown field of a ratio',
    { group_by: [], aggregate: 'sum', divide_by: { threshold: 1 } },
    'divide_by.threshold',
    /is not a field of divide_by; the fields are tags, type/,
  ],
  ['a window average without its window', { type: 'window_average' }, 'window_duration_seconds', /is missing/],
  [
    'a window without a window average',
    { window_duration_seconds: 60 },
    'window_duration_seconds',
    /must be left out, not 60/,
  ],
  [
    'a percentile without which',
    { type: 'window_percentile', window_duration_seconds: 60 },
    'percentile',
    /is missing: with type "window_percentile" it must be a number of at least 0 and at most 100/,
  ],
  [
    'a percentile of an average',
    { type: 'window_average', window_duration_seconds: 60, percentile: 95 },
    'percentile',
    /must be left out, not 95, unless type is "window_percentile"/,
  ],
  [
    'a percentile past all',
    { type: 'window_percentile', window_duration_seconds: 60, percentile: 100.5 },
    'percentile',
    /at most 100, not 100.5/,
  ],
  [
    'a window of nothing',
    { type: 'window_average', window_duration_seconds: 0 },
    'window_duration_seconds',
    /greater than 0/,
  ],
  [
    'a window of more than a day',
    { type: 'window_average', window_duration_seconds: 86_400.1 },
    'window_duration_seconds',
    /at most 86400/,
  ],
  ['a negative cooldown', { cooldown_seconds: -1 }, 'cooldown_seconds', /at least 0, not -1/],
  ['an endless cooldown', { cooldown_seconds: Infinity }, 'cooldown_seconds', /not Infinity/],
  ['another trigger', { trigger: 'always' }, 'trigger', /"crossing" or "every_sample"/],
  ['a negative for_seconds', { for_seconds: -0.1 }, 'for_seconds', /at least 0/],
  [
    'a resolve threshold above, for >',
    { resolve_threshold: 500.1 },
    'resolve_threshold',
    /at most the threshold \(500\).*not 500.1/,
  ],
  [
    'a resolve threshold below, for <',
    { operator: '<', resolve_threshold: 499.9 },
    'resolve_threshold',
    /at least the threshold \(500\)/,
  ],
  [
    'a resolve threshold above, for >=',
    { operator: '>=', resolve_threshold: 501 },
    'resolve_threshold',
    /at most the threshold \(500\) with operator ">="/,
  ],
  [
    'a resolve threshold below, for <=',
    { operator: '<=', resolve_threshold: 499 },
    'resolve_threshold',
    /at least the threshold \(500\)/,
  ],
  [
    'a resolve threshold for ==',
    { operator: '==', resolve_threshold: 500 },
    'resolve_threshold',
    /must be left out with operator "==", not 500/,
  ],
  ['a resolve threshold for !=', { operator: '!=', resolve_threshold: 1 }, 'resolve_threshold', /must be left out/],
  ['an empty name', { name: '' }, 'name', /name must be a line of text, without blanks at its ends, not ""/],
  ['a name of two lines', { name: 'a\nb' }, 'name', /must be a line of text/],
  ['a name with blanks around it', { name: ' a' }, 'name', /without blanks at its ends/],
  ['a name of 201 characters', { name: '📦'.repeat(201) }, 'name', /at most 200 characters, not 201/],
  ['a name that is a number', { name: 5 }, 'name', /must be a string, not 5/],
  ['another severity', { severity: 'high' }, 'severity', /must be "info" or "warning" or "critical", not "high"/],
  [
    'a runbook over http',
    { runbook_url: 'http://wiki.example.org' },
    'runbook_url',
    /must be an https URL, without a login/,
  ],
  ['a runbook that is no URL', { runbook_url: 'see the wiki' }, 'runbook_url', /must be an https URL/],
  ['a runbook that is a script', { runbook_url: 'javascript:alert(1)' }, 'runbook_url', /must be an https URL/],
  ['a runbook with a login', { runbook_url: 'https://me:pass@wiki.example.org' }, 'runbook_url', /without a login/],
  ['a runbook with a blank', { runbook_url: 'https://wiki.example.org/a b' }, 'runbook_url', /must be an https URL/],
  [
    'a long runbook',
    { runbook_url: `https://a.example/${'x'.repeat(1_000)}` },
    'runbook_url',
    /at most 1000 characters/,
  ],
  ['labels that are a list', { labels: ['team'] }, 'labels', /labels must be an object of strings/],
  ['a label that is a number', { labels: { team: 1 } }, 'labels.team', /labels\.team must be a string/],
  ['a label without a key', { labels: { '': 'a' } }, 'labels.', /must have a key/],
  [
    '17 labels',
    { labels: Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, ''])) },
    'labels',
    /at most 16 labels, not 17/,
  ],
  ['a resolve threshold of text', { resolve_threshold: '1' }, 'resolve_threshold', /finite number/],
  ['notify_on_resolve as a number', { notify_on_resolve: 1 }, 'notify_on_resolve', /true or false, not 1/],
  ['no_data_seconds of 0', { no_data_seconds: 0 }, 'no_data_seconds', /greater than 0/],
  ['enabled as text', { enabled: 'true' }, 'enabled', /true or false/],
  [
    'a description of 1,001 characters',
    { description: '📦'.repeat(1_001) },
    'description',
    /at most 1000 characters, not 1001/,
  ],
  ['a description of null', { description: null }, 'description', /must be a string/],
  ['an unknown field', { Threshold: 1 }, 'Threshold', /is not a field of a rule/],
  [
    'a field named as what objects inherit',
    JSON.parse('{"__proto__": 1}') as Record<string, unknown>,
    '__proto__',
    /is not a field/,
  ],
];

for (const [name, fields, field, message] of refused) {
  test(`a rule is refused for ${name}`, () => {
    const failure = failureOf(Object.assign(Object.create(null), smallest, ownOf(fields)));
    assert.equal(failure.status, 400);
    assert.deepEqual(
      failure.errors.map((each) => each.field),
      [field],
    );
    assert.match(failure.errors[0]?.message ?? '', message);
    assert.ok(failure.errors[0]?.message.startsWith(field));
  });
}

/** With `__proto__` as an own field, if it is one. */
function ownOf(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields));
}

test('all wrong fields are named at once', () => {
  const failure = failureOf({ threshold: 'x', operator: '=', tags: { a: 1, b: 2 }, type: 'window_average', extra: 1 });
  assert.deepEqual(
    failure.errors.map((each) => [each.field, each.code]),
    [
      ['metric_name', 'missing_field'],
      ['threshold', 'invalid_field'],
      ['discord_webhook_url', 'missing_field'],
      ['operator', 'invalid_field'],
      ['tags.a', 'invalid_field'],
      ['tags.b', 'invalid_field'],
      ['window_duration_seconds', 'missing_field'],
      ['extra', 'unknown_field'],
    ],
  );
  for (const { message } of failure.errors) assert.ok(failure.message.includes(message));
});

test('a hundred thousand unknown fields make a message of bounded length', () => {
  const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`field-${index}`, index]));
  const failure = failureOf({ ...smallest, ...many });
  assert.equal(failure.errors.length, 21);
  assert.match(failure.message, /99980 more fields are not known/);
});

test('what is no object is refused, and so is what is too deep to be shown', () => {
  for (const input of [undefined, null, 7, 'rule', true, [smallest]])
    assert.equal(failureOf(input).code, 'invalid_request');
  const deep = JSON.parse('['.repeat(20_000) + ']'.repeat(20_000)) as unknown;
  assert.match(failureOf({ ...smallest, threshold: deep, operator: deep }).message, /not an array/);
});

test('the id is given by the service: refused, optional or required as the caller says', () => {
  assert.equal(parseRule({ ...smallest, id }, { id, idInInput: 'required' }).id, id);
  assert.equal(parseRule(smallest, { id, idInInput: 'refused' }).id, id);
  assert.match(failureOf({ ...smallest, id }, { idInInput: 'refused' }).message, /id must be left out/);
  assert.match(failureOf(smallest, { idInInput: 'required' }).message, /id is missing/);
  const other = id.replace('2', '3');
  assert.match(failureOf({ ...smallest, id: other }).message, new RegExp(`id must be ${id}, not "${other}"`));
  assert.match(failureOf({ ...smallest, id: 7 }).message, /id must be/);
  assert.match(failureOf(smallest, { id: 'one' }).message, /UUID v4 or v5/);
});

test('the webhook’s URL is in no message, in whatever field somebody put it', () => {
  for (const field of [
    'discord_webhook_url',
    'operator',
    'metric_name',
    'threshold',
    'type',
    'description',
    'webhook',
    'id',
    url,
  ]) {
    const failure = failureOf({ threshold: 1, [field]: `${url}!`, extra: 1 });
    assert.ok(failure.errors.length > 0);
  }
  failureOf({ ...smallest, tags: { [url]: 1 } });
});

test('an operator’s base lets its URLs in', () => {
  const apiBase = 'http://127.0.0.1:8080/api/v10';
  const local = { ...smallest, discord_webhook_url: `${apiBase}/webhooks/1100000000000000001/${token}` };
  assert.equal(parseRule(local, { ...options, apiBase }).discord_webhook_url, local.discord_webhook_url);
  assert.match(failureOf(local).message, /must be a Discord webhook URL/);
});

test('defaults are filled in for evaluation alone, in milliseconds', () => {
  const smallestCondition = {
    ruleId: id,
    metricName: 'received-packages',
    tags: {},
    operator: '>',
    threshold: 500,
    resolveThreshold: 500,
    type: 'instantaneous',
    isComputed: false,
    windowMs: 0,
    percentile: undefined,
    cooldownMs: 0,
    everySample: false,
    forMs: 0,
    forSamples: undefined,
    levels: undefined,
    resolveForMs: 0,
    notifyOnResolve: false,
    noDataMs: undefined,
    resolveWithoutDataMs: undefined,
    remindMs: undefined,
    enabled: true,
    description: undefined,
    grouping: undefined,
  };
  const compiled = compileRule(parseRule(smallest, options));
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(compiled)).filter((name) => name !== 'constructor');
  assert.deepEqual(
    Object.fromEntries(names.map((name) => [name, compiled[name as keyof Condition]])),
    smallestCondition,
  );
  const fields = {
    type: 'window_average',
    window_duration_seconds: 2.007,
    cooldown_seconds: 1.1,
    for_seconds: 1e-9,
    no_data_seconds: 4.35,
    remind_seconds: 60.5,
  };
  const condition = compileRule(parseRule({ ...smallest, ...fields }, options));
  assert.deepEqual(
    [condition.windowMs, condition.cooldownMs, condition.forMs, condition.noDataMs, condition.remindMs],
    [2_007, 1_100, 1e-9 * 1_000, 4_350, 60_500],
  );
});

test('the schema refuses nothing that is a rule, and takes little that is none', () => {
  const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(ruleInputSchema);
  const number = fc.oneof(fc.double(), fc.constantFrom(0, 1, -1, 500, 86_400, 86_401));
  const any = fc.oneof(
    number,
    fc.string(),
    fc.boolean(),
    fc.constant(null),
    fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }),
  );
  const field = <Value>(values: fc.Arbitrary<Value>) =>
    fc.oneof({ weight: 6, arbitrary: values }, { weight: 1, arbitrary: any });
  const inputs = fc.record(
    {
      metric_name: field(fc.string({ minLength: 1 })),
      threshold: field(number),
      discord_webhook_url: fc.constant(url),
      operator: field(fc.constantFrom(...operators)),
      tags: field(
        fc.dictionary(
          fc.string({ minLength: 1 }),
          fc.oneof(
            fc.string(),
            fc.array(fc.string(), { maxLength: 2 }),
            fc.record({ like: fc.string() }),
            fc.record({ exists: fc.boolean() }),
            fc.record({ not: fc.oneof(fc.string(), fc.record({ like: fc.string() })) }),
          ),
          { maxKeys: 3 },
        ),
      ),
      type: field(fc.constantFrom(...ruleTypes)),
      window_duration_seconds: field(number),
      percentile: field(number),
      cooldown_seconds: field(number),
      trigger: field(fc.constantFrom('crossing', 'every_sample')),
      for_seconds: field(number),
      resolve_threshold: field(number),
      notify_on_resolve: field(fc.boolean()),
      no_data_seconds: field(number),
      enabled: field(fc.boolean()),
      description: field(fc.string()),
      name: field(fc.string()),
      severity: field(fc.constantFrom('info', 'warning', 'critical')),
      runbook_url: field(fc.webUrl()),
      labels: field(fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 })),
    },
    { requiredKeys: ['metric_name', 'threshold', 'discord_webhook_url'] },
  );
  // What a schema cannot say: bytes, control characters, and what one field asks of another.
  const beyondSchema =
    /window_duration_seconds|percentile|resolve_threshold|UTF-8|control|Unicode|NaN|Infinity|line of text|https URL/;
  fc.assert(
    fc.property(inputs, (input) => {
      let problem = '';
      try {
        parseRule(input, options);
      } catch (error) {
        assert.ok(error instanceof Failure);
        problem = error.errors.map((each) => each.message).find((message) => !beyondSchema.test(message)) ?? 'beyond';
      }
      if (problem === '') assert.ok(validate(input), JSON.stringify([input, validate.errors]));
      else if (problem !== 'beyond') assert.ok(!validate(input), `${problem}: ${JSON.stringify(input)}`);
    }),
    { numRuns: 2_000 },
  );
});

test('any rule is read back as it was written', () => {
  const rules = fc.record({
    threshold: fc.double({ noNaN: true, noDefaultInfinity: true }),
    description: fc.string({ unit: 'grapheme' }),
  });
  fc.assert(
    fc.property(rules, (fields) => {
      const rule: Rule = parseRule({ ...smallest, ...fields }, options);
      const written = formatRule(rule);
      assert.equal(formatRule(parseRule(JSON.parse(written), { id, idInInput: 'required' })), written);
    }),
  );
});
