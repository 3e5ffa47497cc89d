import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ruleFieldTable } from './field-table.ts';

test('docs/RULES.md has the table of fields', () => {
  const text = readFileSync('docs/RULES.md', 'utf8');
  const [, table = ''] = /<!-- fields -->\n\n([^]*?)\n\n<!-- end -->/.exec(text) ?? [];
  // A formatter may pad the columns.
  const cells = (rows: string): string => rows.replaceAll(/ *\| */g, '|').replaceAll(/-+/g, '-');
  assert.equal(cells(table), cells(ruleFieldTable()), 'run node scripts/rule-table.mjs');
});
