import { setImmediate as nextTurn } from 'node:timers/promises';
import { Failure, shown } from '../base/failure.ts';
import { decodeUtf8, parseJson } from '../http/json.ts';
import { jsonDepthMax } from '../http/limits.ts';
import { samplesMax } from './ingest-limits.ts';
import type { SampleSink } from './sample-sink.ts';
import type { Rejection } from './rejection.ts';
import { seriesForm } from './series-form.ts';

export type JsonForm = 'json' | 'ndjson';

/**
 * Decodes the own JSON into the sink with care: one object, an array, `{"metrics": [...]}`, or an object a line. Rejects
 * with the Failures `invalid_json`, `invalid_request` and `too_large`, for what concerns the whole.
 */
export async function readJsonSamples(body: Uint8Array, form: JsonForm, sink: SampleSink): Promise<void> {
  const text = decodeUtf8(body);
  const items =
    form === 'json' ? itemsOf(parseJson(text, jsonDepthMax)) : text.split('\n').filter((line) => line.trim() !== '');
  if (items.length > samplesMax) {
    throw new Failure('too_large', `the request has ${items.length} samples, and may have ${samplesMax}`);
  }
  for (const item of items) {
    if (sink.turnIsOver) await nextTurn();
    const rejection = form === 'json' ? addItem(sink, item) : addLine(sink, item as string);
    if (rejection !== undefined) sink.reject(rejection);
  }
}

function itemsOf(body: unknown): readonly unknown[] {
  if (Array.isArray(body)) return body;
  if (typeof body === 'object' && body !== null && Object.hasOwn(body, 'metrics') && !Object.hasOwn(body, 'name')) {
    const { metrics, ...others } = body as { metrics: unknown };
    if (!Array.isArray(metrics))
      throw new Failure('invalid_request', `metrics is ${shown(metrics)}, and must be an array of samples`);
    const [unknown] = Object.keys(others);
    if (unknown !== undefined) throw new Failure('unknown_field', `${shown(unknown)} is not known beside metrics`);
    return metrics;
  }
  return [body];
}

const fields = new Set(['name', 'value', 'timestamp', 'tags']);

function addItem(sink: SampleSink, item: unknown): Rejection | undefined {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    return {
      code: 'invalid_item',
      message: `a sample is ${shown(item)}, and must be an object such as {"name":"cpu","value":501}`,
    };
  }
  for (const field of Object.keys(item)) {
    if (!fields.has(field)) {
      return { code: 'unknown_field', message: `${shown(field)} is not known; a sample has ${[...fields].join(', ')}` };
    }
  }
  for (const field of ['name', 'value']) {
    if (!Object.hasOwn(item, field)) return { code: 'missing_field', message: `${field} is missing` };
  }
  const own = (field: string): unknown =>
    Object.hasOwn(item, field) ? (item as Record<string, unknown>)[field] : undefined;
  const series = seriesForm(own('name'), own('tags'), sink.partitionCount);
  if ('code' in series && series.code === 'invalid_name') return series;
  const value = own('value');
  // 1e400 becomes Infinity in JSON.parse, and JSON has no way to write that.
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    return { code: 'invalid_value', message: `value is ${shown(value)}, and must be a finite number` };
  }
  if ('code' in series) return series;
  sink.add(series, value, own('timestamp'));
  return undefined;
}

function addLine(sink: SampleSink, line: string): Rejection | undefined {
  try {
    return addItem(sink, parseJson(line, jsonDepthMax));
  } catch (error) {
    if (error instanceof Failure) return { code: 'invalid_json', message: error.message };
    throw error;
  }
}
