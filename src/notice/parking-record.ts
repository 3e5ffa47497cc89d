/**
 * The other record of the `deliveries` topic: the state of a target that is parked or fails, under its name `wh_…` as key.
 *
 *   {"kind": "webhook", "webhook": "wh_…", "webhook_id": …, "state": "parked", "reason": …, "since_ms": …, "probes": 1,
 *    "scheduled_ms": …, "next_probe_ms": …, "rule_ids": […], "target": true, "at_ms": …}
 *   {"kind": "webhook", "webhook": "wh_…", "webhook_id": …, "state": "failing", "reason": …, "since_ms": …, "tries": 7,
 *    "last_try_ms": …, "next_try_ms": …, "at_ms": …}
 *   {"kind": "webhook", "webhook": "wh_…", "webhook_id": …, "state": "free", "at_ms": …}
 *
 * A thread of a Discord webhook is a target of its own, `wh_…/thread id`. An earlier version paused a webhook with all its threads:
 * its records have no `target`.
 *
 * It is written when that changes, and every few hours while the target is parked, so that the last day of records has it.
 */
import { orProblem, recordJson, RecordReader } from '../alarm/record-reader.ts';

/** A target that nothing is sent to, and when it is probed. Times are of the wall clock, in milliseconds. */
export interface ParkedWebhook {
  readonly reason: string;
  readonly sinceMs: number;
  /** Scheduled probes since anything was delivered. */
  readonly probes: number;
  /** The next scheduled probe. */
  readonly scheduledAtMs: number;
  /** When it is probed: by the schedule, or sooner after an edit. */
  readonly probeAtMs: number;
  /** Rules in which its URL may stand. */
  readonly ruleIds: readonly string[];
  /** Whether it is one target; an earlier version meant a webhook with all its threads. */
  readonly isTarget: boolean;
}

/** A target whose last requests failed, and are made again. Times are of the wall clock, in milliseconds. */
export interface FailingWebhook {
  /** What it answered last, or why there was no answer. */
  readonly reason: string;
  readonly sinceMs: number;
  /** Requests since then. */
  readonly tries: number;
  readonly lastTryMs: number;
  readonly nextTryMs: number;
}

export interface ParkingRecord {
  /** The target's name: `wh_`, 12 hex digits, and what tells it from others of the same secret. No secret. */
  readonly webhook: string;
  readonly webhookId: string;
  /** Undefined when it is no longer parked, or no rule has it any more. */
  readonly parked: ParkedWebhook | undefined;
  /** Left out when it does not fail, or nothing waits for it any more. */
  readonly failing?: FailingWebhook;
  readonly atMs: number;
}

const prefix = Buffer.from('wh_');

/** Whether a record of `deliveries` with this key is one of these. */
export function isParkingKey(key: Uint8Array | null): boolean {
  return key !== null && prefix.every((byte, index) => key[index] === byte);
}

export function formatParkingRecord({ webhook, webhookId, parked, failing, atMs }: ParkingRecord): string {
  const common = { kind: 'webhook', webhook, webhook_id: webhookId };
  if (failing !== undefined) {
    const { reason, sinceMs, tries, lastTryMs, nextTryMs } = failing;
    const times = { since_ms: sinceMs, tries, last_try_ms: lastTryMs, next_try_ms: nextTryMs };
    return JSON.stringify({ ...common, state: 'failing', reason, ...times, at_ms: atMs });
  }
  if (parked === undefined) return JSON.stringify({ ...common, state: 'free', at_ms: atMs });
  const { reason, sinceMs, probes, scheduledAtMs, probeAtMs, ruleIds, isTarget } = parked;
  return JSON.stringify({
    ...common,
    state: 'parked',
    reason,
    since_ms: sinceMs,
    probes,
    scheduled_ms: scheduledAtMs,
    next_probe_ms: probeAtMs,
    rule_ids: ruleIds,
    target: isTarget ? true : undefined,
    at_ms: atMs,
  });
}

/** Reads such a record, or says what is wrong with it. */
export function parseParkingRecord(value: Uint8Array | string): ParkingRecord | { readonly problem: string } {
  return orProblem((): ParkingRecord => {
    const reader = new RecordReader(recordJson(value));
    reader.oneOf('kind', ['webhook']);
    const state = reader.oneOf('state', ['parked', 'failing', 'free']);
    return {
      webhook: reader.text('webhook'),
      webhookId: reader.text('webhook_id'),
      parked: state === 'parked' ? parkedOf(reader) : undefined,
      ...(state === 'failing' && { failing: failingOf(reader) }),
      atMs: reader.number('at_ms'),
    };
  });
}

function failingOf(reader: RecordReader): FailingWebhook {
  return {
    reason: reader.text('reason'),
    sinceMs: reader.number('since_ms'),
    tries: reader.place('tries'),
    lastTryMs: reader.number('last_try_ms'),
    nextTryMs: reader.number('next_try_ms'),
  };
}

function parkedOf(reader: RecordReader): ParkedWebhook {
  return {
    reason: reader.text('reason'),
    sinceMs: reader.number('since_ms'),
    probes: reader.place('probes'),
    scheduledAtMs: reader.number('scheduled_ms'),
    probeAtMs: reader.number('next_probe_ms'),
    ruleIds: reader.texts('rule_ids'),
    isTarget: reader.optional('target', (field) => reader.flag(field)) ?? false,
  };
}
