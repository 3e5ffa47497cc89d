import { Type } from 'typebox';
import { Failure, shown } from '../base/failure.ts';
import { decodeUtf8 } from '../http/json.ts';
import { answers, documented } from '../http/open-api.ts';
import { problemBytes, problemContentType, problemOf } from '../http/problem.ts';
import type { HttpApp, Routes } from '../http/server.ts';
import { bodyBytesMax, errorsListedMax } from './ingest-limits.ts';
import type { IngestParts } from './ingest.ts';
import { decodeJsonSamples, type JsonForm } from './json-samples.ts';
import { newBatch, type RejectionCode, type SampleBatch } from './sample-batch.ts';
import { encodingOf, readBody } from './unpack.ts';

const SampleSchema = Type.Object({
  name: Type.String({ description: 'The metric, 1 to 255 bytes' }),
  value: Type.Number(),
  timestamp: Type.Optional(
    Type.Union([Type.Number(), Type.String()], { description: 'Milliseconds since 1970, or RFC 3339. Missing: now' }),
  ),
  tags: Type.Optional(Type.Record(Type.String(), Type.String())),
});
const BodySchema = Type.Union([
  SampleSchema,
  Type.Array(SampleSchema),
  Type.Object({ metrics: Type.Array(SampleSchema) }),
]);
const AcceptedSchema = Type.Object({ accepted: Type.Integer() });
const PartlySchema = Type.Object({
  accepted: Type.Integer(),
  rejected: Type.Integer(),
  errors: Type.Array(Type.Object({ index: Type.Integer(), code: Type.String(), message: Type.String() })),
});
const QuerySchema = Type.Object(
  { atomic: Type.Optional(Type.Boolean({ description: 'Write nothing when any sample is wrong' })) },
  { additionalProperties: false },
);

interface ListedError {
  readonly index: number;
  readonly code: RejectionCode;
  readonly message: string;
}

/** `POST /api/v1/metrics`: the own JSON of ingest.md, sections 2 and 3. */
export function ingestRoutes(parts: IngestParts): Routes {
  return (app) => {
    leaveBodies(app);
    const schema = {
      summary: 'Publish samples',
      description: 'JSON or NDJSON, gzip or deflate. Answered once all accepted samples are durable.',
      querystring: QuerySchema,
      body: documented(BodySchema),
      response: answers({ 200: AcceptedSchema, 207: PartlySchema }, 400, 401, 403, 413, 415, 503),
    };
    const options = { config: { scope: 'metrics:write' as const }, schema, bodyLimit: bodyBytesMax };
    app.post('/api/v1/metrics', options, async (request, reply) => {
      const form = formOf(request.headers['content-type']);
      const encoding = encodingOf(request.headers);
      parts.admission.demandRoom();
      const lease = parts.admission.lease();
      try {
        const text = decodeUtf8(await readBody(request.raw, encoding, lease));
        const batch = newBatch(parts.now(), parts.timeBounds);
        const errors = new Errors();
        await decodeJsonSamples(text, form, batch, (index, rejection) => {
          errors.add({ index, ...rejection });
          parts.countRejected('json', rejection.code);
        });
        const refusal = refusalOf(batch, errors, request.query.atomic === true);
        if (refusal !== undefined) return await reply.code(400).type(problemContentType).send(problemBytes(refusal));
        await parts.publish(batch, { protocol: 'json', subject: request.identity?.subject ?? 'anonymous' });
        const accepted = batch.records.length;
        if (errors.count === 0) return { accepted };
        return await reply.code(207).send({ accepted, rejected: errors.count, errors: errors.listed });
      } finally {
        lease.release();
      }
    });
  };
}

/** The first errors of a request, and the number of all. */
class Errors {
  count = 0;
  readonly listed: ListedError[] = [];

  add(error: ListedError): void {
    this.count++;
    if (this.listed.length < errorsListedMax) this.listed.push(error);
  }
}

/** The answer when nothing is to be written: nothing is valid, or all or nothing was asked for. */
function refusalOf(batch: SampleBatch, errors: Errors, atomic: boolean) {
  if (errors.count === 0 || (batch.records.length > 0 && !atomic)) return undefined;
  const [first] = errors.listed;
  const detail =
    errors.count === 1
      ? `sample ${first!.index}: ${first!.message}`
      : `${errors.count} samples are wrong, the first of them sample ${first!.index}: ${first!.message}`;
  const failure = new Failure(
    'invalid_request',
    atomic && batch.records.length > 0 ? `nothing was written, as atomic asks. ${detail}` : detail,
  );
  return {
    ...problemOf(failure),
    accepted: 0,
    rejected: errors.count + (atomic ? batch.records.length : 0),
    errors: errors.listed,
  };
}

/** Leaves bodies of any type unread, for the route to read as a stream: what is refused is then never held. */
function leaveBodies(app: HttpApp): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
}

const forms: Record<string, JsonForm> = {
  'application/json': 'json',
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
  'application/jsonl': 'ndjson',
};

/** What the Content-Type says of the body. Throws the Failure `unsupported_media_type`, naming the right one. */
function formOf(contentType: string | undefined): JsonForm {
  const [type = '', ...parameters] = (contentType ?? '')
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  const charset = parameters
    .find((parameter) => parameter.startsWith('charset='))
    ?.replace(/^charset="?([^"]*)"?$/, '$1');
  const form = Object.hasOwn(forms, type) ? forms[type] : undefined;
  if (form !== undefined && (charset === undefined || charset === 'utf-8' || charset === 'utf8')) return form;
  const hint =
    type === 'application/x-www-form-urlencoded'
      ? ' (curl -d sends this one unless told: add -H "Content-Type: application/json")'
      : '';
  throw new Failure(
    'unsupported_media_type',
    `the Content-Type is ${shown(contentType ?? '')}${hint}, and must be application/json or application/x-ndjson, in UTF-8`,
  );
}
