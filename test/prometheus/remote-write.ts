// What Prometheus stores, as the records of `metrics` that its remote write leads to: requests as Prometheus encodes them, read by the
// reader of the ingest service. So names and labels, and what becomes of the marker of a series that has ended, are those of production.
import type { NewRecord } from '../../src/log/record.ts';
import { PackedRecords, unpackRecords } from '../../src/log/packed-records.ts';
import { RemoteWriteReader } from '../../src/ingest/remote-write.ts';
import { SampleSink } from '../../src/ingest/sample-sink.ts';
import { encode } from '../../src/ingest/testing/protos.ts';
import type { Series, Stored } from './histories.ts';

/** The log's timestamps are milliseconds since 1970. */
export const epochMs = 1_700_000_000_000;

const partitionCount = 20;
/** Stands for the marker until the request is bytes: as a number of JavaScript a NaN loses which NaN it is. */
const placeholder = -1.234_567_890_123e300;
const placeholderBytes = Buffer.from(Float64Array.of(placeholder).buffer);
/** Prometheus' StaleNaN. */
const markerBytes = Buffer.from([0x02, 0, 0, 0, 0, 0, 0xf0, 0x7f]);

/** By the time at which they come. */
export async function recordsByTime(series: readonly Series[]): Promise<ReadonlyMap<number, readonly NewRecord[]>> {
  const reader = new RemoteWriteReader(1, partitionCount);
  const scraped = new Map<number, object[]>();
  for (const { name, labels, stored } of series)
    for (const sample of stored)
      scraped.set(sample.timeMs, [...(scraped.get(sample.timeMs) ?? []), timeseriesOf(name, labels, sample)]);
  const records = new Map<number, readonly NewRecord[]>();
  for (const [timeMs, timeseries] of scraped) {
    const sink = new SampleSink({
      partitionCount,
      receivedMs: epochMs + timeMs,
      bounds: { pastMsMax: 3_600_000, futureMsMax: 600_000 },
      records: new PackedRecords(100),
      take: () => {},
    });
    await reader.read(withMarkers(encode('WriteRequest', { timeseries })), sink);
    if (sink.rejected > 0) throw new Error(JSON.stringify(sink.errors));
    records.set(timeMs, unpackRecords(sink.records));
  }
  return records;
}

function timeseriesOf(name: string, labels: Series['labels'], { timeMs, value }: Stored): object {
  const all = Object.entries({ __name__: name, ...labels }).sort(([one], [other]) => (one < other ? -1 : 1));
  return {
    labels: all.map(([label, text]) => ({ name: label, value: text })),
    samples: [{ value: value === 'stale' ? placeholder : value, timestamp: BigInt(epochMs + timeMs) }],
  };
}

function withMarkers(request: Buffer): Buffer {
  for (let at = request.indexOf(placeholderBytes); at >= 0; at = request.indexOf(placeholderBytes, at))
    markerBytes.copy(request, at);
  return request;
}
