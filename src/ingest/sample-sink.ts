import { Failure } from '../base/failure.ts';
import type { PackedRecords } from '../log/packed-records.ts';
import { writeVarint } from '../log/batch.ts';
import { copyBytes, viewOf } from '../base/byte-copy.ts';
import { decimalBytesMax, writeDecimal } from './decimal.ts';
import { errorsListedMax, recordBytesMax, samplesMax, samplesPerTurn } from './ingest-limits.ts';
import type { Rejection, RejectionCode, SkipReason } from './rejection.ts';
import { judgeTimestamp, type TimeBounds } from './sample-time.ts';
import { seriesHash, type SeriesForm } from './series-form.ts';

export interface ListedError extends Rejection {
  /** The place of the sample in its request, from 0. */
  readonly index: number;
}

export interface SinkOptions {
  readonly partitionCount: number;
  readonly receivedMs: number;
  readonly bounds: TimeBounds;
  /** Empty: where the samples are written. */
  readonly records: PackedRecords;
  /** Told of bytes as they are taken; throws when there is no room. */
  readonly take: (bytes: number) => void;
  /** Whether the sender may send the series with this hash, where senders have a quota of them. */
  readonly allowsSeries?: (series: number) => boolean;
}

/** `{"value": `, then the number. */
const opening = viewOf(Buffer.from('{"value": '));
/** The number of the sample at hand. */
const number = new Uint8Array(decimalBytesMax);
const frameBytes = 10 + opening.byteLength + decimalBytesMax;

/**
 * Where the samples of one request go, whatever protocol they come in: checked against the clock and the limits, and
 * written as records side by side, with no object a sample.
 */
export class SampleSink {
  readonly partitionCount: number;
  readonly receivedMs: number;
  readonly bounds: TimeBounds;
  readonly records: PackedRecords;
  /** All samples seen so far, accepted or not. */
  samples = 0;
  /** Samples that are to be written. */
  accepted = 0;
  /** Samples whose sender's clock runs ahead. */
  skewed = 0;
  rejected = 0;
  readonly errors: ListedError[] = [];
  readonly rejectedBy = new Map<RejectionCode, number>();
  readonly skippedBy = new Map<SkipReason, number>();
  readonly #take: (bytes: number) => void;
  readonly #allowsSeries: ((series: number) => boolean) | undefined;
  readonly #freshMs: number;
  #bytesTaken: number;
  #turnEnd = samplesPerTurn;

  constructor(options: SinkOptions) {
    this.partitionCount = options.partitionCount;
    this.receivedMs = options.receivedMs;
    this.bounds = options.bounds;
    this.#freshMs = options.receivedMs - options.bounds.pastMsMax;
    this.#take = options.take;
    this.#allowsSeries = options.allowsSeries;
    this.records = options.records;
    this.#bytesTaken = this.records.bytes.length;
    options.take(this.#bytesTaken);
  }

  /** A sample of this series. Without a timestamp it is of now; one that is no number is judged as the own JSON's are. */
  add(series: SeriesForm, value: number, timestamp: unknown): void {
    this.#count();
    if (!Number.isFinite(value)) return this.#skip('not_finite');
    if (this.#allowsSeries?.(seriesHash(series)) === false) {
      return this.#refuse({
        code: 'too_many_series',
        message: 'the sender has as many series as it may have, or begins more of them at once than it may',
      });
    }
    let timestampMs = this.receivedMs;
    if (typeof timestamp === 'number' && timestamp >= this.#freshMs && timestamp <= this.receivedMs) {
      timestampMs = Math.floor(timestamp);
    } else if (timestamp !== undefined) {
      const verdict = judgeTimestamp(timestamp, this.receivedMs, this.bounds);
      if ('code' in verdict) return this.#refuse(verdict);
      if (verdict.skewed) this.skewed++;
      timestampMs = verdict.timestampMs;
    }
    this.#write(series, value, timestampMs);
  }

  /** A sample that is right, and has no value that can be published. */
  skip(reason: SkipReason): void {
    this.#count();
    this.#skip(reason);
  }

  /** A sample that is wrong. */
  reject(rejection: Rejection): void {
    this.#count();
    this.#refuse(rejection);
  }

  /** Whether it is time to let others have their turn of the event loop. */
  get turnIsOver(): boolean {
    if (this.samples < this.#turnEnd) return false;
    this.#turnEnd = this.samples + samplesPerTurn;
    return true;
  }

  #count(): void {
    if (++this.samples > samplesMax) {
      throw new Failure('too_large', `the request has more than ${samplesMax} samples`);
    }
  }

  #skip(reason: SkipReason): void {
    this.skippedBy.set(reason, (this.skippedBy.get(reason) ?? 0) + 1);
  }

  #refuse({ code, message }: Rejection): void {
    this.rejected++;
    this.rejectedBy.set(code, (this.rejectedBy.get(code) ?? 0) + 1);
    if (this.errors.length < errorsListedMax) this.errors.push({ index: this.samples - 1, code, message });
  }

  #write(series: SeriesForm, value: number, timestampMs: number): void {
    const { records } = this;
    records.reserve(frameBytes + series.end - series.keyStart);
    if (records.bytes.length > this.#bytesTaken) this.#grow();
    const { bytes, view } = records;
    const numberBytes = writeDecimal(number, value);
    let at = copyBytes(series.view, series.keyStart, series.endingStart, view, records.bytesUsed);
    at = writeVarint(bytes, at, opening.byteLength + numberBytes + series.end - series.endingStart);
    at = copyBytes(opening, 0, opening.byteLength, view, at);
    for (let index = 0; index < numberBytes; index++) bytes[at++] = number[index]!;
    at = copyBytes(series.view, series.endingStart, series.end, view, at);
    bytes[at++] = 0;
    records.push(series.partition, timestampMs, at);
    this.accepted++;
  }

  /** Tags that many samples share are written with each of them: a small body can come to much. */
  #grow(): void {
    const { length } = this.records.bytes;
    if (this.records.bytesUsed > recordBytesMax) {
      throw new Failure(
        'too_large',
        `the samples come to more than ${recordBytesMax} bytes with their tags: send fewer`,
      );
    }
    this.#take(length - this.#bytesTaken);
    this.#bytesTaken = length;
  }
}
