import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterLook, type HealthNews, type HealthState } from './health-changes.ts';

type Event = 'fails' | 'passes' | 'failsForLong' | 'passesForLong';

const before: Record<HealthState['kind'], HealthState> = {
  well: { kind: 'well' },
  failing: { kind: 'failing', sinceMs: 0 },
  told_failing: { kind: 'told_failing' },
  recovering: { kind: 'recovering', sinceMs: 0 },
};

const looks: Record<Event, [isFailing: boolean, nowMs: number]> = {
  fails: [true, 9_999],
  failsForLong: [true, 10_000],
  passes: [false, 29_999],
  passesForLong: [false, 30_000],
};

const table: Record<HealthState['kind'], Record<Event, [next: HealthState['kind'], news?: HealthNews]>> = {
  well: { fails: ['failing'], failsForLong: ['failing'], passes: ['well'], passesForLong: ['well'] },
  failing: {
    fails: ['failing'],
    failsForLong: ['told_failing', 'failed'],
    passes: ['well'],
    passesForLong: ['well'],
  },
  told_failing: {
    fails: ['told_failing'],
    failsForLong: ['told_failing'],
    passes: ['recovering'],
    passesForLong: ['recovering'],
  },
  recovering: {
    fails: ['told_failing'],
    failsForLong: ['told_failing'],
    passes: ['recovering'],
    passesForLong: ['well', 'recovered'],
  },
};

for (const [kind, row] of Object.entries(table))
  for (const [event, [next, news]] of Object.entries(row))
    test(`${kind}, then ${event}: ${next}${news === undefined ? '' : `, said: ${news}`}`, () => {
      const after = afterLook(before[kind as HealthState['kind']], ...looks[event as Event]);
      assert.deepEqual([after.next.kind, after.news], [next, news]);
    });
