import { setImmediate as nextTurn } from 'node:timers/promises';
import { Failure, shown } from '../base/failure.ts';
import { parseJson } from '../http/json.ts';
import { jsonDepthMax } from '../http/limits.ts';
import { samplesMax, samplesPerTurn } from './ingest-limits.ts';
import { addSample, type Rejection, type SampleBatch } from './sample-batch.ts';

export type JsonForm = 'json' | 'ndjson';

/** Called with each sample that is not written, and its place in the request, from 0. */
export type OnRejection = (index: number, rejection: Rejection) => void;

/**
 * Decodes the own JSON of ingest.md, section 3, into the batch: one object, an array, `{"metrics": [...]}`, or an object
 * a line. Throws the Failures `invalid_json` and `too_large`, for what concerns the whole.
 */
export async function decodeJsonSamples(
  text: string,
  form: JsonForm,
  batch: SampleBatch,
  reject: OnRejection,
): Promise<void> {
  const items =
    form === 'json' ? itemsOf(parseJson(text, jsonDepthMax)) : text.split('\n').filter((line) => line.trim() !== '');
  if (items.length > samplesMax) {
    throw new Failure('too_large', `the request has ${items.length} samples, and may have ${samplesMax}`);
  }
  for (let index = 0; index < items.length; index++) {
    if (index > 0 && index % samplesPerTurn === 0) await nextTurn();
    const rejection = form === 'json' ? addItem(batch, items[index]) : addLine(batch, items[index] as string);
    if (rejection !== undefined) reject(index, rejection);
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

function addItem(batch: SampleBatch, item: unknown): Rejection | undefined {
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
  return addSample(batch, { name: own('name'), value: own('value'), tags: own('tags'), timestamp: own('timestamp') });
}

function addLine(batch: SampleBatch, line: string): Rejection | undefined {
  try {
    return addItem(batch, parseJson(line, jsonDepthMax));
  } catch (error) {
    if (error instanceof Failure) return { code: 'invalid_json', message: error.message };
    throw error;
  }
}
