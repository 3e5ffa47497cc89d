// What all protocols' routes have in common: who is let in, how a body becomes samples, and when they are durable.
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Failure, type FailureCode } from '../base/failure.ts';
import type { Identity } from '../http/scope.ts';
import type { Admission, Lease } from './admission.ts';
import { InfluxReader } from './influx-lines.ts';
import { JsonScanner } from './json-scan.ts';
import { OtlpProtobufReader } from './otlp-protobuf.ts';
import { Undecodable } from './protobuf.ts';
import type { Quotas } from './quotas.ts';
import type { RecordPool } from './record-pool.ts';
import { RemoteWriteReader } from './remote-write.ts';
import { SampleSink } from './sample-sink.ts';
import type { TimeBounds } from './sample-time.ts';
import { encodingOf, readBody, type Encoding } from './unpack.ts';

export type Protocol = 'json' | 'remote_write_1' | 'remote_write_2' | 'otlp' | 'otlp_json' | 'influx_v1' | 'influx_v2';

/** One of each, for they remember the series that senders name again and again. */
export class Readers {
  readonly json: JsonScanner;
  readonly remoteWrite: Readonly<Record<1 | 2, RemoteWriteReader>>;
  readonly otlp: OtlpProtobufReader;
  readonly influx: InfluxReader;
  readonly partitionCount: number;

  constructor(partitionCount: number) {
    this.partitionCount = partitionCount;
    this.json = new JsonScanner(partitionCount);
    this.remoteWrite = { 1: new RemoteWriteReader(1, partitionCount), 2: new RemoteWriteReader(2, partitionCount) };
    this.otlp = new OtlpProtobufReader(partitionCount);
    this.influx = new InfluxReader(partitionCount);
  }
}

/** By what way samples came. */
export interface Origin {
  readonly protocol: Protocol;
  readonly subject: string;
}

/** The part of a request that is needed. */
interface IngestRequest {
  readonly raw: IncomingMessage;
  readonly headers: IncomingHttpHeaders;
  readonly identity: Identity | undefined;
}

/** What the routes of all protocols share. */
export interface IngestParts {
  readonly admission: Admission;
  readonly quotas: Quotas;
  readonly timeBounds: TimeBounds;
  readonly pool: RecordPool;
  readonly now: () => number;
  /** Rejects with the Failure `unavailable` while the log cannot be asked. */
  readers(): Promise<Readers>;
  /** Resolves when the sink's samples are durable. Rejects with the Failure `unavailable` when they may not be. */
  publish(sink: SampleSink, origin: Origin): Promise<void>;
  /** Logs bugs, for protocols with error formats of their own. */
  logFault(error: unknown, failure: { readonly code: FailureCode }): void;
  /** Counts a request's samples that were not written, by error. */
  countRefused(sink: SampleSink, origin: Origin): void;
}

export interface Reading<Result> {
  readonly protocol: Protocol;
  /** The first one holds when the request names none. */
  readonly encodings: readonly Encoding[];
  read(body: Buffer, sink: SampleSink, context: ReadContext): Promise<Result>;
  /** Whether the samples read are to be written; default true. */
  readonly accepts?: (sink: SampleSink, result: Result) => boolean;
}

export interface ReadContext {
  readonly readers: Readers;
  /** A fresh sink, for a second reader after the first one gave up. */
  readonly newSink: () => SampleSink;
}

export interface Taken<Result> {
  readonly sink: SampleSink;
  readonly result: Result;
}

/**
 * Takes in one request: admits it, reads its body into samples and waits until those are durable. Rejects with Failures
 * alone; each protocol has its own words for them.
 */
export async function takeIn<Result>(
  parts: IngestParts,
  request: IngestRequest,
  reading: Reading<Result>,
): Promise<Taken<Result>> {
  const encoding = encodingOf(request.headers, reading.encodings);
  const origin: Origin = { protocol: reading.protocol, subject: request.identity?.subject ?? 'anonymous' };
  parts.quotas.demandCredit(origin.subject);
  parts.admission.demandRoom();
  const lease = parts.admission.lease();
  try {
    const body = await readBody(request.raw, encoding, lease);
    const readers = await parts.readers();
    const taken = await readInto(parts, { reading, body, readers, lease, origin });
    parts.quotas.charge(origin.subject, taken.sink.samples, body.length);
    parts.countRefused(taken.sink, origin);
    if (reading.accepts?.(taken.sink, taken.result) !== false) await parts.publish(taken.sink, origin);
    return taken;
  } catch (error) {
    if (error instanceof Undecodable) throw new Failure('invalid_request', error.message);
    throw error;
  } finally {
    lease.release();
  }
}

interface Work<Result> {
  readonly reading: Reading<Result>;
  readonly body: Buffer;
  readonly readers: Readers;
  readonly lease: Lease;
  readonly origin: Origin;
}

async function readInto<Result>(parts: IngestParts, work: Work<Result>): Promise<Taken<Result>> {
  const { reading, body, readers, lease, origin } = work;
  let sink: SampleSink;
  const newSink = (): SampleSink => {
    sink = new SampleSink({
      partitionCount: readers.partitionCount,
      receivedMs: parts.now(),
      bounds: parts.timeBounds,
      records: parts.pool.take(Math.min(body.length * 2, 1024 * 1024)),
      take: (bytes) => lease.take(bytes),
      ...(parts.quotas.limitsSeries && {
        allowsSeries: (series: number) => parts.quotas.allowsSeries(origin.subject, series),
      }),
    });
    return sink;
  };
  const result = await reading.read(body, newSink(), { readers, newSink });
  return { sink: sink!, result };
}
