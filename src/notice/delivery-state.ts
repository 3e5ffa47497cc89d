/**
 * What the records of `deliveries` say together: a pure fold, in the order of the log. Every reader of the topic uses it.
 *
 *   record ──> parseDeliveriesEntry ──┬── attempt, withdrawn, outcome ──> deliveryAfter   what happened to one notification
 *                                     └── parking, outcome ────────────> pausedAfter     which targets are paused
 *                                                                        failingAfter    and which fail
 *
 * What the notifier alone must know, which attempts are open, is folded in sent-notifications.ts.
 */
import { unreachable } from '../base/assert.ts';
import { parseDeliveryRecord, type DeliveryEnd, type DeliveryOutcome, type DeliveryRecord } from './delivery-record.ts';
import {
  isParkingKey,
  parseParkingRecord,
  type FailingWebhook,
  type ParkedWebhook,
  type ParkingRecord,
} from './parking-record.ts';

/** Any record of `deliveries`. */
export type DeliveriesEntry = DeliveryRecord | (ParkingRecord & { readonly kind: 'parking' });

/** Reads any record of `deliveries`; undefined when it cannot be read, which a reader skips. */
export function parseDeliveriesEntry({
  key,
  value,
}: {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}): DeliveriesEntry | undefined {
  if (value === null) return undefined;
  if (isParkingKey(key)) {
    const parking = parseParkingRecord(value);
    return 'problem' in parking ? undefined : { kind: 'parking', ...parking };
  }
  const record = parseDeliveryRecord(value);
  return 'problem' in record ? undefined : record;
}

/** What happened so far to one notification under one key of `notifications`. */
export interface DeliveryState {
  readonly attempts: number;
  /** When its last request began. */
  readonly attemptedMs: number | undefined;
  readonly outcome: DeliveryOutcome | 'waiting';
  readonly outcomeMs: number | undefined;
  readonly reason: string | undefined;
  readonly messageId: string | undefined;
}

/** Nothing is known of it yet. */
export const notAttempted: DeliveryState = {
  attempts: 0,
  attemptedMs: undefined,
  outcome: 'waiting',
  outcomeMs: undefined,
  reason: undefined,
  messageId: undefined,
};

export function deliveryAfter(before: DeliveryState, record: DeliveryRecord): DeliveryState {
  const { attempts, attemptedMs, outcome, outcomeMs, reason, messageId } = before;
  const state: DeliveryState = { attempts, attemptedMs, outcome, outcomeMs, reason, messageId };
  switch (record.kind) {
    case 'attempt':
      return { ...state, attempts: attempts + 1, attemptedMs: record.atMs };
    case 'withdrawn':
      // An attempt that came to nothing is followed by another.
      return state;
    case 'outcome':
      // What was parked gets its final outcome later; after any other nothing changes.
      return {
        ...state,
        outcome: record.outcome,
        outcomeMs: record.atMs,
        reason: record.reason,
        messageId: record.messageId,
      };
    default:
      return unreachable(record);
  }
}

/** Whether an outcome is the last one that a notification gets. */
export function isFinal(outcome: DeliveryState['outcome']): boolean {
  return outcome !== 'waiting' && outcome !== 'parked';
}

/** When a notification got a final outcome, and up to which offset of its partition that holds for its records. */
export interface Finished {
  readonly atMs: number;
  /** One that was rerouted may come back in a later record. */
  readonly upToOffset: number;
}

export function finishedAfter(before: Finished | undefined, record: DeliveryEnd): Finished | undefined {
  const { outcome, offset = Infinity, atMs } = record;
  if (!isFinal(outcome)) return before;
  return { atMs, upToOffset: outcome === 'rerouted' ? Math.max(before?.upToOffset ?? -1, offset) : Infinity };
}

/** A target that nothing is sent to, as far as `deliveries` says. */
export interface PausedTarget {
  readonly reason: string;
  readonly sinceMs: number;
  /** What the notifier published of it; undefined when it has not yet. */
  readonly published: (ParkedWebhook & { readonly atMs: number }) | undefined;
  /** When a record last said that it is paused. */
  readonly lastMs: number;
}

/** The paused targets of one key of `notifications`, by the target's name `wh_…`: a mistyped token says nothing of another. */
export type PausedTargets = ReadonlyMap<string, PausedTarget>;

export const nonePaused: PausedTargets = new Map();

/** `entry` is about the same key as the targets. */
export function pausedAfter(before: PausedTargets, entry: DeliveriesEntry): PausedTargets {
  if (entry.kind === 'parking') {
    const { webhook, parked, atMs } = entry;
    if (parked === undefined) return without(before, webhook);
    const published = { ...parked, atMs };
    return new Map(before).set(webhook, { reason: parked.reason, sinceMs: parked.sinceMs, published, lastMs: atMs });
  }
  if (entry.kind !== 'outcome') return before;
  const { outcome, webhook, reason = 'unknown', atMs } = entry;
  // An earlier version does not say which of the targets it was.
  if (outcome === 'delivered' || outcome === 'merged')
    return before.size === 0 ? before : webhook === undefined ? nonePaused : without(before, webhook);
  if (outcome !== 'parked' || webhook === undefined) return before;
  const known = before.get(webhook) ?? { reason, sinceMs: atMs, published: undefined };
  return new Map(before).set(webhook, { ...known, lastMs: atMs });
}

/** The failing targets of one key of `notifications`, by the target's name. */
export type FailingTargets = ReadonlyMap<string, FailingTarget>;

/** A target whose requests fail, as the notifier published it. */
export interface FailingTarget extends FailingWebhook {
  readonly atMs: number;
}

export const noneFailing: FailingTargets = new Map();

/** `entry` is about the same key as the targets. */
export function failingAfter(before: FailingTargets, entry: DeliveriesEntry): FailingTargets {
  if (entry.kind === 'parking') {
    const { webhook, failing, atMs } = entry;
    return failing === undefined ? without(before, webhook) : new Map(before).set(webhook, { ...failing, atMs });
  }
  if (entry.kind !== 'outcome' || before.size === 0) return before;
  const { outcome, webhook } = entry;
  const isOver = outcome === 'delivered' || outcome === 'merged' || outcome === 'parked';
  return isOver && webhook !== undefined ? without(before, webhook) : before;
}

function without<Target>(before: ReadonlyMap<string, Target>, name: string): ReadonlyMap<string, Target> {
  if (!before.has(name)) return before;
  const after = new Map(before);
  after.delete(name);
  return after;
}

/** A target that nothing arrives at now, as people are shown it. Times are of the wall clock, in milliseconds. */
export interface TroubledTarget {
  readonly target: string;
  readonly state: 'parked' | 'failing';
  readonly reason: string;
  readonly sinceMs: number;
  /** Undefined for a parked one, to which nothing is sent. */
  readonly tries: number | undefined;
  readonly nextTryMs: number;
}

/** When a parked target is probed first; assumed until the notifier has published it, which takes a second. */
const firstProbeMs = 3_600_000;

export function troubledTargets(paused: PausedTargets, failing: FailingTargets): TroubledTarget[] {
  return [
    ...[...paused].map(([target, { reason, sinceMs, published }]) => {
      const nextTryMs = published?.probeAtMs ?? sinceMs + firstProbeMs;
      return { target, state: 'parked' as const, reason, sinceMs, tries: undefined, nextTryMs };
    }),
    ...[...failing].map(([target, { reason, sinceMs, tries, nextTryMs }]) => {
      return { target, state: 'failing' as const, reason, sinceMs, tries, nextTryMs };
    }),
  ];
}
