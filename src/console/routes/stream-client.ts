import { Readable } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import type { FeedItem, FeedPositions } from '../live/feed.ts';

/** What may wait to be taken by one client, beyond what its socket holds. */
const waitingBytesMax = 65_536;

export interface StreamClientOptions {
  readonly subject: string;
  /** What it wants to hear of. */
  readonly kinds: readonly FeedItem['kind'][];
  /** Whether its token is no longer valid, by milliseconds since the epoch. */
  readonly isOver: (nowMs: number) => boolean;
  readonly clock: Clock;
}

/**
 * One open stream. It takes a frame when it has room, and none when it has not: then `onRoom` is called once there is room
 * again, `positions` says what it was sent last, and `takeUp` goes on.
 */
export class StreamClient {
  readonly subject: string;
  readonly kinds: readonly FeedItem['kind'][];
  readonly isOver: (nowMs: number) => boolean;
  /** The body of the answer. */
  readonly body: Readable;
  onRoom: () => void = () => {};
  onGone: () => void = () => {};
  #positions: FeedPositions | undefined;
  #blockedAtMs: number | undefined;
  /** Whether a frame was left out since it had no room. */
  #hasMissed = false;
  readonly #clock: Clock;
  #sentAtMs: number;

  constructor({ subject, kinds, isOver, clock }: StreamClientOptions) {
    this.#clock = clock;
    this.#sentAtMs = clock.monotonicMs();
    this.subject = subject;
    this.kinds = kinds;
    this.isOver = isOver;
    this.body = new Readable({
      highWaterMark: waitingBytesMax,
      read: () => this.#hasRoom(),
      destroy: (error, done) => {
        this.onGone();
        done(error);
      },
    });
  }

  get positions(): FeedPositions | undefined {
    return this.#positions;
  }

  /** Sends the frame, or leaves it out. Positions are those that the client has heard of everything up to when it has it. */
  send(frame: string, positions: FeedPositions | undefined): void {
    if (this.body.destroyed || this.body.readableEnded) return;
    if (this.#blockedAtMs !== undefined) {
      this.#hasMissed ||= positions !== undefined;
      return;
    }
    this.#positions = positions ?? this.#positions;
    this.#sentAtMs = this.#clock.monotonicMs();
    if (!this.body.push(frame)) this.#blockedAtMs = this.#clock.monotonicMs();
  }

  /** From here on it is sent frames again: the next one tells all that it missed. */
  takeUp(): void {
    this.#blockedAtMs = undefined;
    this.#hasMissed = false;
  }

  /** How long it has had no room. */
  blockedMs(): number {
    return this.#blockedAtMs === undefined ? 0 : this.#clock.monotonicMs() - this.#blockedAtMs;
  }

  /** How long nothing was sent to it. */
  quietMs(): number {
    return this.#clock.monotonicMs() - this.#sentAtMs;
  }

  /** Ends the stream. Who took nothing for long is cut off. */
  end(): void {
    this.onGone();
    if (this.#blockedAtMs === undefined) this.body.push(null);
    else this.body.destroy();
  }

  #hasRoom(): void {
    if (this.#blockedAtMs === undefined) return;
    // Not within the reader's own call. Until then it still gets nothing: what it is sent next must hold what it missed.
    if (this.#hasMissed) setImmediate(() => this.onRoom());
    else this.#blockedAtMs = undefined;
  }
}
