// What goes into the log, and what comes out of it.

export interface NewRecord {
  readonly key: Uint8Array;
  /** null is a tombstone: it deletes the key from a compacted topic. */
  readonly value: Uint8Array | null;
  readonly timestampMs: number;
  /** Computed from the key as Java's clients do (murmur2) when absent. */
  readonly partition?: number;
}

/**
 * Some whole record batches of one partition (batch.ts reads them), uncompressed, without control batches and aborted
 * records. The first batch may begin before `firstOffset` and the last may go beyond `nextOffset`: those records are not
 * part of the chunk. `batches` may be empty, when all between the two was left out.
 */
export interface RecordChunk {
  readonly partition: number;
  readonly batches: readonly Uint8Array[];
  readonly firstOffset: number;
  readonly nextOffset: number;
  /** The partition's next offset to be given, as known when the chunk was read. */
  readonly headOffset: number;
  /** How many records were left out because their batch is damaged or unpacks to too much; absent when none. */
  readonly unreadable?: number;
}
