import { Failure, failureTable, type FailureCode } from '../base/failure.ts';
import type { SamplesRefused } from '../wire/ingest.ts';
import type { Problem } from '../wire/problem.ts';
import { withoutSecrets } from '../base/logger.ts';

export const problemContentType = 'application/problem+json';

/** A failure may name a field, a value or an address that is the caller's own, with a secret pasted into the wrong place. */
export function problemOf(failure: Failure): Problem {
  const errors = failure.errors.map(({ field, code, message }) => ({
    field: withoutSecrets(field),
    code,
    message: withoutSecrets(message),
  }));
  return {
    type: `urn:ssrms:problem:${failure.code}`,
    title: failure.title,
    status: failure.status,
    detail: withoutSecrets(failure.message),
    code: failure.code,
    ...(errors.length > 0 && { errors }),
  };
}

/** Bytes, since the framework adds a charset to a text, and JSON media types have none. */
export function problemBytes(problem: Problem | SamplesRefused): Buffer {
  return Buffer.from(JSON.stringify(problem));
}

const statusCodes = new Map<number, FailureCode>([
  ...Object.entries(failureTable)
    .reverse()
    .map(([code, row]): [number, FailureCode] => [row.status, code as FailureCode]),
  [400, 'invalid_request'],
]);

const details: Partial<Record<string, string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'the body is larger than this route takes',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'the body must be JSON: send the header "Content-Type: application/json"',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'the body is not as long as the header Content-Length says',
  FST_ERR_BAD_URL: 'the address has an escape that cannot be decoded',
  FST_ERR_MAX_PARAM_LENGTH: 'a part of the address is too long',
};

/** The answer to any error: a Failure as it is, the framework's by its status, and no details of a bug. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const { statusCode, code } = error as { statusCode?: unknown; code?: unknown };
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    const detail = details[String(code)] ?? 'the request cannot be read';
    return new Failure(statusCodes.get(statusCode) ?? 'invalid_request', detail);
  }
  return new Failure('internal', 'the server met a fault of its own, which it has logged');
}
