import type { Action, Answer } from '../receiver.ts';

/** What a limit without a time is taken for. */
const unsureRetryMs = 60_000;
const waitMsMax = 3_600_000;
const wrongCredentials = [401, 403, 404, 407, 410];

/** What each answer of a generic webhook means. Of its body nothing is used. */
export function webhookActionFor(answer: Answer, nowMs: number): Action {
  if (answer.kind !== 'answered')
    return { kind: 'try_again', ambiguous: answer.kind === 'ambiguous', isServerError: false, reason: answer.reason };
  const { status } = answer;
  const reason = String(status);
  if (status >= 200 && status < 300) return { kind: 'delivered', messageId: undefined };
  if (status >= 300 && status < 400)
    return { kind: 'webhook_broken', reason: `${reason}: a redirect, which is never followed` };
  if (status === 429)
    return { kind: 'rate_limited', waitMs: retryAfterMs(answer, nowMs) ?? unsureRetryMs, everybody: false, reason };
  if (wrongCredentials.includes(status)) return { kind: 'webhook_broken', reason };
  // 408 and 425 say that the request may be made again.
  if (status >= 500 || status < 200 || status === 408 || status === 425)
    return { kind: 'try_again', ambiguous: true, isServerError: status >= 500, reason };
  return { kind: 'refused_body', reason };
}

/** How long the receiver wants no further request: a 503 may say so by Retry-After. */
export function webhookWaitMs(answer: Answer, nowMs: number): number {
  return answer.kind === 'answered' && answer.status === 503 ? (retryAfterMs(answer, nowMs) ?? 0) : 0;
}

/** RFC 9110, 10.2.3: seconds or a date. */
function retryAfterMs({ headers }: Answer & { kind: 'answered' }, nowMs: number): number | undefined {
  const text = headers['retry-after'];
  if (text === undefined) return undefined;
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  return Number.isFinite(waitMs) ? Math.min(waitMsMax, Math.max(0, waitMs)) : undefined;
}
