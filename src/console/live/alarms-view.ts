import type { Health, HealthReport } from '../../base/health.ts';
import { Failure } from '../../base/failure.ts';
import type { Logger } from '../../base/logger.ts';
import type { Meter } from '../../base/meter.ts';
import {
  alarmRecordKey,
  keyOfAlarmRecord,
  parseAlarmRecord,
  supersedes,
  type AlarmRecord,
} from '../../alarm/alarm-record.ts';
import { recordsOf, type LogRecord } from '../../log/batch.ts';
import type { Log } from '../../log/log.ts';
import type { RecordChunk } from '../../log/record.ts';
import { isOfCanary } from '../../rule/canary.ts';
import { topics } from '../../topics.ts';
import type { AlarmChange } from './transition.ts';

export type StateName = AlarmRecord['state']['state'];

export interface AlarmsViewOptions {
  readonly log: Log;
  readonly health: Health;
  readonly meter: Meter;
  readonly logger: Logger;
  readonly listener?: AlarmsListener;
}

export interface AlarmsListener {
  /** Called with each record, before it is applied. */
  seen(place: LogRecord): void;
  /** Called when a record becomes the valid one of its key. */
  changed(change: AlarmChange): void;
  removed(before: AlarmRecord, atMs: number): void;
  /** All records of the partition before this offset have been read. */
  advanced(partition: number, nextOffset: number): void;
}

const utf8 = new TextDecoder();

/**
 * The state of every alarm, from the compacted topic `alarms`:
 *
 *   record ──> newer than its key's record? ──> by rule ──> by key
 *
 * `supersedes` decides which of two records of a key is valid: an instance that was paused may append outdated records
 * (docs/ARCHITECTURE.md).
 */
export class AlarmsView {
  readonly #options: AlarmsViewOptions;
  readonly #becomeReady: () => void;
  readonly #unreadable: () => void;
  readonly #byRule = new Map<string, Map<string, AlarmRecord>>();
  readonly #counts: Record<StateName, number> = { firing: 0, pending: 0, ok: 0 };
  /** By key, only alarms that are not OK: showing twenty must not scan a million. */
  readonly #active = new Map<string, AlarmRecord>();
  #version = 0;
  #state: 'reading' | 'following' | 'ended' = 'reading';

  constructor(options: AlarmsViewOptions) {
    this.#options = options;
    this.#becomeReady = options.health.awaitReady('alarms');
    const unreadable = options.meter.counter(
      'console_alarms_unreadable_total',
      'Records of alarms that could not be read',
    );
    this.#unreadable = () => unreadable.inc();
    options.health.add('alarms view', () => this.#report());
  }

  /** Follows the topic until the signal aborts; rejects when it cannot. */
  async run(signal: AbortSignal): Promise<void> {
    const view = this.#options.log.view(topics.alarms.name, (chunk) => this.#apply(chunk), signal);
    try {
      view.caughtUp.then(
        () => {
          this.#state = 'following';
          this.#becomeReady();
        },
        // `ended` has the better reason.
        () => {},
      );
      await view.ended;
    } finally {
      this.#state = 'ended';
    }
  }

  /** Whether all that stood in the log at the start has been read. */
  get isCaughtUp(): boolean {
    return this.#state !== 'reading';
  }

  /** Alarms by state. */
  get counts(): Readonly<Record<StateName, number>> {
    this.#demandCaughtUp();
    return this.#counts;
  }

  /** Grows with each change of any alarm. */
  get version(): number {
    return this.#version;
  }

  /** The alarms that are firing or pending. */
  active(): Iterable<AlarmRecord> {
    this.#demandCaughtUp();
    return this.#active.values();
  }

  /** The alarms of one rule, in any state. */
  ofRule(ruleId: string): Iterable<AlarmRecord> {
    this.#demandCaughtUp();
    return this.#byRule.get(ruleId)?.values() ?? [];
  }

  /** By the key of its series. */
  get(ruleId: string, seriesKey: string): AlarmRecord | undefined {
    this.#demandCaughtUp();
    return this.#byRule.get(ruleId)?.get(alarmRecordKey(ruleId, seriesKey));
  }

  *[Symbol.iterator](): IterableIterator<AlarmRecord> {
    this.#demandCaughtUp();
    for (const alarms of this.#byRule.values()) yield* alarms.values();
  }

  #demandCaughtUp(): void {
    if (this.#state !== 'reading') return;
    throw new Failure('unavailable', 'the alarms are still being read from the log', { retryAfterSeconds: 1 });
  }

  #apply(chunk: RecordChunk): void {
    for (const record of recordsOf(chunk)) {
      const key = utf8.decode(record.key ?? undefined);
      // Alarms of the canary are internal.
      if (isOfCanary(key)) continue;
      this.#options.listener?.seen(record);
      if (record.value === null) this.#remove(key, record);
      else this.#set(key, record, record.value);
    }
    this.#options.listener?.advanced(chunk.partition, chunk.nextOffset);
  }

  #set(key: string, place: LogRecord, value: Uint8Array): void {
    const alarm = parseAlarmRecord(value);
    const wrong =
      'problem' in alarm ? alarm.problem : keyOfAlarmRecord(alarm) === key ? undefined : 'its key is another';
    if (wrong !== undefined || 'problem' in alarm) {
      this.#unreadable();
      const { partition, offset } = place;
      this.#options.logger.warn({ partition, offset }, `a record of alarms cannot be read: ${wrong}`);
      return;
    }
    const alarms = this.#byRule.get(alarm.ruleId) ?? new Map<string, AlarmRecord>();
    const before = alarms.get(key);
    if (before !== undefined && !supersedes(alarm, before)) return;
    if (before !== undefined) this.#counts[before.state.state]--;
    this.#counts[alarm.state.state]++;
    alarms.set(key, alarm);
    if (alarm.state.state === 'ok') this.#active.delete(key);
    else this.#active.set(key, alarm);
    this.#version++;
    this.#byRule.set(alarm.ruleId, alarms);
    const { partition, offset, timestampMs } = place;
    this.#options.listener?.changed({ before, after: alarm, place: { partition, offset, timestampMs } });
  }

  #remove(key: string, { partition, timestampMs }: LogRecord): void {
    const ruleId = key.slice(0, Math.max(0, key.indexOf(' ')));
    const alarms = this.#byRule.get(ruleId);
    const before = alarms?.get(key);
    // Where partitions were added, the former one of a metric deletes what the new one has begun.
    if (alarms === undefined || before === undefined || before.sample.partition !== partition) return;
    this.#counts[before.state.state]--;
    alarms.delete(key);
    this.#active.delete(key);
    this.#version++;
    if (alarms.size === 0) this.#byRule.delete(ruleId);
    this.#options.listener?.removed(before, timestampMs);
  }

  #report(): HealthReport {
    if (this.#state === 'ended') return { status: 'fail', detail: 'the alarms are no longer followed' };
    return this.#state === 'following'
      ? { status: 'pass', detail: 'all alarms are read, and changes followed' }
      : { status: 'warn', detail: 'the alarms are still being read' };
  }
}
