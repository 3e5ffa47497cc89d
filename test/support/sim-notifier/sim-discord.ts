import { requestMsMax, type Answer, type Receiver } from '../../../src/receiver/receiver.ts';
import type { Webhook } from '../../../src/receiver/discord/address.ts';
import type { DiscordClient } from '../../../src/receiver/discord/client.ts';
import { discordReceiver } from '../../../src/receiver/discord/discord-receiver.ts';
import type { Random } from '../sim-log/random.ts';
import type { SimTime } from './sim-time.ts';

/** One POST, as Discord saw it. */
export interface SimRequest {
  readonly by: object;
  readonly webhookId: string;
  /** The webhook's id, and after a slash the thread, if any. */
  readonly target: string;
  /** The values of the alarms that it carries: unique, so that they name the notifications. */
  readonly values: readonly string[];
  readonly isMarked: boolean;
  readonly begunMs: number;
  /** When Discord was done with it, or its client had given it up. */
  endsMs: number;
  /** When it was accepted. */
  acceptedMs: number | undefined;
  messageId: string | undefined;
  isDeleted: boolean;
  /** Whether nobody can know if it was accepted. */
  isAmbiguous: boolean;
}

/** How likely a request to a troubled webhook is to meet something. */
export interface Troubles {
  readonly serverError: number;
  readonly lost: number;
  readonly timeout: number;
  readonly notSent: number;
  readonly hiddenLimit: number;
}

export const noTroubles: Troubles = { serverError: 0, lost: 0, timeout: 0, notSent: 0, hiddenLimit: 0 };

const bucket = { count: 5, windowMs: 2_000 };
const globalPerSecond = 50;

/** Discord in memory: buckets, hidden limits, dead webhooks, bans, and answers that are lost. */
export class SimDiscord {
  readonly requests: SimRequest[] = [];
  /** Targets. */
  readonly dead = new Set<string>();
  /** Values of alarms whose messages are refused, whatever their form. */
  readonly bad = new Set<string>();
  /** By target: what is wrong with it is drawn for each request. */
  readonly troubled = new Map<string, Troubles>();
  readonly broken: string[] = [];
  bannedUntilMs = 0;
  invalid = 0;
  readonly #time: SimTime;
  readonly #random: Random;
  readonly #told = new Map<object, Map<string, number>>();
  #messages = 0;
  #carried: readonly string[] = [];

  constructor(time: SimTime, random: Random) {
    this.#time = time;
    this.#random = random;
  }

  get accepted(): SimRequest[] {
    return this.requests.filter((request) => request.acceptedMs !== undefined && !request.isDeleted);
  }

  /** The receiver of one process. */
  receiverOf(by: object): Receiver<Webhook> {
    const receiver = discordReceiver(this.#clientOf(by));
    return {
      ...receiver,
      request: (target, request, late) => {
        if (request.act === 'send') this.#carried = request.message.carried.map(({ x }) => String(x));
        return receiver.request(target, request, late);
      },
    };
  }

  /** The client of one process. */
  #clientOf(by: object): Pick<DiscordClient, 'post' | 'get' | 'delete'> {
    return {
      post: (url, body, late) => this.#post(by, url, body, late),
      get: (url) => this.#answerAfter(by, 30, this.dead.has(webhookIdOf(url)) ? unknownWebhook : answered(200, {})),
      delete: (url) => {
        const found = this.requests.find(({ messageId }) => messageId !== undefined && url.endsWith(messageId));
        if (found !== undefined) found.isDeleted = true;
        return this.#answerAfter(by, 30, answered(204, undefined));
      },
    };
  }

  #post(by: object, url: string, body: string, late?: (answer: Answer) => void): Promise<Answer> {
    const webhookId = webhookIdOf(url);
    const { nowMs } = this.#time;
    const request: SimRequest = {
      by,
      webhookId,
      target: targetOf(url),
      // A summary does not name all of them.
      values: this.#carried,
      isMarked: body.includes('possible repeat'),
      begunMs: nowMs,
      endsMs: nowMs,
      acceptedMs: undefined,
      messageId: undefined,
      isDeleted: false,
      isAmbiguous: false,
    };
    this.#checkBefore(request);
    this.requests.push(request);
    const latencyMs = this.#random.chance(0.1) ? this.#random.below(6_000) : 20 + this.#random.below(200);
    request.endsMs = nowMs + latencyMs;
    const limit = this.#limitOf(request);
    if (limit !== undefined) return this.#answerAfter(by, latencyMs, limit, webhookId);
    return this.#troubleOf(request, latencyMs, late) ?? this.#accept(request, latencyMs);
  }

  /** I7 and I8, at the moment of a request. */
  #checkBefore({ by, webhookId, begunMs }: SimRequest): void {
    const told = this.#told.get(by);
    for (const whose of [webhookId, 'everybody']) {
      const untilMs = told?.get(whose) ?? 0;
      if (untilMs > begunMs + 1) this.broken.push(`I7: a request to ${whose} ${untilMs - begunMs} ms too early`);
    }
    for (const other of this.requests)
      if (other.webhookId === webhookId && other.begunMs <= begunMs && other.endsMs > begunMs)
        this.broken.push(
          `I8: a request to ${webhookId} at ${begunMs}, another from ${other.begunMs} to ${other.endsMs}`,
        );
  }

  #limitOf({ webhookId, target, values, begunMs }: SimRequest): Answer | undefined {
    const { invalid } = this;
    this.invalid += 1;
    if (begunMs < this.bannedUntilMs) return answered(403, { code: 40_333, message: 'internal network error' });
    if (this.dead.has(target)) return target === webhookId ? unknownWebhook : unknownThread;
    const since = (ms: number) => this.requests.filter((one) => one.begunMs > begunMs - ms);
    if (since(1_000).length > globalPerSecond) return answered(429, { retry_after: 1.2, global: true });
    const inBucket = since(bucket.windowMs).filter((one) => one.webhookId === webhookId);
    if (inBucket.length > bucket.count) return answered(429, { retry_after: 1.5, global: false });
    this.invalid = invalid;
    if (values.some((value) => this.bad.has(value))) return refusedBody;
    if (!this.#random.chance(this.troubled.get(target)?.hiddenLimit ?? 0)) return undefined;
    return answered(429, { retry_after: 1 + this.#random.below(40), global: false }, { 'x-ratelimit-scope': 'shared' });
  }

  #troubleOf(request: SimRequest, latencyMs: number, late?: (answer: Answer) => void): Promise<Answer> | undefined {
    const troubles = this.troubled.get(request.target) ?? noTroubles;
    const isTaken = this.#random.chance(0.5);
    const kind = this.#random.weighted<keyof Troubles | 'none'>([
      [troubles.serverError, 'serverError'],
      [troubles.lost, 'lost'],
      [troubles.timeout, 'timeout'],
      [troubles.notSent, 'notSent'],
      [Math.max(0, 1 - troubles.serverError - troubles.lost - troubles.timeout - troubles.notSent), 'none'],
    ]);
    if (kind === 'none' || kind === undefined || kind === 'hiddenLimit') return undefined;
    if (kind === 'notSent') {
      request.endsMs = request.begunMs;
      return this.#answerAfter(request.by, latencyMs, { kind: 'not_sent', reason: 'ECONNREFUSED' });
    }
    request.isAmbiguous = true;
    if (kind === 'timeout') {
      request.endsMs = request.begunMs + requestMsMax;
      if (isTaken)
        void this.#accept(request, requestMsMax + 1_000 + this.#random.below(40_000)).then((answer) => late?.(answer));
      return this.#answerAfter(request.by, requestMsMax, { kind: 'ambiguous', reason: 'no answer in time' });
    }
    if (isTaken) this.#take(request, latencyMs);
    const answer: Answer = kind === 'lost' ? { kind: 'ambiguous', reason: 'ECONNRESET' } : answered(502, undefined);
    return this.#answerAfter(request.by, latencyMs, answer);
  }

  #take(request: SimRequest, latencyMs: number): void {
    this.#time.after(latencyMs / 2, undefined, () => {
      request.acceptedMs = this.#time.nowMs;
      request.messageId = String(10n ** 18n + BigInt(this.#messages++));
    });
  }

  #accept(request: SimRequest, latencyMs: number): Promise<Answer> {
    this.#take(request, latencyMs);
    const used = this.requests.filter(
      (one) => one.webhookId === request.webhookId && one.begunMs > request.begunMs - bucket.windowMs,
    );
    const remaining = Math.max(0, bucket.count - used.length);
    const resetSeconds = Math.max(0, (used[0]!.begunMs + bucket.windowMs - request.begunMs) / 1_000);
    const headers = { 'x-ratelimit-remaining': String(remaining), 'x-ratelimit-reset-after': String(resetSeconds) };
    return this.#answerAfter(
      request.by,
      latencyMs,
      () => answered(200, { id: request.messageId }, headers),
      request.webhookId,
    );
  }

  /** What the process is told it knows from then on. */
  #answerAfter(by: object, latencyMs: number, answer: Answer | (() => Answer), webhookId?: string): Promise<Answer> {
    return new Promise((resolve) => {
      this.#time.after(latencyMs, by, () => {
        const given = typeof answer === 'function' ? answer() : answer;
        if (webhookId !== undefined) this.#tell(by, webhookId, given);
        resolve(given);
      });
    });
  }

  #tell(by: object, webhookId: string, answer: Answer): void {
    if (answer.kind !== 'answered') return;
    const { retry_after: retryAfter, global } = (answer.body ?? {}) as { retry_after?: number; global?: boolean };
    const empty = answer.headers['x-ratelimit-remaining'] === '0' ? answer.headers['x-ratelimit-reset-after'] : 0;
    const told = this.#told.get(by) ?? new Map<string, number>();
    this.#told.set(by, told);
    const whose = global === true ? 'everybody' : webhookId;
    const untilMs = this.#time.nowMs + Number(retryAfter ?? empty) * 1_000;
    told.set(whose, Math.max(told.get(whose) ?? 0, untilMs));
  }
}

function answered(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return { kind: 'answered', status, headers, body };
}

const unknownWebhook = answered(404, { message: 'Unknown Webhook', code: 10_015 });

const unknownThread = answered(404, { message: 'Unknown Channel', code: 10_003 });
const refusedBody = answered(400, { message: 'Invalid Form Body', code: 50_035 });

function targetOf(url: string): string {
  const threadId = /thread_id=(\d+)/.exec(url)?.[1];
  return threadId === undefined ? webhookIdOf(url) : `${webhookIdOf(url)}/${threadId}`;
}

function webhookIdOf(url: string): string {
  return /\/webhooks\/(\d+)\//.exec(url)![1]!;
}
