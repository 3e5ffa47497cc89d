// One request of each protocol that is right, for tests of what all of them have in common.
import * as snappy from 'snappyjs';
import { encode } from './protos.ts';

const point = {
  resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'm', gauge: { dataPoints: [{ asDouble: 1 }] } }] }] }],
};
const sample = { value: 1, timestamp: BigInt(Date.now()) };
const series1 = { timeseries: [{ labels: [{ name: '__name__', value: 'm' }], samples: [sample] }] };
const series2 = { symbols: ['', '__name__', 'm'], timeseries: [{ labelsRefs: [1, 2], samples: [sample] }] };

export interface ProtocolRequest {
  readonly path: string;
  readonly body: string | Buffer;
  readonly headers: Record<string, string>;
  /** What a success is answered. */
  readonly success: number;
}
const snappyHeaders = { 'content-encoding': 'snappy' };
/** By protocol; each carries one sample named `m`. */
export const protocols: Readonly<Record<string, ProtocolRequest>> = {
  json: {
    path: '/api/v1/metrics',
    body: '{"name":"m","value":1}',
    headers: { 'content-type': 'application/json' },
    success: 200,
  },
  remoteWrite1: {
    path: '/api/v1/write',
    body: snappy.compress(encode('WriteRequest', series1)),
    headers: { ...snappyHeaders, 'content-type': 'application/x-protobuf' },
    success: 204,
  },
  remoteWrite2: {
    path: '/api/v1/write',
    body: snappy.compress(encode('Request2', series2)),
    headers: { ...snappyHeaders, 'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request' },
    success: 204,
  },
  otlp: {
    path: '/v1/metrics',
    body: encode('ExportMetricsServiceRequest', point),
    headers: { 'content-type': 'application/x-protobuf' },
    success: 200,
  },
  otlpJson: {
    path: '/v1/metrics',
    body: JSON.stringify(point),
    headers: { 'content-type': 'application/json' },
    success: 200,
  },
  influx2: {
    path: '/api/v2/write?precision=ms',
    body: 'm value=1',
    headers: { 'content-type': 'text/plain' },
    success: 204,
  },
  influx1: { path: '/write?db=x', body: 'm value=1', headers: { 'content-type': 'text/plain' }, success: 204 },
};
