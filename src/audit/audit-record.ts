// One record of the topic `audit`: who changed what, when, from what to what. Secrets are masked before they come here.
import { orProblem, recordJson, RecordReader } from '../alarm/record-reader.ts';

export const auditedKinds = ['rule', 'receiver'] as const;
export type AuditedKind = (typeof auditedKinds)[number];

export const auditActions = ['created', 'replaced', 'deleted', 'rewritten'] as const;
export type AuditAction = (typeof auditActions)[number];

export interface AuditRecord {
  readonly timeMs: number;
  /** The subject (sub) of the token; `anonymous` without tokens. */
  readonly author: string;
  readonly kind: AuditedKind;
  /** The rule's id or the receiver's name. */
  readonly id: string;
  readonly action: AuditAction;
  /** The ETag of the version that the change made. */
  readonly version: string;
  /** As it was and is shown, without secrets; null where there was or is none. */
  readonly before: object | null;
  readonly after: object | null;
}

/** The key: the subject of the change. */
export function auditSubject({ kind, id }: Pick<AuditRecord, 'kind' | 'id'>): string {
  return `${kind}:${id}`;
}

export function formatAuditRecord({ timeMs, ...rest }: AuditRecord): string {
  return JSON.stringify({ time_ms: timeMs, ...rest });
}

/** Reads a record, or says what is wrong with it. */
export function parseAuditRecord(value: Uint8Array | string): AuditRecord | { readonly problem: string } {
  return orProblem((): AuditRecord => {
    const reader = new RecordReader(recordJson(value));
    return {
      timeMs: reader.number('time_ms'),
      author: reader.text('author'),
      kind: reader.oneOf('kind', auditedKinds),
      id: reader.text('id'),
      action: reader.oneOf('action', auditActions),
      version: reader.text('version'),
      before: objectOf(reader.raw('before')),
      after: objectOf(reader.raw('after')),
    };
  });
}

function objectOf(value: unknown): object | null {
  return typeof value === 'object' && !Array.isArray(value) ? value : null;
}
