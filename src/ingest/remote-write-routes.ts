// `POST /api/v1/write`: Prometheus remote write, both versions. Senders read the status: 5xx is sent again, nearly every 4xx is
// data thrown away, so what the log cannot take is always 503.
import { Type } from 'typebox';
import { failureAnswer } from '../http/failure-answer.ts';
import { shown, Failure } from '../base/failure.ts';
import { answersAsText, content, noContent } from '../http/open-api.ts';
import type { Routes } from '../http/http-app.ts';
import { bodyBytesMax } from './ingest-limits.ts';
import { takeIn, type IngestParts } from './intake.ts';
import type { RemoteWriteVersion, Written } from './remote-write.ts';

const versions: Partial<Record<string, RemoteWriteVersion>> = {
  '': 1,
  'prometheus.WriteRequest': 1,
  'io.prometheus.write.v2.Request': 2,
};

const reason = content('text/plain', Type.String(), 'The reason');
const refusals = Object.fromEntries([400, 401, 403, 413, 415, 429, 503].map((status) => [status, reason]));

export function remoteWriteRoutes(parts: IngestParts): Routes {
  return (app) => {
    app.post(
      '/api/v1/write',
      {
        config: { scope: 'metrics:write' },
        bodyLimit: bodyBytesMax,
        schema: {
          summary: 'Prometheus remote write, versions 1 and 2',
          description: 'Protobuf in a Snappy block.',
          response: answersAsText({ 204: noContent('All samples were written'), ...refusals }),
        },
        errorHandler(error, request, reply) {
          if (versionOf(request.headers['content-type']) === 2) setWritten(reply, noneWritten);
          const failure = failureAnswer(error, request, reply);
          parts.logFault(error, failure);
          void reply.code(failure.status).type('text/plain; charset=utf-8').send(`${failure.message}\n`);
        },
      },
      async (request, reply) => {
        const version = demandVersion(request.headers['content-type']);
        const { sink, result } = await takeIn(parts, request, {
          protocol: version === 1 ? 'remote_write_1' : 'remote_write_2',
          encodings: ['snappy'],
          read: async (body, into, { readers }) => readers.remoteWrite[version].read(body, into),
        });
        // With version 1 they would be read as a partial failure by senders of version 2.
        if (version === 2) setWritten(reply, result);
        if (sink.rejected === 0) return reply.code(204).send();
        const [first] = sink.errors;
        return reply
          .code(400)
          .type('text/plain; charset=utf-8')
          .send(
            `${sink.rejected} of ${sink.samples} samples are wrong, and the others were written: ${first!.message}\n`,
          );
      },
    );
  };
}

const noneWritten: Written = { samples: 0, histograms: 0, exemplars: 0 };

function setWritten(reply: { header(name: string, value: string): unknown }, written: Written): void {
  reply.header('x-prometheus-remote-write-samples-written', String(written.samples));
  reply.header('x-prometheus-remote-write-histograms-written', String(written.histograms));
  reply.header('x-prometheus-remote-write-exemplars-written', String(written.exemplars));
}

/** By the Content-Type alone: the other one's bytes would decode to an empty message. */
function versionOf(contentType: string | undefined): RemoteWriteVersion | undefined {
  const [type = '', ...parameters] = (contentType ?? '').split(';').map((part) => part.trim());
  if (type.toLowerCase() !== 'application/x-protobuf') return undefined;
  const proto = parameters.find((parameter) => parameter.startsWith('proto='))?.slice('proto='.length) ?? '';
  const name = proto.replaceAll('"', '');
  return Object.hasOwn(versions, name) ? versions[name] : undefined;
}

function demandVersion(contentType: string | undefined): RemoteWriteVersion {
  const version = versionOf(contentType);
  if (version !== undefined) return version;
  throw new Failure(
    'unsupported_media_type',
    `the Content-Type is ${shown(contentType ?? '')}, and may be application/x-protobuf, with ` +
      `proto=io.prometheus.write.v2.Request for version 2`,
  );
}
