import { Type } from 'typebox';
import { auditActions, auditedKinds } from '../audit/audit-record.ts';
import { Next, orNull } from './fields.ts';
import type { Shape } from './shape.ts';

const Time = Type.String({ maxLength: 40, description: 'RFC 3339, or milliseconds since 1970' });

/** What narrows the list. */
export const auditFilter = {
  subject: Type.Optional(Type.String({ maxLength: 300, description: 'rule:ID or receiver:NAME' })),
  author: Type.Optional(Type.String({ maxLength: 255 })),
  from: Type.Optional(Time),
  to: Type.Optional(Time),
};

export const AuditEntry = Type.Object({
  time_ms: Type.Number(),
  author: Type.String({ description: 'The subject of the token; anonymous where no tokens are configured' }),
  subject: Type.String({ description: 'rule:ID or receiver:NAME' }),
  kind: Type.Enum([...auditedKinds]),
  id: Type.String(),
  action: Type.Enum([...auditActions]),
  version: Type.String({ description: 'The ETag of the version that the change made' }),
  before: orNull(Type.Record(Type.String(), Type.Unknown()), 'Without secrets; null: there was none'),
  after: orNull(Type.Record(Type.String(), Type.Unknown()), 'Without secrets; null: it was deleted'),
});
export type AuditEntry = Shape<typeof AuditEntry>;

/** `GET /api/v1/audit`, newest first. */
export const AuditView = Type.Object({ entries: Type.Array(AuditEntry), next: Next });
export type AuditView = Shape<typeof AuditView>;
