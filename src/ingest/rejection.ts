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
  | 'too_far_in_future'
  | 'too_many_series';

/** Why a sample that is right is not published: there is no such thing as its value in JSON, or it is none. */
export type SkipReason = 'not_finite' | 'stale' | 'no_recorded_value' | 'text';

export interface Rejection {
  readonly code: RejectionCode;
  readonly message: string;
}
