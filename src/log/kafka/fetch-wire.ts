// A connection for Fetch requests, whose bytes we read as they arrive (inflow.ts), so that each record is copied once:
//
//   socket ──> frames ──┬── ours: the answer, its records in lent memory ──> ask
//                       └── with SASL, the library's own, as it came ──> the library
import { Writer } from '@platformatic/kafka';
import { LogUnavailable } from '../log.ts';
import { createFetch, fetchApiKey, fetchVersion, readAnswer, type FetchAnswer } from './fetch-request.ts';
import type { FetchSocket } from './fetch-socket.ts';
import { Inflow, type Reading } from './inflow.ts';
import { reasonOf } from './protocol.ts';
import type { RecordMemory } from './record-memory.ts';

/** The library counts its requests up from 0, and never gets here. */
const firstCorrelationId = 0x4000_0000;
const lastCorrelationId = 0x7fff_ffff;
/** Larger than any answer that was asked for: the peer is not a Kafka broker. */
const frameBytesMax = 256 * 1024 * 1024;

export interface WireSettings {
  readonly clientId: string;
  readonly answerTimeoutMs: number;
  readonly memory: RecordMemory;
}

/** One request at a time, on an open socket that is used for nothing else. */
export class FetchWire {
  readonly #settings: WireSettings;
  readonly #open: FetchSocket;
  readonly #inflow = new Inflow();
  readonly #frames: Reading<void>;
  #correlationId = firstCorrelationId;
  #asked: { resolve: (answer: FetchAnswer) => void; reject: (error: Error) => void } | undefined;

  constructor(open: FetchSocket, settings: WireSettings) {
    this.#settings = settings;
    this.#open = open;
    this.#frames = this.#read();
    open.onPiece = (piece) => this.#take(piece);
    open.socket.once('close', () => this.#refuse('the connection was closed'));
  }

  /** Whether no further request can be sent. */
  get isClosed(): boolean {
    return this.#open.socket.destroyed;
  }

  close(): void {
    this.#open.socket.destroy();
  }

  /** Rejects with LogUnavailable when no answer comes; the connection is closed then. */
  async ask(...request: Parameters<typeof createFetch>): Promise<FetchAnswer> {
    this.#correlationId = this.#correlationId === lastCorrelationId ? firstCorrelationId : this.#correlationId + 1;
    const frame = Writer.create()
      .appendInt16(fetchApiKey)
      .appendInt16(fetchVersion)
      .appendInt32(this.#correlationId)
      .appendString(this.#settings.clientId, false)
      .appendTaggedFields()
      .appendFrom(createFetch(...request))
      .prependLength().buffer;
    const { promise, resolve, reject } = Promise.withResolvers<FetchAnswer>();
    this.#asked = { resolve, reject };
    const late = setTimeout(() => this.#fail('it took too long'), this.#settings.answerTimeoutMs);
    try {
      if (this.isClosed) this.#fail('the connection is closed');
      else this.#open.socket.write(frame);
      return await promise;
    } finally {
      clearTimeout(late);
      this.#asked = undefined;
    }
  }

  #take(piece: Buffer): void {
    if (this.isClosed) return;
    this.#inflow.take(piece);
    try {
      this.#frames.next();
    } catch (error) {
      this.#fail(reasonOf(error));
    }
  }

  *#read(): Reading<void> {
    const inflow = this.#inflow;
    for (;;) {
      inflow.left = 4;
      const length = yield* inflow.int32();
      if (length < 4 || length > frameBytesMax) throw new RangeError(`an answer of Kafka says it has ${length} bytes`);
      inflow.left = length;
      const correlationId = yield* inflow.int32();
      if (correlationId < firstCorrelationId && this.#open.passOn !== undefined) {
        const frame = Buffer.alloc(4 + length);
        frame.writeInt32BE(length);
        frame.writeInt32BE(correlationId, 4);
        yield* inflow.fill(frame.subarray(8));
        this.#open.passOn(frame);
        continue;
      }
      if (correlationId !== this.#correlationId) throw new RangeError('an answer of Kafka is to no question of ours');
      yield* inflow.skipTaggedFields();
      const answer = yield* readAnswer(inflow, this.#settings.memory);
      yield* inflow.skip(inflow.left);
      this.#asked?.resolve(answer);
    }
  }

  /** After a failure the bytes that arrive cannot be interpreted any more. */
  #fail(reason: string): void {
    this.close();
    this.#refuse(reason);
  }

  #refuse(reason: string): void {
    this.#asked?.reject(new LogUnavailable(`no answer from Kafka: ${reason}`));
  }
}
