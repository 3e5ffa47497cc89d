// Everything that the page asks of its server. Addresses are relative to the page, which lies one level below the API, so
// that both may be below any path. The token is kept in memory alone, and goes with the page.
import { signal } from '@preact/signals';
import type { Rule } from '../../../rule/rule.ts';

export interface AlarmView {
  readonly rule_id: string;
  readonly metric_name: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly state: 'firing' | 'pending' | 'ok';
  readonly since_ms?: number;
  readonly value: number | null;
  readonly current_value?: number;
  readonly time_ms: number;
  readonly cause?: 'breach' | 'no_data';
  readonly notified?: boolean;
  readonly owed?: boolean;
  readonly alarm_id?: string;
}

export interface StatusView {
  readonly version: string;
  readonly read_only: boolean;
  readonly console_url: string | null;
  readonly time_ms: number;
  readonly rules: number;
  readonly metrics: number;
  readonly alarms: Readonly<Record<AlarmView['state'], number>>;
  readonly samples_last_minute: number | null;
  readonly samples_per_second: number | null;
  readonly lag: number | null;
  readonly unowned: number;
  readonly waiting: number;
  readonly latency_p99_ms: number | null;
}

export interface RuleView {
  readonly rule: Rule;
  readonly state: 'firing' | 'pending' | 'ok' | 'disabled';
  readonly firing: number;
  readonly pending: number;
  readonly series: number;
  readonly worst?: AlarmView;
  readonly is_seen: boolean;
  readonly value?: number;
  readonly is_window_held?: false;
  readonly value_ms?: number;
  readonly is_old?: true;
  readonly value_tags?: Readonly<Record<string, string>>;
  readonly spark?: readonly number[];
  readonly window_samples?: number;
  readonly cooldown_left_ms?: number;
  readonly owed?: number;
  readonly fires_24h: number;
  readonly delivery?: {
    readonly outcome: string;
    readonly at_ms: number;
    readonly took_ms?: number;
    readonly attempts: number;
    readonly reason?: string;
  };
}

export interface SeriesView {
  readonly tags?: Readonly<Record<string, string>>;
  readonly samples: number;
  readonly last_value: number;
  readonly last_ms: number;
  readonly t: readonly number[];
  readonly min: readonly number[];
  readonly max: readonly number[];
  readonly mean: readonly number[];
  readonly count: readonly number[];
  readonly window: readonly number[];
  readonly offset: readonly number[];
}

export interface SamplesView {
  readonly from_ms: number;
  readonly to_ms: number;
  readonly samples: number;
  readonly series_total: number;
  readonly p1: number | null;
  readonly p99: number | null;
  readonly series: readonly SeriesView[];
}

export interface FiringView {
  readonly alarm_id: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly cause: 'breach' | 'no_data';
  readonly since_ms: number;
  readonly fired_ms: number;
  readonly ended_ms: number | null;
  readonly value: number | null;
  readonly offset: number;
  readonly notified: boolean;
}

export interface BacktestView {
  readonly complete: boolean;
  readonly cut_short: 'retention' | 'too_many_samples' | null;
  readonly partition: number;
  readonly from_ms?: number;
  readonly to_ms?: number;
  readonly records: number;
  readonly samples: number;
  readonly series: number;
  readonly series_fired: number;
  readonly fired: number;
  readonly firing_now: number;
  readonly notifications: number;
  readonly withheld: number;
  readonly longest_ms: number;
  readonly took_ms: number;
  readonly firings: readonly FiringView[];
}

export interface NotificationView {
  readonly id: string;
  readonly kind: 'fired' | 'no_data' | 'resolved';
  readonly time_ms: number;
  readonly judgeable_ms: number;
  readonly value: number | null;
  readonly owed: boolean;
  readonly appended_ms: number;
  readonly attempts: number;
  readonly attempted_ms?: number;
  readonly outcome: string;
  readonly outcome_ms?: number;
  readonly reason?: string;
  readonly message_id?: string;
}

export interface AlarmDetail {
  readonly alarm_id: string;
  readonly rule_id: string;
  readonly rule_version: { readonly partition: number; readonly offset: number };
  readonly metric_name: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly state: 'firing' | 'ended';
  readonly cause: 'breach' | 'no_data';
  readonly since_ms: number;
  readonly fired_ms: number;
  readonly ended_ms: number | null;
  readonly value: number | null;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp_ms: number;
  readonly rule?: Rule;
  readonly is_rule_current: boolean;
  readonly notified: boolean;
  readonly notifications: readonly NotificationView[];
}

export interface VerdictView {
  readonly agrees: boolean;
  readonly detail: string;
  readonly samples: number;
  readonly from_offset: number;
  readonly to_offset: number;
  readonly ended_ms: number | null;
  readonly took_ms: number;
}

export interface MetricView {
  readonly name: string;
  readonly last_value: number;
  readonly last_ms: number;
  readonly rate: number;
  readonly series: number;
}

export interface TestSendView {
  readonly delivered: boolean;
  readonly status: number | null;
  readonly took_ms: number;
  readonly reason?: string;
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
    const { alarms } = await ask<{ alarms: AlarmView[] }>('GET', `api/v1/alarms?state=${state}&limit=${limit}`);
    return alarms;
  },

  search: async (
    text: string,
    page: { readonly after?: string | undefined; readonly skip?: number; readonly limit: number },
  ): Promise<{ rules: readonly RuleView[]; next?: string; total?: number }> => {
    const query = new URLSearchParams({ limit: String(page.limit) });
    if (text !== '') query.set('q', text);
    if (page.after !== undefined) query.set('after', page.after);
    if (page.skip !== undefined) query.set('skip', String(page.skip));
    return ask('GET', `api/v1/rules?${query}`);
  },

  rule: async (id: string): Promise<VersionedRule> => versioned(await call('GET', rulePath(id))),

  /** At most 1,000; those that are gone are left out. */
  rules: (ids: readonly string[]): Promise<readonly Rule[]> => ask('POST', 'api/v1/rules/export', { body: { ids } }),

  create: async (fields: object): Promise<VersionedRule> => versioned(await call('POST', 'rules', { body: fields })),

  replace: async (id: string, fields: object, etag: string): Promise<VersionedRule> =>
    versioned(await call('PUT', rulePath(id), { body: fields, etag })),

  remove: async (id: string, etag?: string): Promise<void> => {
    await call('DELETE', rulePath(id), etag === undefined ? {} : { etag });
  },
};
