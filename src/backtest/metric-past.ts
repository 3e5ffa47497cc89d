import { setImmediate as nextTurn } from 'node:timers/promises';
import { keepRecords, maxTimestamp, nextOffset, RecordSpans, scanBatch } from '../log/batch.ts';
import type { Log } from '../log/log.ts';
import type { RecordChunk } from '../log/record.ts';
import { partitionOf } from '../log/murmur2.ts';
import { SeriesBudget } from '../evaluate/series-budget.ts';
import { SeriesIndex, type ReadSample, type Unreadable } from '../evaluate/series-index.ts';
import { exactTags, tagsMatch, type TagMatchers } from '../rule/matcher.ts';
import { topics } from '../topics.ts';
import { ByteSearch } from './byte-search.ts';

/** Records of a first look: read within a few tens of milliseconds, so that a first answer is there at once. */
const firstSliceRecords = 100_000;
const sliceRecordsMax = 1_000_000;
/** What one past may hold in memory; the newest is what is kept. */
const pastBytesMax = 128 * 1024 * 1024;
/** One record in so many is read with care as fast as all of them are by their columns. */
const fewShare = 16;

/** In JSON a quote, a backslash and what cannot be seen are always escaped, in ways that differ. */
const alwaysEscaped = /["\\\p{Cc}]/u;
const unicodeEscape = Buffer.from('\\u');

/** A part of a metric's partition. */
export interface PastRange {
  readonly from: number;
  readonly to: number;
}

/**
 * The records of one metric, as far as some tags match them, in the partition that the metric's name leads to: the same batches
 * that the log holds, without the records of others. Read once, newest slice first, and kept, so that a rule whose threshold is
 * being dragged is judged again without reading the log.
 *
 *        first held                      from                      to   head
 *   log  ├──────────────────────────────────┼────────────────────────┼───┤
 *   read                 ◂── slice 3 ── ◂─ slice 2 ─ ◂ slice 1 ─      ──▸
 */
export class MetricPast {
  readonly metricName: string;
  readonly tags: TagMatchers;
  readonly partition: number;
  /** The batches that hold the records, oldest first. */
  #batches: Uint8Array[] = [];
  #from: number;
  #to: number;
  bytes = 0;
  /** The newest timestamp of the partition read so far, of whatever metric: what silence is measured by. */
  newestMs = -Infinity;
  /** Series that were too many to be told apart. */
  refusedSeries = 0;
  readonly #log: Log;
  readonly #key: Buffer;
  readonly #keySearch: ByteSearch;
  /** What a batch must hold in which a series with these tags is, unless a record of it has characters as numbers. */
  readonly #tagSearches: readonly ByteSearch[];
  readonly #index: SeriesIndex;
  readonly #spans = new RecordSpans();
  /** By the series' number; undefined when it was not met. */
  readonly #isMatching: boolean[] = [];

  private constructor(
    log: Log,
    place: { partition: number; head: number },
    wanted: { name: string; tags: TagMatchers },
  ) {
    this.#log = log;
    this.metricName = wanted.name;
    this.tags = wanted.tags;
    this.partition = place.partition;
    this.#from = place.head;
    this.#to = place.head;
    this.#key = Buffer.from(wanted.name);
    this.#keySearch = new ByteSearch(this.#key);
    this.#tagSearches = Object.values(exactTags(wanted.tags)).flatMap(searchOf);
    this.#index = new SeriesIndex(new SeriesBudget(), () => {});
  }

  static async open(log: Log, name: string, tags: TagMatchers): Promise<MetricPast> {
    const partition = partitionOf(Buffer.from(name), await log.partitionCount(topics.metrics.name));
    const { next } = await log.bounds(topics.metrics.name, partition);
    return new MetricPast(log, { partition, head: next }, { name, tags });
  }

  /** What has been read. */
  get range(): PastRange {
    return { from: this.#from, to: this.#to };
  }

  get isFull(): boolean {
    return this.bytes >= pastBytesMax;
  }

  /** The records with offsets in a range that has been read, as one chunk: to be judged as if it came from the log. */
  chunk({ from, to }: PastRange): RecordChunk {
    const first = firstIndex(this.#batches, (batch) => nextOffset(batch) > from);
    const batches = this.#batches.slice(first);
    return { partition: this.partition, batches, firstOffset: from, nextOffset: to, headOffset: this.#to };
  }

  /** Reads what came since. */
  async readOn(signal: AbortSignal): Promise<void> {
    const { next } = await this.#log.bounds(topics.metrics.name, this.partition);
    if (next < this.#to) {
      // The log lost its tail: what was read is of a log that is gone.
      this.#batches = [];
      this.bytes = 0;
      this.#from = this.#to = next;
    }
    if (next === this.#to) return;
    const slice = await this.#read({ from: this.#to, to: next }, signal);
    this.#batches.push(...slice);
    this.#to = next;
    // Kept for long, a busy metric would grow without end: the oldest goes.
    let dropped = 0;
    for (; this.bytes > 2 * pastBytesMax && dropped < this.#batches.length - 1; dropped++)
      this.#drop(this.#batches[dropped]!);
    if (dropped > 0) this.#batches.splice(0, dropped);
  }

  /** Reads the next older slice, not beyond an offset; false when there is none, or no room. */
  async readBack(until: number, signal: AbortSignal): Promise<boolean> {
    if (this.#from <= until || this.isFull) return false;
    const size = Math.min(sliceRecordsMax, Math.max(firstSliceRecords, this.#to - this.#from));
    const from = Math.max(until, this.#from - size);
    const slice = await this.#read({ from, to: this.#from }, signal);
    this.#batches = [...slice, ...this.#batches];
    this.#from = from;
    return true;
  }

  #drop(batch: Uint8Array): void {
    this.bytes -= batch.length;
    this.#from = Math.max(this.#from, nextOffset(batch));
  }

  async #read(range: PastRange, signal: AbortSignal): Promise<Uint8Array[]> {
    const found: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of this.#log.read(topics.metrics.name, this.partition, {
      from: { offset: range.from },
      to: range.to,
      lends: true,
    })) {
      const [sample] = chunk.batches;
      if (sample !== undefined) for (const search of [this.#keySearch, ...this.#tagSearches]) search.tune(sample);
      for (const batch of chunk.batches) {
        this.newestMs = Math.max(this.newestMs, maxTimestamp(batch));
        const kept = this.#keep(batch, Math.max(range.from, chunk.firstOffset), chunk.nextOffset);
        if (kept === undefined) continue;
        found.push(kept);
        bytes += kept.length;
      }
      await nextTurn();
      signal.throwIfAborted();
    }
    // Only whole slices count, or a slice broken off would be counted twice.
    this.bytes += bytes;
    return found;
  }

  /** The batch without the records of others; undefined when it has none of ours. */
  #keep(batch: Uint8Array, from: number, to: number): Uint8Array | undefined {
    const bytes = asBuffer(batch);
    if (this.#keySearch.placeIn(bytes) < 0) return undefined;
    if (this.#tagSearches.length > 0 && !hasUnicodeEscape(bytes)) {
      // Most batches do not hold the tags, and to see that is ten times as fast as to take them apart.
      if (!this.#tagSearches.every((search) => search.placeIn(bytes) >= 0)) return undefined;
      const few = this.#recordsWithTag(bytes, from, to);
      if (few !== undefined)
        return few.size === 0 ? undefined : keepRecords(batch, (_, index) => few.has(index), this.#spans);
    }
    const { columns } = this.#index;
    this.#index.scan(batch, 0, Infinity);
    const isKept: boolean[] = Array.from({ length: columns.count }, () => false);
    let count = 0;
    for (let index = 0; index < columns.count; index++) {
      if (columns.offset[index]! < from || columns.offset[index]! >= to || !this.#isOurs(batch, index)) continue;
      isKept[index] = true;
      count++;
    }
    if (count === 0) return undefined;
    if (count === columns.count) return new Uint8Array(batch);
    return keepRecords(batch, (_, index) => isKept[index]!, this.#spans);
  }

  /** Our records among those that hold a tag's text, each read with care; undefined when these are many: all are sooner read then. */
  #recordsWithTag(batch: Buffer, from: number, to: number): Set<number> | undefined {
    const spans = this.#spans;
    scanBatch(batch, spans);
    const [search] = this.#tagSearches;
    const ours = new Set<number>();
    let left = spans.count / fewShare;
    let index = 0;
    for (let at = search!.placeIn(batch); at >= 0; at = search!.placeIn(batch, spans.end[index - 1])) {
      if (left-- <= 0) return undefined;
      while (index < spans.count && spans.end[index]! <= at) index++;
      if (index === spans.count) break;
      if (spans.offset[index]! >= from && spans.offset[index]! < to && this.#isOursReadWithCare(batch, index))
        ours.add(index);
      index++;
    }
    return ours;
  }

  #isOursReadWithCare(batch: Buffer, index: number): boolean {
    const { keyStart, keyEnd, valueStart, valueEnd, offset, timestampMs } = this.#spans;
    const [start, end] = [keyStart[index]!, keyEnd[index]!];
    if (start < 0 || !this.#isKey(batch, start, end)) return false;
    const value = valueStart[index]! < 0 ? null : batch.subarray(valueStart[index], valueEnd[index]);
    const key = batch.subarray(start, end);
    return this.#isRead(
      this.#index.read({
        partition: this.partition,
        offset: offset[index]!,
        timestampMs: timestampMs[index]!,
        key,
        value,
      }),
    );
  }

  #isOurs(batch: Uint8Array, index: number): boolean {
    const { columns } = this.#index;
    const known = columns.series[index]!;
    if (known >= 0) return this.#isMatching[known]!;
    const [start, end] = [columns.keyStart[index]!, columns.keyEnd[index]!];
    return start >= 0 && this.#isKey(batch, start, end) && this.#isRead(this.#index.readColumn(batch, index));
  }

  #isKey(batch: Uint8Array, start: number, end: number): boolean {
    return end - start === this.#key.length && this.#key.compare(batch, start, end) === 0;
  }

  /** Whether what was read is a sample that has our tags. */
  #isRead(read: ReadSample | Unreadable): boolean {
    if (typeof read === 'string') {
      if (read === 'too_many_series') this.refusedSeries++;
      return false;
    }
    return (this.#isMatching[read.series.number] ??= tagsMatch(this.tags, read.series.tags));
  }
}

/** What stands in a record's JSON when a tag has this value, however a writer escapes: only a slash may have a backslash before it. */
function searchOf(value: string): ByteSearch[] {
  if (alwaysEscaped.test(value)) return [];
  const parts = JSON.stringify(value).split('/');
  const longest = parts.reduce((one, other) => (other.length > one.length ? other : one));
  return longest.length > 1 ? [new ByteSearch(Buffer.from(longest))] : [];
}

/** Whether `\u` and four digits stand in it: any character may be written so. A backslash alone is met by chance in every batch. */
function hasUnicodeEscape(batch: Buffer): boolean {
  for (let at = batch.indexOf(unicodeEscape); at >= 0; at = batch.indexOf(unicodeEscape, at + 2))
    if (/^[0-9a-f]{4}$/i.test(batch.toString('latin1', at + 2, at + 6))) return true;
  return false;
}

/** Where the first batch stands of which a condition holds that holds of all after it, too. */
function firstIndex(batches: readonly Uint8Array[], holds: (batch: Uint8Array) => boolean): number {
  let [low, high] = [0, batches.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(batches[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
