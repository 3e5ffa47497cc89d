import type { Socket } from 'node:net';
import swagger from '@fastify/swagger';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import type { TSchema } from 'typebox';
import { Failure } from '../base/failure.ts';
import type { Health } from '../base/health.ts';
import type { Logger } from '../base/logger.ts';
import type { Meter } from '../base/meter.ts';
import { admit, demandAccess, isChange, methodsOf, refuseChanges, type KnownRoute } from './access.ts';
import { Allowance } from './allowance.ts';
import type { Auth } from './auth.ts';
import { refuseForeignOrigin, refuseForeignPage } from './browser-guard.ts';
import { Connections } from './connections.ts';
import { decodeUtf8, parseJson } from './json.ts';
import { setFailureHeaders } from './failure-answer.ts';
import * as limits from './limits.ts';
import type { HttpApp, Routes } from './http-app.ts';
import { openApi } from './open-api.ts';
import { failureOf, problemBytes, problemContentType, problemOf } from './problem.ts';
import { parameterCheck } from './query.ts';
import { refusalLog } from './refusal-log.ts';
import { securityHeaders } from './security-headers.ts';
import { statusRoutes } from './status-routes.ts';

export interface ServerOptions {
  /** undefined: no tokens, so that loopback's rules hold (browser-guard.ts). */
  readonly auth: Auth | undefined;
  /** Whether every change is refused. */
  readonly isReadOnly?: boolean;
  /** Changes that one subject may make in a minute, with tokens. */
  readonly changesPerMinute?: number | undefined;
  /** Names that the Host header may have beside loopback's, when no tokens are configured. */
  readonly hostNames?: readonly string[];
  /** The page's address behind a proxy, whose host and pages are allowed, too. */
  readonly publicUrl?: string | undefined;
  readonly version: string;
  /** Other limits than limits.ts has, for tests. */
  readonly connections?: {
    readonly perAddressMax?: number;
    readonly totalMax?: number;
    readonly timeouts?: { readonly headersMs: number; readonly requestMs: number };
  };
  readonly health: Health;
  readonly meter: Meter;
  readonly logger: Logger;
}

export interface HttpServer {
  /** Adds routes. Before `listen`. */
  mount(routes: Routes): Promise<void>;
  /** Resolves to where it listens, once it does; rejects with an Error, fit to be shown, when the port cannot be had. */
  listen(address: {
    readonly host: string;
    readonly port: number;
  }): Promise<{ host: string; port: number; url: string }>;
  /** Lets the requests under way end, in bounded time. */
  close(): Promise<void>;
  /** The routes and a way to call them without a port, for tests. */
  readonly app: HttpApp;
  readonly routes: readonly KnownRoute[];
}

/** One server a process. It knows no route but those about the process itself; app.ts mounts the verbs' ones. */
export async function createServer(options: ServerOptions): Promise<HttpServer> {
  const guard = { hostNames: [...(options.hostNames ?? [])], publicUrl: options.publicUrl, loopbackOnly: true };
  const routes: KnownRoute[] = [];
  const app = newApp(options.connections?.timeouts);
  const connections = new Connections(app.server, {
    perAddressMax: options.connections?.perAddressMax ?? limits.connectionsPerAddressMax,
    totalMax: options.connections?.totalMax ?? limits.connectionsMax,
  });
  const changes = changeAllowance(options.changesPerMinute ?? limits.changesPerMinute);
  app.addHook('onRoute', (route) => {
    demandAccess(route);
    for (const method of [route.method].flat()) {
      routes.push({ method, url: route.url, hidden: route.schema?.hide === true });
    }
  });
  await app.register(swagger, openApi(options.version));
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(securityHeaders);
    request.identity = undefined;
    if (connections.isSurplus(request.raw)) {
      reply.header('connection', 'close');
      refuseSurplus(request);
    }
    const { config, schema } = request.routeOptions;
    // The page's own files are hidden in the API's document.
    if (options.auth === undefined) refuseForeignPage(request.headers, guard, schema?.hide === true ? 'page' : 'data');
    else if (config.ownPageOnly === true) refuseForeignOrigin(request.headers, guard);
    await admit(request, options.auth);
    if (options.isReadOnly === true) refuseChanges(request);
    if (isChange(config)) limitChanges(request, changes);
  });
  const logRefusal = refusalLog(options.logger, options.meter);
  app.addHook('onError', async (request, _reply, error) => logRefusal(request, failureOf(error)));
  measure(app, options.meter, connections);
  answerErrors(app, { logger: options.logger, routes });
  statusRoutes(app, options);

  return {
    app,
    routes,
    async mount(verb) {
      await app.register(async (part) => verb(part as HttpApp));
    },
    async listen({ host, port }) {
      guard.loopbackOnly = isLoopback(host);
      guard.hostNames.push(host);
      try {
        await app.listen({ host, port });
      } catch (error) {
        throw listenError(error, host, port);
      }
      const bound = app.server.address();
      const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port;
      const name = host.includes(':') ? `[${host}]` : host;
      return { host, port: boundPort, url: `http://${name}:${boundPort}` };
    },
    async close() {
      const impatience = setTimeout(() => app.server.closeAllConnections(), limits.closeTimeoutMs);
      const sweep = setInterval(() => connections.endUnused(), limits.closeSweepEveryMs);
      await app.close().finally(() => {
        clearTimeout(impatience);
        clearInterval(sweep);
      });
    },
  };
}

/** Health is answered whatever other clients do; other requests can wait until a connection ends. */
function refuseSurplus(request: FastifyRequest): void {
  if (/^\/health(?:[/?]|$)/.test(request.url)) return;
  throw new Failure('unavailable', 'there are too many connections, and all of them wait for answers', {
    retryAfterSeconds: 1,
  });
}

function changeAllowance(perMinute: number): Allowance {
  return new Allowance({
    perSecond: perMinute / 60,
    burst: perMinute,
    detail: (subject) =>
      `${JSON.stringify(subject)} has made more than ${perMinute} changes a minute (QUOTA_CHANGES): try again later`,
  });
}

/** Without tokens callers are anonymous, and all of them are on this machine. */
function limitChanges(request: FastifyRequest, changes: Allowance): void {
  const { identity } = request;
  if (identity === undefined) return;
  changes.take(identity.subject);
  request.chargeChanges = (count) => changes.charge(identity.subject, count);
}

function newApp(timeouts = { headersMs: limits.headersTimeoutMs, requestMs: limits.requestTimeoutMs }): HttpApp {
  const app = Fastify({
    bodyLimit: limits.jsonBodyBytesMax,
    requestTimeout: timeouts.requestMs,
    connectionTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    http: {
      headersTimeout: timeouts.headersMs,
      connectionsCheckingInterval: limits.timeoutCheckEveryMs,
      maxHeaderSize: limits.headerBytesMax,
    },
    forceCloseConnections: 'idle',
    // A rule's name in a path: 200 characters, each of up to four bytes that are escaped.
    routerOptions: { maxParamLength: 2_400 },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) => sendProblem(request, reply, failureOf(error)),
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.decorateRequest('identity', undefined);
  app.decorateRequest('chargeChanges', () => {});
  // A body is parsed by the noun it becomes, whose messages are better than a schema's; its schema is documentation.
  app.setValidatorCompiler(({ schema, httpPart }) =>
    httpPart === 'body' || httpPart === 'headers' ? (value: unknown) => ({ value }) : parameterCheck(schema as TSchema),
  );
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) => {
    if (body.length === 0 && request.method === 'DELETE') return undefined;
    return parseJson(decodeUtf8(body), limits.jsonDepthMax);
  });
  return app;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

function listenError(error: unknown, host: string, port: number): Error {
  const { code } = error as NodeJS.ErrnoException;
  const reasons: Partial<Record<string, string>> = {
    EADDRINUSE: 'another process listens there already: stop it, or choose another port with PORT',
    EACCES: 'this user may not listen there: ports below 1024 need a right of their own',
    EADDRNOTAVAIL: 'this machine has no such address',
    ENOTFOUND: 'there is no such host name',
  };
  return new Error(`cannot listen on ${host}:${port}: ${reasons[code ?? ''] ?? code ?? 'unknown reason'}`, {
    cause: error,
  });
}

function measure(app: HttpApp, meter: Meter, connections: Connections): void {
  const labels = ['method', 'route', 'status'] as const;
  const requests = meter.counter('http_requests_total', 'Requests answered', labels);
  const seconds = meter.histogram(
    'http_request_seconds',
    'Time from the first byte of a request to the end of its answer',
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    ['route'],
  );
  meter.gauge('http_connections', 'Open connections', [], (gauge) => gauge.set(connections.count));
  meter.gauge('http_connections_ended', 'Connections ended so far to make room for others', [], (gauge) =>
    gauge.set(connections.ended),
  );
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown';
    requests.inc({ method: request.method, route, status: String(reply.statusCode) });
    seconds.observe({ route }, reply.elapsedTime / 1000);
    done();
  });
}

function sendProblem(request: FastifyRequest, reply: FastifyReply, failure: Failure): void {
  setFailureHeaders(failure, request, reply);
  reply
    .code(failure.status)
    .type(problemContentType)
    .send(problemBytes(problemOf(failure)));
}

function answerErrors(app: HttpApp, context: { logger: Logger; routes: readonly KnownRoute[] }): void {
  app.setErrorHandler((error, request, reply) => {
    const failure = failureOf(error);
    const route = request.routeOptions.url;
    if (failure.code === 'internal')
      context.logger.error({ err: error, method: request.method, route }, 'a request failed');
    if (failure.status === 415) reply.header('accept-post', 'application/json');
    sendProblem(request, reply, failure);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    const methods = methodsOf(path, context.routes);
    if (methods.length === 0) {
      return sendProblem(request, reply, new Failure('not_found', `there is no route ${request.method} ${path}`));
    }
    reply.header('allow', methods.join(', '));
    const detail = `${request.method} is not possible at ${path}, only ${methods.join(', ')}`;
    return sendProblem(request, reply, new Failure('method_not_allowed', detail));
  });
}

/** What Node's own parser refuses never becomes a request; its connection gets a last answer and is closed. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const tooLong = error.code === 'HPE_HEADER_OVERFLOW';
  const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const [status, phrase] = tooLong
    ? [431, 'Request Header Fields Too Large']
    : late
      ? [408, 'Request Timeout']
      : [400, 'Bad Request'];
  const detail = tooLong
    ? `the headers are longer than ${limits.headerBytesMax} bytes`
    : late
      ? 'the request did not come in time'
      : 'the request is no HTTP';
  const body = JSON.stringify({ ...problemOf(new Failure('invalid_request', detail)), status });
  socket.end(
    `HTTP/1.1 ${status} ${phrase}\r\nContent-Type: ${problemContentType}\r\nConnection: close\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  // A client that does not end its half would keep the connection.
  setTimeout(() => socket.destroy(), limits.lastAnswerMs).unref();
}
