// Charts of a busy metric, asked for by several clients at once, beside the process's other work.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { systemClock } from '../base/clock.ts';
import { openTestLog, type TestLog } from '../http/testing/test-log.ts';
import { listeningServer, type TestServer } from '../http/testing/test-server.ts';
import { topics } from '../topics.ts';
import { MetricPasts } from './metric-pasts.ts';
import { samplesRoutes } from './samples-routes.ts';

let storage: TestLog;
let it: TestServer;
const samples = 300_000;
const perBatch = 5_000;

before(async () => {
  storage = await openTestLog();
  const { log } = storage;
  const beganMs = Date.now() - samples;
  for (let at = 0; at < samples; at += perBatch) {
    const records = Array.from({ length: perBatch }, (_, index) => ({
      key: Buffer.from('busy'),
      value: Buffer.from(`{"value": ${(at + index) % 1_000}, "tags": {"host": "web-${index % 50}"}}`),
      timestampMs: beganMs + at + index,
    }));
    await log.append(topics.metrics.name, records);
  }
  it = await listeningServer([samplesRoutes({ log, pasts: new MetricPasts(log), clock: systemClock })]);
});
after(async () => {
  await it.server.close();
  await storage.remove();
});

const path = (index: number): string =>
  `${it.url}/api/v1/samples?metric_name=busy&last_seconds=${3_600 + index}&points=5000&series=100`;

/** The longest time, of this thread's work alone, that others waited for their turn while `work` went on. */
async function longestTurnMs(work: () => Promise<void>): Promise<number> {
  let [longestMs, isOver] = [0, false];
  const watch = (): void => {
    const usage = process.threadCpuUsage();
    setImmediate(() => {
      const { user, system } = process.threadCpuUsage(usage);
      longestMs = Math.max(longestMs, (user + system) / 1_000);
      if (!isOver) watch();
    });
  };
  watch();
  await work();
  isOver = true;
  return longestMs;
}

test('six clients that ask for charts leave others their turn', async () => {
  const ask = async (index: number): Promise<void> => {
    const answer = await fetch(path(index));
    assert.equal(answer.status, 200);
    assert.ok((await answer.arrayBuffer()).byteLength > 100_000);
  };
  // What is compiled on the way is not what is looked for.
  await ask(0);
  const longestMs = await longestTurnMs(async () => {
    await Promise.all(Array.from({ length: 6 }, async (_, index) => ask(index)));
  });
  assert.ok(longestMs < 60, `a turn took ${longestMs.toFixed(0)} ms`);
});

test('charts beyond what can be read at once wait, and beyond that are told to come again', async () => {
  const answers = await Promise.all(Array.from({ length: 60 }, async (_, index) => fetch(path(index))));
  const refused = answers.filter(({ status }) => status === 429);
  assert.ok(refused.length >= 10, `${refused.length} of 60 are refused`);
  assert.equal(answers.filter(({ status }) => status === 200).length, 60 - refused.length);
  assert.equal(refused[0]!.headers.get('retry-after'), '1');
  for (const answer of answers) await answer.arrayBuffer();
});
