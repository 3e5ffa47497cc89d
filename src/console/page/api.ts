// Everything that the page asks of its server. Addresses are relative to the page, which lies one level below the API, so
// that both may be below any path. The token is kept in memory alone, and goes with the page.
import { signal } from '@preact/signals';
import type { Rule } from '../../rule/rule.ts';

export interface AlarmView {
  readonly rule_id: string;
  readonly metric_name: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly state: 'firing' | 'pending' | 'ok';
  readonly since_ms?: number;
  readonly value: number | null;
  readonly time_ms: number;
  readonly cause?: 'breach' | 'no_data';
  readonly notified?: boolean;
  readonly owed?: boolean;
}

export interface StatusView {
  readonly version: string;
  readonly time_ms: number;
  readonly rules: number;
  readonly metrics: number;
  readonly alarms: Readonly<Record<AlarmView['state'], number>>;
  readonly samples_last_minute: number | null;
}

export interface RuleView {
  readonly rule: Rule;
  readonly state: 'firing' | 'pending' | 'ok' | 'disabled';
  readonly firing: number;
  readonly pending: number;
  readonly series: number;
  readonly worst?: AlarmView;
}

/** A rule with the version that a change of it must name. */
export interface VersionedRule {
  readonly rule: Rule;
  readonly etag: string;
}

/** What the server refused, from its problem+json. Status 0: it could not be reached. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly fields: readonly { readonly field: string; readonly message: string }[];
  constructor(
    status: number,
    problem: { code?: string; detail?: string; errors?: { field: string; message: string }[] },
  ) {
    super(problem.detail ?? `the server answered ${status}`);
    this.status = status;
    this.code = problem.code ?? 'unknown';
    this.fields = problem.errors ?? [];
  }
}

export const token = signal('');
/** Whether the server wants a token that we do not have, or one that it refused. */
export const signInWanted = signal<'no' | 'first' | 'refused'>('no');
/** Whether the question for a token was closed without an answer; the header then offers it again. */
export const isSignInPutOff = signal(false);

const root = new URL('../', document.baseURI);
const answerMsMax = 8_000;

async function call(method: string, path: string, more: { body?: unknown; etag?: string } = {}): Promise<Response> {
  const headers = new Headers();
  const sentToken = token.value;
  if (sentToken !== '') headers.set('authorization', `Bearer ${sentToken}`);
  if (more.body !== undefined) headers.set('content-type', 'application/json');
  if (more.etag !== undefined) headers.set('if-match', more.etag);
  let answer: Response;
  try {
    answer = await fetch(new URL(path, root), {
      method,
      headers,
      cache: 'no-store',
      signal: AbortSignal.timeout(answerMsMax),
      ...(more.body !== undefined && { body: JSON.stringify(more.body) }),
    });
  } catch {
    throw new ApiError(0, { code: 'unreachable', detail: 'The server cannot be reached.' });
  }
  // An answer to an older token says nothing of the one that we have now.
  if (sentToken === token.value) {
    if (answer.ok) signInWanted.value = 'no';
    if (answer.status === 401) signInWanted.value = sentToken === '' ? 'first' : 'refused';
  }
  if (answer.ok) return answer;
  throw new ApiError(answer.status, (await answer.json().catch(() => ({}))) as object);
}

async function versioned(answer: Response): Promise<VersionedRule> {
  return { rule: (await answer.json()) as Rule, etag: answer.headers.get('etag') ?? '' };
}

const rulePath = (id: string): string => `rules/${encodeURIComponent(id)}`;

export const api = {
  status: async (): Promise<StatusView> => (await (await call('GET', 'api/v1/status')).json()) as StatusView,

  alarms: async (state: AlarmView['state'], limit: number): Promise<readonly AlarmView[]> => {
    const answer = await call('GET', `api/v1/alarms?state=${state}&limit=${limit}`);
    return ((await answer.json()) as { alarms: AlarmView[] }).alarms;
  },

  search: async (text: string, after?: string): Promise<{ rules: readonly RuleView[]; next?: string }> => {
    const query = new URLSearchParams({
      limit: '100',
      ...(text !== '' && { q: text }),
      ...(after !== undefined && { after }),
    });
    return (await (await call('GET', `api/v1/rules?${query}`)).json()) as { rules: RuleView[]; next?: string };
  },

  rule: async (id: string): Promise<VersionedRule> => versioned(await call('GET', rulePath(id))),

  create: async (fields: object): Promise<VersionedRule> => versioned(await call('POST', 'rules', { body: fields })),

  replace: async (id: string, fields: object, etag: string): Promise<VersionedRule> =>
    versioned(await call('PUT', rulePath(id), { body: fields, etag })),

  remove: async (id: string, etag?: string): Promise<void> => {
    await call('DELETE', rulePath(id), etag === undefined ? {} : { etag });
  },
};
