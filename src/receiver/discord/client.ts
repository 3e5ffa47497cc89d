import { Agent, buildConnector, errors, request } from 'undici';
import { lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { isPrivateAddress } from '../networks.ts';
import type { Answer } from './answer.ts';

export interface DiscordClientOptions {
  readonly version: string;
  /** Whether the operator chose the address: then it may be a private one. */
  readonly privateAddresses: boolean;
  /** Who tells a name's addresses, in place of the machine's resolver. What it says is trusted no more than that one's. */
  readonly lookup?: LookupFunction;
  /** Other times than the usual ones, for tests. */
  readonly timing?: Partial<ClientTiming>;
}

export interface ClientTiming {
  readonly connectMs: number;
  /** What a request may take, from its beginning to the last byte of its answer. */
  readonly totalMs: number;
  /** How long a connection is kept for the answer to a request that was given up. */
  readonly lateMs: number;
}

/** What one POST may take, from its beginning to the last byte of its answer. */
export const postMsMax = 15_000;
const usualTiming: ClientTiming = { connectMs: 5_000, totalMs: postMsMax, lateMs: 60_000 };
const bodyIdleMs = 5_000;
const answerBytesMax = 65_536;
const headerBytesMax = 16_384;

/** What was heard so far of a request under way. */
interface UnderWay {
  status: number | undefined;
  headers: Record<string, string | undefined>;
}

/**
 * Talks to Discord's webhooks. It never throws, follows no redirect and repeats nothing: whoever calls decides from the
 * answer. No error it returns has the URL in it, since the URL is the secret.
 */
export class DiscordClient {
  readonly #agent: Agent;
  readonly #userAgent: string;
  readonly #timing: ClientTiming;
  /** What went wrong before there was a connection, TLS and all: nothing was written. */
  readonly #beforeSending = new WeakSet<Error>();

  constructor({ version, privateAddresses, lookup = systemLookup, timing }: DiscordClientOptions) {
    this.#userAgent = `DiscordBot (https://www.npmjs.com/package/ssrms, ${version})`;
    this.#timing = { ...usualTiming, ...timing };
    const connect = buildConnector({
      timeout: this.#timing.connectMs,
      // Said aloud, so that no variable of the environment can switch it off.
      rejectUnauthorized: true,
      lookup: privateAddresses ? lookup : publicOnly(lookup),
      allowH2: false,
    });
    this.#agent = new Agent({
      connect: (options, callback) => {
        const begunMs = performance.now();
        connect(options, (error, socket) => {
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
      // How long an answer is awaited is said below, for the request as a whole; a late one is still listened to.
      headersTimeout: this.#timing.lateMs,
      bodyTimeout: bodyIdleMs,
      maxResponseSize: answerBytesMax,
      maxHeaderSize: headerBytesMax,
      // Few sockets that the other side has closed are met by a POST.
      keepAliveTimeout: 4_000,
      keepAliveMaxTimeout: 4_000,
      pipelining: 1,
    });
  }

  /**
   * `url` is a webhook's, with `wait=true`; `body` the message as JSON text. Resolves within the total time. A request that
   * was written and not answered by then is not cut off: `late` is called if its answer comes after all.
   */
  async post(url: string, body: string, late?: (answer: Answer) => void): Promise<Answer> {
    const giveUp = new AbortController();
    const heard: UnderWay = { status: undefined, headers: {} };
    const answer = this.#request({ method: 'POST', url, body, signal: giveUp.signal }, heard);
    const inTime = await within(this.#timing.totalMs, answer);
    if (inTime !== undefined) return inTime;
    if (heard.status !== undefined || late === undefined) {
      giveUp.abort();
      return answer;
    }
    void within(this.#timing.lateMs - this.#timing.totalMs, answer).then((after) => {
      if (after === undefined) giveUp.abort();
      else if (after.kind === 'answered') late(after);
    });
    return { kind: 'ambiguous', reason: noAnswerInTime };
  }

  /** Asks for the webhook itself. The answer holds its token: of the body nothing is kept. */
  async get(url: string): Promise<Answer> {
    const answer = await this.#brief('GET', url);
    return answer.kind === 'answered' && answer.status < 300 ? { ...answer, body: undefined } : answer;
  }

  /** Deletes what the URL names: a message. */
  delete(url: string): Promise<Answer> {
    return this.#brief('DELETE', url);
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #brief(method: 'GET' | 'DELETE', url: string): Promise<Answer> {
    const giveUp = new AbortController();
    const answer = this.#request(
      { method, url, body: null, signal: giveUp.signal },
      { status: undefined, headers: {} },
    );
    const inTime = await within(this.#timing.totalMs, answer);
    if (inTime === undefined) giveUp.abort();
    return inTime ?? answer;
  }

  /** Never rejects. What the status says holds, even when the body does not come. */
  async #request(
    {
      method,
      url,
      body,
      signal,
    }: { method: 'POST' | 'GET' | 'DELETE'; url: string; body: string | null; signal: AbortSignal },
    heard: UnderWay,
  ): Promise<Answer> {
    try {
      const answer = await request(url, {
        method,
        dispatcher: this.#agent,
        signal,
        headers: {
          'user-agent': this.#userAgent,
          accept: 'application/json',
          ...(body !== null && { 'content-type': 'application/json' }),
        },
        body,
      });
      heard.status = answer.statusCode;
      heard.headers = Object.fromEntries(
        Object.entries(answer.headers).map(([name, value]) => [name, [value].flat()[0]]),
      );
      return { kind: 'answered', status: heard.status, headers: heard.headers, body: json(await answer.body.text()) };
    } catch (error) {
      if (heard.status === undefined) return noAnswer(error, this.#beforeSending.has(error as Error));
      return { kind: 'answered', status: heard.status, headers: heard.headers, body: undefined };
    }
  }
}

const noAnswerInTime = 'no answer in time';

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

/** Resolves a name to public addresses alone, and pins them for the connection: a name that turns inwards gets nowhere. */
function publicOnly(lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, []);
      const all = typeof found === 'string' ? [{ address: found, family: isIP(found) }] : found;
      const reachable = all.filter(({ address }) => !isPrivateAddress(address));
      const [first] = reachable;
      if (first === undefined) {
        const refusal = Object.assign(new Error('the name leads to a private address'), { code: 'EPRIVATE' });
        return callback(refusal, []);
      }
      return options.all === true ? callback(null, reachable) : callback(null, first.address, first.family);
    });
  };
}
