import { test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Type } from 'typebox';
import { Failure } from '../base/failure.ts';
import { Health } from '../base/health.ts';
import { Meter } from '../base/meter.ts';
import { createServer } from './server.ts';
import type { Routes } from './http-app.ts';
import { answersAsText, documented } from './open-api.ts';
import { bearer, listeningServer, testAuth, testLogger } from './testing/test-server.ts';

const response = answersAsText({ 200: Type.Unknown() }, 400, 401, 403, 413, 415, 503);

const probe: Routes = (app) => {
  app.get('/open', { config: { public: true }, schema: { response } }, async () => ({ open: true }));
  app.get('/secret/:id', { config: { scope: 'rules:read' }, schema: { response } }, async (request, reply) =>
    reply.send({ subject: request.identity?.subject ?? null }),
  );
  app.post(
    '/echo',
    { config: { scope: 'rules:write' }, schema: { body: documented(Type.Object({ a: Type.Number() })), response } },
    async (request, reply) => reply.send({ got: request.body }),
  );
  app.get('/bug', { config: { public: true } }, async () => {
    throw new Error('the password is hunter2');
  });
  app.get('/busy', { config: { public: true }, schema: { response } }, async () => {
    throw new Failure('unavailable', 'later', { retryAfterSeconds: 3 });
  });
  const querystring = Type.Object(
    { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })) },
    { additionalProperties: false },
  );
  app.get('/list', { config: { public: true }, schema: { querystring, response } }, async (request, reply) =>
    reply.send({ limit: request.query.limit ?? null }),
  );
};

async function withServer(
  work: (call: (path: string, init?: RequestInit) => Promise<Response>, url: string) => Promise<void>,
  auth = false,
) {
  const { server, url } = await listeningServer([probe], { auth: auth ? testAuth() : undefined });
  try {
    await work((path, init) => fetch(url + path, init), url);
  } finally {
    await server.close();
  }
}

interface ProblemBody {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly type: string;
  readonly errors?: { field: string; code: string; message: string }[];
}

async function problemOf(answer: Response): Promise<ProblemBody> {
  assert.equal(answer.headers.get('content-type'), 'application/problem+json');
  const body = (await answer.json()) as ProblemBody;
  assert.equal(body.status, answer.status);
  assert.equal(body.type, `urn:ssrms:problem:${body.code}`);
  assert.ok(body.title.length > 0);
  return body;
}

const json = { 'content-type': 'application/json' };

test('every error is problem+json with a code, and shows no stack', () =>
  withServer(async (call) => {
    const table: [string, RequestInit | undefined, number, string, RegExp][] = [
      ['/nothing', undefined, 404, 'not_found', /no route GET \/nothing/],
      ['/open', { method: 'POST', headers: json, body: '{}' }, 405, 'method_not_allowed', /only GET, HEAD/],
      ['/echo', { method: 'POST', headers: json, body: '{"a":}' }, 400, 'invalid_json', /position 5/],
      ['/echo', { method: 'POST', headers: json, body: '[['.repeat(40) }, 400, 'invalid_json', /deeper than 32/],
      ['/echo', { method: 'POST', headers: json }, 400, 'invalid_json', /position 0/],
      ['/echo', { method: 'POST', headers: json, body: 'a'.repeat(300_000) }, 413, 'too_large', /larger than/],
      [
        '/echo',
        { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{}' },
        415,
        'unsupported_media_type',
        /application\/json/,
      ],
      [
        '/echo',
        { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: '{}' },
        415,
        'unsupported_media_type',
        /application\/json/,
      ],
      ['/secret/%zz', undefined, 400, 'invalid_request', /escape/],
      ['/list?limit=501', undefined, 400, 'invalid_field', /limit is 501/],
      ['/list?limit=x', undefined, 400, 'invalid_field', /limit is "x"/],
      ['/list?limti=5', undefined, 400, 'unknown_field', /limti is not known here; there are limit/],
      ['/list?a%2Fb~c=5', undefined, 400, 'unknown_field', /a\/b~c is not known here/],
      ['/bug', undefined, 500, 'internal', /has logged/],
      ['/busy', undefined, 503, 'unavailable', /later/],
    ];
    for (const [path, init, status, code, detail] of table) {
      const answer = await call(path, init);
      const name = `${init?.method ?? 'GET'} ${path}`;
      assert.equal(answer.status, status, name);
      const text = await answer.clone().text();
      assert.doesNotMatch(text, /hunter2|node_modules|\.ts/, name);
      const body = await problemOf(answer);
      assert.equal(body.code, code, name);
      assert.match(body.detail, detail, name);
    }
    const wrong = await problemOf(await call('/list?limit=0'));
    assert.deepEqual(
      wrong.errors?.map(({ field }) => field),
      ['limit'],
    );
    assert.equal((await call('/open', { method: 'PUT' })).headers.get('allow'), 'GET, HEAD');
    assert.equal((await call('/busy')).headers.get('retry-after'), '3');
    assert.deepEqual(await (await call('/list?limit=7')).json(), { limit: 7 });
  }));

test('a token is needed where a scope is declared; 401 and 403 say what is missing', () =>
  withServer(async (call) => {
    const none = await call('/secret/1');
    assert.equal(none.status, 401);
    assert.equal(none.headers.get('www-authenticate'), 'Bearer realm="ssrms"');
    const wrong = await call('/secret/1', { headers: { authorization: 'Bearer x' } });
    assert.equal(wrong.headers.get('www-authenticate'), 'Bearer realm="ssrms", error="invalid_token"');
    const other = await call('/secret/1', { headers: { authorization: await bearer({ scope: 'rules:write' }) } });
    assert.equal(other.status, 403);
    assert.equal(
      other.headers.get('www-authenticate'),
      'Bearer realm="ssrms", error="insufficient_scope", scope="rules:read"',
    );
    assert.match((await problemOf(other)).detail, /lacks the scope rules:read/);
    const good = await call('/secret/1', {
      headers: { authorization: await bearer({ scope: 'rules:read', subject: 'ann' }) },
    });
    assert.deepEqual(await good.json(), { subject: 'ann' });
    assert.equal((await call('/open')).status, 200);
    assert.equal((await call('/secret/1?access_token=x&token=y')).status, 401, 'no token is read from a query');
  }, true));

test('with tokens the Host header may be anything, since a page has no token to send', () =>
  withServer(async (call) => {
    assert.equal((await call('/open', { headers: { origin: 'http://evil.example' } })).status, 200);
  }, true));

test('without tokens a foreign page is refused', () =>
  withServer(async (call) => {
    const foreign = await call('/secret/1', { headers: { origin: 'http://evil.example' } });
    assert.equal(foreign.status, 403);
    assert.equal(foreign.headers.get('www-authenticate'), null, 'no token would help');
    assert.doesNotMatch((await problemOf(foreign)).title, /token/);
    assert.equal((await call('/open')).status, 200);
  }));

test('a route without a scope that is not public cannot be registered', async () => {
  const server = await createServer({
    auth: undefined,
    version: '0',
    logger: testLogger,
    health: new Health(),
    meter: new Meter(),
  });
  const forgotten: Routes = (app) => void app.get('/forgotten', async () => ({}));
  await assert.rejects(server.mount(forgotten), /the route GET \/forgotten declares a scope or is public/);
});

test('answers carry the security headers', () =>
  withServer(async (call) => {
    for (const path of ['/open', '/nowhere']) {
      const { headers } = await call(path);
      assert.equal(headers.get('x-frame-options'), 'DENY');
    }
    const { headers } = await call('/open');
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'self'.*frame-ancestors 'none'/);
    assert.doesNotMatch(headers.get('content-security-policy') ?? '', /unsafe/);
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.equal(headers.get('referrer-policy'), 'no-referrer');
    assert.equal(headers.get('access-control-allow-origin'), null);
  }));

test('health tells its details only to those who may know them', async () => {
  for (const auth of [undefined, testAuth()]) {
    const { server, url, health } = await listeningServer([], { auth });
    health.add('log', () => ({ status: 'warn', detail: 'slow' }));
    const ready = health.awaitReady('rules');
    const shown = await (await fetch(`${url}/health`)).json();
    assert.deepEqual(
      shown,
      auth === undefined
        ? {
            name: 'ssrms',
            message: 'works, and needs attention: log: slow',
            status: 'warn',
            checks: [{ name: 'log', status: 'warn', message: 'slow' }],
          }
        : { name: 'ssrms', message: 'works, and needs attention', status: 'warn' },
    );
    const token = { headers: { authorization: await bearer() } };
    assert.ok('checks' in ((await (await fetch(`${url}/health`, token)).json()) as object));
    assert.equal((await fetch(`${url}/health/ready`)).status, 503);
    ready();
    assert.equal((await fetch(`${url}/health/ready`)).status, 200);
    assert.equal((await fetch(`${url}/health/live`)).status, 200);
    health.add('log', () => ({ status: 'fail' }));
    assert.equal((await fetch(`${url}/health`)).status, 503);
    await server.close();
  }
});

test('where tokens are configured, metrics of the process need system:read or admin', () =>
  withServer(async (call) => {
    assert.equal((await call('/metrics')).status, 401);
    assert.equal(
      (await call('/metrics', { headers: { authorization: await bearer({ scope: 'rules:read' }) } })).status,
      403,
    );
    await call('/open');
    for (const scope of ['system:read', 'admin']) {
      const figures = await call('/metrics', { headers: { authorization: await bearer({ scope }) } });
      assert.match(await figures.text(), /ssrms_http_requests_total\{method="GET",route="\/open",status="200"\} 1/);
    }
  }, true));

test('a port that is taken is told in plain words', async () => {
  const first = await listeningServer([]);
  const server = await createServer({
    auth: undefined,
    version: '0',
    logger: testLogger,
    health: new Health(),
    meter: new Meter(),
  });
  const port = Number(new URL(first.url).port);
  await assert.rejects(
    server.listen({ host: '127.0.0.1', port }),
    new RegExp(`cannot listen on 127.0.0.1:${port}: another process listens there`),
  );
  await first.server.close();
});

/** Sends raw bytes and resolves to all that comes back. */
async function rawExchange(url: string, request: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.write(request);
  let answer = '';
  socket.setEncoding('latin1');
  for await (const chunk of socket) answer += chunk as string;
  return answer;
}

test('headers beyond 16 KiB, two Authorization headers and what is no HTTP are refused', () =>
  withServer(async (_call, url) => {
    const long = await rawExchange(url, `GET /open HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`);
    assert.match(long, /^HTTP\/1.1 431 /);
    assert.match(long, /problem\+json/);
    assert.match(await rawExchange(url, 'HELLO\r\n\r\n'), /^HTTP\/1.1 400 /);
    const token = await bearer({ scope: 'rules:read' });
    const two = await rawExchange(
      url,
      `GET /secret/1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: ${token}\r\nAuthorization: ${token}\r\n\r\n`,
    );
    assert.match(two, /^HTTP\/1.1 401 /);
    assert.match(two, /more than one Authorization header/);
  }, true));

test('OpenAPI lists every route of the router, and the scope of each', () =>
  withServer(async (call) => {
    const document = (await (await call('/api/v1/openapi.json')).json()) as {
      openapi: string;
      paths: Record<string, Record<string, { security?: unknown }>>;
    };
    assert.equal(document.openapi, '3.1.0');
    assert.deepEqual(Object.keys(document.paths).sort(), [
      '/api/v1/openapi.json',
      '/bug',
      '/busy',
      '/echo',
      '/health',
      '/health/live',
      '/health/ready',
      '/list',
      '/metrics',
      '/open',
      '/secret/{id}',
    ]);
    assert.deepEqual(document.paths['/secret/{id}']!['get']!.security, [{ token: ['rules:read'] }]);
    assert.equal(document.paths['/open']!['get']!.security, undefined);
  }));

test('connections on which nothing was sent do not hold up the end of the server', async () => {
  const { server, url } = await listeningServer([probe]);
  const { hostname, port } = new URL(url);
  const unused = connect(Number(port), hostname);
  await once(unused, 'connect');
  assert.equal((await fetch(`${url}/open`)).status, 200);
  const beganMs = performance.now();
  await Promise.all([server.close(), once(unused, 'close')]);
  assert.ok(performance.now() - beganMs < 4_000, 'half of what it has at the most');
});
