/**
 * When a parked target is probed. A target that is gone, or whose secret is wrong, is parked: nothing is sent to it, since Discord
 * bans addresses that repeat such requests. It is probed after 1 h, then 6 h, then every 24 h, or when one of its rules is edited.
 * A target is parked with its secret: one mistyped token silences no other. Times are of the wall clock, in milliseconds.
 */
export interface Parked {
  /** The target's name: `wh_` and 12 hex digits, no secret. */
  readonly webhook: string;
  readonly reason: string;
  readonly sinceMs: number;
  /** Scheduled probes since anything was delivered. */
  readonly probes: number;
  readonly scheduledAtMs: number;
  /** When it is probed: by the schedule, or sooner after an edit. */
  readonly probeAtMs: number;
  /** When it was probed last; -Infinity when that is not known. */
  readonly lookedAtMs: number;
}

const hourMs = 3_600_000;
const probeAfterMs = [hourMs, 6 * hourMs, 24 * hourMs] as const;
/** Several edits in this time cause one probe. */
const probeEveryMs = 10_000;
const postponedMs = 60_000;
const heldBackReason =
  'not tried yet: so many other requests were refused that more might have Discord ban this address';

/** Parks, or keeps parked. `before` is what was known of it: a revival that failed does not restart the schedule. */
export function park(webhook: string, reason: string, nowMs: number, before?: Parked): Parked {
  const probes = before?.probes ?? 0;
  const scheduledAtMs = nowMs + waitAfter(probes);
  const { sinceMs, lookedAtMs } = before ?? { sinceMs: nowMs, lookedAtMs: -Infinity };
  return { webhook, reason, sinceMs, probes, scheduledAtMs, probeAtMs: scheduledAtMs, lookedAtMs };
}

/** Not known to be broken: it waits for its first try, as soon as one may be made. */
export function holdBack(webhook: string, nowMs: number): Parked {
  const times = { sinceMs: nowMs, scheduledAtMs: nowMs, probeAtMs: nowMs, lookedAtMs: -Infinity };
  return { webhook, reason: heldBackReason, probes: 0, ...times };
}

/** Whether it waits for its first try: what is broken has its probe later. */
export function isHeldBack({ scheduledAtMs, sinceMs }: Parked): boolean {
  return scheduledAtMs <= sinceMs;
}

/** It was probed, and is still broken, for this reason. A probe after an edit does not count for the schedule. */
export function probed(parked: Parked, nowMs: number, reason: string): Parked {
  const { scheduledAtMs } = parked;
  if (isHeldBack(parked)) return { ...park(parked.webhook, reason, nowMs), lookedAtMs: nowMs };
  if (nowMs < scheduledAtMs) return { ...parked, probeAtMs: scheduledAtMs, lookedAtMs: nowMs };
  const probes = parked.probes + 1;
  const nextAtMs = nowMs + waitAfter(probes);
  return { ...parked, probes, scheduledAtMs: nextAtMs, probeAtMs: nextAtMs, lookedAtMs: nowMs };
}

/** One of its rules, or its receiver, was edited: it is probed soon. */
export function hurried(parked: Parked, nowMs: number): Parked {
  return { ...parked, probeAtMs: Math.min(parked.probeAtMs, Math.max(nowMs, parked.lookedAtMs + probeEveryMs)) };
}

/** The probe was inconclusive: our address was blocked, or there was no answer. */
export function postponed(parked: Parked, nowMs: number): Parked {
  return { ...parked, probeAtMs: nowMs + postponedMs };
}

function waitAfter(probes: number): number {
  return probeAfterMs[Math.min(probes, probeAfterMs.length - 1)]!;
}
