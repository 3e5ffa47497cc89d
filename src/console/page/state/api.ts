// Everything that the page asks of its server. Addresses are relative to the page, which lies one level below the API, so
// that both may be below any path. The token is kept in memory alone, and goes with the page.
import type { AlarmView, AlarmsView } from '../../../wire/alarms.ts';
import type { ExportOrder } from '../../../wire/bulk.ts';
import type { Problem } from '../../../wire/problem.ts';
import type { RulesFound } from '../../../wire/rules.ts';
import type { StatusView } from '../../../wire/status.ts';
import { signal } from '@preact/signals';
import type { Rule } from '../../../rule/rule.ts';

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
  constructor(status: number, problem: Partial<Pick<Problem, 'detail' | 'errors'>> & { readonly code?: string }) {
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

/** Where this server is, for commands at a terminal. */
export const serverUrl = root.href.replace(/\/$/, '');
const answerMsMax = 8_000;

interface CallMore {
  readonly body?: unknown;
  readonly etag?: string;
  readonly accept?: string;
  /** For what anybody may ask: its answer says nothing of our token. */
  readonly isAnonymous?: boolean;
  /** For an answer that may take long, or that nobody waits for any more. */
  readonly signal?: AbortSignal | undefined;
  /** Of a stream: what was heard last. */
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
  // An answer to an older token says nothing of the one that we have now.
  if (sentToken === token.value && more.isAnonymous !== true) {
    if (answer.ok) signInWanted.value = 'no';
    if (answer.status === 401) signInWanted.value = sentToken === '' ? 'first' : 'refused';
  }
  if (answer.ok) return answer;
  throw new ApiError(answer.status, (await answer.json().catch(() => ({}))) as object);
}

/** As this signal, and not for ever: who waits for an answer asks nothing else meanwhile. */
export const inTime = (stop: AbortSignal): AbortSignal => AbortSignal.any([stop, AbortSignal.timeout(answerMsMax)]);

const unreachable = (): ApiError => new ApiError(0, { code: 'unreachable', detail: 'The server cannot be reached.' });

/** The body of an answer. One that breaks off amid it is as one that never came. */
async function bodyOf<Body>(answer: Response): Promise<Body> {
  try {
    return (await answer.json()) as Body;
  } catch {
    throw unreachable();
  }
}

/** What the server answers, as JSON. Rejects with ApiError alone. */
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

  /** At most 1,000; those that are gone are left out. */
  rules: (ids: readonly string[]): Promise<readonly Rule[]> =>
    ask('POST', 'api/v1/rules/export', { body: { ids } satisfies ExportOrder }),

  create: async (fields: object): Promise<VersionedRule> => versioned(await call('POST', 'rules', { body: fields })),

  replace: async (id: string, fields: object, etag: string): Promise<VersionedRule> =>
    versioned(await call('PUT', rulePath(id), { body: fields, etag })),

  remove: async (id: string, etag?: string): Promise<void> => {
    await call('DELETE', rulePath(id), etag === undefined ? {} : { etag });
  },
};
