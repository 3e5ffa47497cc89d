import type { NewRecord } from '../log/log.ts';
import { nameProblem, tagsProblems } from '../metric/metric-limits.ts';
import { formatSampleValue } from '../metric/sample-value.ts';
import { tagsOf, type Tags } from '../metric/sample.ts';
import { shown } from '../base/failure.ts';
import { judgeTimestamp, type TimeBounds } from './sample-time.ts';

/** Why a sample is not written. Samples are counted by it, and programs read it. */
export type RejectionCode =
  | 'invalid_item'
  | 'invalid_json'
  | 'missing_field'
  | 'unknown_field'
  | 'invalid_name'
  | 'invalid_value'
  | 'invalid_tags'
  | 'invalid_timestamp'
  | 'too_old'
  | 'too_far_in_future';

export interface Rejection {
  readonly code: RejectionCode;
  readonly message: string;
}

/** A sample as a sender gives it, each field not yet checked. Every protocol decodes into it. */
export interface GivenSample {
  readonly name: unknown;
  readonly value: unknown;
  readonly tags: unknown;
  readonly timestamp: unknown;
}

/** The records that one request's samples become, with the time of its receipt. */
export interface SampleBatch {
  readonly records: NewRecord[];
  readonly receivedMs: number;
  readonly bounds: TimeBounds;
  /** Samples whose sender's clock runs ahead. */
  skewed: number;
}

export function newBatch(receivedMs: number, bounds: TimeBounds): SampleBatch {
  return { records: [], receivedMs, bounds, skewed: 0 };
}

const utf8 = new TextEncoder();

/** Adds the record of a sample, or says why there is none. */
export function addSample(batch: SampleBatch, given: GivenSample): Rejection | undefined {
  const { name, value, tags } = given;
  const wrongName = nameProblem(name);
  if (wrongName !== undefined) return { code: 'invalid_name', message: `name is ${shown(name)}, and ${wrongName}` };
  // 1e400 becomes Infinity in JSON.parse, and JSON has no way to write that.
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    return { code: 'invalid_value', message: `value is ${shown(value)}, and must be a finite number` };
  }
  const [wrongTag] = tags === undefined ? [] : tagsProblems(tags);
  if (wrongTag !== undefined) {
    const field = wrongTag.key === undefined ? 'tags' : `tags.${wrongTag.key}`;
    return { code: 'invalid_tags', message: `${field} ${wrongTag.message}` };
  }
  const verdict = judgeTimestamp(given.timestamp, batch.receivedMs, batch.bounds);
  if ('code' in verdict) return verdict;
  if (verdict.skewed) batch.skewed++;
  batch.records.push({
    key: utf8.encode(name as string),
    value: utf8.encode(formatSampleValue(value, tags === undefined ? undefined : tagsOf(Object.entries(tags as Tags)))),
    timestampMs: verdict.timestampMs,
  });
  return undefined;
}
