/**
 * Keeps the requests that a receiver counts in any second below its limit, whatever their latency. A limit on the rate at which
 * requests begin does not: a stall on the network bunches requests that began evenly.
 *
 *   begun ──> counted by the receiver ──> answered        When a request is counted is unknown, but it is after its beginning and
 *     └──────────── some time between ──────┘             before its answer.
 *
 * A request that was answered more than a second ago shares no second with one that begins now, so only the others are counted.
 * The quickest answer seen bounds the time between a request's count and its answer, so a constant latency costs nothing. Times
 * are of one monotonic clock, in milliseconds.
 */

/** A second, and the rounding of clocks. */
const windowMs = 1_010;
/** A receiver counts a request before it processes it: one that hangs counts from then on, so that others need not wait. */
const countedWithinMs = 500;

export interface BegunRequest {
  readonly begunMs: number;
  /** From then on it shares no second with a request that begins. */
  leavesMs: number;
}

export class RequestWindow {
  #requests: BegunRequest[] = [];
  /** The quickest answer seen; undefined: none yet. */
  #quickestMs: number | undefined;
  /** Requests allowed in a second. */
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

  /** The request was answered, or given up. */
  end(request: BegunRequest, nowMs: number, isAnswered: boolean): void {
    if (isAnswered) this.#quickestMs = Math.min(this.#quickestMs ?? countedWithinMs, nowMs - request.begunMs);
    request.leavesMs = Math.min(request.leavesMs, nowMs + this.#apartMs);
  }

  get #apartMs(): number {
    return windowMs - (this.#quickestMs ?? 0);
  }
}
