/** What a token may allow. None implies another. */
export const scopes = [
  'rules:read',
  'rules:write',
  'receivers:read',
  'receivers:write',
  'metrics:write',
  'alarms:read',
  'system:read',
  'audit:read',
  'admin',
] as const;

export type Scope = (typeof scopes)[number];

/** The caller: the token's subject and its scopes. */
export interface Identity {
  readonly subject: string;
  readonly scopes: ReadonlySet<string>;
  /** Whether the token has expired or was revoked meanwhile: what lasts longer must end with it. */
  isOver(nowMs: number): boolean;
}

/** Who a request is of, for logs and records. */
export function subjectOf(identity: Identity | undefined): string {
  return identity?.subject ?? 'anonymous';
}
