/**
 * Whoever answers at such an address decides who may do what. Throws an Error, fit to be shown, unless it is https; plain http
 * is for a neighbour on the same machine.
 */
export function demandTrustworthy(address: string, what: string): void {
  const url = new URL(address);
  const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && loopback)) return;
  throw new Error(`the address of ${what} is ${url.origin}, and must be https (or http on loopback)`);
}
