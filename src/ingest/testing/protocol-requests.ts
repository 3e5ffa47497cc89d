// One request of each protocol that is right, and what it takes to make it wrong, for tests of what all of them have in common.
import * as snappy from 'snappyjs';
import { encode } from './protos.ts';

export interface ProtocolRequest {
  readonly path: string;
  readonly headers: Record<string, string>;
  /** What a success is answered. */
  readonly success: number;
  /** One sample, named `m`. */
  readonly body: Buffer;
  /** A body that is packed as it should be, and none of the protocol's. */
  readonly broken: Buffer;
  /** The body with as many samples. */
  withSamples(count: number): Buffer;
}

const snappyHeaders = { 'content-encoding': 'snappy' };
const lines = (count: number): Buffer => Buffer.from('m value=1\n'.repeat(count));

/** By protocol. */
export const protocols: Readonly<Record<string, ProtocolRequest>> = {
  json: requestOf({
    path: '/api/v1/metrics',
    headers: { 'content-type': 'application/json' },
    success: 200,
    withSamples: (count) => Buffer.from(JSON.stringify(repeated({ name: 'm', value: 1 }, count))),
  }),
  remoteWrite1: requestOf({
    path: '/api/v1/write',
    headers: { ...snappyHeaders, 'content-type': 'application/x-protobuf' },
    success: 204,
    withSamples: (count) =>
      snappy.compress(
        encode('WriteRequest', {
          timeseries: [{ labels: [{ name: '__name__', value: 'm' }], samples: samples(count) }],
        }),
      ),
  }),
  remoteWrite2: requestOf({
    path: '/api/v1/write',
    headers: { ...snappyHeaders, 'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request' },
    success: 204,
    withSamples: (count) =>
      snappy.compress(
        encode('Request2', {
          symbols: ['', '__name__', 'm'],
          timeseries: [{ labelsRefs: [1, 2], samples: samples(count) }],
        }),
      ),
  }),
  otlp: requestOf({
    path: '/v1/metrics',
    headers: { 'content-type': 'application/x-protobuf' },
    success: 200,
    withSamples: (count) => encode('ExportMetricsServiceRequest', points(count)),
  }),
  otlpJson: requestOf({
    path: '/v1/metrics',
    headers: { 'content-type': 'application/json' },
    success: 200,
    withSamples: (count) => Buffer.from(JSON.stringify(points(count))),
  }),
  influx2: requestOf({
    path: '/api/v2/write?precision=ms',
    headers: { 'content-type': 'text/plain' },
    success: 204,
    withSamples: lines,
  }),
  influx1: requestOf({
    path: '/write?db=x',
    headers: { 'content-type': 'text/plain' },
    success: 204,
    withSamples: lines,
  }),
};

function requestOf(request: Omit<ProtocolRequest, 'body' | 'broken'>): ProtocolRequest {
  const nothing = Buffer.alloc(20, 0xff);
  const broken = request.headers['content-encoding'] === 'snappy' ? snappy.compress(nothing) : nothing;
  return { ...request, body: request.withSamples(1), broken };
}

function repeated<Item>(item: Item, count: number): Item[] {
  return Array.from({ length: count }, () => item);
}

function samples(count: number): object[] {
  return repeated({ value: 1, timestamp: BigInt(Date.now()) }, count);
}

function points(count: number): object {
  const metric = { name: 'm', gauge: { dataPoints: repeated({ asDouble: 1 }, count) } };
  return { resourceMetrics: [{ scopeMetrics: [{ metrics: [metric] }] }] };
}
