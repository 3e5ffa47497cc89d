import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet from 'helmet';

/** Scripts and styles from our own origin only, and no framing. */
const setHeaders = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
      objectSrc: ["'none'"],
      requireTrustedTypesFor: ["'script'"],
    },
  },
  referrerPolicy: { policy: 'no-referrer' },
  // Set by the proxy that ends TLS: this server speaks plain HTTP.
  strictTransportSecurity: false,
  xFrameOptions: { action: 'deny' },
});

/** The headers of every answer that a browser heeds. They are always the same, so helmet is asked once. */
export const securityHeaders: Readonly<Record<string, string>> = askHelmet();

function askHelmet(): Record<string, string> {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  setHeaders(request, response, (error) => {
    if (error !== undefined) throw error;
  });
  return Object.fromEntries(Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]));
}
