// An open loop: what is due is due, whether or not anything before it was answered. Times are those of the system's monotonic
// clock (process.hrtime), which all processes of a machine share.
import { randomNumbers } from './random.ts';

export interface Schedule {
  /** Events a second, on average; the times between them are exponential (a Poisson process). */
  readonly perSecond: number;
  readonly seconds: number;
  readonly seed: number;
}

/** Intended times, in nanoseconds from the beginning, ascending. */
export function poissonTimes({ perSecond, seconds, seed }: Schedule): Float64Array {
  const chance = randomNumbers(seed);
  const times: number[] = [];
  for (let atNs = 0; ;) {
    atNs += (-Math.log(1 - chance()) / perSecond) * 1e9;
    if (atNs >= seconds * 1e9) return Float64Array.from(times);
    times.push(atNs);
  }
}

/** How late sends were behind their intended times: the proof that the schedule was kept. */
export interface Lateness {
  readonly sent: number;
  readonly p50Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

/** A thousandth of the sends may be later than this: a run whose generator could do no better shows nothing. */
export const lateMsMax = 1;
/** How long the loop sleeps at the most, so that answers are read. */
const napMs = 0.3;

/**
 * Calls `send` with the range of events that are due, as soon as they are. Resolves when all have been sent. Lateness counts from
 * `countFromNs` after the beginning.
 */
export async function runOpenLoop(
  times: Float64Array,
  { beginNs, countFromNs }: { readonly beginNs: number; readonly countFromNs: number },
  send: (from: number, to: number) => void,
): Promise<Lateness> {
  const late = new Float64Array(times.length);
  const bed = new Int32Array(new SharedArrayBuffer(4));
  let next = 0;
  while (next < times.length) {
    const sinceNs = nowNs() - beginNs;
    const from = next;
    while (next < times.length && times[next]! <= sinceNs) {
      late[next] = sinceNs - times[next]!;
      next++;
    }
    if (next > from) send(from, next);
    else {
      // Timers of the event loop count whole milliseconds; this one does not.
      const dueMs = (times[next]! - sinceNs) / 1e6;
      Atomics.wait(bed, 0, 0, Math.min(dueMs, napMs));
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  const counted = late.subarray(times.findIndex((time) => time >= countFromNs)).sort();
  const at = (share: number): number =>
    counted[Math.min(counted.length - 1, Math.floor(counted.length * share))]! / 1e6;
  return { sent: counted.length, p50Ms: at(0.5), p999Ms: at(0.999), maxMs: at(1) };
}

export function nowNs(): number {
  return Number(process.hrtime.bigint());
}
