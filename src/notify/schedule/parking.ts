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
  /** How often it was looked at since anything was delivered. */
  readonly probes: number;
  readonly probeAtMs: number;
}

const hourMs = 3_600_000;
const probeAfterMs = [hourMs, 6 * hourMs, 24 * hourMs] as const;
/** Edits in a row make no more than one look in this time. */
const probeEveryMs = 10_000;
const postponedMs = 60_000;

/** Parks, or keeps parked. `before` is what was known of it: a revival that came to nothing does not begin anew. */
export function park(webhook: string, reason: string, nowMs: number, before?: Parked): Parked {
  const probes = before?.probes ?? 0;
  return { webhook, reason, sinceMs: before?.sinceMs ?? nowMs, probes, probeAtMs: nowMs + waitAfter(probes) };
}

/** It was looked at, and is no better. */
export function probed(parked: Parked, nowMs: number): Parked {
  const probes = parked.probes + 1;
  return { ...parked, probes, probeAtMs: nowMs + waitAfter(probes) };
}

/** One of its rules was edited: it is looked at soon. */
export function hurried(parked: Parked, nowMs: number): Parked {
  const lastMs = parked.probes === 0 ? parked.sinceMs - probeEveryMs : parked.probeAtMs - waitAfter(parked.probes);
  return { ...parked, probeAtMs: Math.min(parked.probeAtMs, Math.max(nowMs, lastMs + probeEveryMs)) };
}

/** The look said nothing: the address was blocked, or nobody answered. */
export function postponed(parked: Parked, nowMs: number): Parked {
  return { ...parked, probeAtMs: nowMs + postponedMs };
}

function waitAfter(probes: number): number {
  return probeAfterMs[Math.min(probes, probeAfterMs.length - 1)]!;
}
