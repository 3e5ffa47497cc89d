import type { Clock } from '../base/clock.ts';
import { failpoint, failpointAmid } from '../base/failpoint.ts';
import type { Claim } from '../log/log.ts';
import type { NewRecord } from '../log/record.ts';
import { topics } from '../topics.ts';
import type { Effect, Effects } from './effects.ts';

/** Batches that may be under way at once: the next is evaluated while the appends of the last are awaited. */
const underWayMax = 4;
/** A position is written this often at the most: what it spares a new owner is little, as the states say how far all is done. */
const commitEveryMs = 250;

/**
 * Makes a partition's effects durable, in the order that the whole design rests on: what is written ahead, then notifications, then
 * states, then the position; and one batch after the other. Each append asks whether the partition is still held. After a failure
 * nothing more is written: the owner must restore.
 */
export class EffectsWriter {
  readonly #claim: Claim;
  readonly #clock: Clock;
  readonly #appendStates: (records: readonly NewRecord[]) => Promise<void>;
  #tail: Promise<void> = Promise.resolve();
  #underWay = 0;
  #room: (() => void) | undefined;
  #done: number | undefined;
  #committed: number | undefined;
  /** Cancels the next commit; undefined when none is due. */
  #cancelCommit: (() => void) | undefined;
  #failure: Error | undefined;
  /** Called once, when something could not be written. */
  onFailure: (error: Error) => void = () => {};

  constructor(claim: Claim, clock: Clock, appendStates: (records: readonly NewRecord[]) => Promise<void>) {
    this.#claim = claim;
    this.#clock = clock;
    this.#appendStates = appendStates;
  }

  /** The position that is durable; undefined before the first. */
  get committed(): number | undefined {
    return this.#committed;
  }

  /** What could not be written; undefined as long as all could. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Queues the effects of all records before `nextOffset`. */
  write(effects: Effects, nextOffset: number): void {
    this.#underWay++;
    this.#tail = this.#tail.then(() => this.#writeOne(effects, nextOffset)).catch((error: unknown) => this.fail(error));
  }

  /** Resolves when there is room for more; rejects after a failure. One caller at a time. */
  async room(): Promise<void> {
    if (this.#underWay >= underWayMax && this.#failure === undefined)
      await new Promise<void>((resolve) => (this.#room = resolve));
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Writes what is queued, and the position. Rejects when that failed. */
  async close(): Promise<void> {
    await this.#tail;
    this.#cancelCommit?.();
    await this.#commit();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Nothing more is written: what the owner has in memory is no longer to be trusted. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = error instanceof Error ? error : new Error(String(error));
    this.#room?.();
    this.onFailure(this.#failure);
  }

  async #writeOne({ ahead, notifications, states }: Effects, nextOffset: number): Promise<void> {
    if (this.#failure !== undefined) return;
    const timestampMs = this.#clock.wallMs();
    if (ahead.length > 0) {
      await failpointAmid('evaluate.amid-ahead', this.#appendStates(this.#stateRecords(ahead, timestampMs)));
      failpoint('evaluate.after-ahead');
    }
    if (notifications.length > 0) {
      const records = notifications.map((one) => stamped(one, timestampMs));
      await failpointAmid('evaluate.amid-notifications', this.#claim.append(topics.notifications.name, records));
      failpoint('evaluate.after-notifications');
    }
    if (states.length > 0) {
      await failpointAmid('evaluate.amid-states', this.#appendStates(this.#stateRecords(states, timestampMs)));
      failpoint('evaluate.after-states');
    }
    this.#done = nextOffset;
    this.#cancelCommit ??= this.#clock.after(commitEveryMs, () => {
      this.#cancelCommit = undefined;
      this.#commit().catch((error: unknown) => this.fail(error));
    });
    this.#underWay--;
    if (this.#underWay >= underWayMax) return;
    this.#room?.();
    this.#room = undefined;
  }

  #stateRecords(states: readonly Effect[], timestampMs: number): NewRecord[] {
    const { partition } = this.#claim;
    return states.map((one) => ({ ...stamped(one, timestampMs), partition }));
  }

  async #commit(): Promise<void> {
    const done = this.#done;
    if (this.#failure !== undefined || done === undefined || done === this.#committed) return;
    failpoint('evaluate.before-commit');
    await this.#claim.commit(done);
    failpoint('evaluate.after-commit');
    this.#committed = done;
  }
}

function stamped(effect: Effect, timestampMs: number): NewRecord {
  return { key: effect.key, value: effect.value, timestampMs };
}
