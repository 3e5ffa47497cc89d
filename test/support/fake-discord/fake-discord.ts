/**
 * A Discord of our own, on loopback, with Discord's behaviour as far as it is known: routes, validation, limits, bans, and
 * faults on demand. It remembers every request in a ledger, from which lost, doubled and reordered alarms are computed.
 *
 *   client ──> Door ──> fault? ──> RequestHandler ──> answer ──> fault? ──> client
 *                                         │
 *                                WebhookTable, Ledger <── GET /_ledger, GET /_messages, GET / (a page),
 *                                                         POST /_facts, POST /_control (also at an address of their own)
 */
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { emptyAnswer, faultAnswer, jsonAnswer, refusal, type Answer, type BanKind } from './answer.ts';
import { bodyOf } from './body.ts';
import { createAuthority, type CertificateAuthority, type CertificateKind } from './certificates.ts';
import { answerOwn, type ControlRequest } from './control-routes.ts';
import { dropUnanswered, send, sendSpoiled } from './delivery.ts';
import { Door } from './door.ts';
import { FaultPlan, seededChance, type Fault } from './fault.ts';
import { factsOf, type ExpectedAlarm, type LedgerFacts } from './ledger-facts.ts';
import { alarmsOf, Ledger, pingsOf, type LedgerEntry, type LedgerSummary } from './ledger.ts';
import { discordRateLimits, type RateLimitSettings } from './rate-limits.ts';
import { RequestHandler, type Handled, type WebhookRequest } from './request-handler.ts';
import { Traffic } from './traffic.ts';
import { WebhookTable, type FakeWebhook, type NewWebhook } from './webhook-table.ts';

export interface FakeDiscordOptions {
  /** 0, the default, takes one that is free. */
  readonly port?: number;
  /** The address to listen on; loopback when absent. Another one only in a container, where no one else can reach it. */
  readonly host?: string;
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
  /** The fake speaks TLS, and shows such a certificate. */
  readonly tls?: CertificateKind;
}

const webhookRoute = /^\/api(?:\/v\d{1,2})?\/webhooks\/([^/]+)\/([^/]+)(?:\/messages\/([^/]+)|\/(slack|github))?$/;
const loopback = '127.0.0.1';

export class FakeDiscord {
  readonly webhooks = new WebhookTable();
  readonly ledger = new Ledger();
  readonly faults: FaultPlan;
  readonly #handler: RequestHandler;
  readonly #chance: () => number;
  #latencyMs: readonly [number, number];
  #requests = 0;
  readonly #traffic = new Traffic(() => performance.now());
  readonly #usedSockets = new WeakSet<Socket>();
  readonly #authority: CertificateAuthority | undefined;
  readonly #server: Server | HttpsServer;
  readonly #control: Server;
  readonly door: Door;

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
    this.#authority = options.tls && createAuthority(Date.now());
    this.#server =
      options.tls && this.#authority
        ? createHttpsServer(this.#authority.issue(options.tls), listener)
        : createHttpServer(listener);
    this.#control = createHttpServer((request, response) => void this.#onOwn(request, response));
    this.door = new Door(this.#server, options.host ?? loopback);
  }

  async listen(port: number): Promise<void> {
    await this.door.listen(port);
    await new Promise<void>((resolve) => this.#control.listen(0, loopback, resolve));
  }

  get origin(): string {
    return `${this.#authority ? 'https' : 'http'}://${loopback}:${this.door.port}`;
  }

  /** Where it is controlled, in plain HTTP whatever it does to its clients. Its own routes are at `origin` too. */
  get controlOrigin(): string {
    return `http://${loopback}:${(this.#control.address() as AddressInfo).port}`;
  }

  /** PEM, for whoever is to trust its certificates; undefined when it speaks no TLS. */
  get authorityCert(): string | undefined {
    return this.#authority?.cert;
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

  /** What became of the alarms that had to arrive, and whether the client kept the rules. */
  facts(expected: readonly ExpectedAlarm[]): LedgerFacts {
    return factsOf(this.ledger.entries, expected, this.#handler.invalid.peakShare);
  }

  /** All of a control request but the door, which opens and shuts in its own time: `door.set`. */
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
    if (request.banMs !== undefined) this.#handler.invalid.banAll(performance.now(), request.banMs);
    if (request.latencyMs) this.#latencyMs = request.latencyMs;
    if (request.certificate && this.#authority)
      (this.#server as HttpsServer).setSecureContext(this.#authority.issue(request.certificate));
    return { webhooks: (request.webhooks ?? []).map((wanted) => this.addWebhook(wanted).url) };
  }

  async close(): Promise<void> {
    this.#control.closeAllConnections();
    await Promise.all([this.door.close(), new Promise<void>((resolve) => this.#control.close(() => resolve()))]);
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake');
    const route = webhookRoute.exec(url.pathname);
    if (!route) return this.#onOwn(request, response);
    try {
      await this.#onWebhook(request, response, { route, url, body: await bodyOf(request) });
    } catch {
      // The client is gone, or its body was cut: there is nobody to answer.
      response.destroy();
    }
  }

  async #onOwn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await answerOwn(this, request, response).catch(() => response.destroy());
  }

  async #onWebhook(
    request: IncomingMessage,
    response: ServerResponse,
    { route, url, body }: { route: RegExpExecArray; url: URL; body: string | undefined },
  ): Promise<void> {
    const [, webhookId = '', token = '', messageId, format] = route;
    const method = request.method ?? '';
    this.#requests += 1;
    const { requestOfWebhook, whileEmpty, overlapped, told, over } = this.#traffic.arrive(
      webhookId,
      method,
      request.socket.remoteAddress ?? '',
    );
    const question = {
      webhookId,
      method,
      request: this.#requests,
      requestOfWebhook,
      threadId: url.searchParams.get('thread_id') ?? undefined,
      isReusedSocket: this.#usedSockets.has(request.socket),
    };
    this.#usedSockets.add(request.socket);
    const fault = this.faults.next(question);
    const note = (handled: Handled, status: number) =>
      this.ledger.add({
        ...entryOf(handled),
        ...question,
        whileEmpty,
        overlapped,
        status,
        fault: fault?.kind ?? '',
        atMs: Date.now(),
      });
    response.once('close', over);
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
    if (!isUnanswered) told(answer);
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
}

/** Starts a fake Discord on loopback. Close it. */
export async function startFakeDiscord(options: FakeDiscordOptions = {}): Promise<FakeDiscord> {
  const fake = new FakeDiscord(options);
  await fake.listen(options.port ?? 0);
  return fake;
}

/** Faults after which the client knows no status. */
const unanswered = new Set(['accepted_timeout', 'accepted_reset', 'accepted_close', 'accepted_stalled_headers']);

type FromHandled = Pick<LedgerEntry, 'outcome' | 'code' | 'messageId' | 'alarms' | 'content' | 'pings'>;

function entryOf({ answer, message, payload }: Handled): FromHandled {
  const isText = typeof payload?.content === 'string';
  return {
    outcome: answer.outcome,
    code: answer.code,
    messageId: message?.id ?? '',
    alarms: payload && (Array.isArray(payload.embeds) || isText) ? alarmsOf(payload) : [],
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
