import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Type } from 'typebox';
import type { Logger } from '../base/logger.ts';
import { Meter } from '../base/meter.ts';
import { answersAsText } from './open-api.ts';
import { bearer, listeningServer, testAuth, testLogger } from './testing/test-server.ts';

test('401 and 403 are logged with the address and the reason, and no faster than anybody reads', async (t) => {
  const logged: { fields: Record<string, unknown>; text: string }[] = [];
  const warn = (fields: Record<string, unknown>, text: string): number => logged.push({ fields, text });
  const logger = Object.create(testLogger, { warn: { value: warn } }) as Logger;
  const response = answersAsText({ 200: Type.Unknown() }, 401, 403, 429);
  const meter = new Meter();
  const { server, url } = await listeningServer(
    [
      (app) => {
        app.get('/read', { config: { scope: 'rules:read' }, schema: { response } }, async (_request, reply) =>
          reply.send({}),
        );
      },
    ],
    { auth: testAuth(), logger, meter },
  );
  t.after(() => server.close());
  const status = async (authorization?: string): Promise<number> =>
    (await fetch(`${url}/read?q=1`, { headers: { ...(authorization !== undefined && { authorization }) } })).status;
  assert.equal(await status(), 401);
  assert.equal(await status(await bearer({ scope: 'metrics:write', subject: 'mallory' })), 403);
  assert.equal(await status(await bearer({ scope: 'rules:read' })), 200);
  await fetch(`${url}/read`, { headers: { 'x-forwarded-for': '203.0.113.7' } });
  assert.equal(logged.pop()!.fields.forwardedFor, '203.0.113.7');
  assert.deepEqual(
    logged.map(({ fields }) => [fields.address, fields.method, fields.route, fields.status]),
    [
      ['127.0.0.1', 'GET', '/read', 401],
      ['127.0.0.1', 'GET', '/read', 403],
    ],
  );
  assert.match(String(logged[0]!.fields.reason), /no Authorization header/);
  assert.match(String(logged[1]!.fields.reason), /"mallory" lacks the scope rules:read/);
  await Promise.all(Array.from({ length: 200 }, async () => status()));
  assert.ok(logged.length <= 25, `${logged.length} lines for 203 refusals`);
  assert.match(await meter.text(), /ssrms_http_refusals_total\{status="401"\} 202/);
});
