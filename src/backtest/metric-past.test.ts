import { test } from 'node:test';
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { openTestLog } from '../http/testing/test-log.ts';
import { recordsOf } from '../log/batch.ts';
import { partitionOf } from '../log/murmur2.ts';
import type { TagMatchers } from '../rule/matcher.ts';
import { topics } from '../topics.ts';
import { MetricPast } from './metric-past.ts';

const name = 'cpu';
const partition = partitionOf(Buffer.from(name), topics.metrics.partitions);

/** What a writer may put into the partition: ours and others, escaped or not, the tag's text where no tag is, and no samples at all. */
const written = fc.oneof(
  {
    weight: 200,
    arbitrary: fc.nat(200).map((host) => ({ key: name, value: `{"value":1,"tags":{"host":"web-${host}"}}` })),
  },
  ...[
    [name, '{"value":1,"tags":{"host":"web-7","zone":"eu"}}'],
    [name, '{"value":1,"tags":{"host":"web-8","note":"web-7"}}'],
    [name, '{"value":1,"note":"web-7"}'],
    [name, '{"value":1,"tags":{"host":"we\\u0062-7"}}'],
    [name, '{"value":"web-7"}'],
    [name, null],
    ['cpu2', '{"value":1,"tags":{"host":"web-7"}}'],
    ['"web-7"', 'cpu'],
  ].map(([key, value]) => fc.constant({ key: key!, value: value ?? null })),
);

function isOurs({ key, value }: { readonly key: string; readonly value: string | null }): boolean {
  if (key !== name || value === null) return false;
  const sample = JSON.parse(value) as { value: unknown; tags?: { host?: string } };
  return typeof sample.value === 'number' && sample.tags?.host === 'web-7';
}

/** What a past may be asked for, of which the tag's text is looked for in batches only where it must be there. */
const wantedTags: readonly TagMatchers[] = [
  { host: 'web-7' },
  { host: ['web-7'] },
  { host: { like: 'web-7' } },
  { host: 'web-7', zone: { not: 'us' } },
  { host: { like: '*-7' }, note: { exists: false } },
];

test('a past holds the records that match, and no others, however few or many', async () => {
  const storage = await openTestLog();
  const { log } = storage;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(written, { minLength: 1, maxLength: 120 }), { maxLength: 4 }),
      fc.constantFrom(...wantedTags),
      async (batches, tags) => {
        const { next } = await log.bounds(topics.metrics.name, partition);
        for (const batch of batches) {
          const records = batch.map(({ key, value }) => ({
            key: Buffer.from(key),
            value: value === null ? null : Buffer.from(value),
            timestampMs: 1_700_000_000_000,
            partition,
          }));
          await log.append(topics.metrics.name, records);
        }
        const past = await MetricPast.open(log, name, tags);
        while (await past.readBack(next, new AbortController().signal));
        const found = [...recordsOf(past.chunk(past.range))].map(({ offset }) => offset - next);
        const wanted = batches.flat().flatMap((record, index) => (isOurs(record) ? [index] : []));
        assert.deepEqual(found, wanted);
      },
    ),
  );
  await storage.remove();
});
