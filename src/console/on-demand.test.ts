import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Type } from 'typebox';
import { fastClock } from '../base/testing/fast-clock.ts';
import { aborted } from '../base/service.ts';
import { answers } from '../http/open-api.ts';
import { listeningServer } from '../http/testing/test-server.ts';
import type { Console } from './console.ts';
import { onDemand } from './on-demand.ts';

test('nothing is followed before the first request, which waits until all was read', async () => {
  const seen = { isFollowing: false, isCaughtUp: false };
  const console: Console = {
    service: {
      name: 'console',
      async run(signal) {
        seen.isFollowing = true;
        await aborted(signal);
      },
    },
    async routes(app) {
      const config = { public: true as const };
      app.get('/read', { config, schema: { response: answers({ 200: Type.Any() }, 503) } }, async () => ({ ...seen }));
    },
    isCaughtUp: () => seen.isCaughtUp,
  };
  const lazy = onDemand(console, { clock: fastClock(1_000), waitMsMax: 10_000 });
  const stop = new AbortController();
  const running = lazy.service.run(stop.signal);
  const { server, url } = await listeningServer([lazy.routes]);
  assert.equal((await fetch(`${url}/health`)).status, 200);
  assert.equal(seen.isFollowing, false);
  const early = await fetch(`${url}/read`);
  assert.equal(early.status, 503);
  assert.equal(early.headers.get('retry-after'), '1');
  seen.isCaughtUp = true;
  assert.deepEqual(await (await fetch(`${url}/read`)).json(), { isFollowing: true, isCaughtUp: true });
  stop.abort();
  await running;
  await server.close();
});

test('a console that nobody asked ends without having begun', async () => {
  const service = { name: 'console', run: () => Promise.reject(new Error('it ran')) };
  const lazy = onDemand(
    { service, routes: async () => {}, isCaughtUp: () => false },
    { clock: fastClock(1), waitMsMax: 0 },
  );
  await lazy.service.run(AbortSignal.abort());
});
