// Who may ask what: every route that a whole system has, by its scope.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { scopes, type Scope } from '../http/scope.ts';
import { bearer } from '../http/testing/test-server.ts';
import { startConsoleSystem, type ConsoleSystem } from './testing/console-system.ts';

/** A route that is new stands here, or this test fails. */
const table: Record<string, Scope | readonly Scope[] | 'public'> = {
  'DELETE /rules/{id}': 'rules:write',
  'GET /api/v1/alarms': 'alarms:read',
  'GET /api/v1/alarms/history': 'alarms:read',
  'GET /api/v1/alarms/{id}': 'alarms:read',
  'GET /api/v1/deliveries': 'alarms:read',
  'GET /api/v1/metrics': 'alarms:read',
  'GET /api/v1/metrics/tags': 'alarms:read',
  'GET /api/v1/openapi.json': 'public',
  'GET /api/v1/rules': 'rules:read',
  'GET /api/v1/rules/ids': 'rules:read',
  'GET /api/v1/rules/{id}/in-force': 'rules:read',
  'GET /api/v1/rules/{id}/state': 'rules:read',
  'GET /api/v1/rules/{id}/versions': 'rules:read',
  'GET /api/v1/samples': 'alarms:read',
  'GET /api/v1/sign-in': 'public',
  'GET /api/v1/status': 'alarms:read',
  'GET /api/v1/system': 'alarms:read',
  'GET /api/v1/timeline': 'alarms:read',
  'GET /api/v1/timeline/overview': 'alarms:read',
  'GET /api/v1/webhooks': 'alarms:read',
  'GET /health': 'public',
  'GET /health/live': 'public',
  'GET /health/ready': 'public',
  'GET /metrics': ['system:read', 'admin'],
  'GET /ping': 'public',
  'GET /query': 'metrics:write',
  'DELETE /api/v1/receivers/{name}': 'receivers:write',
  'GET /api/v1/audit': 'audit:read',
  'GET /api/v1/receivers': 'receivers:read',
  'GET /api/v1/receivers/{name}': 'receivers:read',
  'POST /api/v1/receivers/{name}/test': 'receivers:write',
  'PUT /api/v1/receivers/{name}': 'receivers:write',
  'GET /rules': 'rules:read',
  'GET /rules/{id}': 'rules:read',
  'POST /api/v1/alarms/{id}/recheck': 'alarms:read',
  'POST /api/v1/deliveries/resend': 'rules:write',
  'POST /api/v1/metrics': 'metrics:write',
  'POST /api/v1/rules/backtest': 'rules:read',
  'POST /api/v1/rules/bulk': 'rules:write',
  'POST /api/v1/rules/export': 'rules:read',
  'POST /api/v1/rules/import': 'rules:write',
  'POST /api/v1/sign-in/begin': 'public',
  'POST /api/v1/sign-in/finish': 'public',
  'POST /api/v1/sign-in/renew': 'public',
  'POST /api/v1/stream': 'alarms:read',
  'POST /api/v1/webhooks/test': 'rules:write',
  'POST /api/v1/write': 'metrics:write',
  'POST /api/v2/write': 'metrics:write',
  'POST /query': 'metrics:write',
  'POST /rules': 'rules:write',
  'POST /rules/{id}/test': 'rules:write',
  'POST /v1/metrics': 'metrics:write',
  'POST /write': 'metrics:write',
  'PUT /rules/by-name/{name}': 'rules:write',
  'PUT /rules/{id}': 'rules:write',
};

let system: ConsoleSystem;
let readOnly: ConsoleSystem;
before(async () => {
  system = await startConsoleSystem({ auth: true });
  readOnly = await startConsoleSystem({ auth: true, isReadOnly: true, storage: system.storage });
});
after(async () => {
  await readOnly.stop();
  await system.stop();
});

/** What a route answers before it has looked at more than who asks: its body and parameters make no sense. */
async function statusOf(url: string, route: string, scope: string | undefined): Promise<number> {
  const [method, path] = route.split(' ') as [string, string];
  const stop = new AbortController();
  const answer = await fetch(url + path.replaceAll(/\{\w+\}/g, 'none'), {
    method,
    signal: stop.signal,
    headers: {
      ...(method !== 'GET' && { 'content-type': 'text/none' }),
      ...(scope !== undefined && { authorization: await bearer({ scope }) }),
    },
    ...(method !== 'GET' && { body: 'none' }),
  });
  stop.abort();
  return answer.status;
}

test('every route × {no token, each scope}, and what is read-only changes nothing', async () => {
  const document = (await (await fetch(`${system.url}/api/v1/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { security?: { token: string[] }[] }>>;
  };
  const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.deepEqual(routes.toSorted(), Object.keys(table).toSorted());
  for (const [route, needed] of Object.entries(table)) {
    const [method, path] = route.split(' ') as [string, string];
    const documented = document.paths[path]![method.toLowerCase()]!.security?.flatMap(({ token }) => token);
    const allowed = [needed].flat();
    assert.deepEqual(documented, needed === 'public' ? undefined : allowed, `the documentation of ${route}`);
    const bare = await statusOf(system.url, route, undefined);
    if (needed === 'public') {
      assert.notEqual(bare, 401, route);
      continue;
    }
    assert.equal(bare, 401, route);
    for (const scope of ['', ...scopes]) {
      const status = await statusOf(system.url, route, scope);
      if (allowed.some((each) => each === scope))
        assert.ok(![401, 403].includes(status), `${route} with ${scope}: ${status}`);
      else assert.equal(status, 403, `${route} with ${scope}`);
    }
    const isWriting = allowed.some((scope) => scope.endsWith(':write'));
    assert.equal((await statusOf(readOnly.url, route, allowed[0])) === 403, isWriting, `${route}, read-only`);
  }
});
