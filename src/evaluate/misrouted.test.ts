import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { createLogger } from '../base/logger.ts';
import { partitionOf } from '../log/murmur2.ts';
import { MisroutedMetrics, partitionerSettings } from './misrouted.ts';

const partitions = 20;

test('thousands of misplaced metrics are one line, with a count, the first names and the settings', () => {
  const lines: { count: number; first: string[]; settings: Record<string, string> }[] = [];
  const logger = createLogger('silent', 'test');
  logger.warn = (fields: object) => void lines.push(fields as (typeof lines)[0]);
  let nowMs = 0;
  const misrouted = new MisroutedMetrics({ ...systemClock, monotonicMs: () => nowMs }, logger);
  const names = Array.from({ length: 5_000 }, (_, index) => `metric-${index}`);
  const wrong = names.filter((name) => partitionOf(Buffer.from(name), partitions) !== 7);
  misrouted.warn();
  assert.equal(misrouted.saw(names.slice(0, 2_000), 7, partitions) > 1_000, true);
  misrouted.saw(names.slice(2_000), 7, partitions);
  misrouted.warn();
  assert.deepEqual(lines, [{ count: wrong.length, first: wrong.slice(0, 10), settings: partitionerSettings }]);
  // What comes later is gathered for ten minutes; nothing new is no news.
  misrouted.saw(['another', 'one more'], partitionOf(Buffer.from('another'), partitions), partitions);
  nowMs += 599_000;
  misrouted.warn();
  assert.equal(lines.length, 1);
  nowMs += 1_000;
  misrouted.warn();
  assert.deepEqual([lines.length, lines[1]?.count], [2, wrong.length + 1]);
  nowMs += 3_600_000;
  misrouted.warn();
  assert.equal(lines.length, 2);
  assert.equal(misrouted.count, wrong.length + 1);
});

test('docs/INGEST.md has the same settings of the clients', () => {
  const text = readFileSync(new URL('../../docs/INGEST.md', import.meta.url), 'utf8');
  for (const [client, setting] of Object.entries(partitionerSettings)) {
    const row = text.split('\n').find((line) => line.startsWith(`| ${client} `));
    assert.ok(row?.includes(`\`${setting}\``), `a row of ${client} with ${setting}`);
  }
});
