// OTLP's metrics in JSON (opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding"): names in lowerCamelCase, 64-bit
// integers as texts or numbers, enums as integers, unknown fields ignored.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { shown } from '../base/failure.ts';
import { valueDepthMax } from './ingest-limits.ts';
import {
  attributeText,
  Point,
  publishPoint,
  resourceTags,
  seriesOfPoint,
  type Pair,
  type PointKind,
} from './otlp-points.ts';
import { Undecodable } from './protobuf.ts';
import type { SampleSink } from './sample-sink.ts';

type Fields = Readonly<Record<string, unknown>>;

const dataFields: readonly (readonly [string, PointKind])[] = [
  ['gauge', 'number'],
  ['sum', 'number'],
  ['histogram', 'histogram'],
  ['exponentialHistogram', 'histogram'],
  ['summary', 'summary'],
];
const deltaTemporality = 1;

/** Reads a parsed body into the sink. Resolves to the number of points refused; rejects with Undecodable. */
export async function readOtlpJson(body: unknown, sink: SampleSink): Promise<number> {
  let refused = 0;
  const point = new Point();
  for (const resourceMetrics of listOf(objectOf(body, 'the body'), 'resourceMetrics')) {
    const resource = attributesOf(optional(resourceMetrics, 'resource'), 'attributes').filter(([key]) =>
      resourceTags.has(key),
    );
    for (const scope of listOf(resourceMetrics, 'scopeMetrics')) {
      for (const metric of listOf(scope, 'metrics')) {
        refused += readMetric(metric, { resource, point, sink });
        if (sink.turnIsOver) await nextTurn();
      }
    }
  }
  return refused;
}

function readMetric(
  metric: Fields,
  context: { readonly resource: readonly Pair[]; readonly point: Point; readonly sink: SampleSink },
): number {
  const { resource, point, sink } = context;
  const name = textOf(metric, 'name');
  let refused = 0;
  for (const [field, kind] of dataFields) {
    const data = optional(metric, field);
    const temporality = own(data, 'aggregationTemporality');
    const isDelta = temporality === deltaTemporality || temporality === 'AGGREGATION_TEMPORALITY_DELTA';
    for (const given of listOf(data, 'dataPoints')) {
      point.clear(kind, isDelta);
      readPoint(given, point);
      const attributes = attributesOf(given, 'attributes');
      const seriesOf = (ending: string, quantile?: string) =>
        seriesOfPoint(name + ending, { resource, point: attributes, quantile }, sink.partitionCount);
      if (!publishPoint(point, seriesOf, sink)) refused++;
    }
  }
  return refused;
}

function readPoint(given: Fields, point: Point): void {
  point.timeMs = timeOf(given);
  point.hasNoValue = ((numberOf(given, 'flags') ?? 0) & 1) === 1;
  if (point.kind === 'number') {
    point.value = numberOf(given, 'asDouble') ?? numberOf(given, 'asInt');
    return;
  }
  point.count = numberOf(given, 'count') ?? 0;
  point.sum = numberOf(given, 'sum');
  if (point.kind === 'histogram') {
    point.min = numberOf(given, 'min');
    point.max = numberOf(given, 'max');
    return;
  }
  point.quantiles = listOf(given, 'quantileValues').map((value) => ({
    quantile: numberOf(value, 'quantile') ?? 0,
    value: numberOf(value, 'value') ?? 0,
  }));
}

/** Of a bare number, which the reading of JSON has made a double: it may have become this much less. */
const doubledMs = 0.0003;

/** Nanoseconds are more than a double holds: six digits are cut off the text. 0 says that there is none. */
function timeOf(given: Fields): number | undefined {
  const time = own(given, 'timeUnixNano');
  if (time === undefined || time === null || time === 0 || time === '0' || time === '') return undefined;
  if (typeof time === 'number' && Number.isFinite(time)) return Math.floor(time / 1e6 + doubledMs);
  if (typeof time === 'string' && /^\d{1,20}$/.test(time)) return Number(time.slice(0, -6));
  throw new Undecodable(`timeUnixNano is ${shown(time)}, and must be a whole number`);
}

const notFinite: Partial<Record<string, number>> = { NaN, Infinity, '-Infinity': -Infinity };

function numberOf(given: Fields, field: string): number | undefined {
  const value = own(given, field);
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number') return value;
  if (typeof value === 'string') {
    if (/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value)) return Number(value);
    if (Object.hasOwn(notFinite, value)) return notFinite[value];
  }
  throw new Undecodable(`${field} is ${shown(value)}, and must be a number`);
}

function attributesOf(given: Fields, field: string): Pair[] {
  return listOf(given, field).map((pair) => [
    textOf(pair, 'key'),
    attributeText(plainValue(optional(pair, 'value'), 0)),
  ]);
}

function plainValue(value: Fields, depth: number): unknown {
  if (depth > valueDepthMax) throw new Undecodable(`an attribute is nested deeper than ${valueDepthMax} levels`);
  const array = own(value, 'arrayValue');
  if (array !== undefined) {
    return listOf(objectOf(array, 'arrayValue'), 'values').map((item) => plainValue(item, depth + 1));
  }
  const map = own(value, 'kvlistValue');
  if (map !== undefined) {
    const pairs = listOf(objectOf(map, 'kvlistValue'), 'values');
    return Object.fromEntries(
      pairs.map((pair) => [textOf(pair, 'key'), plainValue(optional(pair, 'value'), depth + 1)]),
    );
  }
  const whole = own(value, 'intValue');
  if (whole !== undefined) return Number.isSafeInteger(Number(whole)) ? Number(whole) : attributeText(whole);
  for (const field of ['stringValue', 'boolValue', 'doubleValue', 'bytesValue']) {
    const plain = own(value, field);
    if (plain !== undefined) return plain;
  }
  return undefined;
}

function own(given: Fields, field: string): unknown {
  return Object.hasOwn(given, field) ? given[field] : undefined;
}

const nothing: Fields = {};

function optional(given: Fields, field: string): Fields {
  const value = own(given, field);
  return value === undefined || value === null ? nothing : objectOf(value, field);
}

function objectOf(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new Undecodable(`${what} is ${shown(value)}, and must be an object`);
}

function listOf(given: Fields, field: string): Fields[] {
  const value = own(given, field);
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new Undecodable(`${field} is ${shown(value)}, and must be an array`);
  return value.map((item) => objectOf(item, `an item of ${field}`));
}

function textOf(given: Fields, field: string): string {
  const value = own(given, field);
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  throw new Undecodable(`${field} is ${shown(value)}, and must be a text`);
}
