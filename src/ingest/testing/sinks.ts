import { PackedRecords, unpackRecords } from '../../log/packed-records.ts';
import { SampleSink } from '../sample-sink.ts';

export const partitions = 20;
/** A clock that stands. */
export const nowMs = Date.parse('2026-08-06T12:00:00.000Z');

export interface ReadSample {
  readonly name: string;
  readonly text: string;
  readonly timestampMs: number;
}

export function newSink(take: (bytes: number) => void = () => {}): SampleSink {
  const bounds = { pastMsMax: 3_600_000, futureMsMax: 600_000 };
  return new SampleSink({
    partitionCount: partitions,
    receivedMs: nowMs,
    bounds,
    records: new PackedRecords(100),
    take,
  });
}

/** What a sink holds, as a reader of `metrics` would see it. */
export function samplesIn(sink: SampleSink): ReadSample[] {
  return unpackRecords(sink.records).map(({ key, value, timestampMs }) => ({
    name: Buffer.from(key).toString(),
    text: Buffer.from(value ?? []).toString(),
    timestampMs,
  }));
}
