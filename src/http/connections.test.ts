// F38: sockets that send nothing, half a head or half a body, as many as there may be connections and more.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../../test/support/wait-until.ts';
import { Type } from 'typebox';
import type { Routes } from './http-app.ts';
import { connectionsMax } from './limits.ts';
import { answersAsText } from './open-api.ts';
import { listeningServer } from './testing/test-server.ts';

const released = Promise.withResolvers<void>();
let heldCount = 0;
const options = {
  config: { public: true as const },
  schema: { response: answersAsText({ 200: Type.Unknown() }, 400, 503) },
};
const routes: Routes = (app) => {
  app.post('/echo', options, async (request, reply) => reply.send(request.body));
  app.get('/held', options, async (_request, reply) => {
    heldCount++;
    await released.promise;
    return reply.send({});
  });
};

const head = 'POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
const beginnings = ['', head, `${head}Content-Length: 100\r\n\r\n{"a":`];

async function openSocket(url: string, beginning: string, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', localAddress });
  // It may be ended by the server at any time, which is what is tested.
  socket.on('error', () => {});
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
  socket.write(beginning);
  return socket;
}

/** Opens connections until they are more than the server takes, and checks on the way that others are served. */
async function flood(url: string, localAddress: string, check: () => Promise<void>): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < connectionsMax + 50) {
    const opened = Array.from({ length: 50 }, async (_, index) =>
      openSocket(url, beginnings[index % beginnings.length]!, localAddress),
    );
    sockets.push(...(await Promise.all(opened)));
    await check();
  }
  return sockets;
}

test('a flood of connections locks out neither health nor good requests', async (t) => {
  const { server, url } = await listeningServer([routes]);
  t.after(() => server.close());
  const slowest: Record<string, number> = {};
  const timed = async (what: string, request: () => Promise<Response>): Promise<void> => {
    const beganMs = performance.now();
    const answer = await request();
    assert.equal(answer.status, 200, what);
    await answer.arrayBuffer();
    slowest[what] = Math.max(slowest[what] ?? 0, performance.now() - beganMs);
  };
  const signal = AbortSignal.timeout(20_000);
  const json = { 'content-type': 'application/json' };
  const check = async (): Promise<void> => {
    await timed('health', async () => fetch(`${url}/health`, { signal }));
    await timed('a good request', async () =>
      fetch(`${url}/echo`, { method: 'POST', headers: json, body: '{}', signal }),
    );
  };
  const sockets = [...(await flood(url, '127.0.0.1', check)), ...(await flood(url, '127.0.0.2', check))];
  for (let round = 0; round < 20; round++) await check();
  for (const socket of sockets) socket.destroy();
  for (const [what, ms] of Object.entries(slowest)) assert.ok(ms < 2_000, `${what} took ${ms.toFixed(0)} ms`);
});

test('one address takes no connection from another', async (t) => {
  const { server, url } = await listeningServer([routes]);
  t.after(() => server.close());
  const other = await openSocket(url, head, '127.0.0.9');
  const sockets = await flood(url, '127.0.0.1', async () => {});
  assert.equal(other.closed, false);
  other.write('Content-Length: 2\r\n\r\n{}');
  const [answer] = (await once(other, 'data')) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1.1 200 /);
  for (const socket of [...sockets, other]) socket.destroy();
});

test('where all connections of an address wait for answers, a further one is told so, and health is answered', async (t) => {
  const { server, url } = await listeningServer([routes], { connections: { perAddressMax: 5, totalMax: 8 } });
  t.after(() => server.close());
  const held = async (localAddress: string): Promise<Socket> =>
    openSocket(url, 'GET /held HTTP/1.1\r\nHost: localhost\r\n\r\n', localAddress);
  const sockets = await Promise.all(Array.from({ length: 5 }, async () => held('127.0.0.1')));
  await waitUntil('all requests came', () => heldCount === 5, { msMax: 5_000 });
  const echo = `${head}Connection: close\r\nContent-Length: 2\r\n\r\n{}`;
  const ask = async (text: string, localAddress = '127.0.0.1'): Promise<string> => {
    const socket = await openSocket(url, text, localAddress);
    return (await socket.setEncoding('utf8').toArray()).join('');
  };
  const isRefused = async (localAddress: string): Promise<boolean> => (await ask(echo, localAddress)).includes(' 503 ');
  assert.ok(await isRefused('127.0.0.1'));
  // The answer ends the connection although the client would keep it.
  const refusal = await ask(`${head}Content-Length: 2\r\n\r\n{}`);
  for (const part of [/^HTTP\/1.1 503 /, /^retry-after: 1\r$/im, /^connection: close\r$/im, /too many connections/]) {
    assert.match(refusal, part);
  }
  for (const path of ['/health', '/health/live', '/health/ready']) {
    assert.match(await ask(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`), /^HTTP\/1.1 200 /);
  }
  // Two addresses together reach the limit of all.
  sockets.push(...(await Promise.all(Array.from({ length: 3 }, async () => held('127.0.0.2')))));
  await waitUntil('all requests came', () => heldCount === 8, { msMax: 5_000 });
  assert.ok(await isRefused('127.0.0.3'));
  assert.equal(sockets.filter((socket) => socket.closed).length, 0, 'requests under way are not ended');
  released.resolve();
  for (const socket of sockets) assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1.1 200 /);
  for (const socket of sockets) socket.destroy();
  await waitUntil('there is room again', async () => !(await isRefused('127.0.0.1')), { msMax: 5_000 });
});

test('time-outs hold to the second, and the connection is gone after the answer', async (t) => {
  const timeouts = { headersMs: 1_000, requestMs: 2_000 };
  const { server, url } = await listeningServer([routes], { connections: { timeouts } });
  t.after(() => server.close());
  const beganMs = performance.now();
  const lifetimes = beginnings.map(async (beginning) => {
    // It never ends its own half.
    const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => {});
    let answer = '';
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
    await once(socket, 'connect');
    socket.write(beginning);
    // A client that goes on after the answer finds that nobody is there.
    const goesOn = setInterval(() => {
      if (answer !== '') socket.write('x');
    }, 50);
    // Not `once`, which rejects when a write fails.
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await Promise.race([closed, sleep(8_000, undefined, { ref: false })]);
    clearInterval(goesOn);
    const livedMs = performance.now() - beganMs;
    socket.destroy();
    return { beginning, livedMs, answer };
  });
  for (const { beginning, livedMs, answer } of await Promise.all(lifetimes)) {
    const isBody = beginning === beginnings[2];
    const maxMs = isBody ? timeouts.requestMs : timeouts.headersMs;
    assert.ok(
      livedMs >= maxMs && livedMs < maxMs + 2_500,
      `${JSON.stringify(beginning)} lived ${livedMs.toFixed(0)} ms`,
    );
    assert.match(answer, /^HTTP\/1.1 408 /);
  }
});
