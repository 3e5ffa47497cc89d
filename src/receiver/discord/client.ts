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

/** Talks to Discord's webhooks, as HttpClient talks to any receiver. */
export class DiscordClient {
  readonly #http: HttpClient;

  constructor({ version, privateAddresses, lookup, timing }: DiscordClientOptions) {
    // Without this form of it Discord's firewall may block the address.
    const userAgent = `DiscordBot (https://www.npmjs.com/package/ssrms, ${version})`;
    const mayConnect = (_: string, address: string): boolean => privateAddresses || !isPrivateAddress(address);
    this.#http = new HttpClient({ userAgent, mayConnect, lookup, timing });
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

  /** Deletes what the URL names: a message. */
  delete(url: string): Promise<Answer> {
    return this.#http.request({ method: 'DELETE', url });
  }

  async close(): Promise<void> {
    await this.#http.close();
  }
}
