// What tests of several rooms need to put a server up: a real one, on a real port, with real tokens.
import { SignJWT } from 'jose';
import { Health } from '../../base/health.ts';
import { createLogger } from '../../base/logger.ts';
import { Meter } from '../../base/meter.ts';
import { checkAnswers } from './answer-check.ts';
import { createAuth, type Auth } from '../auth.ts';
import { createServer, type HttpServer, type ServerOptions } from '../server.ts';
import type { Routes } from '../http-app.ts';

export const testSecret = 'kR7vQ2mXw9ZpL4tB8nYc1sJf6hDg3aEu';
export const testAudience = 'ssrms';
export const testLogger = createLogger('silent', 'test');

export function testAuth(options: { readonly now?: () => number; readonly meter?: Meter } = {}): Auth {
  return createAuth({
    keys: { secret: testSecret },
    audience: testAudience,
    logger: testLogger,
    meter: options.meter ?? new Meter(),
    ...(options.now && { now: options.now }),
  });
}

export interface TestToken {
  readonly scope?: string;
  readonly secret?: string;
  readonly audience?: string;
  readonly subject?: string;
  readonly issuedAgoSeconds?: number;
  readonly lifetimeSeconds?: number;
}

/** The value of an Authorization header; valid unless a part says otherwise. */
export async function bearer(token: TestToken = {}): Promise<string> {
  const issuedAt = Math.floor(Date.now() / 1000) - (token.issuedAgoSeconds ?? 0);
  const signed = await new SignJWT({ scope: token.scope ?? '' })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(token.subject ?? 'tester')
    .setAudience(token.audience ?? testAudience)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + (token.lifetimeSeconds ?? 600))
    .sign(new TextEncoder().encode(token.secret ?? testSecret));
  return `Bearer ${signed}`;
}

export interface TestServer {
  readonly server: HttpServer;
  readonly url: string;
  readonly health: Health;
  readonly meter: Meter;
}

/** A server with some routes on a free port of loopback. Close it when done. */
export async function listeningServer(
  routes: readonly Routes[],
  options: Partial<ServerOptions> = {},
): Promise<TestServer> {
  const health = options.health ?? new Health();
  const meter = options.meter ?? new Meter();
  const server = await createServer({
    auth: undefined,
    version: '0.0.0',
    logger: testLogger,
    ...options,
    health,
    meter,
  });
  checkAnswers(server.app);
  for (const verb of routes) await server.mount(verb);
  const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
  return { server, url, health, meter };
}
