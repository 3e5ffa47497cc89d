// What stands in the log after a run, and what the oracle says should.
import { recordsOf, type LogRecord } from '../../src/log/batch.ts';
import type { Log } from '../../src/log/log.ts';
import { judgeAll, type OracleEvent, type OracleNotification, type Verdict } from '../support/oracle/oracle.ts';
import type { OracleRule } from '../support/oracle/oracle-rule.ts';
import { seenNotification, seenState, type SeenState } from '../support/oracle/seen.ts';

export interface Stood {
  readonly partition: number;
  readonly offset: number;
}

export type StoodNotification = OracleNotification & { readonly stood: Stood };
export type StoodState = SeenState & { readonly stood: Stood };

export interface Evidence {
  /** In the order of their places. */
  readonly notifications: readonly StoodNotification[];
  readonly states: readonly StoodState[];
  /** By partition of `metrics`. */
  readonly verdicts: readonly Verdict[];
  readonly samples: number;
}

/** A rule's version in force before the load began. */
export interface Published {
  readonly rule: OracleRule;
  readonly version: Stood;
}

export async function readRecords(log: Log, topic: string, partition: number): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const chunk of log.read(topic, partition, { from: { offset: 0 } })) {
    for (const { key, value, ...rest } of recordsOf(chunk)) {
      records.push({ ...rest, key: key && Uint8Array.from(key), value: value && Uint8Array.from(value) });
    }
  }
  return records;
}

async function readTopic(log: Log, topic: string): Promise<LogRecord[][]> {
  const count = await log.partitionCount(topic);
  return Promise.all(Array.from({ length: count }, (_, partition) => readRecords(log, topic, partition)));
}

/** What clocks had rules send, in the order of the samples between which they did. */
function decisionsOf(states: readonly StoodState[]): OracleEvent[] {
  const decisions = new Map<string, { readonly fromOffset: number; readonly sendsByClock: string }>();
  for (const { ruleId, decidedAt } of states) {
    if (decidedAt !== undefined)
      decisions.set(`${ruleId} ${decidedAt}`, { fromOffset: decidedAt, sendsByClock: ruleId });
  }
  return [...decisions.values()].sort((one, other) => one.fromOffset - other.fromOffset);
}

export async function gatherEvidence(log: Log, rules: readonly Published[]): Promise<Evidence> {
  const metrics = await readTopic(log, 'metrics');
  const notifications = (await readTopic(log, 'notifications')).flat().map(({ value, partition, offset }) => {
    return { ...seenNotification(value!), stood: { partition, offset } };
  });
  const states = (await readTopic(log, 'alarms'))
    .flat()
    .filter(({ value }) => value !== null)
    .map(({ value, partition, offset }) => ({ ...seenState(value!), stood: { partition, offset } }));
  const published = rules.map(({ rule, version }): OracleEvent => ({ fromOffset: 0, rule, version }));
  const verdicts = metrics.map((records, partition) => {
    const events = [...published, ...decisionsOf(states.filter(({ stood }) => stood.partition === partition))];
    return judgeAll({ partition, records, events });
  });
  return { notifications, states, verdicts, samples: metrics.reduce((sum, records) => sum + records.length, 0) };
}
