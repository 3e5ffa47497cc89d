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
    if (lines.length === 4) break;
  }
  assert.match(lines[0] ?? '', /^fake Discord at http:\/\/127\.0\.0\.1:\d+\/ \(DISCORD_API_BASE=http:.*\/api\/v10\)$/);
  const urls = lines.slice(2).map((line) => line.replace('webhook ', ''));
  assert.match(urls[1] ?? '', /\/webhooks\/1100000000000000002\//);
  const control = (lines[1] ?? '').replace('control at ', '');
  const body = JSON.stringify({ content: 'hello' });
  const headers = { 'content-type': 'application/json', 'user-agent': 'test' };
  const answer = await request(urls[0] ?? '', { method: 'POST', headers, body });
  assert.equal(answer.statusCode, 204);
  const door = (mode: string) =>
    request(`${control}_control`, { method: 'POST', body: JSON.stringify({ door: mode }) }).then((told) =>
      told.body.text(),
    );
  await door('refused');
  await assert.rejects(request(urls[0] ?? '', { method: 'POST', headers, body }), { code: 'ECONNREFUSED' });
  await door('open');
  assert.equal((await request(urls[0] ?? '', { method: 'POST', headers, body })).statusCode, 204);
  const expected = [{ webhookId: '1100000000000000001', ruleId: 'r', value: '1' }];
  const facts = await request(`${control}_facts`, { method: 'POST', body: JSON.stringify({ expected }) });
  assert.deepEqual(((await facts.body.json()) as { lost: string[] }).lost, ['1100000000000000001 Alarm triggered r 1']);
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});
