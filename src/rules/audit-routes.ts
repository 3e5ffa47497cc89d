import { Type } from 'typebox';
import { auditSubject, type AuditRecord } from '../audit/audit-record.ts';
import { fieldsFailure, shown } from '../base/failure.ts';
import { pageItemsMax } from '../http/limits.ts';
import { answers } from '../http/open-api.ts';
import type { Routes } from '../http/http-app.ts';
import { auditFilter, AuditView, type AuditEntry } from '../wire/audit.ts';
import type { AuditLog } from './audit-log.ts';
import { OneAtATime } from '../base/one-at-a-time.ts';

const QuerySchema = Type.Object(
  {
    ...auditFilter,
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: pageItemsMax })),
    after: Type.Optional(Type.String({ pattern: '^\\d{1,15}$', description: 'The `next` of the page before' })),
  },
  { additionalProperties: false },
);

const limitDefault = 100;

/** Who changed which rule or receiver. */
export function auditRoutes(audit: AuditLog): Routes {
  // Each may read much of the log.
  const turns = new OneAtATime();
  return (app) => {
    app.get(
      '/api/v1/audit',
      {
        config: { scope: 'audit:read' },
        schema: {
          summary: 'Who changed which rule or receiver, from what to what, the newest first',
          querystring: QuerySchema,
          response: answers({ 200: AuditView }, 400, 401, 403, 503),
        },
      },
      async (request, reply) => {
        const { subject, author, from, to, limit = limitDefault, after } = request.query;
        const filter = { subject, author, fromMs: timeOf('from', from) ?? 0, toMs: timeOf('to', to) ?? Infinity };
        reply.header('cache-control', 'no-store');
        const page = await turns.run('', async () =>
          audit.read(filter, limit, after === undefined ? undefined : Number(after)),
        );
        const next = page.before === undefined ? undefined : String(page.before);
        return reply.send({ entries: page.records.map(entryOf), ...(next !== undefined && { next }) });
      },
    );
  };
}

function entryOf({ timeMs, ...record }: AuditRecord): AuditEntry {
  const { author, kind, id, action, version } = record;
  const [before, after] = [record.before, record.after] as [AuditEntry['before'], AuditEntry['after']];
  return { time_ms: timeMs, author, subject: auditSubject(record), kind, id, action, version, before, after };
}

function timeOf(field: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const timeMs = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isFinite(timeMs)) return timeMs;
  const message = `${field} is ${shown(text)}, and must be a time as 2026-08-06T12:00:00Z, or milliseconds since 1970`;
  throw fieldsFailure([{ field, code: 'invalid_field', message }]);
}
