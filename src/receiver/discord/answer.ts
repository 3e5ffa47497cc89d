import type { Action, Answer } from '../receiver.ts';

const unsureRetryMs = 60_000;
/** Discord's code for a message that is not there: the webhook lives. */
const unknownMessage = 10_008;

/** What each answer of Discord means. */
export function actionFor(answer: Answer): Action {
  if (answer.kind !== 'answered')
    return { kind: 'try_again', ambiguous: answer.kind === 'ambiguous', isServerError: false, reason: answer.reason };
  const { status } = answer;
  const said = errorText(answer.body);
  const reason = `${status}${said === undefined ? '' : ` ${said}`}`;
  if (status >= 200 && status < 300) return { kind: 'delivered', messageId: text(answer.body, 'id') };
  if (status >= 300 && status < 400)
    return { kind: 'webhook_broken', reason: `${reason}: a redirect, which is never followed` };
  if (status === 429) return limited(answer, reason);
  // 408 is a gateway's word for an answer that did not come.
  if (status >= 500 || status === 408)
    return { kind: 'try_again', ambiguous: true, isServerError: status >= 500, reason };
  const code = number(answer.body, 'code');
  if (code === unknownMessage) return { kind: 'refused_body', reason };
  if (status === 403 && (code === undefined || code === 40_333)) {
    return { kind: 'address_blocked', waitMs: retryAfterHeaderMs(answer), reason };
  }
  if (status === 401 || status === 403 || status === 404) return { kind: 'webhook_broken', reason };
  return { kind: 'refused_body', reason };
}

/** A reset by the other side's clock is believed no further than this: the clocks may differ. */
const resetMsMax = 60_000;

/**
 * How long the webhook's bucket stays empty after this answer, from its headers; 0 when it is not. Any of them may be
 * absent; `nowMs` is the time of the answer since the epoch, for a reset that is given as a moment.
 */
export function bucketWaitMs(answer: Answer, nowMs: number): number {
  if (answer.kind !== 'answered' || answer.headers['x-ratelimit-remaining'] !== '0') return 0;
  const { 'x-ratelimit-reset-after': after, 'x-ratelimit-reset': at } = answer.headers;
  const seconds = Number(after ?? Number.NaN);
  if (Number.isFinite(seconds)) return Math.max(0, Math.ceil(seconds * 1_000));
  const resetMs = Number(at ?? Number.NaN) * 1_000 - nowMs;
  return Number.isFinite(resetMs) ? Math.min(resetMsMax, Math.max(0, Math.ceil(resetMs))) : 0;
}

function limited(answer: Answer & { kind: 'answered' }, reason: string): Action {
  const bodySeconds = number(answer.body, 'retry_after');
  if (bodySeconds === undefined) {
    // Only Discord itself answers with a number in the body; anything else comes from the firewall before it.
    return { kind: 'address_blocked', waitMs: retryAfterHeaderMs(answer), reason };
  }
  const everybody =
    (answer.body as { global?: unknown }).global === true || answer.headers['x-ratelimit-global'] === 'true';
  const waitMs = bodySeconds >= 0 ? Math.ceil(bodySeconds * 1_000) : (retryAfterHeaderMs(answer) ?? unsureRetryMs);
  return { kind: 'rate_limited', waitMs, everybody, reason };
}

function retryAfterHeaderMs(answer: Answer & { kind: 'answered' }): number | undefined {
  const seconds = Number(answer.headers['retry-after']);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : undefined;
}

function field(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined;
}

function number(body: unknown, name: string): number | undefined {
  const value = field(body, name);
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function text(body: unknown, name: string): string | undefined {
  const value = field(body, name);
  return typeof value === 'string' ? value : undefined;
}

/** Whether a GET of the webhook says that it is there again. */
export function isAlive(answer: Answer): boolean {
  return answer.kind === 'answered' && answer.status >= 200 && answer.status < 300;
}

const errorCharactersMax = 120;

/** Discord's own words, cut short and without control characters: they come from outside. */
function errorText(body: unknown): string | undefined {
  const message = text(body, 'message');
  if (message === undefined) return undefined;
  const code = number(body, 'code');
  const plain = message.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ').slice(0, errorCharactersMax);
  return code === undefined ? plain : `${plain} (code ${code})`;
}
