import { test } from 'node:test';
import assert from 'node:assert/strict';
import { metricFilter } from './metric-filter.ts';

test('a metric is wanted by its whole name, or by one with stars', () => {
  const table: [wanted: string | undefined, name: string | undefined, is: boolean][] = [
    [undefined, 'cpu', true],
    [undefined, undefined, true],
    ['cpu', 'cpu', true],
    ['cpu', 'CPU', false],
    ['cpu', 'cpu-usage', false],
    ['cpu', undefined, false],
    ['cpu*', 'cpu', true],
    ['cpu*', 'CPU-usage', true],
    ['*usage', 'cpu-usage', true],
    ['c*-*e', 'cpu-usage', true],
    ['cpu*', 'a-cpu', false],
    ['*', undefined, false],
    ['a.c*', 'abc', false],
  ];
  for (const [wanted, name, is] of table) assert.equal(metricFilter(wanted)(name), is, `${wanted} of ${name}`);
});
