/**
 * Failures a caller can see. Each has one row here: a stable code for programs, the HTTP status, and a title for people.
 * The detail of one failure names the field, the value and what is allowed. Never a secret: no webhook URL, no token.
 */
export const failureTable = {
  invalid_field: { status: 400, title: 'A field has a value that is not allowed' },
  unknown_field: { status: 400, title: 'A field is not known' },
  missing_field: { status: 400, title: 'A required field is missing' },
  invalid_json: { status: 400, title: 'The body is not JSON' },
  invalid_request: { status: 400, title: 'The request is not of the expected form' },
  unauthorized: { status: 401, title: 'A valid token is needed' },
  forbidden: { status: 403, title: 'This is not allowed' },
  not_found: { status: 404, title: 'There is no such thing' },
  method_not_allowed: { status: 405, title: 'The method is not allowed here' },
  conflict: { status: 409, title: 'It is there already' },
  in_use: { status: 409, title: 'Something still uses it' },
  changed_meanwhile: { status: 412, title: 'Somebody else changed it meanwhile' },
  too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The content type is not supported' },
  limit_reached: { status: 422, title: 'There may be no more of these' },
  too_many_requests: { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'A fault of the server' },
  unavailable: { status: 503, title: 'Not possible right now; try again' },
} as const;

export type FailureCode = keyof typeof failureTable;

/** An error in one field: `field` is a path such as `tags.host`, or empty for the whole. */
export interface FieldError {
  readonly field: string;
  readonly code: FailureCode;
  readonly message: string;
}

export class Failure extends Error {
  override name = 'Failure';
  readonly code: FailureCode;
  readonly status: number;
  readonly title: string;
  /** One entry a field, when fields are to blame. */
  readonly errors: readonly FieldError[];
  /** When a retry can help: after so many seconds. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: FailureCode,
    detail: string,
    more: { errors?: readonly FieldError[]; retryAfterSeconds?: number } = {},
  ) {
    super(detail);
    this.code = code;
    this.status = failureTable[code].status;
    this.title = failureTable[code].title;
    this.errors = more.errors ?? [];
    this.retryAfterSeconds = more.retryAfterSeconds;
  }
}

/** One failure for all the fields that are wrong; its detail is their messages in a line. */
export function fieldsFailure(errors: readonly FieldError[]): Failure {
  const [first] = errors;
  return new Failure(first?.code ?? 'invalid_request', errors.map((error) => error.message).join('; '), { errors });
}

const shownCharactersMax = 80;

/** A value as an error may show it: JSON, cut short. Call it for values that are no secret. */
export function shown(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'nothing');
  return text.length > shownCharactersMax ? `${text.slice(0, shownCharactersMax)}…` : text;
}
