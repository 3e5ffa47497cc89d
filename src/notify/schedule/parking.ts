/**
 * A webhook that is gone, or whose token is wrong, is parked: nothing is sent to it, since Discord bans addresses that ask
 * again and again. It is looked at after 1 h, then 6 h, then every 24 h, or when one of its rules is edited. Parked is the
 * pair of id and token: one mistyped token silences nobody else. Times are of the wall clock, in milliseconds.
 */
export interface Parked {
  /** `wh_` and 12 hex digits: who is parked, without a secret. */
  readonly webhook: string;
  readonly reason: string;
  readonly sinceMs: number;
  /** How often it was looked at by the schedule since anything was delivered. */
  readonly probes: number;
  readonly scheduledAtMs: number;
  /** When it is to be looked at: by the schedule, or sooner after an edit. */
  readonly probeAtMs: number;
  /** When it was looked at last; -Infinity when that is not known. */
  readonly lookedAtMs: number;
}

const hourMs = 3_600_000;
const probeAfterMs = [hourMs, 6 * hourMs, 24 * hourMs] as const;
/** Edits in a row make no more than one look in this time. */
const probeEveryMs = 10_000;
const postponedMs = 60_000;

/** Parks, or keeps parked. `before` is what was known of it: a revival that came to nothing does not begin anew. */
export function park(webhook: string, reason: string, nowMs: number, before?: Parked): Parked {
  const probes = before?.probes ?? 0;
  const scheduledAtMs = nowMs + waitAfter(probes);
  const { sinceMs, lookedAtMs } = before ?? { sinceMs: nowMs, lookedAtMs: -Infinity };
  return { webhook, reason, sinceMs, probes, scheduledAtMs, probeAtMs: scheduledAtMs, lookedAtMs };
}

/** It was looked at, and is no better. A look after an edit does not count for the schedule. */
export function probed(parked: Parked, nowMs: number): Parked {
  const { scheduledAtMs } = parked;
  if (nowMs < scheduledAtMs) return { ...parked, probeAtMs: scheduledAtMs, lookedAtMs: nowMs };
  const probes = parked.probes + 1;
  const nextAtMs = nowMs + waitAfter(probes);
  return { ...parked, probes, scheduledAtMs: nextAtMs, probeAtMs: nextAtMs, lookedAtMs: nowMs };
}

/** One of its rules was edited: it is looked at soon. */
export function hurried(parked: Parked, nowMs: number): Parked {
  return { ...parked, probeAtMs: Math.min(parked.probeAtMs, Math.max(nowMs, parked.lookedAtMs + probeEveryMs)) };
}

/** The look said nothing: the address was blocked, or nobody answered. */
export function postponed(parked: Parked, nowMs: number): Parked {
  return { ...parked, probeAtMs: nowMs + postponedMs };
}

function waitAfter(probes: number): number {
  return probeAfterMs[Math.min(probes, probeAfterMs.length - 1)]!;
}
