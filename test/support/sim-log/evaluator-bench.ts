import { formatAlarmRecord, keyOfAlarmRecord, type AlarmRecord } from '../../../src/alarm/alarm-record.ts';
import type { Logger } from '../../../src/base/logger.ts';
import type { Effects } from '../../../src/evaluate/effects.ts';
import type { PartitionEvaluator } from '../../../src/evaluate/partition-evaluator.ts';
import { restore, type Restored } from '../../../src/evaluate/restore.ts';
import type { Claim } from '../../../src/log/log.ts';
import type { NewRecord } from '../../../src/log/record.ts';
import { formatSampleValue } from '../../../src/metric/sample-value.ts';
import type { Tags } from '../../../src/metric/sample.ts';
import { RuleBook, type RuleChange } from '../../../src/rule/rule-book.ts';
import type { Rule } from '../../../src/rule/rule.ts';
import { topics } from '../../../src/topics.ts';
import { beginsMs } from '../oracle/history.ts';
import type { OracleNotification } from '../oracle/oracle.ts';
import { seenNotification, seenState, type SeenState } from '../oracle/seen.ts';
import { Random } from './random.ts';
import { SimGroups, SimLog } from './sim-log.ts';
import { SimStore } from './sim-store.ts';
import { VirtualTime } from './virtual-time.ts';

/** Fields of a rule; undefined leaves one out that the bench's rules have. */
export type RuleFields = { readonly [Field in keyof Rule]?: Rule[Field] | undefined };

/** What a test asks of an evaluator: what it sent, and what its alarms came to. */
export interface Written {
  readonly notifications: readonly OracleNotification[];
  readonly states: readonly SeenState[];
}

export const ruleId = '21433034-8078-4f1a-bb8d-1ac996db395d';
export const otherRuleId = '5c1f0a52-5b0e-4e7c-9d53-1f2d8a9f6b01';
export const metricName = 'received-packages';

/** A log without faults, with all topics, and a rule book: what tests of single parts of the evaluator stand on. */
export class EvaluatorBench {
  readonly store = new SimStore(new Random(1));
  readonly time: VirtualTime;
  readonly groups: SimGroups;
  readonly log: SimLog;
  readonly book = new RuleBook();
  /** What was logged at the levels that somebody should look at. */
  readonly complaints: string[] = [];

  /** `time` stands still at `beginsMs` unless the test moves it. */
  constructor(partitions = 1, time = new VirtualTime(beginsMs)) {
    this.time = time;
    this.groups = new SimGroups(this.store, time);
    this.log = new SimLog(this.groups);
    for (const settings of Object.values(topics)) this.store.addTopic({ ...settings, partitions });
  }

  /** Writes a sample, its time counted from the beginning, and returns its offset. */
  sample(
    value: number,
    atMs: number,
    { tags = {}, name = metricName, partition = 0 }: { tags?: Tags; name?: string; partition?: number } = {},
  ): number {
    return this.store.append(topics.metrics.name, {
      key: Buffer.from(name),
      value: Buffer.from(formatSampleValue(value, tags)),
      timestampMs: beginsMs + atMs,
      partition,
    }).offset;
  }

  /** Writes a rule, and has the book apply it; without fields its deletion. */
  rule(id: string, fields: RuleFields | null): RuleChange {
    const rule = {
      id,
      metric_name: metricName,
      threshold: 10,
      discord_webhook_url: `https://discord.com/api/webhooks/${'1'.repeat(18)}/${'t'.repeat(68)}`,
      ...fields,
    };
    const value = fields === null ? null : Buffer.from(JSON.stringify(rule));
    const record = { key: Buffer.from(id), value, timestampMs: beginsMs, partition: 0 };
    return this.book.apply({ ...record, ...this.store.append(topics.rules.name, record) });
  }

  /** Writes a record of `alarms`, as a former owner would have. */
  alarm(fields: Partial<AlarmRecord>): void {
    const record = alarmRecord(fields);
    this.append(topics.alarms.name, keyOfAlarmRecord(record), formatAlarmRecord(record));
  }

  append(topic: string, key: string, value: string | null): void {
    const bytes = value === null ? null : Buffer.from(value);
    this.store.append(topic, { key: Buffer.from(key), value: bytes, timestampMs: beginsMs, partition: 0 });
  }

  /** Its partition, claimed from a position on; only to append to. */
  claim(committed = 0): Claim {
    const append = (topic: string, records: readonly NewRecord[]) => this.log.append(topic, records);
    return { partition: 0, committed, start: committed, append } as unknown as Claim;
  }

  /** Takes what is logged for somebody to look at. */
  get logger(): Logger {
    const complain = (_fields: unknown, message: string): void => void this.complaints.push(message);
    return { debug: () => {}, info: () => {}, warn: complain, error: complain } as unknown as Logger;
  }

  restore(committed = 0): Promise<Restored> {
    return restore(this.claim(committed), { log: this.log, clock: this.time, book: this.book, logger: this.logger });
  }

  /** Has the evaluator judge all records from an offset on, and returns what follows from them, which is made durable. */
  judge(evaluator: PartitionEvaluator, from: number): Written {
    const { next } = this.store.bounds(topics.metrics.name, 0);
    for (let offset = from; offset < next;) {
      const chunk = this.store.chunk(topics.metrics.name, 0, offset, next);
      evaluator.evaluateChunk(chunk, () => {});
      offset = chunk.nextOffset;
    }
    return this.keep(evaluator);
  }

  /** Has the evaluator read the clocks, which both are so far from the beginning. */
  readClocks(evaluator: PartitionEvaluator, ms: number): void {
    evaluator.passTime({ clockMs: beginsMs + ms, monotonicMs: ms, isAtHead: true });
  }

  /** Makes durable what the evaluator has to say, and returns it. */
  keep(evaluator: PartitionEvaluator): Written {
    const { ahead, notifications, states } = evaluator.drain();
    for (const { key, value } of [...ahead, ...states]) {
      this.store.append(topics.alarms.name, { key, value, timestampMs: beginsMs, partition: 0 });
    }
    return read({ ahead: [], notifications, states });
  }

  /** The records of `alarms`, in order. */
  alarms(): SeenState[] {
    const records = this.store.records(topics.alarms.name, 0);
    return records.flatMap(({ value }) => (value === null ? [] : [seenState(value)]));
  }
}

export function drained(evaluator: PartitionEvaluator): Written {
  return read(evaluator.drain());
}

function read({ notifications, states }: Effects): Written {
  return {
    notifications: notifications.map(({ value }) => seenNotification(value!)),
    states: states.flatMap(({ value }) => (value === null ? [] : [seenState(value)])),
  };
}

/** A firing alarm of the rule on its metric's series without tags, at the sample at offset 0, unless told otherwise. */
export function alarmRecord(fields: Partial<AlarmRecord> = {}): AlarmRecord {
  const alarmId = '7b4e55b9-acb4-5382-a738-bfb222f79294';
  return {
    ruleId,
    ruleVersion: { partition: 0, offset: 0 },
    series: { name: metricName, tags: {} },
    state: { state: 'firing', sinceMs: beginsMs, alarmId, cause: 'breach', notified: true },
    ruleMemory: { lastSentMs: beginsMs, lastSentOffset: 0, sentCount: 1, ruleTimeMs: beginsMs },
    x: 11,
    timeMs: beginsMs,
    sample: { partition: 0, offset: 0, timestampMs: beginsMs },
    revision: 0,
    deferredAfter: 0,
    clockDues: 0,
    ...fields,
  };
}
