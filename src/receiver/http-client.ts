import { Agent, buildConnector, errors, request } from 'undici';
import { lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { requestMsMax, type Answer, type Receiver } from './receiver.ts';
import type { ReceiverOptions } from './receiver-kind.ts';

export interface HttpClientOptions {
  readonly userAgent: string;
  /** Whether a host may be connected to at this address of IP, which its name resolved to. */
  readonly mayConnect: (hostname: string, address: string) => boolean;
  /** Resolves names, in place of the machine's resolver. Its answers are trusted no more than that one's. */
  readonly lookup?: LookupFunction | undefined;
  /** For how long a connection is kept that nothing is sent over; `keepAliveMs` unless given. */
  readonly keepAliveMs?: number | undefined;
  /** Other times than the usual ones, for tests. */
  readonly timing?: Partial<ClientTiming> | undefined;
}

export interface ClientTiming {
  readonly connectMs: number;
  /** What a request may take, from its beginning to the last byte of its answer. */
  readonly totalMs: number;
  /** How long a connection is kept for the answer to a request that was given up. */
  readonly lateMs: number;
}

/** What every kind of receiver is opened with. */
export interface OpenOptions extends ReceiverOptions {
  readonly version: string;
  /** The wall clock, for signatures. */
  readonly nowMs: () => number;
  /** For tests. */
  readonly lookup?: LookupFunction | undefined;
  readonly timing?: Partial<ClientTiming> | undefined;
}

/** A receiver and its connections. */
export interface OpenReceiver<Target> {
  readonly receiver: Receiver<Target>;
  /**
   * Sees to it that the next request finds a connection open. Resolves to the time after which it is to be asked again. Left out by kinds
   * whose targets share no address.
   */
  readonly warm?: () => Promise<number>;
  close(): Promise<void>;
}

export interface HttpRequest {
  readonly method: 'POST' | 'GET' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body?: string;
}

const usualTiming: ClientTiming = { connectMs: 5_000, totalMs: requestMsMax, lateMs: 60_000 };
const bodyIdleMs = 5_000;
/** Few sockets that the other side has closed are met by a POST. */
const keepAliveMs = 4_000;
/** Between the end that a server names for an idle connection and ours: for what is under way to it. */
const keepAliveSpareMs = 500;
const answerBytesMax = 65_536;
const headerBytesMax = 16_384;
/** Enough to tell a firewall's page or text from others. */
const textCharactersMax = 256;
const noAnswerInTime = 'no answer in time';

/** What was received so far of a request under way. */
interface UnderWay {
  status: number | undefined;
  headers: Record<string, string | undefined>;
}

/**
 * Makes requests to receivers. It never throws, follows no redirect and repeats nothing: its caller decides from the answer. What
 * an answer may take, in time and bytes, is bounded. No error it returns has the URL in it, since the URL may be a secret.
 */
export class HttpClient {
  readonly #agent: Agent;
  readonly #options: HttpClientOptions;
  readonly #timing: ClientTiming;
  /** What went wrong before there was a connection, TLS and all: nothing was written. */
  readonly #beforeSending = new WeakSet<Error>();

  constructor(options: HttpClientOptions) {
    this.#options = options;
    this.#timing = { ...usualTiming, ...options.timing };
    const connect = buildConnector({
      timeout: this.#timing.connectMs,
      // Explicit, so that no variable of the environment can switch it off.
      rejectUnauthorized: true,
      lookup: permittedOnly(options),
      allowH2: false,
    });
    this.#agent = new Agent({
      connect: (target, callback) => {
        const begunMs = performance.now();
        connect(target, (error, socket) => {
          // A process that was stopped meanwhile wakes with a connection, and may no longer own what it was about to send.
          const isLate = performance.now() - begunMs > this.#timing.connectMs;
          if (error === null && !isLate) return callback(null, socket);
          socket?.destroy();
          const failure = error ?? new errors.ConnectTimeoutError('the connection came too late');
          this.#beforeSending.add(failure);
          callback(failure, null);
        });
      },
      // HTTP/2 may repeat a request by itself when a connection is closed.
      allowH2: false,
      // How long an answer is awaited is bounded below, for the request as a whole; a late one is still received.
      headersTimeout: this.#timing.lateMs,
      bodyTimeout: bodyIdleMs,
      maxResponseSize: answerBytesMax,
      maxHeaderSize: headerBytesMax,
      keepAliveTimeout: options.keepAliveMs ?? keepAliveMs,
      keepAliveMaxTimeout: options.keepAliveMs ?? keepAliveMs,
      keepAliveTimeoutThreshold: keepAliveSpareMs,
      pipelining: 1,
    });
  }

  /**
   * Resolves within the total time. A request that was written and not answered by then is not cut off when `late` is given: it is
   * called if the answer comes after all.
   */
  async request(what: HttpRequest, late?: (answer: Answer) => void): Promise<Answer> {
    if (!this.#mayConnect(what.url)) return { kind: 'not_sent', reason: 'EPRIVATE' };
    const giveUp = new AbortController();
    const received: UnderWay = { status: undefined, headers: {} };
    const answer = this.#request(what, giveUp.signal, received);
    const inTime = await within(this.#timing.totalMs, answer);
    if (inTime !== undefined) return inTime;
    if (received.status !== undefined || late === undefined) {
      giveUp.abort();
      return answer;
    }
    void within(this.#timing.lateMs - this.#timing.totalMs, answer).then((after) => {
      if (after === undefined) giveUp.abort();
      else if (after.kind === 'answered') late(after);
    });
    return { kind: 'ambiguous', reason: noAnswerInTime };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** An address of IP in the URL is not resolved, so it is checked here. */
  #mayConnect(url: string): boolean {
    const { hostname } = new URL(url);
    const address = hostname.replace(/^\[|\]$/g, '');
    return isIP(address) === 0 || this.#options.mayConnect(hostname, address);
  }

  /** Never rejects. What the status says holds, even when the body does not come. */
  async #request(
    { method, url, headers, body }: HttpRequest,
    signal: AbortSignal,
    received: UnderWay,
  ): Promise<Answer> {
    try {
      const answer = await request(url, {
        method,
        dispatcher: this.#agent,
        signal,
        headers: {
          'user-agent': this.#options.userAgent,
          accept: 'application/json',
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        body: body ?? null,
      });
      received.status = answer.statusCode;
      received.headers = Object.fromEntries(
        Object.entries(answer.headers).map(([name, value]) => [name, [value].flat()[0]]),
      );
      const text = await answer.body.text();
      const parsed = json(text);
      const plain = parsed === undefined && text !== '' ? { text: text.slice(0, textCharactersMax) } : {};
      return { kind: 'answered', status: received.status, headers: received.headers, body: parsed, ...plain };
    } catch (error) {
      if (received.status === undefined) return noAnswer(error, this.#beforeSending.has(error as Error));
      return { kind: 'answered', status: received.status, headers: received.headers, body: undefined };
    }
  }
}

/** What the work came to, or undefined when it takes longer. */
async function within(durationMs: number, work: Promise<Answer>): Promise<Answer | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), durationMs);
  });
  const first = await Promise.race([work, tooLate]);
  clearTimeout(timer);
  return first;
}

function noAnswer(error: unknown, isBeforeSending: boolean): Answer {
  const { code } = error as { code?: unknown };
  const reason = typeof code === 'string' ? code : error instanceof errors.UndiciError ? error.name : noAnswerInTime;
  return { kind: isBeforeSending ? 'not_sent' : 'ambiguous', reason };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Resolves a name to permitted addresses alone, and pins them for the connection: a name that turns inwards leads nowhere. */
function permittedOnly({ lookup = systemLookup, mayConnect }: HttpClientOptions): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, []);
      const all = typeof found === 'string' ? [{ address: found, family: isIP(found) }] : found;
      const permitted = all.filter(({ address }) => mayConnect(hostname, address));
      const [first] = permitted;
      if (first === undefined) {
        const refusal = Object.assign(new Error('the name leads to a private address'), { code: 'EPRIVATE' });
        return callback(refusal, []);
      }
      return options.all === true ? callback(null, permitted) : callback(null, first.address, first.family);
    });
  };
}
