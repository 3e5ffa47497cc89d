import type { NewRecord, RecordChunk } from './record.ts';
import type { PackedRecords } from './packed-records.ts';

/**
 * The log: topics of partitions of records, the only door to storage. What is promised here holds for every adapter, and
 * log.contract.ts checks it. An offset is the place of a record in its partition; offsets grow and may have gaps
 * (compaction, markers of transactions). Times are milliseconds since the epoch. A record once acknowledged survives a
 * crash of any process.
 */
export interface Log {
  /**
   * Creates the topics that are missing, with these settings, and leaves those that are there as they are, except that a topic
   * with `asManyAs` gets the partitions that it lacks, now and for as long as the log is open. Rejects with Failure (conflict)
   * when one is there with fewer partitions than its settings say: keys would not be where others look for them.
   */
  ensureTopics(topics: readonly TopicSettings[]): Promise<void>;

  /**
   * How the topics that are there differ from these settings: others may have created or changed them. Resolves to nothing
   * for settings that this client may not read. Rejects with LogUnavailable.
   */
  topicDeviations(topics: readonly TopicSettings[]): Promise<readonly TopicDeviation[]>;

  /**
   * What keeps this client, now, from using the topics so: the log cannot be reached, a right is missing, a disk is full, or something
   * has been failing for seconds. Resolves within five seconds, to nothing when all is well.
   */
  problems(uses: readonly TopicUse[]): Promise<readonly LogProblem[]>;

  /** Grows when somebody adds partitions, which is noticed within ten seconds: views and groups then read them, too. */
  partitionCount(topic: string): Promise<number>;

  /** The first offset still held and the next to be given, as they stand now. */
  bounds(topic: string, partition: number): Promise<Bounds>;

  /**
   * Resolves when all records are durable, with the place of each, in order. Records of one call to one partition keep
   * their order, and so do calls made one after the other to one partition, awaited or not. While the process lives, a
   * record is written once, whatever answers were lost and repeated. Rejects with LogUnavailable when that could not be
   * had in time: the records may then stand in the log or not, and never half. Rejects with Failure (too_large,
   * invalid_field) when the log refuses a record, and with RangeError for a partition that is not there.
   */
  append(topic: string, records: readonly NewRecord[]): Promise<Place[]>;

  /**
   * As `append`, for many records without an object each; the offsets are not returned. The records must not be changed
   * before it has settled, nor after a rejection.
   */
  appendPacked(topic: string, records: PackedRecords): Promise<void>;

  /**
   * Follows all partitions of a topic from their beginning, in no group, until the signal aborts; `apply` gets each
   * partition's records in order. For a compacted topic this materializes its view. With `fromMs` each partition begins at
   * its first record that is not older, and at the head where there is none.
   */
  view(topic: string, apply: (chunk: RecordChunk) => void, signal: AbortSignal, fromMs?: number): View;

  /**
   * Shares a topic's partitions among the members of a group: each partition is handled by one member at a time, until
   * the signal aborts. `handle` is called with each claimed partition. When the claim's signal aborts it must settle what
   * it has under way and return: the partition is given up only then (or after a bounded wait). When it throws, the
   * partition is claimed again after a pause, from its committed position: as after a crash.
   *
   * After a crash the records since the last commit come again, none is skipped. A group without a position begins ten
   * minutes back.
   */
  process(topic: string, group: string, handle: (claim: Claim) => Promise<void>, signal: AbortSignal): Promise<void>;

  /** The records of one partition in a bounded range, in order, as far as they are still held. */
  read(topic: string, partition: number, range: ReadRange): AsyncIterable<RecordChunk>;

  close(): Promise<void>;
}

/** As timestampAheadMsMax: no record is refused for its timestamp. */
export const anyTimeAhead = Number.MAX_SAFE_INTEGER;

export interface TopicSettings {
  readonly name: string;
  readonly partitions: number;
  /** The name of a topic that this one has as many partitions as: a partition of one belongs to the same partition of the other. */
  readonly asManyAs?: string;
  readonly cleanup: 'delete' | 'compact';
  /** With `delete`: how long records are held. The adapter's default when absent. */
  readonly retentionMs?: number;
  /** With `compact`: the least age of a record before a newer one of its key may remove it. */
  readonly compactionLagMs?: number;
  /** How far a record's timestamp may be ahead of the log's clock: `append` refuses what is further (invalid_field). */
  readonly timestampAheadMsMax?: number;
}

/** What a process does with a topic. */
export interface TopicUse {
  readonly topic: string;
  readonly reads: boolean;
  readonly writes: boolean;
}

/** Without a secret. */
export interface LogProblem {
  readonly detail: string;
  /** What to do. */
  readonly remedy: string;
}

/** One way in which topics that are there differ from their settings. */
export interface TopicDeviation {
  readonly topics: readonly string[];
  readonly setting:
    | 'timestamp_ahead'
    | 'timestamp_type'
    | 'cleanup'
    | 'partitions'
    | 'replicas'
    | 'min_insync_replicas';
  /** Whether records are lost, or looked for in the wrong place, as long as it lasts: a process does not begin then. */
  readonly isFatal: boolean;
  /** What is there, what should be, and what follows from it. */
  readonly detail: string;
  /** The command that repairs it, for a shell. */
  readonly command: string;
}

export interface Place {
  readonly partition: number;
  readonly offset: number;
}

export interface Bounds {
  readonly first: number;
  readonly next: number;
}

/** Where a range begins (inclusive) and ends (exclusive). Without `to` it ends at the head that stands at the call. */
export interface ReadRange {
  readonly from: { readonly offset: number } | { readonly timestampMs: number };
  readonly to?: number;
  /** A chunk's bytes need hold only until the next is asked for: their memory may then be used again. */
  readonly lends?: boolean;
}

export interface View {
  /** Resolves when every partition has been applied up to the head that stood when the view began; rejects if it ends before. */
  readonly caughtUp: Promise<void>;
  /** Resolves when the record at this place has been applied; rejects when the view ends before. */
  applied(place: Place): Promise<void>;
  /** Resolves when the signal has aborted; rejects when the view cannot go on. */
  readonly ended: Promise<void>;
}

/** One partition, as long as this member owns it. */
export interface Claim {
  readonly partition: number;
  /** The group's committed position: the first offset not yet done. undefined when there is none. */
  readonly committed: number | undefined;
  /** Where to begin: `committed`, or without one the first record at most ten minutes old (the head if there is none). */
  readonly start: number;
  /** Aborts when the partition is lost, or the member stops. */
  readonly signal: AbortSignal;
  /**
   * Whether this member may still act as the owner: its last heartbeat is younger than half the group's timeout, on the
   * monotonic clock. Nothing can fence a process that was paused and woke, so ask before each act on the world.
   */
  isHeld(): boolean;
  /** The partition's next offset by the last answer, and its time by performance.now(). */
  head(): { readonly offset: number; readonly heardAtMs: number };
  /**
   * All records from an offset on, for ever; ends when the claim's signal aborts. One reader at a time. A chunk's bytes hold
   * until the next is asked for: copy what must outlive it. Rejects with OffsetGone.
   */
  read(fromOffset: number): AsyncIterable<RecordChunk>;
  /** As Log.append; rejects with ClaimLost, having written nothing, when the claim is no longer held. */
  append(topic: string, records: readonly NewRecord[]): Promise<Place[]>;
  /** Resolves when the position is durable: the first offset not yet done. Rejects with ClaimLost. */
  commit(nextOffset: number): Promise<void>;
}

/** The log could not be reached, or did not answer in time. A retry can help. */
export class LogUnavailable extends Error {
  override name = 'LogUnavailable';
}

/** The partition belongs to another member now, or may: restore before acting on it again. */
export class ClaimLost extends Error {
  override name = 'ClaimLost';
}

/** The offset asked for lies outside of what the log holds: retention overtook the reader, or the log lost its tail. */
export class OffsetGone extends Error {
  override name = 'OffsetGone';
  readonly asked: number;
  readonly bounds: Bounds;
  constructor(asked: number, bounds: Bounds) {
    super(`offset ${asked} is not in the log, which holds ${bounds.first} up to ${bounds.next}`);
    this.asked = asked;
    this.bounds = bounds;
  }
}
