// What is no webhook's URL never becomes a rule: refused with 400, nothing written, and nothing of it said back.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { Health } from '../base/health.ts';
import { Meter } from '../base/meter.ts';
import { openTestLog, type TestLog } from '../http/testing/test-log.ts';
import { listeningServer, testLogger, type TestServer } from '../http/testing/test-server.ts';
import { bad, good, id, token } from '../receiver/discord/testing/webhook-urls.ts';
import { topics } from '../topics.ts';
import { createRules } from './rules.ts';

let storage: TestLog;
let server: TestServer;
let end: () => Promise<void>;

before(async () => {
  storage = await openTestLog();
  const [health, meter] = [new Health(), new Meter()];
  const rules = createRules({ log: storage.log, health, meter, logger: testLogger });
  const stop = new AbortController();
  const running = rules.service.run(stop.signal);
  server = await listeningServer([rules.routes], { health, meter });
  while (health.starting().length > 0) await new Promise((resolve) => setTimeout(resolve, 2));
  end = async () => {
    await server.server.close();
    stop.abort();
    await running;
    await storage.remove();
  };
});
after(() => end());

function send(method: string, path: string, url: string): Promise<Response> {
  return fetch(server.url + path, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ metric_name: 'cpu', threshold: 1, discord_webhook_url: url }),
  });
}

async function recordsWritten(): Promise<number> {
  let count = 0;
  for (let partition = 0; partition < topics.rules.partitions; partition++)
    count += (await storage.log.bounds(topics.rules.name, partition)).next;
  return count;
}

test('each URL that is not exactly a webhook’s is refused by POST and PUT, and no record is written', async () => {
  const made = (await (await send('POST', '/rules', good[0]![0])).json()) as { id: string };
  assert.equal(await recordsWritten(), 1);
  for (const url of bad) {
    for (const [method, path] of [
      ['POST', '/rules'],
      ['PUT', `/rules/${made.id}`],
    ] as const) {
      const answer = await send(method, path, url);
      const text = await answer.text();
      assert.equal(answer.status, 400, `${method} ${url}: ${text}`);
      assert.match(text, /discord_webhook_url/, url);
      assert.ok(!text.includes(token) && !text.includes(id), `${method} ${url} is said back: ${text}`);
    }
  }
  assert.equal(await recordsWritten(), 1);
});
