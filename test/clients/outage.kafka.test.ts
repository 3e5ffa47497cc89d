// The log is away for 20 s under load: clients that keep what they could not send lose nothing, whoever asks is told 503 and when to
// come again, and memory stays where it was.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitForValue } from '../support/wait-until.ts';
import { createLogger } from '../../src/base/logger.ts';
import { recordsOf } from '../../src/log/batch.ts';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import { topics } from '../../src/topics.ts';
import { startKafka, type Kafka } from '../support/kafka/kafka-broker.ts';
import { startSsrms, type SsrmsProcess } from '../support/ssrms-process.ts';
import { needs, demandProgram, root, startProgram, type Program } from './programs.ts';
import { snippet } from './snippets.ts';

const outageMs = 20_000;
const memoryBytesMax = 600 * 1024 * 1024;

let kafka: Kafka;
let ingest: SsrmsProcess;
let folder: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ssrms-outage-'));
  kafka = await startKafka();
  ingest = await startSsrms(['ingest'], { env: { BROKER: kafka.bootstrap, LOG_LEVEL: 'warn' } });
});
after(async () => {
  await ingest.stop();
  await kafka.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A page whose value is one more each time it is read, for each of two scrapers. */
async function startCounter() {
  const shown: Record<string, number> = { '/prometheus': 0, '/vmagent': 0 };
  const server = createServer(({ url = '' }, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end(`outage_${url.slice(1)} ${++shown[url]!}\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    shown: (name: string) => shown[`/${name}`]!,
    config: (name: string) =>
      `scrape_configs:\n  - job_name: counter\n    metrics_path: /${name}\n    static_configs:\n      - targets: ["${target}"]\n`,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const linesWritten = 300;

/** Influx' client, as printed but for the token and what it writes: a number that is one more each time, ten times a second. */
function startInfluxClient(): Program {
  const code = snippet('influx.mjs', { url: ingest.url }).replace(
    /^(lines\.writePoint|await lines\.close)\(.*\n?/gm,
    '',
  );
  // Where node looks for the packages that the snippet imports.
  const file = join(root, `.cache/clients/outage-${process.pid}.mjs`);
  const write = `lines.writePoint(new Point('outage_influx').intField('value', ++written))`;
  const loop = `let written = 0;\nsetInterval(() => written < ${linesWritten} && ${write}, 100);\n`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${code}\n${loop}`);
  const program = startProgram(process.execPath, [file], { SSRMS_TOKEN: 'none', NODE_NO_WARNINGS: '1' });
  const stop = async (): Promise<void> => {
    await program.stop();
    rmSync(file);
  };
  return { output: () => program.output(), stop };
}

/** Posts until told to end; what each was answered, and how long that took. */
function startPoster(url: string) {
  const answers: { status: number; retryAfter: string | null; tookMs: number }[] = [];
  const phase = { isOver: false };
  let sent = 0;
  const work = async (): Promise<void> => {
    while (!phase.isOver) {
      const samples = Array.from({ length: 100 }, () => ({ name: 'outage_posted', value: sent++ }));
      const beganMs = performance.now();
      const answer = await fetch(`${url}/api/v1/metrics`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(samples),
      });
      await answer.text();
      const tookMs = performance.now() - beganMs;
      answers.push({ status: answer.status, retryAfter: answer.headers.get('retry-after'), tookMs });
      await sleep(20);
    }
  };
  const all = Promise.all([work(), work(), work(), work()]);
  return {
    answers,
    async end() {
      phase.isOver = true;
      await all;
    },
  };
}

function startScrapers(counter: { config(name: string): string }): Program[] {
  const where = { url: ingest.url };
  const prometheusFile = join(folder, 'prometheus.yml');
  // Without tokens there is no file to read one from.
  const printed = snippet('prometheus.yml', where).replace(/ {4}authorization:\n.*\n/, '');
  writeFileSync(prometheusFile, `${printed}\n${counter.config('prometheus')}`);
  const vmagentFile = join(folder, 'scrape.yml');
  writeFileSync(vmagentFile, `global:\n  scrape_interval: 1s\n${counter.config('vmagent')}`);
  return [
    startProgram(demandProgram('prometheus'), [
      `--config.file=${prometheusFile}`,
      `--storage.tsdb.path=${join(folder, 'prometheus')}`,
      '--web.listen-address=127.0.0.1:0',
    ]),
    startProgram(demandProgram('vmagent'), [
      `-promscrape.config=${vmagentFile}`,
      `-remoteWrite.url=${ingest.url}/api/v1/write`,
      '-remoteWrite.flushInterval=100ms',
      `-remoteWrite.tmpDataPath=${join(folder, 'vmagent')}`,
      '-httpListenAddr=127.0.0.1:0',
    ]),
  ];
}

async function valuesOf(names: readonly string[]): Promise<Map<string, Set<number>>> {
  const found = new Map(names.map((name) => [name, new Set<number>()]));
  const log = await openKafkaLog({
    bootstrap: kafka.bootstrap,
    clientId: 'test',
    logger: createLogger('silent', 'test'),
  });
  for (let partition = 0; partition < topics.metrics.partitions; partition++) {
    for await (const chunk of log.read(topics.metrics.name, partition, { from: { offset: 0 } })) {
      for (const { key, value } of recordsOf(chunk)) {
        const values = found.get(Buffer.from(key ?? []).toString());
        values?.add((JSON.parse(Buffer.from(value ?? []).toString()) as { value: number }).value);
      }
    }
  }
  await log.close();
  return found;
}

const needed = { ...needs('prometheus'), ...needs('vmagent') };

test(
  "Kafka stands still for 20 s: Prometheus, vmagent and Influx' client lose nothing, posts are told 503 in time",
  needed,
  async () => {
    const counter = await startCounter();
    const programs = [...startScrapers(counter), startInfluxClient()];
    const poster = startPoster(ingest.url);
    try {
      while (counter.shown('prometheus') < 3 || counter.shown('vmagent') < 3) await sleep(100);
      kafka.pause();
      await sleep(outageMs / 2);
      assert.equal((await fetch(`${ingest.url}/health/ready`)).status, 503);
      await sleep(outageMs / 2);
      kafka.resume();
      await sleep(5_000);
      await poster.end();
      const wanted = new Map(['prometheus', 'vmagent'].map((name) => [`outage_${name}`, counter.shown(name)]));
      wanted.set('outage_influx', linesWritten);
      const missing = async (): Promise<string[]> => {
        const found = await valuesOf([...wanted.keys()]);
        return [...wanted].flatMap(([name, last]) =>
          Array.from({ length: last }, (_, index) => index + 1)
            .filter((value) => !found.get(name)!.has(value))
            .map((value) => `${name} ${value}`),
        );
      };
      await waitForValue('no sample is missing', missing, (names) => names.length === 0, { pollMs: 500 });
      const refused = poster.answers.filter(({ status }) => status !== 200);
      assert.ok(refused.length > 5);
      for (const { status, retryAfter } of refused) {
        assert.equal(status, 503);
        assert.match(retryAfter ?? '', /^[12]$/);
      }
      const slowestMs = Math.max(...poster.answers.map(({ tookMs }) => tookMs));
      assert.ok(slowestMs < 5_000, `an answer took ${slowestMs} ms`);
      assert.equal(poster.answers.at(-1)!.status, 200);
      const peakKb = Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${ingest.pid}/status`, 'utf8'))![1]);
      assert.ok(peakKb * 1024 < memoryBytesMax, `${peakKb} kB`);
    } finally {
      for (const program of programs) await program.stop();
      await counter.close();
    }
  },
);
