// What a data point of OTLP becomes: one sample, or several with endings to their name. Rules compare numbers with a
// threshold, so buckets are left out, and a mean is added where it can be had.
import { seriesFormOfPairs, type SeriesForm } from './series-form.ts';
import type { SampleSink } from './sample-sink.ts';
import type { Rejection } from './rejection.ts';

export type Found = SeriesForm | Rejection;

/** The attributes of a resource that become tags; the others have process ids and command lines, new with each start. */
export const resourceTags: ReadonlySet<string> = new Set([
  'service.name',
  'service.namespace',
  'service.instance.id',
  'host.name',
  'k8s.namespace.name',
  'k8s.pod.name',
  'deployment.environment.name',
]);

export type PointKind = 'number' | 'histogram' | 'summary';

/** One data point, as either encoding gives it. The same object is filled again and again. */
export class Point {
  kind: PointKind = 'number';
  /** undefined when it has none. */
  timeMs: number | undefined;
  hasNoValue = false;
  isDelta = false;
  value: number | undefined;
  count = 0;
  sum: number | undefined;
  min: number | undefined;
  max: number | undefined;
  quantiles: { readonly quantile: number; readonly value: number }[] = [];

  clear(kind: PointKind, isDelta: boolean): void {
    this.kind = kind;
    this.isDelta = isDelta;
    this.timeMs = undefined;
    this.hasNoValue = false;
    this.value = this.sum = this.min = this.max = undefined;
    this.count = 0;
    if (this.quantiles.length > 0) this.quantiles = [];
  }
}

/** The series of this point with an ending to its name, or with the tag `quantile`. */
export type SeriesOf = (ending: string, quantile?: string) => Found;

/** Publishes the samples of a point. Returns whether they were accepted. */
export function publishPoint(point: Point, seriesOf: SeriesOf, sink: SampleSink): boolean {
  const { rejected } = sink;
  const add = (ending: string, value: number | undefined, quantile?: string): void => {
    // What was wrong with one of a point's samples is wrong with all of them: once is enough.
    if (value === undefined || sink.rejected > rejected) return;
    const series = seriesOf(ending, quantile);
    if ('code' in series) sink.reject(series);
    else sink.add(series, value, point.timeMs);
  };
  if (point.hasNoValue) {
    sink.skip('no_recorded_value');
    return true;
  }
  if (point.kind === 'number') {
    if (point.value === undefined) sink.reject({ code: 'invalid_value', message: 'a data point has no value' });
    add('', point.value);
    return sink.rejected === rejected;
  }
  add('.count', point.count);
  add('.sum', point.sum);
  if (point.kind === 'histogram') {
    add('.min', point.min);
    add('.max', point.max);
    if (point.isDelta && point.count > 0 && point.sum !== undefined) add('.avg', point.sum / point.count);
  }
  for (const { quantile, value } of point.quantiles) add('', value, String(quantile));
  return sink.rejected === rejected;
}

export type Pair = readonly [string, string];

/** The series of a metric's point: the point's attributes, and those of its resource that it does not have itself. */
export function seriesOfPoint(
  name: string,
  parts: {
    readonly resource: readonly Pair[];
    readonly point: readonly Pair[];
    readonly quantile?: string | undefined;
  },
  partitionCount: number,
): Found {
  const { resource, point, quantile } = parts;
  const own = new Set(point.map(([key]) => key));
  const pairs = [...resource.filter(([key]) => !own.has(key)), ...point];
  if (quantile !== undefined) pairs.push(['quantile', quantile]);
  return seriesFormOfPairs(name, pairs, partitionCount);
}

/** A tag's text for an attribute's value: texts as they are, arrays and maps as JSON. */
export function attributeText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null) return JSON.stringify(value);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}
