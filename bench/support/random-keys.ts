import assert from 'node:assert/strict';
import { recordsOf } from '../../src/log/batch.ts';
import type { Log } from '../../src/log/log.ts';

const lagMax = 2_000;
const keysMin = 20_000;

/**
 * Fails unless the keys are drawn at random, evenly and without a pattern: a load that repeats its keys in order once made a
 * look-up seem 2.4 times cheaper than it is. By chi-squared over the keys that occur, and by how often a key comes
 * again after each number of records.
 */
export function assertRandomKeys(keys: readonly string[]): void {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  const expected = keys.length / counts.size;
  assert.ok(keys.length >= keysMin && expected >= 5, `${keys.length} keys of ${counts.size} names are too few to tell`);
  const chiSquared = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  // Wilson and Hilferty's cube root makes it normal: five deviations are no accident.
  const degrees = counts.size - 1;
  const deviations = ((chiSquared / degrees) ** (1 / 3) - (1 - 2 / (9 * degrees))) / Math.sqrt(2 / (9 * degrees));
  assert.ok(Math.abs(deviations) < 5, `the keys are not drawn evenly: ${deviations.toFixed(1)} deviations off`);
  const again = 1 / counts.size;
  for (let lag = 1; lag <= lagMax; lag++) {
    let equal = 0;
    for (let index = lag; index < keys.length; index++) if (keys[index] === keys[index - lag]) equal++;
    const pairs = keys.length - lag;
    const allowed = again * pairs + 6 * Math.sqrt(again * pairs);
    assert.ok(equal <= allowed, `a key comes again after ${lag} records in ${equal} of ${pairs} cases`);
  }
}

/** The keys of a partition's first records. */
export async function keysIn(log: Log, topic: string, partition: number): Promise<string[]> {
  const keys: string[] = [];
  for await (const chunk of log.read(topic, partition, { from: { offset: 0 } })) {
    for (const { key } of recordsOf(chunk)) keys.push(Buffer.from(key!).toString());
    if (keys.length >= keysMin * 2) break;
  }
  return keys;
}
