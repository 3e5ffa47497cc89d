// Prometheus remote write, versions 1 and 2 (prometheus.io/docs/specs/prw). Both carry series with samples and native
// histograms; version 1 names a series by texts, version 2 by places in a table of symbols.
//
//   v1  WriteRequest { TimeSeries 1 { Label 1 { name 1, value 2 }, Sample 2, Exemplar 3, Histogram 4 }, Metadata 3 }
//   v2  Request { symbol 4, TimeSeries 5 { label refs 1, Sample 2, Histogram 3, Exemplar 4, Metadata 5 } }
//       Sample { value 1, timestamp 2 }   Histogram: native-histogram.ts
import { setImmediate as nextTurn } from 'node:timers/promises';
import { viewOf } from '../base/byte-copy.ts';
import { readNativeHistogram } from './native-histogram.ts';
import { ProtoCursor, textOf } from './protobuf.ts';
import { SeriesCache } from './series-cache.ts';
import { seriesFormOfPairs, type SeriesForm } from './series-form.ts';
import type { SampleSink } from './sample-sink.ts';
import type { Rejection } from './rejection.ts';

export type RemoteWriteVersion = 1 | 2;

/** What was taken, for the Written headers: samples without a value that can be published are counted too. */
export interface Written {
  samples: number;
  histograms: number;
  exemplars: number;
}

interface Fields {
  readonly series: number;
  readonly samples: number;
  readonly exemplars: number;
  readonly histograms: number;
}

const fieldsOf: Record<RemoteWriteVersion, Fields> = {
  1: { series: 1, samples: 2, exemplars: 3, histograms: 4 },
  2: { series: 5, samples: 2, exemplars: 4, histograms: 3 },
};

type Found = SeriesForm | Rejection;

/** Reads requests of one version; keeps what the names of its series came to. */
export class RemoteWriteReader {
  readonly #fields: Fields;
  readonly #version: RemoteWriteVersion;
  readonly #partitionCount: number;
  readonly #cache = new SeriesCache();
  /** The series that go with `name_count` and `name_sum` of native histograms. */
  readonly #counts = new SeriesCache();
  readonly #sums = new SeriesCache();

  constructor(version: RemoteWriteVersion, partitionCount: number) {
    this.#version = version;
    this.#fields = fieldsOf[version];
    this.#partitionCount = partitionCount;
  }

  /** Decodes an unpacked body into the sink. Rejects with Undecodable; nothing of the body is to be written then. */
  async read(body: Uint8Array, sink: SampleSink): Promise<Written> {
    const cursor = new ProtoCursor(body);
    const written: Written = { samples: 0, histograms: 0, exemplars: 0 };
    const names: Names = this.#version === 1 ? new Labels(body) : new Symbols(body);
    while (cursor.next(body.length)) {
      if (cursor.field === this.#fields.series) {
        cursor.expect(2);
        const end = cursor.fieldEnd;
        this.#readSeries(cursor, { end, names, sink, written });
        cursor.at = end;
        if (sink.turnIsOver) await nextTurn();
      } else cursor.skip(body.length);
    }
    return written;
  }

  #readSeries(cursor: ProtoCursor, context: SeriesContext): void {
    const { end, names, sink, written } = context;
    const start = cursor.at;
    names.collect(cursor, end);
    let found: Found | undefined;
    let [items, exemplars] = [0, 0];
    cursor.at = start;
    while (cursor.next(end)) {
      const { field } = cursor;
      if (field === this.#fields.samples) {
        cursor.expect(2);
        found ??= this.#seriesOf(names, '', this.#cache);
        if (readSample(cursor, cursor.fieldEnd, found, sink)) written.samples++;
        items++;
      } else if (field === this.#fields.histograms) {
        cursor.expect(2);
        const count = this.#seriesOf(names, '_count', this.#counts);
        const sum = this.#seriesOf(names, '_sum', this.#sums);
        if (readHistogram(cursor, cursor.fieldEnd, { count, sum }, sink)) written.histograms++;
        items++;
      } else {
        if (field === this.#fields.exemplars) exemplars++;
        cursor.skip(end);
      }
    }
    // Metadata of version 2 comes as a series of its own.
    if (items + exemplars === 0 && !names.isMetadataAlone) {
      sink.reject({ code: 'invalid_item', message: 'a series has neither samples nor histograms' });
      return;
    }
    // What belongs to a series without a valid name is refused even when nothing of it is published.
    if (exemplars > 0 || items === 0) found ??= this.#seriesOf(names, '', this.#cache);
    if (found !== undefined && 'code' in found) {
      if (items === 0) sink.reject(found);
    } else written.exemplars += exemplars;
  }

  #seriesOf(names: Names, suffix: string, cache: SeriesCache): Found {
    const { keyView, keyEnd } = names;
    const known = cache.find(keyView, names.keyStart, keyEnd);
    if (known !== undefined) return known;
    const pairs = names.pairs();
    if ('code' in pairs) return pairs;
    const name = pairs.find(([label]) => label === '__name__')?.[1];
    const named = pairs.findIndex(([label]) => label === '__name__');
    const others = pairs.filter((_, index) => index !== named);
    if (others.some(([label]) => label === '__name__')) {
      return { code: 'invalid_name', message: 'the label __name__ is there twice' };
    }
    const made = seriesFormOfPairs(name === undefined ? undefined : name + suffix, others, this.#partitionCount);
    if (!('code' in made)) cache.put(keyView, names.keyStart, keyEnd, made);
    return made;
  }
}

interface SeriesContext {
  readonly end: number;
  readonly names: Names;
  readonly sink: SampleSink;
  readonly written: Written;
}

/** How one version names a series. After `collect`, keyView[keyStart, keyEnd) are bytes that stand for all its labels. */
interface Names {
  readonly keyView: DataView;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly isMetadataAlone: boolean;
  collect(cursor: ProtoCursor, end: number): void;
  pairs(): (readonly [string, string])[] | Rejection;
}

/** Version 1: the labels are messages, and senders write them one behind the other at the series' beginning. */
class Labels implements Names {
  readonly keyView: DataView;
  keyStart = 0;
  keyEnd = 0;
  readonly isMetadataAlone = false;
  readonly #body: Uint8Array;

  constructor(body: Uint8Array) {
    this.#body = body;
    this.keyView = viewOf(body);
  }

  collect(cursor: ProtoCursor, end: number): void {
    const start = cursor.at;
    let [labelsEnd, isSplit] = [start, false];
    for (let tagAt = start; cursor.next(end); tagAt = cursor.at) {
      if (cursor.field !== 1) {
        cursor.skip(end);
        continue;
      }
      cursor.expect(2);
      cursor.at = cursor.fieldEnd;
      if (tagAt !== labelsEnd) isSplit = true;
      labelsEnd = cursor.at;
    }
    this.keyStart = start;
    // With something between the labels all the series is the key: slower, and right.
    this.keyEnd = isSplit ? end : labelsEnd;
  }

  pairs(): (readonly [string, string])[] {
    const cursor = new ProtoCursor(this.#body);
    cursor.at = this.keyStart;
    const pairs: [string, string][] = [];
    while (cursor.next(this.keyEnd)) {
      if (cursor.field !== 1) {
        cursor.skip(this.keyEnd);
        continue;
      }
      const end = cursor.fieldEnd;
      let [name, value] = ['', ''];
      while (cursor.next(end)) {
        if (cursor.field !== 1 && cursor.field !== 2) {
          cursor.skip(end);
          continue;
        }
        cursor.expect(2);
        const text = textOf(this.#body, cursor.at, cursor.fieldEnd);
        if (cursor.field === 1) name = text;
        else value = text;
        cursor.at = cursor.fieldEnd;
      }
      pairs.push([name, value]);
    }
    return pairs;
  }
}

const emptySymbol = { start: 0, end: 0 };

/** Version 2: labels are numbers of symbols, two each. The key is their bytes, each with its length before it. */
class Symbols implements Names {
  #key = new Uint8Array(1_024);
  keyView = viewOf(this.#key);
  readonly keyStart = 0;
  keyEnd = 0;
  isMetadataAlone = false;
  readonly #body: Uint8Array;
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #refs: number[] = [];
  #problem: Rejection | undefined;

  /** Symbols may stand behind the series that name them, so all are found first. */
  constructor(body: Uint8Array) {
    this.#body = body;
    const cursor = new ProtoCursor(body);
    while (cursor.next(body.length)) {
      if (cursor.field === 4) {
        cursor.expect(2);
        this.#starts.push(cursor.at);
        this.#ends.push(cursor.fieldEnd);
      }
      cursor.skip(body.length);
    }
  }

  collect(cursor: ProtoCursor, end: number): void {
    this.#refs.length = 0;
    this.#problem = undefined;
    this.isMetadataAlone = false;
    while (cursor.next(end)) {
      if (cursor.field === 5) this.isMetadataAlone = true;
      if (cursor.field !== 1) {
        cursor.skip(end);
        continue;
      }
      const refsEnd = cursor.wire === 2 ? cursor.fieldEnd : cursor.at + 1;
      if (cursor.wire !== 2) {
        cursor.expect(0);
        this.#refs.push(cursor.uint64(end));
      } else while (cursor.at < refsEnd) this.#refs.push(cursor.uint64(refsEnd));
    }
    this.#check();
    this.#makeKey();
  }

  pairs(): (readonly [string, string])[] | Rejection {
    if (this.#problem !== undefined) return this.#problem;
    const text = (ref: number): string => {
      const { start, end } = this.#symbol(ref);
      return textOf(this.#body, start, end);
    };
    const pairs: [string, string][] = [];
    for (let index = 0; index < this.#refs.length; index += 2) {
      pairs.push([text(this.#refs[index]!), text(this.#refs[index + 1]!)]);
    }
    return pairs;
  }

  #check(): void {
    const wrong = this.#refs.find((ref) => ref !== 0 && ref >= this.#starts.length);
    if (wrong !== undefined) {
      this.#problem = {
        code: 'invalid_item',
        message: `a label is symbol ${wrong}, and there are ${this.#starts.length} symbols`,
      };
    } else if (this.#refs.length % 2 !== 0) {
      this.#problem = {
        code: 'invalid_item',
        message: `a series has ${this.#refs.length} label references, an odd number`,
      };
    }
  }

  #symbol(ref: number): { start: number; end: number } {
    if (ref >= this.#starts.length) return emptySymbol;
    return { start: this.#starts[ref]!, end: this.#ends[ref]! };
  }

  #makeKey(): void {
    this.keyEnd = 0;
    if (this.#problem !== undefined) return;
    let length = 0;
    for (const ref of this.#refs) length += 4 + (this.#ends[ref] ?? 0) - (this.#starts[ref] ?? 0);
    // What is longer is decoded each time: many references to one long symbol would make it as long as they please.
    if (length > 65_536) {
      this.#problem = { code: 'invalid_tags', message: 'the labels of a series come to more than 65,536 bytes' };
      return;
    }
    if (length > this.#key.length) {
      this.#key = new Uint8Array(length * 2);
      this.keyView = viewOf(this.#key);
    }
    let at = 0;
    for (const ref of this.#refs) {
      const start = this.#starts[ref] ?? 0;
      const end = this.#ends[ref] ?? 0;
      this.#key[at++] = end - start;
      this.#key[at++] = (end - start) >>> 8;
      this.#key[at++] = (end - start) >>> 16;
      for (let from = start; from < end; from++) this.#key[at++] = this.#body[from]!;
    }
    this.keyEnd = at;
  }
}

/** Returns whether the sample was taken. */
function readSample(cursor: ProtoCursor, end: number, series: Found, sink: SampleSink): boolean {
  let [value, timestampMs, isStale] = [0, 0, false];
  while (cursor.next(end)) {
    if (cursor.field === 1) {
      cursor.expect(1);
      value = cursor.double(end);
      isStale = cursor.isStaleMarker;
    } else if (cursor.field === 2) {
      cursor.expect(0);
      timestampMs = cursor.int64(end);
    } else cursor.skip(end);
  }
  if ('code' in series) {
    sink.reject(series);
    return false;
  }
  if (isStale) {
    sink.skip('stale');
    return true;
  }
  const { rejected } = sink;
  sink.add(series, value, timestampMs);
  return sink.rejected === rejected;
}

/** Returns whether the histogram was taken. */
function readHistogram(
  cursor: ProtoCursor,
  end: number,
  series: { readonly count: Found; readonly sum: Found },
  sink: SampleSink,
): boolean {
  const { count, sum, timestampMs, isStale, problem } = readNativeHistogram(cursor, end);
  if ('code' in series.count || 'code' in series.sum) {
    sink.reject('code' in series.count ? series.count : (series.sum as Rejection));
    return false;
  }
  if (isStale) {
    sink.skip('stale');
    return true;
  }
  if (problem !== undefined) {
    sink.reject({ code: 'invalid_item', message: problem });
    return false;
  }
  const { rejected } = sink;
  sink.add(series.count, count, timestampMs);
  sink.add(series.sum, sum, timestampMs);
  return sink.rejected === rejected;
}
