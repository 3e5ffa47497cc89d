import type { Verdict } from '../invalid-budget.ts';
import type { Action, Answer } from '../receiver.ts';
import { withoutWebhookTokens } from './address.ts';

const unsureRetryMs = 60_000;
/** Discord's code for a message that is not there: the webhook lives. */
const unknownMessage = 10_008;

/** Discord's codes for a target that takes nothing, whatever the status: an unknown channel or thread, a locked thread. */
const brokenCodes = [10_003, 160_005];

/** What each answer of Discord means. */
export function actionFor(answer: Answer): Action {
  if (answer.kind !== 'answered')
    return { kind: 'try_again', ambiguous: answer.kind === 'ambiguous', isServerError: false, reason: answer.reason };
  const { status } = answer;
  const reason = `${status}${errorText(answer.body)}`;
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
  const isBroken = status === 401 || status === 403 || status === 404 || brokenCodes.includes(code ?? 0);
  if (isBroken) return { kind: 'webhook_broken', reason };
  return { kind: 'refused_body', reason };
}

/** Answers of which too many bring a ban of the address. */
const invalidStatuses = [401, 403, 404, 429];

/** What an answer means for the budget of invalid ones; undefined: nothing. */
export function verdictOn(answer: Answer): Verdict | undefined {
  if (answer.kind !== 'answered') return undefined;
  const { kind } = actionFor(answer);
  // A limit that others have used up is not held against us.
  const isInvalid = invalidStatuses.includes(answer.status) && answer.headers['x-ratelimit-scope'] !== 'shared';
  if (isInvalid) return kind === 'webhook_broken' ? 'refused' : 'invalid';
  return kind === 'delivered' || kind === 'refused_body' ? 'served' : undefined;
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
  if (bodySeconds === undefined && isOfFirewall(answer))
    return { kind: 'address_blocked', waitMs: retryAfterHeaderMs(answer), reason };
  const everybody = field(answer.body, 'global') === true || answer.headers['x-ratelimit-global'] === 'true';
  const isTold = bodySeconds !== undefined && bodySeconds >= 0;
  const waitMs = isTold ? Math.ceil(bodySeconds * 1_000) : (retryAfterHeaderMs(answer) ?? unsureRetryMs);
  return { kind: 'rate_limited', waitMs, everybody, reason };
}

/** The forms of a ban of our address that were seen: a page, a text with the code 1015, JSON with the code 0. */
function isOfFirewall({ headers, body, text: said = '' }: Answer & { kind: 'answered' }): boolean {
  const isPage = headers['content-type']?.includes('html') === true || said.trimStart().startsWith('<');
  return isPage || /\b1015\b/.test(said) || number(body, 'code') === 0;
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

const messageCharactersMax = 120;
const detailsCharactersMax = 180;
const detailsDepthMax = 8;

/** Discord's own words, cut short, without control characters and secrets: they come from outside. Begins with a blank or a colon. */
function errorText(body: unknown): string {
  const message = text(body, 'message');
  const code = number(body, 'code');
  const said = message === undefined ? '' : ` ${plain(message, messageCharactersMax)}`;
  const details = detailsOf(field(body, 'errors') ?? (message === undefined ? body : undefined));
  return `${said}${message === undefined || code === undefined ? '' : ` (code ${code})`}${details}`;
}

/** What is wrong with which field: of Discord's tree of errors, the first leaves. */
function detailsOf(tree: unknown): string {
  const found: string[] = [];
  const visit = (node: unknown, path: readonly string[]): void => {
    if (path.length > detailsDepthMax || found.join().length > detailsCharactersMax) return;
    if (typeof node === 'string' && path.length > 0) found.push(`${path.join('.')}: ${node}`);
    if (typeof node !== 'object' || node === null) return;
    const errors = field(node, '_errors');
    if (!Array.isArray(errors)) for (const [name, child] of Object.entries(node)) visit(child, [...path, name]);
    else
      for (const error of errors) {
        const message = text(error, 'message');
        if (message !== undefined) found.push(`${path.join('.')}: ${message}`);
      }
  };
  visit(tree, []);
  return found.length === 0 ? '' : `: ${plain(found.join('; '), detailsCharactersMax)}`;
}

function plain(said: string, charactersMax: number): string {
  // Masked before it is cut: the beginning of a token is a secret, too.
  return withoutWebhookTokens(said.slice(0, 4 * messageCharactersMax).replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ')).slice(
    0,
    charactersMax,
  );
}
