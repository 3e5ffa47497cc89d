/**
 * A Discord webhook's URL is a secret: whoever reads it owns the webhook. It is taken apart here and nowhere else, and
 * what leaves this file for people is masked. Facts: https://discord.com/developers/docs/resources/webhook
 */
export interface Webhook {
  /** Numeric, no secret. */
  readonly id: string;
  /** The secret. */
  readonly token: string;
  /** The thread of the channel to post in. */
  readonly threadId?: string;
}

export interface WebhookProblem {
  /** Says what is wrong without showing any of the URL. */
  readonly problem: string;
}

export interface WebhookUrlOptions {
  /**
   * The operator's own base in place of Discord's, e.g. `http://127.0.0.1:8080/api/v10`: URLs on its origin are accepted
   * beside those of discord.com. The only way to another host.
   */
  readonly apiBase?: string | undefined;
}

export const discordApiBase = 'https://discord.com/api/v10';

const discordOrigin = String.raw`https://(?:(?:ptb|canary)\.)?discord(?:app)?\.com`;
const webhookPath = String.raw`/webhooks/(\d{17,20})/([\w-]{32,128})/?`;
const versionedApi = String.raw`/api(?:/v\d{1,2})?`;
const onDiscord = new RegExp(`^${discordOrigin}${versionedApi}${webhookPath}$`);
const threadQuery = /^thread_id=(\d{17,20})$/;
const foreignFormat = /\/(slack|github)\/?$/;
const urlCharactersMax = 512;

/** Takes a webhook's URL apart, or says why it is none. Never throws, and never shows the URL. */
export function parseWebhookUrl(text: string, options: WebhookUrlOptions = {}): Webhook | WebhookProblem {
  if (text.length > urlCharactersMax) return problem(`must have at most ${urlCharactersMax} characters`);
  const url = URL.parse(text);
  if (url === null) return problem('must be a URL');
  if (url.username !== '' || url.password !== '') return problem('must not have a user name or password');
  if (text.includes('#')) return problem('must not have a fragment');
  const queryAt = text.indexOf('?');
  const beforeQuery = queryAt === -1 ? text : text.slice(0, queryAt);
  const format = foreignFormat.exec(beforeQuery)?.[1];
  if (format !== undefined)
    return problem(`must not end in /${format}, whose messages have another form: leave that part out`);
  // Both what was written and what the parser made of it must match: a tab, a backslash or `..` makes the two differ.
  const parts = matchOf(beforeQuery, options.apiBase);
  const again = matchOf(url.origin + url.pathname, options.apiBase);
  if (parts === undefined || again === undefined || parts.id !== again.id || parts.token !== again.token) {
    return problem('must be a Discord webhook URL such as https://discord.com/api/webhooks/{id}/{token}');
  }
  if (queryAt === -1) return parts;
  const threadId = threadQuery.exec(text.slice(queryAt + 1))?.[1];
  if (threadId === undefined) return problem('may have only thread_id={id} in its query');
  return { ...parts, threadId };
}

/** The URL of a request to a webhook on a base (`discordApiBase`, or the operator's). A secret. */
export function webhookAddress(
  webhook: Webhook,
  base: string = discordApiBase,
  request: { readonly wait?: boolean; readonly messageId?: string } = {},
): string {
  const message = request.messageId === undefined ? '' : `/messages/${request.messageId}`;
  const query = new URLSearchParams();
  if (request.wait) query.set('wait', 'true');
  if (webhook.threadId !== undefined) query.set('thread_id', webhook.threadId);
  const address = `${base.replace(/\/+$/, '')}/webhooks/${webhook.id}/${webhook.token}${message}`;
  return query.size === 0 ? address : `${address}?${query.toString()}`;
}

/** What people may see of a webhook's URL. */
export function maskedWebhookUrl(webhook: Webhook): string {
  return `https://discord.com/api/webhooks/${webhook.id.slice(0, 4)}…/****`;
}

/**
 * The text that names a pair of id and token. `wh_` and the first 12 hex digits of its SHA-256 may be shown; the caller
 * makes the hash, since this room has no crypto. The text itself is a secret.
 */
export function webhookSecretText(webhook: Webhook): string {
  return `${webhook.id}:${webhook.token}`;
}

const secretPart = /(webhooks?\/)[^\s"'?#]+/gi;

/** Text with every webhook's token in it replaced: for values that somebody put in the wrong field. */
export function withoutWebhookTokens(text: string): string {
  return text.replace(secretPart, '$1****');
}

function matchOf(text: string, apiBase: string | undefined): Webhook | undefined {
  const match = onDiscord.exec(text) ?? (apiBase === undefined ? null : onBase(apiBase).exec(text));
  const [, id, token] = match ?? [];
  return id === undefined || token === undefined ? undefined : { id, token };
}

function onBase(apiBase: string): RegExp {
  const base = apiBase.replace(/\/+$/, '');
  const origin = URL.parse(base)?.origin ?? base;
  return new RegExp(`^(?:${literal(base)}|${literal(origin)}${versionedApi})${webhookPath}$`);
}

function literal(text: string): string {
  return text.replaceAll(/[^\w\s]/g, String.raw`\$&`);
}

function problem(text: string): WebhookProblem {
  return { problem: text };
}
