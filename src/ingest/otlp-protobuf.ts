// OTLP's metrics in protobuf (opentelemetry-proto, metrics/v1/metrics.proto). Fields may stand in any order, so what a part
// must know of its message (a resource, a name, a temporality) is looked for before the part is read.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { viewOf } from '../base/byte-copy.ts';
import { valueDepthMax } from './ingest-limits.ts';
import {
  attributeText,
  Point,
  publishPoint,
  resourceTags,
  seriesOfPoint,
  type Found,
  type Pair,
  type PointKind,
} from './otlp-points.ts';
import { ProtoCursor, textOf, Undecodable } from './protobuf.ts';
import { SeriesCache } from './series-cache.ts';
import type { SampleSink } from './sample-sink.ts';

/** Where the fields of a kind of data point are. */
interface PointFields {
  readonly kind: PointKind;
  readonly attributes: number;
  readonly flags: number;
  readonly min: number;
  readonly max: number;
}

const numberPoint: PointFields = { kind: 'number', attributes: 7, flags: 8, min: -1, max: -1 };
/** By the field that a metric has its data in: gauge, sum, histogram, exponential histogram, summary. */
const pointFields: Partial<Record<number, PointFields>> = {
  5: numberPoint,
  7: numberPoint,
  9: { kind: 'histogram', attributes: 9, flags: 10, min: 11, max: 12 },
  10: { kind: 'histogram', attributes: 1, flags: 10, min: 12, max: 13 },
  11: { kind: 'summary', attributes: 7, flags: 8, min: -1, max: -1 },
};
const deltaTemporality = 1;

export class OtlpProtobufReader {
  readonly #partitionCount: number;
  readonly #cache = new SeriesCache();
  readonly #point = new Point();
  /** The bytes that stand for a series: its resource's tags, the metric's name, the point's attributes. */
  #key = new Uint8Array(4_096);
  #keyView = viewOf(this.#key);
  #keyEnd = 0;

  constructor(partitionCount: number) {
    this.#partitionCount = partitionCount;
  }

  /** Decodes a body into the sink. Resolves to the number of points refused; rejects with Undecodable. */
  async read(body: Uint8Array, sink: SampleSink): Promise<number> {
    const cursor = new ProtoCursor(body);
    let refused = 0;
    while (cursor.next(body.length)) {
      if (cursor.field !== 1) {
        cursor.skip(body.length);
        continue;
      }
      cursor.expect(2);
      const end = cursor.fieldEnd;
      const resource = readResource(cursor, end);
      for (const scope of spansOf(cursor, end, 2)) {
        cursor.at = scope.start;
        for (const metric of spansOf(cursor, scope.end, 2)) {
          cursor.at = metric.start;
          refused += this.#readMetric(cursor, metric.end, { resource, sink });
          // The key is one for all requests: another one may have used it meanwhile, and each metric makes its own.
          if (sink.turnIsOver) await nextTurn();
        }
      }
      cursor.at = end;
    }
    return refused;
  }

  #readMetric(cursor: ProtoCursor, end: number, context: MetricContext): number {
    const start = cursor.at;
    let name = '';
    this.#keyEnd = 0;
    this.#appendKey(context.resource.key, 0, context.resource.key.length);
    while (cursor.next(end)) {
      if (cursor.field === 1 && cursor.wire === 2) {
        name = textOf(cursor.bytes, cursor.at, cursor.fieldEnd);
        this.#keyEnd = 0;
        this.#appendKey(context.resource.key, 0, context.resource.key.length);
        this.#appendKey(cursor.bytes, cursor.at, cursor.fieldEnd);
      }
      cursor.skip(end);
    }
    let refused = 0;
    cursor.at = start;
    while (cursor.next(end)) {
      const fields = pointFields[cursor.field];
      if (fields === undefined || cursor.wire !== 2) {
        cursor.skip(end);
        continue;
      }
      const dataEnd = cursor.fieldEnd;
      refused += this.#readPoints(cursor, dataEnd, { ...context, name, fields });
      cursor.at = dataEnd;
    }
    return refused;
  }

  #readPoints(cursor: ProtoCursor, end: number, context: PointContext): number {
    const start = cursor.at;
    let isDelta = false;
    while (cursor.next(end)) {
      if (cursor.field === 2 && cursor.wire === 0) isDelta = cursor.uint64(end) === deltaTemporality;
      else cursor.skip(end);
    }
    let refused = 0;
    const nameEnd = this.#keyEnd;
    cursor.at = start;
    while (cursor.next(end)) {
      if (cursor.field !== 1) {
        cursor.skip(end);
        continue;
      }
      cursor.expect(2);
      const pointEnd = cursor.fieldEnd;
      const pointStart = cursor.at;
      this.#keyEnd = nameEnd;
      this.#point.clear(context.fields.kind, isDelta);
      this.#readPoint(cursor, pointEnd, context.fields);
      const attributesEnd = this.#keyEnd;
      const taken = publishPoint(
        this.#point,
        (ending, quantile) =>
          this.#seriesOf(cursor, { ...context, ending, quantile, pointStart, pointEnd, attributesEnd }),
        context.sink,
      );
      if (!taken) refused++;
      cursor.at = pointEnd;
    }
    this.#keyEnd = nameEnd;
    return refused;
  }

  #readPoint(cursor: ProtoCursor, end: number, fields: PointFields): void {
    const point = this.#point;
    const isNumber = fields.kind === 'number';
    while (cursor.next(end)) {
      const { field, wire } = cursor;
      if (field === fields.attributes && wire === 2) {
        this.#appendKey(cursor.bytes, cursor.at, cursor.fieldEnd);
        cursor.at = cursor.fieldEnd;
      } else if (field === fields.flags && wire === 0) {
        point.hasNoValue = (cursor.uint64(end) & 1) === 1;
      } else if (wire === 1 && field === 3) {
        const start = cursor.at;
        // 0 means that it is not known.
        if (cursor.fixed64(end) !== 0) {
          cursor.at = start;
          point.timeMs = cursor.fixedNanosecondsAsMs(end);
        }
      } else if (wire === 1 && field === 4) {
        if (isNumber) point.value = cursor.double(end);
        else point.count = cursor.fixed64(end);
      } else if (wire === 1 && field === 6 && isNumber) {
        point.value = cursor.sfixed64(end);
      } else if (wire === 1 && field === 5 && !isNumber) point.sum = cursor.double(end);
      else if (wire === 1 && field === fields.min) point.min = cursor.double(end);
      else if (wire === 1 && field === fields.max) point.max = cursor.double(end);
      else if (wire === 2 && field === 6 && fields.kind === 'summary') readQuantile(cursor, cursor.fieldEnd, point);
      else cursor.skip(end);
    }
  }

  #seriesOf(cursor: ProtoCursor, wanted: WantedSeries): Found {
    const { name, resource, fields, ending, quantile } = wanted;
    this.#keyEnd = wanted.attributesEnd;
    this.#appendText(quantile === undefined ? ending : `=${quantile}`);
    const known = this.#cache.find(this.#keyView, 0, this.#keyEnd);
    if (known !== undefined) return known;
    cursor.at = wanted.pointStart;
    const point = readAttributes(cursor, wanted.pointEnd, fields.attributes);
    const made = seriesOfPoint(name + ending, { resource: resource.pairs, point, quantile }, this.#partitionCount);
    if (!('code' in made)) this.#cache.put(this.#keyView, 0, this.#keyEnd, made);
    return made;
  }

  /** Each part with its length before it, so that no two series have one key. */
  #appendKey(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.#keyEnd + length + 3 > this.#key.length) {
      const larger = new Uint8Array((this.#keyEnd + length + 3) * 2);
      larger.set(this.#key.subarray(0, this.#keyEnd));
      this.#key = larger;
      this.#keyView = viewOf(larger);
    }
    this.#key[this.#keyEnd++] = length;
    this.#key[this.#keyEnd++] = length >>> 8;
    this.#key[this.#keyEnd++] = length >>> 16;
    for (let at = start; at < end; at++) this.#key[this.#keyEnd++] = bytes[at]!;
  }

  #appendText(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.#appendKey(bytes, 0, bytes.length);
  }
}

interface Resource {
  readonly pairs: readonly Pair[];
  readonly key: Uint8Array;
}
interface MetricContext {
  readonly resource: Resource;
  readonly sink: SampleSink;
}
interface PointContext extends MetricContext {
  readonly name: string;
  readonly fields: PointFields;
}
interface WantedSeries extends PointContext {
  readonly ending: string;
  readonly quantile: string | undefined;
  readonly pointStart: number;
  readonly pointEnd: number;
  readonly attributesEnd: number;
}

/** Where the fields of this number lie in the message. */
function spansOf(cursor: ProtoCursor, end: number, field: number): { start: number; end: number }[] {
  const spans: { start: number; end: number }[] = [];
  while (cursor.next(end)) {
    if (cursor.field === field) {
      cursor.expect(2);
      spans.push({ start: cursor.at, end: cursor.fieldEnd });
    }
    cursor.skip(end);
  }
  return spans;
}

/** Leaves the cursor where it was. */
function readResource(cursor: ProtoCursor, end: number): Resource {
  const start = cursor.at;
  const pairs: Pair[] = [];
  for (const span of spansOf(cursor, end, 1)) {
    cursor.at = span.start;
    pairs.push(...readAttributes(cursor, span.end, 1).filter(([key]) => resourceTags.has(key)));
  }
  cursor.at = start;
  return { pairs, key: Buffer.from(JSON.stringify(pairs)) };
}

function readAttributes(cursor: ProtoCursor, end: number, field: number): Pair[] {
  return spansOf(cursor, end, field).map((span) => {
    cursor.at = span.start;
    const [key, value] = readKeyValue(cursor, span.end, 0);
    return [key, attributeText(value)];
  });
}

function readKeyValue(cursor: ProtoCursor, end: number, depth: number): [string, unknown] {
  let [key, value]: [string, unknown] = ['', undefined];
  while (cursor.next(end)) {
    const { field, wire, fieldEnd } = cursor;
    if (field === 1 && wire === 2) {
      key = textOf(cursor.bytes, cursor.at, fieldEnd);
      cursor.at = fieldEnd;
    } else if (field === 2 && wire === 2) {
      value = readValue(cursor, fieldEnd, depth);
      cursor.at = fieldEnd;
    } else cursor.skip(end);
  }
  return [key, value];
}

/** An AnyValue as JavaScript's. Integers past 2^53 become text. */
function readValue(cursor: ProtoCursor, end: number, depth: number): unknown {
  if (depth > valueDepthMax) throw new Undecodable(`an attribute is nested deeper than ${valueDepthMax} levels`);
  let value: unknown;
  while (cursor.next(end)) {
    const { field, wire, fieldEnd } = cursor;
    if (field === 1 && wire === 2) value = textOf(cursor.bytes, cursor.at, fieldEnd);
    else if (field === 2 && wire === 0) value = cursor.uint64(end) !== 0;
    else if (field === 3 && wire === 0) {
      const whole = cursor.bigint(end);
      value = Number.isSafeInteger(Number(whole)) ? Number(whole) : String(whole);
    } else if (field === 4 && wire === 1) value = cursor.double(end);
    else if (field === 5 && wire === 2) {
      value = spansOf(cursor, fieldEnd, 1).map((span) => {
        cursor.at = span.start;
        return readValue(cursor, span.end, depth + 1);
      });
    } else if (field === 6 && wire === 2) {
      const pairs = spansOf(cursor, fieldEnd, 1).map((span) => {
        cursor.at = span.start;
        return readKeyValue(cursor, span.end, depth + 1);
      });
      value = Object.fromEntries(pairs);
    } else if (field === 7 && wire === 2) {
      value = Buffer.from(cursor.bytes.subarray(cursor.at, fieldEnd)).toString('base64');
    } else cursor.skip(end);
    if (wire === 2) cursor.at = fieldEnd;
  }
  return value;
}

function readQuantile(cursor: ProtoCursor, end: number, point: Point): void {
  let [quantile, value] = [0, 0];
  while (cursor.next(end)) {
    if (cursor.field === 1 && cursor.wire === 1) quantile = cursor.double(end);
    else if (cursor.field === 2 && cursor.wire === 1) value = cursor.double(end);
    else cursor.skip(end);
  }
  point.quantiles.push({ quantile, value });
}
