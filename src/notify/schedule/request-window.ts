/**
 * No second of Discord's holds more requests of this process than it allows, however long they are on the way. A rate at which
 * requests are begun does not promise that: a stall between here and Discord bunches what was begun evenly.
 *
 *   begun ──> counted at Discord ──> answered                    Nobody here knows when a request is counted, but that it is
 *     └──────── some time between ──────┘                        between the two, and, of a new one, not before it is begun.
 *
 * So whatever was answered more than a second ago shares no second with what begins now, and only the others are counted. The
 * quickest answer ever seen says how far apart the two at least are, so that an even latency costs nothing. Times are of one
 * monotonic clock, in milliseconds.
 */

/** A second, and what clocks round. */
const windowMs = 1_010;
/** Discord counts a request before it does anything with it: one that hangs is believed counted by then, lest it keep others waiting. */
const countedWithinMs = 500;

export interface BegunRequest {
  readonly begunMs: number;
  /** When it shares no second any more with what begins then. */
  leavesMs: number;
}

export class RequestWindow {
  #requests: BegunRequest[] = [];
  /** The quickest answer ever; unknown, it is none at all. */
  #quickestMs: number | undefined;
  /** So many in a second. */
  #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  set most(count: number) {
    this.#most = count;
  }

  /** How long until one more may begin; 0 when one may now. */
  waitMs(nowMs: number): number {
    if (this.#requests.length < this.#most) return 0;
    this.#requests = this.#requests.filter(({ leavesMs }) => leavesMs > nowMs);
    const tooMany = this.#requests.length - this.#most;
    if (tooMany < 0) return 0;
    const leaving = this.#requests.map(({ leavesMs }) => leavesMs).sort((one, other) => one - other);
    return leaving[tooMany]! - nowMs;
  }

  begin(nowMs: number): BegunRequest {
    const request = { begunMs: nowMs, leavesMs: nowMs + countedWithinMs + this.#apartMs };
    this.#requests.push(request);
    return request;
  }

  /** It was answered, or given up. */
  end(request: BegunRequest, nowMs: number, isAnswered: boolean): void {
    if (isAnswered) this.#quickestMs = Math.min(this.#quickestMs ?? countedWithinMs, nowMs - request.begunMs);
    request.leavesMs = Math.min(request.leavesMs, nowMs + this.#apartMs);
  }

  get #apartMs(): number {
    return windowMs - (this.#quickestMs ?? 0);
  }
}
