import { unreachable } from '../../../src/base/assert.ts';
import type { Bucket } from './rate-limits.ts';
import type { Fault } from './fault.ts';
import type { Refusal } from './payload-validation.ts';

/** What is to be answered to a request. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Discord's own code of a refusal, or 0. */
  readonly code: number;
  readonly outcome: 'accepted' | 'refused' | 'limited' | 'banned' | 'failed' | 'lost' | 'read';
  /** How long the client was told to wait before the next request to this webhook. */
  readonly waitMs: number;
  /** Whether it counts towards a ban: 401, 403, and 429 that is not `shared`. */
  readonly isInvalid: boolean;
}

const json = { 'content-type': 'application/json' };
/** One value for all webhooks, as at Discord: the resource is left out of it. */
const bucketName = 'c10f9a45c0cf2ec8f1d7a6b2b5d1a3e4';

export function jsonAnswer(status: number, value: unknown, outcome: Answer['outcome']): Answer {
  return { ...blank, status, headers: json, body: JSON.stringify(value), outcome };
}

export function emptyAnswer(outcome: Answer['outcome']): Answer {
  return { ...blank, status: 204, outcome };
}

export function refusal({ status, code, message, errors }: Refusal): Answer {
  const body = JSON.stringify({ message, code, ...(errors !== undefined && { errors }) });
  return {
    ...blank,
    status,
    headers: json,
    body,
    code,
    outcome: 'refused',
    isInvalid: status === 401 || status === 403,
  };
}

export const unknownWebhook = () => refusal({ status: 404, code: 10_015, message: 'Unknown Webhook' });
export const unknownMessage = () => refusal({ status: 404, code: 10_008, message: 'Unknown Message' });
export const unknownChannel = () => refusal({ status: 404, code: 10_003, message: 'Unknown Channel' });
export const wrongToken = () => refusal({ status: 401, code: 50_027, message: 'Invalid Webhook Token' });
const missingPermissions = () => refusal({ status: 403, code: 50_013, message: 'Missing Permissions' });
export const forbidden40333 = () => refusal({ status: 403, code: 40_333, message: 'internal network error' });

const blank: Answer = { status: 200, headers: {}, body: '', code: 0, outcome: 'failed', waitMs: 0, isInvalid: false };

/** The five headers that every answer of a webhook's route carries. Seconds with three decimals. */
export function bucketHeaders(bucket: Bucket, nowMs: number, epochMs: number): Record<string, string> {
  const resetAfterMs = Math.max(0, bucket.resetAtMs - nowMs);
  return {
    'x-ratelimit-limit': String(bucket.limit),
    'x-ratelimit-remaining': String(bucket.remaining),
    'x-ratelimit-reset': ((epochMs + resetAfterMs) / 1_000).toFixed(3),
    'x-ratelimit-reset-after': (resetAfterMs / 1_000).toFixed(3),
    'x-ratelimit-bucket': bucketName,
  };
}

/** How long to wait, as a limit says it: a body in float seconds, and a header that is its ceiling. */
export function limitAnswer(waitMs: number, scope: 'user' | 'global' | 'shared'): Answer {
  const seconds = Math.ceil(waitMs) / 1_000;
  return {
    ...blank,
    status: 429,
    headers: {
      ...json,
      'retry-after': String(Math.ceil(seconds)),
      'x-ratelimit-scope': scope,
      ...(scope === 'global' && { 'x-ratelimit-global': 'true' }),
    },
    body: JSON.stringify({ message: 'You are being rate limited.', retry_after: seconds, global: scope === 'global' }),
    outcome: 'limited',
    waitMs,
    isInvalid: scope !== 'shared',
  };
}

const banKinds = ['ban_text', 'ban_html', 'ban_code_0', 'ban_40333', 'ban_403_html'] as const;
export type BanKind = (typeof banKinds)[number];

/** The ban of an address in the shapes that were seen. Only the first two say how long. */
export function banAnswer(kind: BanKind, waitMs: number): Answer {
  const banned = { ...blank, outcome: 'banned', isInvalid: false } as const;
  const retryAfter = String(Math.max(1, Math.ceil(waitMs / 1_000)));
  const html = { 'content-type': 'text/html; charset=UTF-8' };
  switch (kind) {
    case 'ban_text':
      return {
        ...banned,
        status: 429,
        headers: { 'content-type': 'text/plain', 'retry-after': retryAfter },
        body: 'error code: 1015',
        waitMs,
      };
    case 'ban_html':
      return {
        ...banned,
        status: 429,
        headers: { ...html, 'retry-after': retryAfter },
        body: htmlPage('Error 1015', 'You are being rate limited'),
        waitMs,
      };
    case 'ban_code_0': {
      const message =
        'You are being blocked from accessing our API temporarily due to exceeding our rate limits frequently.';
      return { ...banned, status: 429, headers: json, body: JSON.stringify({ code: 0, message }) };
    }
    case 'ban_40333':
      return { ...forbidden40333(), outcome: 'banned', isInvalid: false };
    case 'ban_403_html':
      return { ...banned, status: 403, headers: html, body: htmlPage('Access denied', 'Sorry, you have been blocked') };
    default:
      return unreachable(kind);
  }
}

/** The answer of a fault that keeps a request from being accepted; undefined when the fault gives none. */
export function faultAnswer(fault: Fault): Answer | undefined {
  const waitMs = fault.ms ?? 1_000;
  const limited = limitAnswer(waitMs, 'user');
  switch (fault.kind) {
    case 'status':
      return jsonAnswer(
        fault.status ?? 500,
        { message: `${fault.status ?? 500}: Internal Server Error`, code: 0 },
        'failed',
      );
    case 'html_status':
      return {
        ...blank,
        status: fault.status ?? 502,
        headers: { 'content-type': 'text/html' },
        body: htmlPage(`Error ${fault.status ?? 502}`, 'cloudflare'),
      };
    case 'unknown_webhook':
      return unknownWebhook();
    case 'wrong_token':
      return wrongToken();
    case 'missing_permissions':
      return missingPermissions();
    case 'odd_400':
      return { ...jsonAnswer(400, { embeds: ['0'] }, 'refused') };
    case 'redirect':
      return { ...blank, status: fault.status ?? 302, headers: { location: fault.location ?? 'http://127.0.0.1:9/' } };
    case 'limited':
      return limited;
    case 'limited_global':
      return limitAnswer(waitMs, 'global');
    case 'limited_shared':
      return limitAnswer(waitMs, 'shared');
    case 'limited_channel_write': {
      const message = 'The write action you are performing on the channel has hit the write rate limit.';
      const shared = limitAnswer(waitMs, 'shared');
      return { ...shared, code: 20_028, body: JSON.stringify({ ...JSON.parse(shared.body), message, code: 20_028 }) };
    }
    case 'limited_body_only': {
      const { 'retry-after': _header, ...headers } = limited.headers;
      return { ...limited, headers };
    }
    case 'limited_header_only':
      return { ...limited, body: '' };
    case 'limited_bare':
      return { ...limited, headers: {}, body: '', waitMs: 0 };
    default:
      return banKinds.includes(fault.kind as BanKind) ? banAnswer(fault.kind as BanKind, waitMs) : undefined;
  }
}

function htmlPage(title: string, text: string): string {
  return `<!DOCTYPE html><html><head><title>${title}</title></head><body><h1>${title}</h1><p>${text}</p></body></html>`;
}
