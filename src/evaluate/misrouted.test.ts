import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { createLogger } from '../base/logger.ts';
import { partitionOf } from '../log/murmur2.ts';
import { MetricPartitions } from './metric-partitions.ts';
import { MisroutedMetrics, partitionerSettings } from './misrouted.ts';

test('thousands of misplaced metrics are one line, with a count, the first names and the settings', async () => {
  const lines: { count: number; first: string[]; settings: Record<string, string> }[] = [];
  const logger = createLogger('silent', 'test');
  logger.warn = (fields: object) => void lines.push(fields as (typeof lines)[0]);
  const partitions = new MetricPartitions({ partitionCount: async () => 20 }, logger);
  await partitions.refresh();
  let nowMs = 0;
  const misrouted = new MisroutedMetrics({ ...systemClock, monotonicMs: () => nowMs }, logger);
  const names = Array.from({ length: 5_000 }, (_, index) => `metric-${index}`);
  const wrong = names.filter((name) => partitionOf(Buffer.from(name), 20) !== 7);
  misrouted.warn();
  assert.equal(misrouted.saw(names.slice(0, 2_000), 7, partitions) > 1_000, true);
  misrouted.saw(names.slice(2_000), 7, partitions);
  misrouted.warn();
  assert.deepEqual(lines, [{ count: wrong.length, first: wrong.slice(0, 10), settings: partitionerSettings }]);
  // What comes later is gathered for ten minutes; nothing new is no news.
  misrouted.saw(['another', 'one more'], partitions.rightOf('another'), partitions);
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

test('when partitions were added, what stands where it was written before blames no producer', async () => {
  let count = 20;
  const logger = createLogger('silent', 'test');
  const warnings: object[] = [];
  logger.warn = (fields: object) => void warnings.push(fields);
  const partitions = new MetricPartitions({ partitionCount: async () => count }, logger);
  await partitions.refresh();
  count = 24;
  await partitions.refresh();
  assert.deepEqual(warnings, [{ from: 20, to: 24 }]);
  const misrouted = new MisroutedMetrics(systemClock, logger);
  const names = Array.from({ length: 1_000 }, (_, index) => `metric-${index}`);
  for (const name of names) {
    const key = Buffer.from(name);
    const [before, now] = [partitionOf(key, 20), partitionOf(key, 24)];
    assert.equal(partitions.rightOf(name), now);
    assert.equal(misrouted.saw([name], before, partitions) + misrouted.saw([name], now, partitions), 0);
    const wrong = (now + 1) % 24;
    if (wrong !== before) assert.equal(misrouted.saw([name], wrong, partitions), 1);
  }
});

test('docs/INGEST.md has the same settings of the clients', () => {
  const text = readFileSync(new URL('../../docs/INGEST.md', import.meta.url), 'utf8');
  for (const [client, setting] of Object.entries(partitionerSettings)) {
    const row = text.split('\n').find((line) => line.startsWith(`| ${client} `));
    assert.ok(row?.includes(`\`${setting}\``), `a row of ${client} with ${setting}`);
  }
});
