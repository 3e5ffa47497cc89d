// Influx' two write APIs, and what its clients ask beside them. To them 204 alone is success. Telegraf drops a whole batch on
// 400 and 422, so the good lines of one are written before it is told of the bad.
import { Type } from 'typebox';
import { Failure, shown } from '../base/failure.ts';
import { failureAnswer } from '../http/failure-answer.ts';
import { answers, answersAsText, noContent } from '../http/open-api.ts';
import type { HttpApp, Routes } from '../http/http-app.ts';
import { InfluxError, InfluxResults } from '../wire/ingest.ts';
import type { Precision, WrongLine } from './influx-lines.ts';
import { bodyBytesMax } from './ingest-limits.ts';
import { takeIn, type IngestParts } from './intake.ts';

/** Clients send org, bucket, db, rp and more: they are ignored. */
const QuerySchema = Type.Object({ precision: Type.Optional(Type.String()) }, { additionalProperties: true });

const precisions: Readonly<Record<1 | 2, Partial<Record<string, Precision>>>> = {
  1: { n: 'ns', ns: 'ns', u: 'us', us: 'us', µ: 'us', ms: 'ms', s: 's', m: 'm', h: 'h' },
  2: { ns: 'ns', us: 'us', ms: 'ms', s: 's' },
};

/** What the second API calls an error, by its status. */
const codes: Partial<Record<number, string>> = {
  401: 'unauthorized',
  403: 'forbidden',
  413: 'request too large',
  415: 'unsupported media type',
  422: 'unprocessable entity',
  429: 'too many requests',
  500: 'internal error',
  503: 'unavailable',
};
/** Telegraf and others ask for these before they write. */
const likeVersion = '1.8.10';
/** Senders of lines name many types; these say that it is something else. */
const otherTypes = /^(application\/(json|x-protobuf|x-ndjson|vnd\.google\.protobuf)|image\/|multipart\/)/i;

export function influxRoutes(parts: IngestParts, acceptsBasic: boolean): Routes {
  return (app) => {
    addWrite(app, parts, { version: 2, path: '/api/v2/write', acceptsBasic: false });
    addWrite(app, parts, { version: 1, path: '/write', acceptsBasic });
    addQuestions(app, acceptsBasic);
  };
}

interface WriteApi {
  readonly version: 1 | 2;
  readonly path: string;
  readonly acceptsBasic: boolean;
}

function addWrite(app: HttpApp, parts: IngestParts, { version, path, acceptsBasic }: WriteApi): void {
  app.post(
    path,
    {
      config: { scope: 'metrics:write', acceptsBasic },
      bodyLimit: bodyBytesMax,
      schema: {
        summary: `Influx line protocol, version ${version}'s API`,
        querystring: QuerySchema,
        response: answersAsText({ 204: noContent('All lines were written'), ...errorsOf(version) }),
      },
      errorHandler(error, request, reply) {
        const failure = failureAnswer(error, request, reply);
        parts.logFault(error, failure);
        // Telegraf drops what gets any 4xx from the first API, even 429.
        const status = version === 1 && failure.status === 429 ? 503 : failure.status;
        void reply
          .code(status)
          .type('application/json')
          .send(errorBody(version, status, failure.message));
      },
    },
    async (request, reply) => {
      demandLines(request.headers['content-type']);
      const precision = precisionOf(version, request.query.precision);
      const { sink, result: wrong } = await takeIn(parts, request, {
        protocol: version === 1 ? 'influx_v1' : 'influx_v2',
        encodings: ['identity', 'gzip'],
        read: async (body, into, { readers }) => readers.influx.read(body, precision, into),
      });
      if (wrong === undefined) return reply.code(204).send();
      const status = version === 1 || wrong.isSyntax ? 400 : 422;
      const message = version === 1 ? `partial write: ${reasonOf(wrong)} dropped=${sink.rejected}` : reasonOf(wrong);
      return reply
        .code(status)
        .type('application/json')
        .send(errorBody(version, status, message, wrong.line));
    },
  );
}

function reasonOf({ text, reason, isSyntax }: WrongLine): string {
  return isSyntax ? `unable to parse '${text}': ${reason}` : `${reason} in '${text}'`;
}

// oxlint-disable-next-line max-params -- The four parts of one answer.
function errorBody(version: 1 | 2, status: number, message: string, line?: number): Buffer {
  const body =
    version === 1
      ? ({ error: message } satisfies InfluxError<1>)
      : ({ code: codes[status] ?? 'invalid', message, line } satisfies InfluxError<2>);
  return Buffer.from(JSON.stringify(body));
}

function errorsOf(version: 1 | 2) {
  return Object.fromEntries([400, 401, 403, 413, 415, 422, 429, 503].map((status) => [status, InfluxError[version]]));
}

function addQuestions(app: HttpApp, acceptsBasic: boolean): void {
  const asked = {
    config: { scope: 'metrics:write' as const, acceptsBasic },
    schema: {
      summary: 'For Influx v1 clients, which create a database first: nothing is done',
      response: answers({ 200: InfluxResults }, 401, 403),
    },
  };
  app.route({
    method: ['GET', 'POST'],
    url: '/query',
    ...asked,
    handler: async (request, reply) => {
      // A form's text is not needed, and the connection is.
      request.raw.resume();
      return reply.header('x-influxdb-version', likeVersion).send({ results: [] });
    },
  });
  app.route({
    method: 'GET',
    url: '/ping',
    config: { public: true },
    schema: {
      summary: 'Whether this server responds, for Influx clients',
      response: answersAsText({ 204: noContent('It does') }),
    },
    handler: async (_request, reply) => reply.code(204).header('x-influxdb-version', likeVersion).send(),
  });
}

function demandLines(contentType: string | undefined): void {
  if (contentType === undefined || !otherTypes.test(contentType.trim())) return;
  throw new Failure('unsupported_media_type', `the Content-Type is ${shown(contentType)}, and must be text/plain`);
}

function precisionOf(version: 1 | 2, given: string | undefined): Precision {
  if (given === undefined || given === '') return 'ns';
  const known = precisions[version];
  const precision = Object.hasOwn(known, given) ? known[given] : undefined;
  if (precision !== undefined) return precision;
  throw new Failure(
    'invalid_field',
    `precision is ${shown(given)}, and may be one of ${Object.keys(known).join(', ')}`,
  );
}
