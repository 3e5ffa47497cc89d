import { Type } from 'typebox';
import { Failure, shown } from '../base/failure.ts';
import { answersAsText, documented } from '../http/open-api.ts';
import { problemBytes, problemContentType, problemOf } from '../http/problem.ts';
import type { Routes } from '../http/http-app.ts';
import { AcceptedView, PartlyAcceptedView, SamplesInput, SamplesRefused } from '../wire/ingest.ts';
import { Problem } from '../wire/problem.ts';
import { bodyBytesMax } from './ingest-limits.ts';
import { takeIn, type IngestParts } from './intake.ts';
import { readJsonSamples, type JsonForm } from './json-samples.ts';
import type { SampleSink } from './sample-sink.ts';

const QuerySchema = Type.Object(
  { atomic: Type.Optional(Type.Boolean({ description: 'Write nothing when any sample is wrong' })) },
  { additionalProperties: false },
);

/** `POST /api/v1/metrics`: our own JSON. */
export function ingestRoutes(parts: IngestParts): Routes {
  return (app) => {
    const schema = {
      summary: 'Publish samples',
      description: 'JSON or NDJSON, gzip or deflate. Answered once all accepted samples are durable.',
      querystring: QuerySchema,
      body: documented(SamplesInput),
      response: answersAsText(
        { 200: AcceptedView, 207: PartlyAcceptedView, 400: Type.Union([Problem, SamplesRefused]) },
        ...[401, 403, 413, 415, 429, 503],
      ),
    };
    const options = { config: { scope: 'metrics:write' as const }, schema, bodyLimit: bodyBytesMax };
    app.post('/api/v1/metrics', options, async (request, reply) => {
      const form = formOf(request.headers['content-type']);
      const atomic = request.query.atomic === true;
      const { sink } = await takeIn(parts, request, {
        protocol: 'json',
        encodings: ['identity', 'gzip', 'deflate'],
        async read(body, first, { readers, newSink }) {
          if (!readers.json.scan(body, form, first)) await readJsonSamples(body, form, newSink());
        },
        accepts: (read) => read.rejected === 0 || (!atomic && read.accepted > 0),
      });
      const refusal = refusalOf(sink, atomic);
      if (refusal !== undefined) return reply.code(400).type(problemContentType).send(problemBytes(refusal));
      const accepted = sink.accepted;
      if (sink.rejected === 0) return { accepted } satisfies AcceptedView;
      const partly: PartlyAcceptedView = { accepted, rejected: sink.rejected, errors: sink.errors };
      return reply.code(207).send(partly);
    });
  };
}

/** The answer when nothing was to be written: nothing is valid, or all or nothing was asked for. */
function refusalOf(sink: SampleSink, atomic: boolean): SamplesRefused | undefined {
  const valid = sink.accepted;
  if (sink.rejected === 0 || (valid > 0 && !atomic)) return undefined;
  const [first] = sink.errors;
  const detail =
    sink.rejected === 1
      ? `sample ${first!.index}: ${first!.message}`
      : `${sink.rejected} samples are wrong, the first of them sample ${first!.index}: ${first!.message}`;
  const failure = new Failure(
    'invalid_request',
    atomic && valid > 0 ? `nothing was written, as atomic asks. ${detail}` : detail,
  );
  return { ...problemOf(failure), accepted: 0, rejected: sink.rejected + valid, errors: sink.errors };
}

const forms: Record<string, JsonForm> = {
  'application/json': 'json',
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
  'application/jsonl': 'ndjson',
};

/** The format by the Content-Type. Throws the Failure `unsupported_media_type`, which names the right one. */
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
