import { isAllowedHost, isIpAddress, isPrivateAddress, noNetworks, type Networks } from '../networks.ts';

export interface WebhookAddress {
  readonly url: string;
}

const urlCharactersMax = 2_048;

/**
 * Reads the address of a generic webhook: https, and public as far as the text tells. Hosts and networks that the operator
 * allows may be private, and http. What a name resolves to is checked once more when a connection is made. Never throws, and
 * shows nothing of the address: it may hold a secret.
 */
export function parseWebhookAddress(
  text: string,
  allowed: Networks = noNetworks,
): WebhookAddress | { problem: string } {
  if (text.length > urlCharactersMax) return problem(`must have at most ${urlCharactersMax} characters`);
  if (/[^\x21-\x7e]|\\/.test(text)) return problem('must have only ASCII characters, without blanks and backslashes');
  const url = URL.parse(text);
  if (url === null || !/^https?:\/\/[^/]/i.test(text)) return problem('must be a URL such as https://example.com/path');
  if (url.username !== '' || url.password !== '' || /^[^/]*\/\/[^/?#]*@/.test(text))
    return problem('must not have a user name or password');
  if (text.includes('#')) return problem('must not have a fragment');
  if (isAllowedHost(url, allowed)) return { url: url.href };
  if (url.protocol !== 'https:') return problem('must begin with https://');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIpAddress(host) ? isPrivateAddress(host) : isLocalName(host))
    return problem('must not lead to a private address, unless the operator allows it (WEBHOOK_ALLOW)');
  return { url: url.href };
}

/** What people may see of an address: its origin. Path and query may hold a secret. */
export function maskedAddress(text: string): string {
  const origin = URL.parse(text)?.origin;
  return origin === undefined || origin === 'null' ? '****' : `${origin}/****`;
}

/** Names that no public resolver answers. */
function isLocalName(host: string): boolean {
  const name = host.replace(/\.$/, '').toLowerCase();
  return !name.includes('.') || /\.(localhost|local|internal|localdomain|home\.arpa)$/.test(name);
}

function problem(text: string): { problem: string } {
  return { problem: text };
}
