import type { HealthView } from '../../wire/health.ts';

export interface HealthSeen {
  readonly status: HealthView['status'];
  readonly message: string;
  /** By the part's name. */
  readonly checks: Readonly<Record<string, { readonly status: HealthView['status']; readonly message: string }>>;
}

/** What `GET /health` answers at this address. */
export async function healthOf(url: string): Promise<HealthSeen> {
  const { status, message, checks } = (await (await fetch(`${url}/health`)).json()) as HealthView;
  const parts = (checks ?? []).map((check) => [check.name, { status: check.status, message: check.message }] as const);
  return { status, message, checks: Object.fromEntries(parts) };
}
