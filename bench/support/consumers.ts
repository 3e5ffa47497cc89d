import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { topics } from '../../src/topics.ts';
import type { SpanFigures } from './measured-span.ts';
import type { Load } from './metrics-load.ts';
import { javaCommand, nodeCommand, runSubject } from './processes.ts';

/** What one consumer of the whole load did, and its verdict: how many alarms fired, and the sum of offset * 20 + partition. */
export interface Consumed extends SpanFigures {
  readonly fired: number;
  readonly places: number;
  /** Ours alone: notifications with the id of another. */
  readonly copies?: number;
}

export interface ConsumedLoad extends Load {
  /** Counted are the records from `from` to `until` of all that are read. */
  readonly from: number;
  readonly until: number;
}

const counted = ({ records, from, until }: ConsumedLoad) => [records, from, until] as const;
const metrics = topics.metrics.name;
/** Where Kafka Streams puts its alarms. */
export const peerTopic = { name: 'peer-alarms', partitions: topics.metrics.partitions, cleanup: 'delete' } as const;

/** Each runs once over the whole load, in a fresh process. */
export const consumers = {
  ours: (load: ConsumedLoad) =>
    runSubject<Consumed>(nodeCommand('subjects/evaluate-service.ts', load.bootstrap, ...counted(load))),
  oursLoose: (load: ConsumedLoad) =>
    runSubject<Consumed>(nodeCommand('subjects/evaluate-service.ts', load.bootstrap, ...counted(load), 'loose')),
  kafkajs: (load: ConsumedLoad) => peer(load, 'peers/kafkajs-service.ts'),
  platformatic: (load: ConsumedLoad) => peer(load, 'peers/platformatic-service.ts'),
  javaRaw: (load: ConsumedLoad) => plain(load, 'raw'),
  javaJackson: (load: ConsumedLoad) => plain(load, 'json'),
  streamsAtLeastOnce: (load: ConsumedLoad) => streams(load, 'at_least_once'),
  streamsExactlyOnce: (load: ConsumedLoad) => streams(load, 'exactly_once_v2'),
};

function peer(load: ConsumedLoad, file: string): Promise<Consumed> {
  return runSubject(nodeCommand(file, load.bootstrap, metrics, ...counted(load), load.rules));
}

function plain(load: ConsumedLoad, what: 'raw' | 'json'): Promise<Consumed> {
  return runSubject(javaCommand('Plain', load.bootstrap, metrics, ...counted(load), load.rules, what));
}

async function streams(load: ConsumedLoad, guarantee: string): Promise<Consumed> {
  const folder = mkdtempSync(join(tmpdir(), 'ssrms-streams-'));
  try {
    return await runSubject(
      javaCommand('Streams', load.bootstrap, metrics, ...counted(load), load.rules, guarantee, folder),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function nsPerRecord({ warm }: Pick<SpanFigures, 'warm'>): number {
  return warm.cpuNs / warm.records;
}

export function coldNsPerRecord({ cold }: Pick<SpanFigures, 'cold'>): number {
  return cold.cpuNs / cold.records;
}

/** Million records a second by the wall clock. */
export function rate({ warm }: Pick<SpanFigures, 'warm'>): number {
  return (warm.records * 1e3) / warm.wallNs;
}

export function describeConsumed(figures: SpanFigures): string {
  return `${nsPerRecord(figures).toFixed(0)} ns/record, ${rate(figures).toFixed(2)} M/s, cold ${coldNsPerRecord(figures).toFixed(0)} ns/record`;
}
