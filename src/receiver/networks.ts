/**
 * Addresses and networks of IP, and which of them are public. Pure: the client checks what a name resolved to, the API what stands
 * in an address.
 */

interface Network {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}

/** The hosts and networks that an operator allows although they are not public. */
export interface Networks {
  /** Host names in lower case, with `:port` when only that one is meant. */
  readonly hosts: ReadonlySet<string>;
  readonly networks: readonly Network[];
}

export const noNetworks: Networks = { hosts: new Set(), networks: [] };

/** Reads a list such as `hooks.internal, 10.1.0.0/16, [fd00::1]`, or says what is wrong with it. */
export function parseNetworks(text: string): Networks | { readonly problem: string } {
  const hosts = new Set<string>();
  const networks: Network[] = [];
  for (const entry of text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')) {
    const network = networkOf(entry);
    if (network !== undefined) networks.push(network);
    else if (/^[a-z\d](?:[a-z\d.-]*[a-z\d])?(?::\d{1,5})?$/i.test(entry)) hosts.add(entry.toLowerCase());
    else
      return { problem: `must be host names, IP addresses and networks such as 10.0.0.0/8, not ${entry.slice(0, 80)}` };
  }
  return { hosts, networks };
}

/** Whether the operator allowed this address of IP. */
export function isAllowedAddress(address: string, { networks }: Networks): boolean {
  return isIn(address, networks);
}

/** Whether the operator allowed this host of a URL, by name or, when it is an address of IP, by network. */
export function isAllowedHost(url: URL, allowed: Networks): boolean {
  const { hostname, port, protocol } = url;
  const portOf = port === '' ? { 'https:': '443', 'http:': '80' }[protocol] : port;
  return (
    allowed.hosts.has(hostname) ||
    allowed.hosts.has(`${hostname}:${portOf}`) ||
    isAllowedAddress(hostname.replace(/^\[|\]$/g, ''), allowed)
  );
}

/** Whether a host of a URL is an address of IP. */
export function isIpAddress(text: string): boolean {
  return numberOf(text.replace(/^\[|\]$/g, '')) !== undefined;
}

/** Whether an address is this machine's, its network's, or reserved. IPv4 inside of IPv6 counts as what it is. */
export function isPrivateAddress(address: string): boolean {
  const parsed = numberOf(address);
  // What cannot be read is not connected to.
  if (parsed === undefined) return true;
  if (parsed.family === 6) {
    const inner = [mapped, translated].find(({ first, last }) => parsed.value >= first && parsed.value <= last);
    if (inner !== undefined) return isPrivateAddress(ipv4Text(parsed.value & 0xffff_ffffn));
  }
  return isIn(address, privateNetworks);
}

const [mapped, translated] = ['::ffff:0:0/96', '64:ff9b::/96'].map((text) => networkOf(text)!) as [Network, Network];

const privateNetworks = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/3',
  '::/127',
  '64:ff9b:1::/48',
  'fc00::/7',
  'fe80::/10',
  'ff00::/8',
].map((text) => networkOf(text)!);

function isIn(address: string, networks: readonly Network[]): boolean {
  const parsed = numberOf(address);
  if (parsed === undefined) return false;
  return networks.some(
    ({ family, first, last }) => family === parsed.family && parsed.value >= first && parsed.value <= last,
  );
}

function networkOf(text: string): Network | undefined {
  const [, host, prefix] = /^\[?([^\]/]+)\]?(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = host === undefined ? undefined : numberOf(host);
  if (address === undefined) return undefined;
  const bits = address.family === 4 ? 32 : 128;
  const length = prefix === undefined ? bits : Number(prefix);
  if (length > bits) return undefined;
  const hostBits = BigInt(bits - length);
  const first = (address.value >> hostBits) << hostBits;
  return { family: address.family, first, last: first + (1n << hostBits) - 1n };
}

function numberOf(text: string): { readonly family: 4 | 6; readonly value: bigint } | undefined {
  const ipv4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (ipv4 !== null) {
    const bytes = ipv4.slice(1).map(Number);
    return bytes.some((byte) => byte > 255) ? undefined : { family: 4, value: joined(bytes, 8n) };
  }
  if (!text.includes(':')) return undefined;
  // The parser of URLs knows every way to write an address, and writes each in one.
  const canonical = URL.parse(`http://[${text.replace(/%.*$/, '')}]/`)?.hostname.slice(1, -1);
  if (canonical === undefined) return undefined;
  const [head = '', tail] = canonical.split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return { family: 6, value: joined([...before, ...zeros, ...after], 16n) };
}

function joined(parts: readonly number[], bits: bigint): bigint {
  return parts.reduce((value, part) => (value << bits) | BigInt(part), 0n);
}

function ipv4Text(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
}
