// The heartbeat on the embedded log: it beats while evaluation works, shows nothing of itself, and stops when the process stands still.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startSsrms } from '../support/ssrms-process.ts';
import { waitUntil } from '../support/wait-until.ts';

test('a heartbeat is requested once canaries have been evaluated, and neither they nor its address are shown', async (t) => {
  let beats = 0;
  const server = createServer((request, response) => {
    if (request.url === '/ping/s3cret') beats++;
    response.end('OK');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const dataDir = mkdtempSync(join(tmpdir(), 'ssrms-heartbeat-'));
  t.after(() => rmSync(dataDir, { recursive: true }));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ping/s3cret`;
  const up = await startSsrms(['up'], { env: { DATA_DIR: dataDir, HEARTBEAT_URL: url, LOG_LEVEL: 'debug' } });
  t.after(() => up.stop());
  await waitUntil('a heartbeat comes', () => beats === 1);
  const text = async (path: string): Promise<string> => (await fetch(up.url + path)).text();
  // The console has looked at the metrics by then, which it does every two seconds.
  await waitUntil('the samples were seen', async () =>
    /"samples":\{[^}]*"evaluated":40/.test(await text('/api/v1/system')),
  );
  const shown = await Promise.all(
    ['/rules', '/api/v1/alarms', '/api/v1/metrics', '/api/v1/deliveries', '/api/v1/rules?q='].map(text),
  );
  for (const answer of shown) assert.doesNotMatch(answer, /canary|5e55c0de/);
  assert.match(await text('/health'), /"name":"heartbeat","status":"pass"/);
  assert.doesNotMatch(up.output() + (await text('/health')) + (await text('/metrics')), /s3cret/);
});
