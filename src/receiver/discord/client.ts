import type { LookupFunction } from 'node:net';
import { HttpClient, type ClientTiming } from '../http-client.ts';
import { isPrivateAddress } from '../networks.ts';
import type { Answer } from '../receiver.ts';

export interface DiscordClientOptions {
  readonly version: string;
  /** Whether the operator chose the address: then it may be a private one. */
  readonly privateAddresses: boolean;
  readonly lookup?: LookupFunction | undefined;
  readonly timing?: Partial<ClientTiming> | undefined;
}

/** A connection is asked for again after half of this, which is every 30 s, or sooner when the server closes it sooner. */
const keepAliveMs = 60_000;
const warmEveryMsMin = 1_000;

/** Talks to Discord's webhooks, as HttpClient talks to any receiver. */
export class DiscordClient {
  readonly #http: HttpClient;

  constructor({ version, privateAddresses, lookup, timing }: DiscordClientOptions) {
    // Without this form of it Discord's firewall may block the address.
    const userAgent = `DiscordBot (https://www.npmjs.com/package/ssrms, ${version})`;
    const mayConnect = (_: string, address: string): boolean => privateAddresses || !isPrivateAddress(address);
    this.#http = new HttpClient({ userAgent, mayConnect, lookup, keepAliveMs, timing });
  }

  /** `url` is a webhook's, with `wait=true`; `body` the message as JSON text. */
  post(url: string, body: string, late?: (answer: Answer) => void): Promise<Answer> {
    return this.#http.request({ method: 'POST', url, body }, late);
  }

  /** Asks for the webhook itself. The answer holds its token: of the body nothing is kept. */
  async get(url: string): Promise<Answer> {
    const answer = await this.#http.request({ method: 'GET', url });
    return answer.kind === 'answered' && answer.status < 300 ? { ...answer, body: undefined } : answer;
  }

  /**
   * Alarms are rare: without this nearly every one would pay for DNS, TCP and TLS. Asks for something that costs Discord nothing, so that
   * a connection stands, and resolves to when that is to be done again: before the server closes it.
   */
  async warm(url: string): Promise<number> {
    const answer = await this.#http.request({ method: 'GET', url });
    const seconds =
      answer.kind === 'answered' ? /timeout=(\d+)/.exec(answer.headers['keep-alive'] ?? '')?.[1] : undefined;
    const heldMs = seconds === undefined ? keepAliveMs : Math.min(keepAliveMs, Number(seconds) * 1_000);
    return Math.max(warmEveryMsMin, heldMs / 2);
  }

  /** Deletes what the URL names: a message. */
  delete(url: string): Promise<Answer> {
    return this.#http.request({ method: 'DELETE', url });
  }

  async close(): Promise<void> {
    await this.#http.close();
  }
}
