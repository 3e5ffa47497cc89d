import { test } from 'node:test';
import assert from 'node:assert/strict';
import { parse } from 'yaml';
import { parseRule } from '../rule/parse-rule.ts';
import type { Translating } from './translate.ts';
import { translateFiles, type TranslatedFile } from './translate-files.ts';
import { writeRuleFile } from './write-rule-file.ts';

const options: Translating = { scrapeIntervalMs: 15_000, isPushed: false, receiver: 'ops' };

function filesOf(...texts: readonly string[]): TranslatedFile[] {
  return translateFiles(
    texts.map((text, index) => ({ path: `${index}.yml`, text })),
    options,
  );
}

const namesOf = (file: TranslatedFile): unknown[] => file.translated.map(({ rule }) => rule.name);

const plain = `
groups:
  - name: hosts
    labels: {team: infra}
    rules:
      - record: job:load:sum
        expr: sum by (job) (load)
      # Why there is this alert.
      - alert: LoadHigh
        expr: |
          load{host=~"web-.*"}
            > 90
        for: 5m
        labels: {severity: warning}
        annotations:
          summary: Load of {{ $labels.host }} is {{ $value }}
      - alert: LoadHigh
        expr: avg_over_time(load[5m]) > 80
        labels: {severity: warning, tier: 1}
      - alert: DiskFull
        expr: disk_free / disk_size < 0.1
`;

const resource = `
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: a}
spec:
  groups:
    - name: more
      rules:
        - alert: LoadHigh
          expr: load > 95
---
apiVersion: v1
kind: List
items:
  - kind: PrometheusRule
    spec: {groups: [{name: listed, rules: [{alert: Up, expr: up == 0}]}]}
---
kind: ConfigMap
`;

test('plain files, resources, lists of them and several documents are read; records are not counted', () => {
  const [one, two] = filesOf(plain, resource) as [TranslatedFile, TranslatedFile];
  assert.deepEqual(namesOf(one), ['LoadHigh (warning)', 'LoadHigh (hosts)']);
  assert.deepEqual(namesOf(two), ['LoadHigh (more)', 'Up']);
  assert.deepEqual(
    one.refused.map(({ name, place }) => [name, place]),
    [['DiskFull', 'column 1: disk_free / disk_size']],
  );
  assert.deepEqual(one.translated[1]!.rule.labels, { team: 'infra', tier: '1' });
});

test('a name is given once over all files, with a number where nothing else tells alerts apart', () => {
  const same =
    'groups: [{name: g, rules: [{alert: A, expr: a > 1}, {alert: A, expr: a > 2}, {alert: A, expr: a > 3}]}]';
  const taken = 'groups: [{name: h, rules: [{alert: "A (1)", expr: a > 4}]}]';
  assert.deepEqual(filesOf(same, taken).map(namesOf), [['A (g)', 'A (1)', 'A (2)'], ['A (1) (h)']]);
});

test('what tells alerts apart fits behind the longest name', () => {
  const name = 'é'.repeat(200);
  const alert = `{alert: ${name}, expr: a > 1}`;
  const [file] = filesOf(`groups: [{name: "${'g'.repeat(200)}", rules: [${alert}, ${alert}]}]`);
  assert.deepEqual(namesOf(file!), [`${name.slice(4)} (1)`, `${name.slice(4)} (2)`]);
});

test('an alert that cannot be read is counted and listed', () => {
  const rules = [
    '{alert: "", expr: a > 1}',
    '{alert: B}',
    '{alert: C, expr: a > 1, for: soon}',
    '{alert: D, expr: a > 1, keep_firing_for: 1h30}',
    '{alert: E, expr: a > 1, labels: [x]}',
    '{alert: F, expr: a > 1, annotations: {summary: {x: y}}}',
    '{alert: G, expr: 1}',
  ];
  const [file] = filesOf(`groups: [{name: g, rules: [${rules.join(', ')}]}]`);
  assert.deepEqual(
    file!.refused.map(({ name, reason }) => [name, reason]),
    [
      ['', 'the alert has no name'],
      ['B', 'the alert has no expression'],
      ['C', 'for is not a duration'],
      ['D', 'keep_firing_for is not a duration'],
      ['E', 'labels and annotations must be texts'],
      ['F', 'labels and annotations must be texts'],
      ['G', 'the expression has a value all the time, and would always fire'],
    ],
  );
});

test('what changes the result of a whole group is noted at each alert', () => {
  const rules = '[{alert: A, expr: a > 1}, {alert: B, expr: a > 2}]';
  const [file] = filesOf(`groups: [{name: g, interval: 1m, limit: 5, query_offset: 1m, rules: ${rules}}]`);
  for (const { notes } of file!.translated)
    assert.deepEqual(notes, ['limit of its group is left out', 'query_offset of its group is left out']);
});

test('a file that is not YAML has a problem, and others are translated', () => {
  const [helm, good] = filesOf('groups:\n  {{ range .Values.x }}\n  - a', plain);
  assert.match(helm!.problem!, /^it is not YAML: .* at line 3, column 1$/);
  assert.equal(good!.translated.length, 2);
});

test('a file without groups says so', () => {
  assert.deepEqual(
    filesOf('a: 1', '', 'groups: []', 'groups: [{name: g, rules: []}]').map(({ hasGroups }) => hasGroups),
    [false, false, false, true],
  );
});

test('a written file has rules that the API accepts, each below the expression that it came from', () => {
  const [file] = filesOf(plain);
  const text = writeRuleFile(file!, options);
  const { rules } = parse(text) as { rules: object[] };
  assert.deepEqual(
    rules,
    file!.translated.map(({ rule }) => rule),
  );
  for (const rule of rules) parseRule(rule, { id: '00000000-0000-4000-8000-000000000000', idInInput: 'refused' });
  assert.equal(
    text,
    `# Translated from 0.yml by ssrms rules import prometheus, for samples that are scraped every 15 s.

rules:
  # expr: |
  #   load{host=~"web-.*"}
  #     > 90
  # for: 5m
  - name: LoadHigh (warning)
    description: Load of [host] is [value]
    severity: warning
    labels:
      team: infra
    metric_name: load
    tags:
      host:
        like: web-*
    operator: ">"
    threshold: 90
    for_seconds: 292.5
    resolve_without_data_seconds: 25.5
    notify: [ops]

  # expr: avg_over_time(load[5m]) > 80
  - name: LoadHigh (hosts)
    severity: warning
    labels:
      team: infra
      tier: "1"
    metric_name: load
    type: window_average
    window_duration_seconds: 292.5
    operator: ">"
    threshold: 80
    resolve_without_data_seconds: 300
    notify: [ops]

# Not translated:

# DiskFull: a rule is about one metric, and here are disk_free and disk_size (column 1: disk_free / disk_size)
#   expr: disk_free / disk_size < 0.1
`,
  );
});

test('without a receiver the file says what is missing', () => {
  const given = { ...options, receiver: undefined };
  const [file] = translateFiles([{ path: 'a.yml', text: plain }], given);
  assert.match(
    writeRuleFile(file!, given),
    /^# Each rule still needs a receiver: notify: \[NAME\] or discord_webhook_url\.$/m,
  );
  assert.ok(file!.translated.every(({ rule }) => rule.notify === undefined));
});

test('nothing in an expression ends a comment', () => {
  const alert = JSON.stringify('a > 1 # x\r\n- evil: 1\u2028- worse: 2');
  const [file] = filesOf(`groups: [{name: g, rules: [{alert: A, expr: ${alert}}, {alert: B, expr: ${alert}}]}]`);
  const text = writeRuleFile(file!, options);
  // Line breaks to YAML 1.1, too.
  assert.doesNotMatch(text, /[\r\u0085\u2028\u2029]/);
  const { rules } = parse(text) as { rules: { name: string }[] };
  assert.deepEqual(
    rules.map(({ name }) => name),
    file!.translated.map(({ rule }) => rule.name),
  );
});
