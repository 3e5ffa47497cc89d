import { keyOfAlarmRecord, parseAlarmRecord, supersedes, type AlarmRecord } from '../alarm/alarm-record.ts';
import type { Clock } from '../base/clock.ts';
import { recordsOf } from '../log/batch.ts';
import type { Log } from '../log/log.ts';
import type { NewRecord } from '../log/record.ts';
import { topics } from '../topics.ts';

/** What a partition of `alarms` holds. */
export interface StoredStates {
  /** Of each alarm the record that holds. */
  readonly states: readonly AlarmRecord[];
  /** Of the alarms whose last word is not the one that holds, the one that does, to be written again. */
  readonly toRepair: readonly NewRecord[];
  readonly unreadable: number;
  /** The first offset that was not read. */
  readonly next: number;
}

interface Winner {
  readonly record: AlarmRecord;
  readonly value: Uint8Array;
}

/** Reads a partition of `alarms` to the head that stands now. */
export async function readStates(log: Log, clock: Clock, partition: number): Promise<StoredStates> {
  const winners = new Map<string, Winner>();
  const outdated = new Set<string>();
  let unreadable = 0;
  let next = 0;
  for await (const chunk of log.read(topics.alarms.name, partition, { from: { offset: 0 } })) {
    next = chunk.nextOffset;
    for (const { key, value } of recordsOf(chunk)) {
      if (value === null) {
        const text = Buffer.from(key ?? []).toString();
        winners.delete(text);
        outdated.delete(text);
        continue;
      }
      const record = parseAlarmRecord(value);
      if ('problem' in record) {
        unreadable++;
        continue;
      }
      const name = keyOfAlarmRecord(record);
      const before = winners.get(name);
      if (before !== undefined && !supersedes(record, before.record)) {
        outdated.add(name);
        continue;
      }
      winners.set(name, { record, value: Uint8Array.from(value) });
      outdated.delete(name);
    }
  }
  const timestampMs = clock.wallMs();
  const toRepair = [...outdated].map((name) => {
    return { key: Buffer.from(name), value: winners.get(name)!.value, timestampMs, partition };
  });
  return { states: [...winners.values()].map(({ record }) => record), toRepair, unreadable, next };
}
