// All requests of the page. Addresses are relative to the page, which is one level below the API, so that both may be
// served below any path. The token is kept in memory only.
import type { AlarmView, AlarmsView } from '../../../wire/alarms.ts';
import type { ExportOrder } from '../../../wire/bulk.ts';
import type { Problem } from '../../../wire/problem.ts';
import type { RulesFound } from '../../../wire/rules.ts';
import type { StatusView } from '../../../wire/status.ts';
import { signal } from '@preact/signals';
import type { Rule } from '../../../rule/rule.ts';

/** A rule with the version that an edit of it must name. */
export interface VersionedRule {
  readonly rule: Rule;
  readonly etag: string;
}

/** A refusal by the server, from its problem+json. Status 0: the server could not be reached. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly fields: readonly { readonly field: string; readonly message: string }[];
  constructor(status: number, problem: Partial<Pick<Problem, 'detail' | 'errors'>> & { readonly code?: string }) {
    super(problem.detail ?? `the server answered ${status}`);
    this.status = status;
    this.code = problem.code ?? 'unknown';
    this.fields = problem.errors ?? [];
  }
}

export const token = signal('');
/** Whether the server requires a token that we do not have, or refused the one we sent. */
export const signInWanted = signal<'no' | 'first' | 'refused'>('no');
/** Whether the sign-in dialog was dismissed; the header then offers it. */
export const isSignInPutOff = signal(false);

const root = new URL('../', document.baseURI);

/** The server's address, for commands in a terminal. */
export const serverUrl = root.href.replace(/\/$/, '');
const answerMsMax = 8_000;

interface CallMore {
  readonly body?: unknown;
  readonly etag?: string;
  readonly accept?: string;
  /** For public requests: their answers say nothing about our token. */
  readonly isAnonymous?: boolean;
  /** For an answer that may take long, or that may no longer be needed. */
  readonly signal?: AbortSignal | undefined;
  /** For a stream: the last event that was received. */
  readonly lastEventId?: string | undefined;
}

export async function call(method: string, path: string, more: CallMore = {}): Promise<Response> {
  const headers = new Headers();
  const sentToken = token.value;
  if (sentToken !== '' && more.isAnonymous !== true) headers.set('authorization', `Bearer ${sentToken}`);
  if (more.body !== undefined) headers.set('content-type', 'application/json');
  if (more.etag !== undefined) headers.set('if-match', more.etag);
  if (more.accept !== undefined) headers.set('accept', more.accept);
  if (more.lastEventId !== undefined) headers.set('last-event-id', more.lastEventId);
  let answer: Response;
  try {
    answer = await fetch(new URL(path, root), {
      method,
      headers,
      cache: 'no-store',
      signal: more.signal ?? AbortSignal.timeout(answerMsMax),
      ...(more.body !== undefined && { body: JSON.stringify(more.body) }),
    });
  } catch {
    throw unreachable();
  }
  // An answer to an older token says nothing about the current one.
  if (sentToken === token.value && more.isAnonymous !== true) {
    if (answer.ok) signInWanted.value = 'no';
    if (answer.status === 401) signInWanted.value = sentToken === '' ? 'first' : 'refused';
  }
  if (answer.ok) return answer;
  throw new ApiError(answer.status, (await answer.json().catch(() => ({}))) as object);
}

/** The given signal with a timeout: a pending request blocks the next one. */
export const inTime = (stop: AbortSignal): AbortSignal => AbortSignal.any([stop, AbortSignal.timeout(answerMsMax)]);

const unreachable = (): ApiError => new ApiError(0, { code: 'unreachable', detail: 'The server cannot be reached.' });

/** The body of an answer. A body that breaks off counts as unreachable. */
async function bodyOf<Body>(answer: Response): Promise<Body> {
  try {
    return (await answer.json()) as Body;
  } catch {
    throw unreachable();
  }
}

/** The JSON body of an answer. Rejects with ApiError only. */
export async function ask<Body>(method: string, path: string, more?: CallMore): Promise<Body> {
  return bodyOf(await call(method, path, more));
}

async function versioned(answer: Response): Promise<VersionedRule> {
  return { rule: await bodyOf(answer), etag: answer.headers.get('etag') ?? '' };
}

const rulePath = (id: string): string => `rules/${encodeURIComponent(id)}`;

export const api = {
  status: (): Promise<StatusView> => ask('GET', 'api/v1/status'),

  alarms: async (state: AlarmView['state'], limit: number): Promise<readonly AlarmView[]> => {
    const { alarms } = await ask<AlarmsView>('GET', `api/v1/alarms?state=${state}&limit=${limit}`);
    return alarms;
  },

  search: async (
    text: string,
    page: { readonly after?: string | undefined; readonly skip?: number; readonly limit: number },
    stop?: AbortSignal,
  ): Promise<RulesFound> => {
    const query = new URLSearchParams({ limit: String(page.limit) });
    if (text !== '') query.set('q', text);
    if (page.after !== undefined) query.set('after', page.after);
    if (page.skip !== undefined) query.set('skip', String(page.skip));
    return ask('GET', `api/v1/rules?${query}`, { signal: stop });
  },

  rule: async (id: string, stop?: AbortSignal): Promise<VersionedRule> =>
    versioned(await call('GET', rulePath(id), { signal: stop })),

  /** At most 1,000; deleted ones are left out. */
  rules: (ids: readonly string[]): Promise<readonly Rule[]> =>
    ask('POST', 'api/v1/rules/export', { body: { ids } satisfies ExportOrder }),

  create: async (fields: object): Promise<VersionedRule> => versioned(await call('POST', 'rules', { body: fields })),

  replace: async (id: string, fields: object, etag: string): Promise<VersionedRule> =>
    versioned(await call('PUT', rulePath(id), { body: fields, etag })),

  remove: async (id: string, etag?: string): Promise<void> => {
    await call('DELETE', rulePath(id), etag === undefined ? {} : { etag });
  },
};
