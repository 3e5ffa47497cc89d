import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { request } from 'undici';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));

test('as a process of its own it prints its address and webhooks, answers, and ends when told to', async (t) => {
  const child = spawn(process.execPath, [main, '--webhooks', '2'], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (lines.length === 3) break;
  }
  assert.match(lines[0] ?? '', /^fake Discord at http:\/\/127\.0\.0\.1:\d+\/ \(DISCORD_API_BASE=http:.*\/api\/v10\)$/);
  const urls = lines.slice(1).map((line) => line.replace('webhook ', ''));
  assert.match(urls[1] ?? '', /\/webhooks\/1100000000000000002\//);
  const body = JSON.stringify({ content: 'hello' });
  const headers = { 'content-type': 'application/json', 'user-agent': 'test' };
  const answer = await request(urls[0] ?? '', { method: 'POST', headers, body });
  assert.equal(answer.statusCode, 204);
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});
