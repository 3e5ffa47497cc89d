/**
 * A Discord of our own, on loopback, with Discord's behaviour as far as it is known: routes, validation, limits, bans, and
 * faults on demand. It remembers every request in a ledger, from which lost, doubled and reordered alarms are computed.
 *
 *   client ──> fault? ──> RequestHandler ──> answer ──> fault? ──> client
 *                              │
 *                     WebhookTable, Ledger <── GET /_ledger, GET /_messages, POST /_control, GET / (a page)
 */
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { emptyAnswer, faultAnswer, jsonAnswer, refusal, type Answer, type BanKind } from './answer.ts';
import { dropUnanswered, send, sendSpoiled } from './delivery.ts';
import { FaultPlan, seededChance, type Fault } from './fault.ts';
import { alarmsOf, Ledger, pingsOf, type LedgerEntry, type LedgerSummary } from './ledger.ts';
import { discordRateLimits, type RateLimitSettings } from './rate-limits.ts';
import { RequestHandler, shownMessage, shownWebhook, type Handled, type WebhookRequest } from './request-handler.ts';
import { WebhookTable, type FakeWebhook, type NewWebhook } from './webhook-table.ts';

export interface FakeDiscordOptions {
  /** 0, the default, takes one that is free. */
  readonly port?: number;
  readonly webhooks?: readonly NewWebhook[];
  readonly faults?: readonly Fault[];
  /** Of the chances of faults and latencies. 1 when absent. */
  readonly seed?: number;
  /** Scaled for tests; Discord's own when absent. */
  readonly limits?: Partial<RateLimitSettings>;
  readonly banKind?: BanKind;
  readonly hideLimitHeaders?: boolean;
  readonly acceptAny?: boolean;
  /** The latency of every answer lies between these. */
  readonly latencyMs?: readonly [number, number];
  /** PEM. With it the fake speaks TLS. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** What `POST /_control` takes, all of it optional. */
export interface ControlRequest {
  readonly webhooks?: readonly NewWebhook[];
  readonly faults?: readonly Fault[];
  readonly clearFaults?: boolean;
  readonly clearLedger?: boolean;
  readonly killWebhook?: string;
  readonly reviveWebhook?: string;
  readonly deleteMessage?: string;
  readonly banMs?: number;
  readonly latencyMs?: readonly [number, number];
}

const bodyBytesMax = 25 * 1_024 * 1_024;
const webhookRoute = /^\/api(?:\/v\d{1,2})?\/webhooks\/([^/]+)\/([^/]+)(?:\/messages\/([^/]+)|\/(slack|github))?$/;
const page = readFileSync(new URL('page.html', import.meta.url));
const pageMessagesMax = 50;

export class FakeDiscord {
  readonly webhooks = new WebhookTable();
  readonly ledger = new Ledger();
  readonly faults: FaultPlan;
  readonly #handler: RequestHandler;
  readonly #chance: () => number;
  #latencyMs: readonly [number, number];
  #requests = 0;
  readonly #ofWebhook = new Map<string, { requests: number; underWay: number; emptyUntilMs: number }>();
  readonly #usedSockets = new WeakSet<Socket>();
  readonly #server: Server;
  readonly #scheme: string;

  constructor(options: FakeDiscordOptions = {}) {
    this.#chance = seededChance(options.seed ?? 1);
    this.faults = new FaultPlan(this.#chance);
    this.faults.add(options.faults ?? []);
    this.#latencyMs = options.latencyMs ?? [0, 0];
    const settings = {
      limits: { ...discordRateLimits, ...options.limits },
      banKind: options.banKind ?? 'ban_text',
      hideLimitHeaders: options.hideLimitHeaders ?? false,
      acceptAny: options.acceptAny ?? false,
    };
    this.#handler = new RequestHandler(settings, this.webhooks, () => performance.now());
    for (const webhook of options.webhooks ?? []) this.webhooks.add(webhook);
    const listener = (request: IncomingMessage, response: ServerResponse) => void this.#onRequest(request, response);
    this.#scheme = options.tls ? 'https' : 'http';
    this.#server = options.tls ? createHttpsServer(options.tls, listener) : createHttpServer(listener);
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', resolve);
    });
  }

  get origin(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What DISCORD_API_BASE is to be. */
  get apiBase(): string {
    return `${this.origin}/api/v10`;
  }

  /** Adds a webhook, all of it made up where nothing is wanted, and gives its URL. */
  addWebhook(wanted: NewWebhook = {}): { readonly webhook: FakeWebhook; readonly url: string } {
    const webhook = this.webhooks.add(wanted);
    return { webhook, url: this.urlOf(webhook) };
  }

  urlOf(webhook: FakeWebhook): string {
    return `${this.apiBase}/webhooks/${webhook.id}/${webhook.token}`;
  }

  summary(): LedgerSummary {
    return this.ledger.summary(this.#handler.invalid.total);
  }

  control(request: ControlRequest): { readonly webhooks: readonly string[] } {
    if (request.clearFaults) this.faults.clear();
    if (request.clearLedger) this.ledger.clear();
    this.faults.add(request.faults ?? []);
    for (const [id, isDead] of [
      [request.killWebhook, true],
      [request.reviveWebhook, false],
    ] as const) {
      const webhook = id === undefined ? undefined : this.webhooks.get(id);
      if (webhook) webhook.isDead = isDead;
    }
    if (request.deleteMessage !== undefined) this.webhooks.deleteMessage(request.deleteMessage);
    if (request.banMs !== undefined) this.#handler.invalid.ban(performance.now(), request.banMs);
    if (request.latencyMs) this.#latencyMs = request.latencyMs;
    return { webhooks: (request.webhooks ?? []).map((wanted) => this.addWebhook(wanted).url) };
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake');
    const route = webhookRoute.exec(url.pathname);
    try {
      const body = await bodyOf(request);
      if (route) await this.#onWebhook(request, response, { route, url, body });
      else this.#onOwnRoute(request.method ?? '', url, { response, body });
    } catch {
      // The client is gone, or its body was cut: there is nobody to answer.
      response.destroy();
    }
  }

  async #onWebhook(
    request: IncomingMessage,
    response: ServerResponse,
    { route, url, body }: { route: RegExpExecArray; url: URL; body: string | undefined },
  ): Promise<void> {
    const [, webhookId = '', token = '', messageId, format] = route;
    const method = request.method ?? '';
    this.#requests += 1;
    const held = this.#ofWebhook.get(webhookId) ?? { requests: 0, underWay: 0, emptyUntilMs: -Infinity };
    this.#ofWebhook.set(webhookId, held);
    held.requests += 1;
    const question = {
      webhookId,
      method,
      request: this.#requests,
      requestOfWebhook: held.requests,
      isReusedSocket: this.#usedSockets.has(request.socket),
    };
    this.#usedSockets.add(request.socket);
    const seen = { whileEmpty: performance.now() < held.emptyUntilMs, overlapped: held.underWay > 0 };
    const fault = this.faults.next(question);
    const note = (handled: Handled, status: number) =>
      this.ledger.add({
        ...entryOf(handled),
        ...seen,
        ...question,
        status,
        fault: fault?.kind ?? '',
        atMs: Date.now(),
      });
    held.underWay += 1;
    response.once('close', () => (held.underWay -= 1));
    if (fault && dropUnanswered(request, fault)) {
      note({ answer: { ...emptyAnswer('failed'), status: 0 }, message: undefined, payload: payloadOf(body) }, 0);
      return;
    }
    const handled = this.#handled({ request, url, body, webhookId, token, messageId, format, method }, fault);
    const { answer } = handled;
    const isSpoiled = answer.outcome === 'accepted' && fault !== undefined;
    const isUnanswered = isSpoiled && unanswered.has(fault.kind);
    // Noted in the order of acceptance, and before it is sent: whoever has the answer finds it in the ledger.
    note(handled, isUnanswered ? 0 : isSpoiled && fault.kind === 'accepted_500' ? 500 : answer.status);
    await this.#wait(fault);
    if (!isUnanswered) held.emptyUntilMs = performance.now() + answer.waitMs;
    if (isSpoiled) await sendSpoiled(response, answer, fault);
    else send(response, answer);
  }

  #handled(
    given: Pick<WebhookRequest, 'webhookId' | 'token' | 'messageId' | 'format' | 'method'> & {
      request: IncomingMessage;
      url: URL;
      body: string | undefined;
    },
    fault: Fault | undefined,
  ): Handled {
    const { request, url, body, ...rest } = given;
    if (body === undefined) return { answer: tooLarge(), message: undefined, payload: undefined };
    if (fault?.kind === 'not_saved') {
      const isAwaited = url.searchParams.get('wait') === 'true';
      const answer: Answer = isAwaited
        ? jsonAnswer(500, { message: '500: Internal Server Error', code: 0 }, 'lost')
        : emptyAnswer('lost');
      return { answer, message: undefined, payload: payloadOf(body) };
    }
    const planned = fault && faultAnswer(fault);
    const webhookRequest: WebhookRequest = {
      ...rest,
      query: url.searchParams,
      contentType: request.headers['content-type'] ?? '',
      userAgent: request.headers['user-agent'] ?? '',
      body,
      address: request.socket.remoteAddress ?? '',
    };
    const handled = this.#handler.handle(webhookRequest, planned);
    return handled.payload || rest.method !== 'POST' ? handled : { ...handled, payload: payloadOf(body) };
  }

  async #wait(fault: Fault | undefined): Promise<void> {
    const [least, most] = this.#latencyMs;
    const waitMs = least + this.#chance() * (most - least) + (fault?.kind === 'latency' ? (fault.ms ?? 1_000) : 0);
    if (waitMs > 0) await sleep(waitMs);
  }

  #onOwnRoute(
    method: string,
    url: URL,
    { response, body }: { response: ServerResponse; body: string | undefined },
  ): void {
    const reply = (value: unknown, status = 200) => void send(response, jsonAnswer(status, value, 'read'));
    const webhookId = url.searchParams.get('webhook');
    switch (`${method} ${url.pathname}`) {
      case 'GET /':
        response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': pagePolicy });
        response.end(page);
        return;
      case 'GET /_ledger': {
        const entries = this.ledger.entries.filter((entry) => webhookId === null || entry.webhookId === webhookId);
        return reply(url.searchParams.has('summary') ? this.summary() : { ...this.summary(), entries });
      }
      case 'GET /_messages':
        return reply(this.#pageData(Number(url.searchParams.get('after') ?? 0)));
      case 'POST /_control':
        try {
          return reply(this.control(JSON.parse(body ?? '') as ControlRequest));
        } catch {
          return reply({ message: 'a control request must be JSON' }, 400);
        }
      default:
        return reply({ message: '404: Not Found', code: 0 }, 404);
    }
  }

  #pageData(after: number): unknown {
    const messages = this.webhooks.changedSince(after, pageMessagesMax).map((message) => ({
      ...shownMessage(message),
      name: this.webhooks.get(message.webhookId)?.name,
      revision: message.revision,
      is_deleted: message.isDeleted,
    }));
    return {
      messages,
      webhooks: this.webhooks.all().map((webhook) => shownWebhook(webhook, false)),
      summary: this.summary(),
    };
  }
}

/** Starts a fake Discord on loopback. Close it. */
export async function startFakeDiscord(options: FakeDiscordOptions = {}): Promise<FakeDiscord> {
  const fake = new FakeDiscord(options);
  await fake.listen(options.port ?? 0);
  return fake;
}

const pagePolicy =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:";
/** Faults after which the client knows no status. */
const unanswered = new Set(['accepted_timeout', 'accepted_reset', 'accepted_close', 'accepted_stalled_headers']);

type FromHandled = Pick<LedgerEntry, 'outcome' | 'code' | 'messageId' | 'alarms' | 'content' | 'pings'>;

function entryOf({ answer, message, payload }: Handled): FromHandled {
  const isText = typeof payload?.content === 'string';
  return {
    outcome: answer.outcome,
    code: answer.code,
    messageId: message?.id ?? '',
    alarms: Array.isArray(payload?.embeds) ? alarmsOf(payload) : [],
    content: isText ? (payload.content ?? '') : '',
    pings: isText && answer.outcome === 'accepted' ? pingsOf(payload) : [],
  };
}

function payloadOf(body: string | undefined): Handled['payload'] {
  try {
    const payload: unknown = JSON.parse(body ?? '');
    return typeof payload === 'object' && payload !== null ? payload : undefined;
  } catch {
    return undefined;
  }
}

function tooLarge(): Answer {
  return refusal({ status: 413, code: 40_005, message: 'Request entity too large' });
}

/** The body as text; undefined when it is too large. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const blocks: Buffer[] = [];
  let length = 0;
  for await (const block of request as AsyncIterable<Buffer>) {
    length += block.length;
    if (length <= bodyBytesMax) blocks.push(block);
  }
  return length > bodyBytesMax ? undefined : Buffer.concat(blocks).toString('utf8');
}
