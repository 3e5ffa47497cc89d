import { Readable } from 'node:stream';
import type { Clock } from '../../base/clock.ts';
import type { FeedItem, FeedPositions } from '../live/feed.ts';

/** Bytes that may wait for one client, in addition to its socket's buffer. */
const waitingBytesMax = 65_536;

export interface StreamClientOptions {
  readonly subject: string;
  /** The parts that it asked for. */
  readonly kinds: readonly FeedItem['kind'][];
  /** Whether its token is no longer valid, by milliseconds since the epoch. */
  readonly isOver: (nowMs: number) => boolean;
  readonly clock: Clock;
}

/**
 * One open stream. It accepts a frame only when it has room; otherwise `onRoom` is called once there is room
 * again, `positions` has the place of the last item sent, and `takeUp` continues.
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
  /** Whether a frame was dropped for lack of room. */
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

  /** Sends the frame, or drops it. With this frame the client has every item up to the positions. */
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

  /** Resumes sending: the next frame contains everything that was dropped. */
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

  /** Ends the stream; a client that has read nothing for long is disconnected. */
  end(): void {
    this.onGone();
    if (this.#blockedAtMs === undefined) this.body.push(null);
    else this.body.destroy();
  }

  #hasRoom(): void {
    if (this.#blockedAtMs === undefined) return;
    // Not within the reader's own call. Until then it gets no frame: the next one must contain what was dropped.
    if (this.#hasMissed) setImmediate(() => this.onRoom());
    else this.#blockedAtMs = undefined;
  }
}
