import type { FastifyReply, FastifyRequest, HTTPMethods, RouteOptions } from 'fastify';
import { assert } from '../base/assert.ts';
import { Failure } from '../base/failure.ts';
import type { Auth } from './auth.ts';
import type { Identity, Scope } from './scope.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The scope that a token needs for this route. */
    scope?: Scope;
    /** A scope that serves as well. */
    orScope?: Scope;
    /** Set for a public route. Each route sets one of the two, or the server does not start. */
    public?: true;
    /** Set for a public route that acts for the page's user: pages of other origins may not call it. */
    ownPageOnly?: true;
    /** Also accepts the token as the password of Basic: clients of Influx' first API support nothing else. */
    acceptsBasic?: boolean;
  }
  interface FastifyRequest {
    /** Who calls; undefined when no tokens are configured, and on public routes. */
    identity: Identity | undefined;
    /** Counts the request as this many changes of its caller. */
    chargeChanges(changes: number): void;
  }
}

/** Default deny: throws a Bug when a route has neither a scope nor is public. */
export function demandAccess(route: RouteOptions): void {
  const declared = route.config?.scope !== undefined || route.config?.public === true;
  assert(declared, `the route ${String(route.method)} ${route.url} declares a scope or is public`);
}

/** What changes what people have set up. */
const changingScopes: ReadonlySet<string> = new Set<Scope>(['rules:write', 'receivers:write']);
const writingScopes: ReadonlySet<string> = new Set([...changingScopes, 'metrics:write']);

/** Whether a route changes what people have set up: samples are limited by quotas of their own. */
export function isChange(route: { readonly scope?: Scope | undefined }): boolean {
  return route.scope !== undefined && changingScopes.has(route.scope);
}

/** Throws `forbidden` where a server that only shows is asked to change something. */
export function refuseChanges(request: FastifyRequest): void {
  const { scope } = request.routeOptions.config;
  if (scope !== undefined && writingScopes.has(scope))
    throw new Failure('forbidden', 'this server is read-only (READ_ONLY): ask another one');
}

/** Throws the Failure `unauthorized` or `forbidden` unless the caller may call this request's route. */
export async function admit(request: FastifyRequest, auth: Auth | undefined): Promise<void> {
  const { scope, orScope, acceptsBasic } = request.routeOptions.config;
  if (auth === undefined || scope === undefined) return;
  if ((request.raw.headersDistinct['authorization']?.length ?? 0) > 1) {
    throw new Failure('unauthorized', 'the request has more than one Authorization header');
  }
  const identity = await auth.identify(
    acceptsBasic === true ? withoutBasic(request.headers.authorization) : request.headers.authorization,
  );
  if (![scope, orScope].some((each) => each !== undefined && identity.scopes.has(each))) {
    throw new Failure('forbidden', `the token of ${JSON.stringify(identity.subject)} lacks the scope ${scope}`);
  }
  request.identity = identity;
}

/** `Basic` with a token as password, as `Bearer`. */
function withoutBasic(authorization: string | undefined): string | undefined {
  const match = /^basic +([\w+/=-]+) *$/i.exec(authorization ?? '');
  if (match === null) return authorization;
  const pair = Buffer.from(match[1]!, 'base64').toString('utf8');
  return `Bearer ${pair.slice(pair.indexOf(':') + 1)}`;
}

/** The header that RFC 6750 requires with 401 and 403, so that clients know what is missing. */
export function setChallenge(request: FastifyRequest, reply: FastifyReply, failure: Failure): void {
  if (failure.code === 'unauthorized') {
    const sent = request.headers.authorization !== undefined;
    reply.header('www-authenticate', `Bearer realm="ssrms"${sent ? ', error="invalid_token"' : ''}`);
  }
  const { scope } = request.routeOptions.config;
  // Without a token it is not its scope that is missing.
  const hasToken = request.headers.authorization !== undefined;
  if (failure.code === 'forbidden' && scope !== undefined && hasToken) {
    reply.header('www-authenticate', `Bearer realm="ssrms", error="insufficient_scope", scope="${scope}"`);
  }
}

/** One registered route, for OpenAPI's test and for telling 405 from 404. */
export interface KnownRoute {
  readonly method: HTTPMethods;
  readonly url: string;
  readonly hidden: boolean;
}

/** The methods that the address of a request answers to. A part `:name` stands for one segment, `*` for all that follow. */
export function methodsOf(path: string, routes: readonly KnownRoute[]): string[] {
  const segments = path.split('/');
  const matching = routes.filter((route) => matches(segments, route.url.split('/')));
  return [...new Set(matching.map((route) => String(route.method)))].sort();
}

function matches(segments: readonly string[], pattern: readonly string[]): boolean {
  const open = pattern.at(-1) === '*';
  if (open ? segments.length < pattern.length : segments.length !== pattern.length) return false;
  return pattern.every((part, index) => part === '*' || part.startsWith(':') || part === segments[index]);
}
