import { PackedRecords } from '../log/packed-records.ts';

const keptMax = 32;
const keptBytesMax = 256 * 1024;

/** Memory that samples are written into, used again: fresh memory for each request costs more than writing into it. */
export class RecordPool {
  readonly #kept: PackedRecords[] = [];

  take(bytesExpected: number): PackedRecords {
    return this.#kept.pop() ?? new PackedRecords(bytesExpected);
  }

  /** Takes memory back, which must have no other user. */
  give(records: PackedRecords): void {
    if (records.bytes.length > keptBytesMax || this.#kept.length >= keptMax) return;
    records.clear();
    this.#kept.push(records);
  }
}
