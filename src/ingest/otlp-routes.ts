// `POST /v1/metrics`: OTLP over HTTP. A success is 200 and never 204; what is refused of a request is told in it, and clients
// do not send it again. They drop all that gets a 500, so an outage is 503.
import { Type, type TSchema } from 'typebox';
import { failureAnswer } from '../http/failure-answer.ts';
import { parseJson } from '../http/json.ts';
import { jsonDepthMax } from '../http/limits.ts';
import { Failure, shown } from '../base/failure.ts';
import { answersAsText } from '../http/open-api.ts';
import type { Routes } from '../http/http-app.ts';
import { OtlpStatus, OtlpSuccess } from '../wire/ingest.ts';
import { bodyBytesMax } from './ingest-limits.ts';
import { takeIn, type IngestParts } from './intake.ts';
import { readOtlpJson } from './otlp-json.ts';

const protobuf = 'application/x-protobuf';
const json = 'application/json';

/** What is not UTF-8 becomes U+FFFD, as in protobuf. */
const utf8 = new TextDecoder('utf-8');

/** OTLP's attribute values add three levels each. */
const otlpDepthMax = jsonDepthMax * 2;

/** google.rpc.Code by HTTP status. */
const codes: Partial<Record<number, number>> = { 401: 16, 403: 7, 413: 8, 415: 3, 429: 8, 500: 13, 503: 14 };
const invalidArgument = 3;

const answerOf = (schema: TSchema, description: string) => ({
  description,
  content: {
    [json]: { schema },
    [protobuf]: { schema: Type.Unsafe<Uint8Array>({ type: 'string', format: 'binary' }) },
  },
});
const failed = answerOf(OtlpStatus, 'google.rpc.Status');
const otlpAnswers = answersAsText({
  200: answerOf(OtlpSuccess, 'ExportMetricsServiceResponse'),
  ...Object.fromEntries([400, 401, 403, 413, 415, 429, 503].map((status) => [status, failed])),
});

export function otlpRoutes(parts: IngestParts): Routes {
  return (app) => {
    app.post(
      '/v1/metrics',
      {
        config: { scope: 'metrics:write' },
        bodyLimit: bodyBytesMax,
        schema: { summary: 'OTLP/HTTP metrics', description: 'Protobuf or JSON, gzip.', response: otlpAnswers },
        errorHandler(error, request, reply) {
          const failure = failureAnswer(error, request, reply);
          parts.logFault(error, failure);
          const code = codes[failure.status] ?? invalidArgument;
          const isProtobuf = typeOf(request.headers['content-type']) === protobuf;
          const body = isProtobuf
            ? statusMessage(code, failure.message)
            : Buffer.from(JSON.stringify({ code, message: failure.message } satisfies OtlpStatus));
          void reply
            .code(failure.status)
            .type(isProtobuf ? protobuf : json)
            .send(body);
        },
      },
      async (request, reply) => {
        const type = typeOf(request.headers['content-type']);
        if (type !== protobuf && type !== json) throw wrongType(request.headers['content-type']);
        const isProtobuf = type === protobuf;
        const { sink, result: refused } = await takeIn(parts, request, {
          protocol: isProtobuf ? 'otlp' : 'otlp_json',
          encodings: ['identity', 'gzip', 'deflate'],
          read: async (body, into, { readers }) =>
            isProtobuf
              ? readers.otlp.read(body, into)
              : readOtlpJson(body.length === 0 ? {} : parseJson(utf8.decode(body), otlpDepthMax), into),
        });
        const message = sink.errors[0]?.message ?? '';
        return reply
          .code(200)
          .type(isProtobuf ? protobuf : json)
          .send(isProtobuf ? successMessage(refused, message) : Buffer.from(successJson(refused, message)));
      },
    );
  };
}

function typeOf(contentType: string | undefined): string {
  return (contentType ?? '').split(';')[0]!.trim().toLowerCase();
}

function wrongType(contentType: string | undefined): Failure {
  const detail = `the Content-Type is ${shown(contentType ?? '')}, and may be ${protobuf} or ${json}`;
  return new Failure('unsupported_media_type', detail);
}

function successJson(refused: number, message: string): string {
  if (refused === 0) return '{}';
  const success: OtlpSuccess = { partialSuccess: { rejectedDataPoints: String(refused), errorMessage: message } };
  return JSON.stringify(success);
}

/** ExportMetricsServiceResponse { partial_success 1 { rejected_data_points 1, error_message 2 } } */
function successMessage(refused: number, message: string): Buffer {
  if (refused === 0) return Buffer.alloc(0);
  return lengthField(1, Buffer.concat([numberField(1, refused), lengthField(2, Buffer.from(message))]));
}

/** google.rpc.Status { code 1, message 2 } */
function statusMessage(code: number, message: string): Buffer {
  return Buffer.concat([numberField(1, code), lengthField(2, Buffer.from(message))]);
}

function numberField(field: number, value: number): Buffer {
  return Buffer.from([field << 3, ...varint(value)]);
}

function lengthField(field: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...varint(content.length)]), content]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}
