// B11: samples in over HTTP, a hundred a post, until they are durable on a real broker; what that takes of a processor, and how long
// the answer takes. Beside ours: Fastify with KafkaJS for JSON, and vmagent for lines, whose samples go to a receiver that drops them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { createServer as createHttpServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { topics } from '../src/topics.ts';
import { onSubjectCore } from './support/host.ts';
import { withBroker, withLog } from './support/metrics-load.ts';
import { pairsOf, type Options } from './support/options.ts';
import { ratios, runPairs } from './support/pairs.ts';
import { bodiesOf, postFor, type Posted, type PostForm } from './support/post-load.ts';
import { nodeCommand, start } from './support/processes.ts';
import type { Result } from './support/result.ts';
import { bootstrap } from './support/statistics.ts';

const json: PostForm = {
  path: '/api/v1/metrics',
  headers: { 'content-type': 'application/json' },
  bodies: bodiesOf((samples) =>
    JSON.stringify(samples.map(({ name, host, value }) => ({ name, value, tags: { host, zone: 'eu' } }))),
  ),
};
const lines: PostForm = {
  path: '/write',
  headers: { 'content-type': 'text/plain' },
  bodies: bodiesOf((samples) =>
    samples.map(({ name, host, value }) => `${name},host=${host},zone=eu value=${value}`).join('\n'),
  ),
};
const otlp: PostForm = {
  path: '/v1/metrics',
  headers: { 'content-type': 'application/json' },
  bodies: bodiesOf((samples) =>
    JSON.stringify({
      resourceMetrics: [
        {
          scopeMetrics: [
            {
              metrics: samples.map(({ name, host, value }) => ({
                name,
                gauge: {
                  dataPoints: [{ asDouble: value, attributes: [{ key: 'host', value: { stringValue: host } }] }],
                },
              })),
            },
          ],
        },
      ],
    }),
  ),
};

export async function ingesting(options: Options): Promise<Result[]> {
  const seconds = options.isShort ? { warm: 1, measured: 1 } : { warm: 4, measured: 6 };
  return withBroker(async ({ bootstrap: servers }) => {
    await withLog(servers, (log) => log.ensureTopics([topics.metrics]));
    const onKafka = (file: string, form: PostForm) => async (): Promise<Posted> => {
      const before = await recordsIn(servers);
      const subject = start(onSubjectCore(nodeCommand(file, servers)));
      try {
        const { url } = await subject.next<{ url: string }>();
        const posted = await postFor({ url, pid: subject.pid }, form, seconds);
        assert.equal((await recordsIn(servers)) - before, posted.samples, `${file} did not write what it accepted`);
        return posted;
      } finally {
        await subject.end();
      }
    };
    const ours = 'subjects/ingest-service.ts';
    const subjects: Record<string, () => Promise<Posted>> = {
      'JSON: ours': onKafka(ours, json),
      'JSON: fastify and KafkaJS': onKafka('peers/fastify-kafkajs.ts', json),
      'lines: ours': onKafka(ours, lines),
      'OTLP in JSON: ours': onKafka(ours, otlp),
    };
    if (spawnSync('vmagent', ['--version'], { stdio: 'ignore' }).error === undefined) {
      subjects['lines: vmagent'] = () => vmagent(lines, seconds);
    }
    const describe = (one: Posted): string =>
      `${(one.samplesPerCpuSecond / 1_000).toFixed(0)} k samples a CPU-second, p99 ${one.p99Ms.toFixed(1)} ms`;
    const runs = await runPairs({ scenario: 'B11', pairs: pairsOf(options, 10), subjects, describe }, options);
    return rows(runs);
  });
}

/** How many records `metrics` has. */
async function recordsIn(servers: string): Promise<number> {
  let records = 0;
  await withLog(servers, async (log) => {
    for (let partition = 0; partition < topics.metrics.partitions; partition++) {
      records += (await log.bounds(topics.metrics.name, partition)).next;
    }
  });
  return records;
}

async function vmagent(form: PostForm, seconds: { warm: number; measured: number }): Promise<Posted> {
  const receiver = createHttpServer((request, response) => {
    request.resume().on('end', () => response.writeHead(204).end());
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const folder = mkdtempSync(join(tmpdir(), 'ssrms-vmagent-'));
  const port = await freePort();
  const { port: receiverPort } = receiver.address() as AddressInfo;
  const command = [
    'vmagent',
    `-remoteWrite.url=http://127.0.0.1:${receiverPort}/api/v1/write`,
    `-remoteWrite.tmpDataPath=${folder}`,
    `-httpListenAddr=127.0.0.1:${port}`,
    '-influxSkipSingleField',
  ];
  const subject = start(onSubjectCore(command));
  try {
    const url = `http://127.0.0.1:${port}`;
    while ((await fetch(`${url}/health`).catch(() => undefined))?.ok !== true) await sleep(50);
    return await postFor({ url, pid: subject.pid }, form, seconds);
  } finally {
    await subject.end();
    receiver.close();
    receiver.closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function rows(runs: Readonly<Record<string, readonly Posted[]>>): Result[] {
  const perCpu = (name: string): number[] => runs[name]!.map((one) => one.samplesPerCpuSecond);
  const figures = Object.entries(runs).flatMap(([name, all]): Result[] => [
    {
      scenario: 'B11',
      what: `${name}, samples a CPU-second`,
      value: bootstrap(all.map((one) => one.samplesPerCpuSecond / 1_000)),
      unit: 'k',
    },
    { scenario: 'B11', what: `${name}, p99 to the answer`, value: bootstrap(all.map((one) => one.p99Ms)), unit: 'ms' },
  ]);
  const against = (what: string, [above, below]: readonly [string, string], atLeast: number): Result => ({
    scenario: 'B11',
    what,
    value: bootstrap(ratios(perCpu(above), perCpu(below))),
    unit: 'x',
    goal: { atLeast },
  });
  const kafkajs = ['JSON: ours', 'JSON: fastify and KafkaJS'] as const;
  const agent = ['lines: ours', 'lines: vmagent'] as const;
  return [
    ...figures,
    against('JSON: ours / fastify and KafkaJS, samples a CPU-second', kafkajs, 5),
    ...(runs[agent[1]] === undefined ? [] : [against('lines: ours / vmagent, samples a CPU-second', agent, 0.5)]),
  ];
}
