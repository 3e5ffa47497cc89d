/**
 * What Discord does with one request to a webhook, in its order: ban, global limit, bucket, token, hidden limit of the
 * channel, validation, the act itself. Pure but for the tables it is given: sockets are somebody else's.
 */
import {
  banAnswer,
  bucketHeaders,
  emptyAnswer,
  forbidden40333,
  jsonAnswer,
  limitAnswer,
  refusal,
  unknownChannel,
  unknownMessage,
  unknownWebhook,
  wrongToken,
  type Answer,
  type BanKind,
} from './answer.ts';
import { refusalOf, shownEmbeds, type MessagePayload } from './payload-validation.ts';
import { FixedWindows, InvalidRequests, type RateLimitSettings } from './rate-limits.ts';
import type { FakeMessage, FakeWebhook, NewWebhook, WebhookTable } from './webhook-table.ts';

export interface WebhookRequest {
  readonly method: string;
  readonly webhookId: string;
  readonly token: string;
  readonly messageId: string | undefined;
  /** `slack` or `github`. */
  readonly format: string | undefined;
  readonly query: URLSearchParams;
  readonly contentType: string;
  readonly userAgent: string;
  readonly body: string;
  readonly address: string;
}

export interface Handled {
  readonly answer: Answer;
  readonly message: FakeMessage | undefined;
  /** What was posted, whether it was accepted or not. */
  readonly payload: MessagePayload | undefined;
}

export interface HandlerSettings {
  readonly limits: RateLimitSettings;
  readonly banKind: BanKind;
  /** Answers of the channel's hidden limit carry no header that speaks of limits. */
  readonly hideLimitHeaders: boolean;
  /** An id never heard of becomes a webhook, with the token that came with it. */
  readonly acceptAny: boolean;
}

const guildId = '81384788765712384';

export class RequestHandler {
  readonly #settings: HandlerSettings;
  readonly #webhooks: WebhookTable;
  readonly #buckets: FixedWindows;
  readonly #channels: FixedWindows;
  readonly #addresses: FixedWindows;
  readonly invalid: InvalidRequests;
  readonly #now: () => number;

  constructor(settings: HandlerSettings, webhooks: WebhookTable, now: () => number) {
    this.#settings = settings;
    this.#webhooks = webhooks;
    this.#buckets = new FixedWindows(settings.limits.webhook);
    this.#channels = new FixedWindows(settings.limits.channel);
    this.#addresses = new FixedWindows(settings.limits.global);
    this.invalid = new InvalidRequests(settings.limits.invalid);
    this.#now = now;
  }

  /** `planned` is the answer of a fault, given in place of all but the limits. */
  handle(request: WebhookRequest, planned: Answer | undefined): Handled {
    const nowMs = this.#now();
    const bannedForMs = this.invalid.bannedForMs(request.address, nowMs);
    if (bannedForMs > 0) return refused(banAnswer(this.#settings.banKind, bannedForMs));
    if (planned?.outcome === 'banned') return refused(planned);
    const handled = this.#limited(request, planned, nowMs);
    if (handled.answer.isInvalid) this.invalid.count(request.address, nowMs);
    return handled;
  }

  #limited(request: WebhookRequest, planned: Answer | undefined, nowMs: number): Handled {
    const address = this.#addresses.take(request.address, nowMs);
    if (address.isExceeded) return refused(limitAnswer(address.resetAtMs - nowMs, 'global'));
    const bucket = this.#buckets.take(`${request.method} ${request.webhookId}`, nowMs);
    const headers = bucketHeaders(bucket, nowMs, Date.now());
    const resetMs = bucket.resetAtMs - nowMs;
    if (bucket.isExceeded) return refused(withHeaders(limitAnswer(resetMs, 'user'), headers, 0));
    const handled = planned ? refused(planned) : this.#authorized(request, nowMs);
    const { answer } = handled;
    if (answer.outcome === 'limited' && (planned !== undefined || this.#settings.hideLimitHeaders)) return handled;
    return { ...handled, answer: withHeaders(answer, headers, bucket.remaining === 0 ? resetMs : 0) };
  }

  #authorized(request: WebhookRequest, nowMs: number): Handled {
    if (request.userAgent === '') return refused(forbidden40333());
    const webhook = this.#webhooks.get(request.webhookId) ?? this.#newcomer(request);
    if (!webhook || webhook.isDead) return refused(unknownWebhook());
    if (webhook.token !== request.token) return refused(wrongToken());
    if (request.format !== undefined)
      return refused(refusal({ status: 400, code: 50_035, message: 'Invalid Form Body' }));
    if (request.messageId !== undefined) return this.#onMessage(request, webhook, request.messageId);
    switch (request.method) {
      case 'POST':
        return this.#post(request, webhook, nowMs);
      case 'GET':
        return refused(jsonAnswer(200, shownWebhook(webhook, true), 'read'));
      case 'PATCH':
        return this.#rename(request, webhook);
      case 'DELETE':
        webhook.isDead = true;
        return refused(emptyAnswer('accepted'));
      default:
        return refused(methodNotAllowed());
    }
  }

  #newcomer(request: WebhookRequest): FakeWebhook | undefined {
    if (!this.#settings.acceptAny || !/^\d{17,20}$/.test(request.webhookId)) return undefined;
    const wanted: NewWebhook = { id: request.webhookId, token: request.token };
    return this.#webhooks.add(wanted);
  }

  #post(request: WebhookRequest, webhook: FakeWebhook, nowMs: number): Handled {
    const channel = this.#channels.take(webhook.channelId, nowMs);
    const parsed = parsedBody(request);
    if (channel.isExceeded)
      return { ...refused(limitAnswer(channel.resetAtMs - nowMs, 'shared')), payload: parsed.payload };
    if (parsed.answer) return refused(parsed.answer);
    const { payload } = parsed;
    const refusedBy = refusalOf(payload);
    if (refusedBy) return { ...refused(refusal(refusedBy)), payload };
    const wrongThread = threadAnswer(webhook, payload, request.query.get('thread_id'));
    if (wrongThread) return { ...refused(wrongThread), payload };
    const message = this.#webhooks.post(webhook, payload, request.query.get('thread_id') ?? undefined);
    const answer =
      request.query.get('wait') === 'true'
        ? jsonAnswer(200, shownMessage(message), 'accepted')
        : emptyAnswer('accepted');
    return { answer, message, payload };
  }

  #onMessage(request: WebhookRequest, webhook: FakeWebhook, messageId: string): Handled {
    const message = this.#webhooks.message(webhook.id, messageId);
    if (!message) return refused(unknownMessage());
    // A message in a thread is found only with the thread named.
    if (message.channelId !== (request.query.get('thread_id') ?? webhook.channelId)) return refused(unknownMessage());
    if (request.method === 'GET') return refused(jsonAnswer(200, shownMessage(message), 'read'));
    if (request.method === 'DELETE') {
      this.#webhooks.deleteMessage(messageId);
      return { answer: emptyAnswer('accepted'), message, payload: undefined };
    }
    if (request.method !== 'PATCH') return refused(methodNotAllowed());
    const parsed = parsedBody(request);
    if (parsed.answer) return refused(parsed.answer);
    const refusedBy = refusalOf({ ...message.payload, ...parsed.payload });
    if (refusedBy) return { ...refused(refusal(refusedBy)), payload: parsed.payload };
    this.#webhooks.edit(message, parsed.payload);
    return { answer: jsonAnswer(200, shownMessage(message), 'accepted'), message, payload: parsed.payload };
  }

  #rename(request: WebhookRequest, webhook: FakeWebhook): Handled {
    const parsed = parsedBody(request);
    if (parsed.answer) return refused(parsed.answer);
    const { name } = parsed.payload as { name?: unknown };
    if (typeof name === 'string' && name.trim().length > 0 && name.length <= 80 && !/discord|clyde/i.test(name))
      webhook.name = name;
    else if (name !== undefined) return refused(refusal({ status: 400, code: 50_035, message: 'Invalid Form Body' }));
    return refused(jsonAnswer(200, shownWebhook(webhook, true), 'accepted'));
  }
}

/** A webhook as GET shows it. The real one shows the token, too: never log that answer. */
export function shownWebhook(webhook: FakeWebhook, withToken: boolean): Record<string, unknown> {
  return {
    id: webhook.id,
    type: 1,
    name: webhook.name,
    avatar: null,
    channel_id: webhook.channelId,
    guild_id: guildId,
    application_id: null,
    ...(withToken && { token: webhook.token }),
  };
}

/** A message as Discord answers with it. */
export function shownMessage(message: FakeMessage): Record<string, unknown> {
  const { payload } = message;
  return {
    id: message.id,
    type: 0,
    channel_id: message.channelId,
    webhook_id: message.webhookId,
    author: { id: message.webhookId, username: payload.username ?? 'SSRMS', bot: true, avatar: null },
    content: payload.content ?? '',
    embeds: shownEmbeds(payload),
    flags: payload.flags ?? 0,
    timestamp: new Date(message.atMs).toISOString(),
    edited_timestamp: message.editedAtMs === undefined ? null : new Date(message.editedAtMs).toISOString(),
    mentions: [],
    mention_roles: [],
    mention_everyone: false,
    attachments: [],
    pinned: false,
    tts: false,
  };
}

function parsedBody(
  request: WebhookRequest,
): { answer: Answer; payload: undefined } | { answer: undefined; payload: MessagePayload } {
  if (!request.contentType.startsWith('application/json')) {
    const message = `Expected "Content-Type" header to be one of {'application/json'}.`;
    const errors = { _errors: [{ code: 'CONTENT_TYPE_INVALID', message }] };
    return { answer: refusal({ status: 400, code: 50_035, message: 'Invalid Form Body', errors }), payload: undefined };
  }
  try {
    return { answer: undefined, payload: JSON.parse(request.body) as MessagePayload };
  } catch {
    const message = 'The request body contains invalid JSON.';
    return { answer: refusal({ status: 400, code: 50_109, message }), payload: undefined };
  }
}

function threadAnswer(webhook: FakeWebhook, payload: MessagePayload, threadId: string | null): Answer | undefined {
  if (threadId !== null && webhook.threads !== undefined && !webhook.threads.includes(threadId))
    return unknownChannel();
  if (threadId !== null && webhook.lockedThreads.includes(threadId)) {
    return refusal({ status: 403, code: 160_005, message: 'Thread is locked' });
  }
  const hasName = payload.thread_name !== undefined;
  if (!webhook.isForum) {
    return hasName
      ? refusal({ status: 400, code: 220_003, message: 'Webhooks can only create threads in forum channels' })
      : undefined;
  }
  if (threadId !== null && hasName) {
    return refusal({
      status: 400,
      code: 220_002,
      message: 'Webhooks posted to forum channels cannot have both a thread_name and thread_id',
    });
  }
  return threadId === null && !hasName
    ? refusal({
        status: 400,
        code: 220_001,
        message: 'Webhooks posted to forum channels must have a thread_name or thread_id',
      })
    : undefined;
}

function withHeaders(answer: Answer, headers: Record<string, string>, waitMs: number): Answer {
  return { ...answer, headers: { ...answer.headers, ...headers }, waitMs: Math.max(answer.waitMs, waitMs) };
}

function refused(answer: Answer): Handled {
  return { answer, message: undefined, payload: undefined };
}

function methodNotAllowed(): Answer {
  return jsonAnswer(405, { message: '405: Method Not Allowed', code: 0 }, 'refused');
}
