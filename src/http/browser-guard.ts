// Without tokens, whoever reaches the port may change rules, and a web page that the user has open reaches what listens on
// loopback. Three checks keep such pages out. A page of another site sends its own Origin, which is not the host it calls.
// An image or a link of it sends none, and the browser says that another site asks. And a page whose name was made to resolve to our address (DNS rebinding) calls us by that name in the Host header.
import { isIP } from 'node:net';
import { Failure, shown } from '../base/failure.ts';

export interface BrowserGuard {
  /** Names that this host may be called by, beside loopback's. */
  readonly hostNames: readonly string[];
  /** Where a proxy serves the page: its name is ours, and its pages are. */
  readonly publicUrl?: string | undefined;
  /** Whether only this machine can reach the port. */
  readonly loopbackOnly: boolean;
}

export interface CallHeaders {
  readonly host?: string | undefined;
  readonly origin?: string | string[] | undefined;
  /** How the page that asks is related to us, and for what; browsers set them, and no page can. */
  readonly 'sec-fetch-site'?: string | string[] | undefined;
  readonly 'sec-fetch-mode'?: string | string[] | undefined;
  readonly 'sec-fetch-dest'?: string | string[] | undefined;
}

/**
 * Throws the Failure `forbidden` when the headers are those of a page from elsewhere. Anybody may link to our own page, which
 * shows nothing to others, and not to data.
 */
export function refuseForeignPage(headers: CallHeaders, guard: BrowserGuard, target: 'page' | 'data' = 'data'): void {
  const host = hostOf(headers.host);
  if (host === undefined || !isOurName(host.name, guard)) {
    throw new Failure(
      'forbidden',
      `the Host header is ${shown(headers.host ?? '')}, and without tokens only loopback and configured names are ` +
        `served: set CONSOLE_URL to the public address of the page, or put the name into HOST_NAMES`,
    );
  }
  refuseForeignOrigin(headers, guard, target);
}

/** As above, by the browser's own headers alone: for any Host header. */
export function refuseForeignOrigin(headers: CallHeaders, guard: BrowserGuard, target: 'page' | 'data' = 'data'): void {
  if (headers.origin === undefined) {
    const site = headers['sec-fetch-site'];
    if (site !== 'cross-site' && site !== 'same-site') return;
    const isLink = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
    if (isLink && target === 'page') return;
    throw new Failure('forbidden', "a page of another site made this request, and only this service's own page may");
  }
  const origin = originHost(headers.origin);
  if (origin === undefined || (origin !== hostOf(headers.host)?.whole && origin !== hostOfUrl(guard.publicUrl))) {
    throw new Failure(
      'forbidden',
      `the Origin header is ${shown(headers.origin)}, and only this service's own page may call it: where a proxy ` +
        `serves that page, set CONSOLE_URL to its public address`,
    );
  }
}

interface Host {
  readonly name: string;
  readonly whole: string;
}

/** Callers name the same host again and again, and parsing it takes a while. */
let last: { readonly header: string; readonly host: Host | undefined } | undefined;

function hostOf(header: string | undefined): Host | undefined {
  if (header === undefined) return undefined;
  if (last?.header !== header) last = { header, host: parseHost(header) };
  return last.host;
}

function parseHost(header: string): Host | undefined {
  if (!URL.canParse(`http://${header}`)) return undefined;
  const url = new URL(`http://${header}`);
  if (url.username !== '' || url.pathname !== '/' || url.search !== '' || url.hash !== '') return undefined;
  return { name: url.hostname, whole: withoutDefaultPort(header.toLowerCase()) };
}

function originHost(origin: string | string[]): string | undefined {
  return typeof origin === 'string' ? hostOfUrl(origin) : undefined;
}

/** With its port, unless that is the scheme's own. */
function hostOfUrl(url: string | undefined): string | undefined {
  return url === undefined ? undefined : (URL.parse(url)?.host ?? undefined);
}

/** A browser leaves 80 and 443 out of an Origin, and a proxy may have put them into the Host. */
function withoutDefaultPort(host: string): string {
  return host.replace(/:(?:80|443)$/, '');
}

function isOurName(name: string, guard: BrowserGuard): boolean {
  if (name === 'localhost' || name.endsWith('.localhost') || name === '[::1]') return true;
  if (isIP(name) === 4 && name.startsWith('127.')) return true;
  if (guard.publicUrl !== undefined && URL.parse(guard.publicUrl)?.hostname === name) return true;
  if (guard.hostNames.some((own) => own.toLowerCase() === name || `[${own.toLowerCase()}]` === name)) return true;
  // A public name always has a dot, and an address is not resolved at all: neither can be made to point here.
  return !guard.loopbackOnly && (isIP(name) === 4 || name.startsWith('[') || !name.includes('.'));
}
