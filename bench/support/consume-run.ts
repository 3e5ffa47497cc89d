import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const bench = fileURLToPath(new URL('..', import.meta.url));
const jars = fileURLToPath(new URL('../../.cache/peers/*', import.meta.url));
const runMsMax = 300_000;

/** What one consumer did: its CPU time counts all threads, from its first record on (ours: from before it joins). */
export interface Consumed {
  readonly records: number;
  readonly cpuNs: number;
  readonly wallNs: number;
  /** The verdict: how many alarms fired, and the sum of offset · 20 + partition of the samples that fired them. */
  readonly fired: number;
  readonly places: number;
}

export interface Load {
  readonly bootstrap: string;
  readonly topic: string;
  readonly records: number;
  readonly rules: number;
}

export type Consumer = (load: Load) => Promise<Consumed>;

/** Fresh processes, each on the first core alone: broker and load have the other. */
export const consumers = {
  ours: (load) => node('subjects/evaluate-service.ts', load.bootstrap, load.records),
  kafkajs: (load) => node('peers/kafkajs-service.ts', load.bootstrap, load.topic, load.records, load.rules),
  platformatic: (load) => node('peers/platformatic-service.ts', load.bootstrap, load.topic, load.records, load.rules),
  javaRaw: (load) => java('Plain.java', load.bootstrap, load.topic, load.records, 'raw', load.rules),
  javaJackson: (load) => java('Plain.java', load.bootstrap, load.topic, load.records, 'json', load.rules),
  streamsAtLeastOnce: (load) => streams(load, 'at_least_once'),
  streamsExactlyOnce: (load) => streams(load, 'exactly_once_v2'),
} satisfies Record<string, Consumer>;

export async function produceLoad(load: Load): Promise<void> {
  await run(
    'java',
    [
      '-cp',
      jars,
      join(bench, 'peers/Load.java'),
      load.bootstrap,
      load.topic,
      String(load.records),
      String(load.rules),
      'none',
    ],
    {
      timeout: runMsMax,
    },
  );
}

async function node(file: string, ...args: (string | number)[]): Promise<Consumed> {
  return lastLine('taskset', ['-c', '0', process.execPath, join(bench, file), ...args.map(String)]);
}

async function java(file: string, ...args: (string | number)[]): Promise<Consumed> {
  return lastLine('taskset', ['-c', '0', 'java', '-cp', jars, join(bench, 'peers', file), ...args.map(String)]);
}

async function streams(load: Load, guarantee: string): Promise<Consumed> {
  const folder = mkdtempSync(join(tmpdir(), 'ssrms-streams-'));
  try {
    return await java('Streams.java', load.bootstrap, load.topic, load.records, guarantee, load.rules, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function lastLine(command: string, args: readonly string[]): Promise<Consumed> {
  const { stdout } = await run(command, args, { timeout: runMsMax, maxBuffer: 2 ** 24 });
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Consumed;
}
