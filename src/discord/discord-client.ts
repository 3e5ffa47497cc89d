import { Agent, errors, request } from 'undici';
import { lookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import type { Answer } from './answer.ts';

export interface DiscordClientOptions {
  readonly version: string;
  /** Whether the operator chose the address: then it may be a private one. */
  readonly privateAddresses: boolean;
}

/** What one POST may take, from its beginning to the last byte of its answer. */
export const postMsMax = 15_000;
const answerBytesMax = 65_536;
const headerBytesMax = 16_384;

/**
 * Posts messages to Discord. It never throws, follows no redirect and repeats nothing: whoever calls decides from the
 * answer. No error it returns has the URL in it, since the URL is the secret.
 */
export class DiscordClient {
  readonly #agent: Agent;
  readonly #userAgent: string;

  constructor({ version, privateAddresses }: DiscordClientOptions) {
    this.#userAgent = `DiscordBot (https://www.npmjs.com/package/ssrms, ${version})`;
    this.#agent = new Agent({
      connect: { timeout: 5_000, ...(!privateAddresses && { lookup: publicLookup }) },
      headersTimeout: 10_000,
      bodyTimeout: 5_000,
      maxResponseSize: answerBytesMax,
      maxHeaderSize: headerBytesMax,
      // Few sockets that the other side has closed are met by a POST.
      keepAliveTimeout: 4_000,
      keepAliveMaxTimeout: 4_000,
      pipelining: 1,
    });
  }

  /** `url` is a webhook's, with `wait=true`; `body` the message as JSON text. */
  async post(url: string, body: string): Promise<Answer> {
    let status: number | undefined;
    let headers: Record<string, string | undefined> = {};
    try {
      const answer = await request(url, {
        method: 'POST',
        dispatcher: this.#agent,
        signal: AbortSignal.timeout(postMsMax),
        headers: { 'content-type': 'application/json', 'user-agent': this.#userAgent, accept: 'application/json' },
        body,
      });
      status = answer.statusCode;
      headers = Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, [value].flat()[0]]));
      return { kind: 'answered', status, headers, body: json(await answer.body.text()) };
    } catch (error) {
      // The status came and the body did not: what the status says holds.
      if (status !== undefined) return { kind: 'answered', status, headers, body: undefined };
      return noAnswer(error);
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

const neverSent = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'EPRIVATE',
]);

function noAnswer(error: unknown): Answer {
  const code = (error as { code?: unknown }).code;
  const name = typeof code === 'string' ? code : error instanceof errors.UndiciError ? error.name : 'no answer in time';
  const tls = /^(ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|ERR_SSL|EPROTO)/.test(name);
  return neverSent.has(name) || tls ? { kind: 'not_sent', reason: name } : { kind: 'ambiguous', reason: name };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const privateRanges = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  privateRanges.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  privateRanges.addSubnet(network, prefix, 'ipv6');
}

/** Whether an address is this machine's or its network's own. IPv4 inside of IPv6 counts as what it is. */
export function isPrivateAddress(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return privateRanges.check(mapped, 'ipv4');
  return privateRanges.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** Resolves a name to public addresses alone, and pins them for the connection: a name that turns inwards gets nowhere. */
const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
    if (error) return callback(error, []);
    const reachable = found.filter(({ address }) => !isPrivateAddress(address));
    const [first] = reachable;
    if (first === undefined) {
      const refusal = Object.assign(new Error('the name leads to a private address'), { code: 'EPRIVATE' });
      return callback(refusal, []);
    }
    return options.all === true ? callback(null, reachable) : callback(null, first.address, first.family);
  });
};
