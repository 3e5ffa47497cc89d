import { test } from 'node:test';
import assert from 'node:assert/strict';
import { parseRule } from '../rule/parse-rule.ts';
import { alertsTranslated, translateFiles, type TranslatedFile } from './translate-files.ts';

interface Given {
  readonly name?: string;
  readonly expr: string;
  readonly severity?: string;
  readonly more?: object;
}

function fileOf(...alerts: readonly Given[]): TranslatedFile {
  const rules = alerts.map(({ name = 'A', expr, severity, more }) => ({
    alert: name,
    expr,
    labels: { team: 'a', ...(severity !== undefined && { severity }) },
    ...more,
  }));
  const text = JSON.stringify({ groups: [{ name: 'g', rules }] });
  const options = { scrapeIntervalMs: 15_000, isPushed: false, receiver: 'ops' };
  return translateFiles([{ path: 'a.yml', text }], options)[0]!;
}

const levelsOf = (file: TranslatedFile): unknown[] =>
  file.translated.map(({ rule }) => rule.levels?.map(({ severity, threshold }) => `${severity} ${threshold}`));

test('alerts that differ in severity and threshold alone are one rule with levels', () => {
  const file = fileOf({ expr: 'a > 95', severity: 'critical' }, { expr: 'a > 80', severity: 'warning' });
  assert.equal(alertsTranslated(file), 2);
  const [{ rule, alerts } = assert.fail()] = file.translated;
  assert.deepEqual(Object.entries(rule), [
    ['name', 'A'],
    ['labels', { team: 'a' }],
    ['metric_name', 'a'],
    ['operator', '>'],
    [
      'levels',
      [
        { severity: 'warning', threshold: 80 },
        { severity: 'critical', threshold: 95 },
      ],
    ],
    ['resolve_without_data_seconds', 25.5],
    ['notify', ['ops']],
  ]);
  assert.deepEqual(
    alerts.map(({ expr }) => expr),
    ['a > 95', 'a > 80'],
  );
  parseRule(rule, { id: '00000000-0000-4000-8000-000000000000', idInInput: 'refused' });
});

test('thresholds fall with <, and three severities are three levels', () => {
  assert.deepEqual(
    levelsOf(
      fileOf(
        { expr: 'a < 5', severity: 'critical' },
        { expr: 'a < 20', severity: 'info' },
        { expr: 'a < 10', severity: 'warning' },
      ),
    ),
    [['info 20', 'warning 10', 'critical 5']],
  );
});

const [warning, critical] = [
  { expr: 'a > 80', severity: 'warning' },
  { expr: 'a > 95', severity: 'critical' },
];

/** What keeps two alerts apart. */
const apart: Readonly<Record<string, readonly [Given, Given]>> = {
  'another name': [warning, { ...critical, name: 'B' }],
  'another metric': [warning, { ...critical, expr: 'b > 95' }],
  'another operator': [warning, { ...critical, expr: 'a >= 95' }],
  'another for': [warning, { ...critical, more: { for: '5m' } }],
  'another text': [warning, { ...critical, more: { annotations: { summary: 's' } } }],
  'no severity': [warning, { expr: 'a > 95' }],
  'the same severity': [warning, { ...critical, severity: 'warning' }],
  'the same threshold': [warning, { ...critical, expr: 'a > 80' }],
  'the more severe one nearer': [{ ...warning, expr: 'a > 99' }, critical],
  equality: [
    { ...warning, expr: 'a == 1' },
    { ...critical, expr: 'a == 2' },
  ],
  'equality downwards': [
    { ...warning, expr: 'a == 2' },
    { ...critical, expr: 'a == 1' },
  ],
  absence: [
    { ...warning, expr: 'absent(a)' },
    { ...critical, expr: 'absent(a)' },
  ],
};

for (const [what, given] of Object.entries(apart))
  test(`${what} keeps alerts apart`, () => {
    const file = fileOf(...given);
    assert.deepEqual(levelsOf(file), [undefined, undefined]);
    const names = file.translated.map(({ rule }) => rule.name);
    assert.equal(new Set(names).size, 2, names.join(', '));
  });
