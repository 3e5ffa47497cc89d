import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Tags } from '../metric/sample.ts';
import { seriesKey } from '../metric/series.ts';
import { SeriesClocks, type TimedSeries } from './series-clocks.ts';

const startMs = Date.parse('2026-08-06T12:00:00Z');
const lookEveryMs = 10_000;

/** One partition, its head, and a clock that looks every ten seconds. */
class Partition {
  readonly clocks = new SeriesClocks();
  readonly #series = new Map<string, { -readonly [Field in keyof TimedSeries]: TimedSeries[Field] }>();
  #head = 0;
  nowMs = startMs;

  /** Appends a sample that is so old; a reader that lags does not see it yet. */
  send(name: string, ageMs: number, { tags = {}, isRead = true }: { tags?: Tags; isRead?: boolean } = {}): void {
    const [offset, timestampMs] = [this.#head++, this.nowMs - ageMs];
    if (isRead) this.read(name, tags, { offset, timestampMs });
  }

  read(name: string, tags: Tags, last: { offset: number; timestampMs: number }): void {
    const key = seriesKey(name, tags);
    const series = this.#series.get(key) ?? { name, tags, timeMs: -Infinity, last };
    series.last = last;
    series.timeMs = Math.max(series.timeMs, last.timestampMs);
    this.#series.set(key, series);
  }

  look(): void {
    this.clocks.look([{ series: this.#series }], { offset: this.#head, atMs: this.nowMs }, this.nowMs);
    this.nowMs += lookEveryMs;
  }
}

const none = { count: 0, first: [] };

test('a series that is ahead is named with by how much, until time has caught up', () => {
  const partition = new Partition();
  partition.send('cpu', -600_000, { tags: { host: 'web-1', zone: 'a' } });
  partition.send('cpu', 0, { tags: { host: 'web-2' } });
  partition.send('cpu', -4_000, { tags: { host: 'web-3' } });
  partition.look();
  assert.deepEqual(partition.clocks.ahead, { count: 1, first: [['cpu{host=web-1, zone=a}', 600]] });
  assert.deepEqual(partition.clocks.behind, none);
  for (let seconds = 0; seconds < 580; seconds += 10) {
    partition.send('cpu', 0, { tags: { host: 'web-1', zone: 'a' } });
    partition.look();
  }
  assert.deepEqual(partition.clocks.ahead, { count: 1, first: [['cpu{host=web-1, zone=a}', 20]] });
  partition.look();
  partition.look();
  assert.deepEqual(partition.clocks.ahead, none);
});

test('a series whose samples arrive more than a minute late is named, until one is on time', () => {
  const partition = new Partition();
  partition.look();
  for (let round = 0; round < 3; round++) {
    partition.send('slow', 300_000);
    partition.send('good', 1_000);
    partition.look();
  }
  assert.equal(partition.clocks.behind.count, 1);
  assert.deepEqual(partition.clocks.behind.first, [['slow', 290]]);
  partition.send('slow', 0);
  partition.look();
  assert.deepEqual(partition.clocks.behind, none);
});

test('one that sends rarely stays behind between its samples, and one that ends is behind no more', () => {
  const partition = new Partition();
  partition.look();
  partition.send('slow', 300_000);
  for (let round = 0; round < 60; round++) partition.look();
  assert.equal(partition.clocks.behind.count, 1);
  partition.look();
  partition.look();
  assert.deepEqual(partition.clocks.behind, none);
});

test('a reader that lags makes no series late', () => {
  const partition = new Partition();
  partition.look();
  const sent: { offset: number; timestampMs: number }[] = [];
  for (let round = 0; round < 40; round++) {
    sent.push({ offset: round, timestampMs: partition.nowMs });
    partition.send('cpu', 0, { isRead: false });
    partition.look();
  }
  for (const last of sent) {
    partition.read('cpu', {}, last);
    partition.look();
    assert.deepEqual(partition.clocks.behind, none);
  }
});

test('samples that were there before the first look say nothing', () => {
  const partition = new Partition();
  partition.send('old', 3_000_000);
  partition.look();
  partition.look();
  assert.deepEqual(partition.clocks.behind, none);
});

test('all are counted, and the ten that differ most are named', () => {
  const partition = new Partition();
  partition.look();
  for (let index = 0; index < 1_000; index++) {
    const seconds = (index * 7) % 1_000;
    partition.send(`ahead-${seconds}`, -(100 + seconds) * 1_000);
    partition.send(`behind-${seconds}`, (100 + seconds) * 1_000);
  }
  partition.look();
  const names = (kind: string): string[] => Array.from({ length: 10 }, (_, nth) => `${kind}-${999 - nth}`);
  for (const kind of ['ahead', 'behind'] as const) {
    const { count, first } = partition.clocks[kind];
    assert.equal(count, 1_000);
    assert.deepEqual(
      first.map(([name]) => name),
      names(kind),
    );
  }
});
