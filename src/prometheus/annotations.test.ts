import { test } from 'node:test';
import assert from 'node:assert/strict';
import { textsOf, withoutTemplates } from './annotations.ts';

const words: Readonly<Record<string, string | undefined>> = {
  'Pod {{ $labels.namespace }}/{{$labels.pod}} is down': 'Pod [namespace]/[pod] is down',
  '{{ $value }}% of {{ $labels.job }}': '[value]% of [job]',
  '{{ $value | humanizePercentage }}': '[value]',
  '{{ humanize $value }}': '[value]',
  '{{ printf "%.2f" $value }}': '[value]',
  '{{ $value | printf "%.2f" }} and {{- $externalLabels.cluster -}}': '[value] and [cluster]',
  '{{ index $labels "pod" }}': '[pod]',
  '{{ "{{" }}': undefined,
  '{{ "text" }} {{ `more` }}': 'text more',
  '{{ /* why */ }}x': 'x',
  '{{ if $value }}x{{ end }}': undefined,
  '{{ with query "up" }}{{ . }}{{ end }}': undefined,
  '{{ $labels.a $labels.b }}': undefined,
  '{{ $value | query }}': undefined,
  '{{ $value': undefined,
  ' x\n  VALUE = {{ $value }}\n  LABELS = {{ $labels }}': 'x',
};

for (const [template, plain] of Object.entries(words))
  test(`${JSON.stringify(template)} becomes ${JSON.stringify(plain)}`, () =>
    assert.equal(withoutTemplates(template), plain));

test('summary and description are the description, the runbook a link, the rest is listed', () => {
  const notes: string[] = [];
  const texts = textsOf(
    { message: 'm', description: 'd', summary: 's', runbook: 'https://a.example/b', team: 't' },
    (note) => notes.push(note),
  );
  assert.deepEqual(texts, { description: 's\nd\nm', runbook_url: 'https://a.example/b' });
  assert.deepEqual(notes, ['the annotation team is left out']);
});

test('what no rule may have is left out and listed', () => {
  const notes: string[] = [];
  const texts = textsOf(
    {
      summary: '{{ if $value }}x{{ end }}',
      description: 'é'.repeat(1_001),
      runbook_url: 'http://a.example/{{ $labels.b }}',
    },
    (note) => notes.push(note),
  );
  assert.equal(texts.description, `${'é'.repeat(999)}…`);
  assert.equal(texts.runbook_url, undefined);
  assert.deepEqual(notes, [
    'the annotation summary is left out: its template computes something',
    'the description is cut to 1000 characters',
    'the annotation runbook_url is left out: a runbook is an https URL without a template',
  ]);
});
