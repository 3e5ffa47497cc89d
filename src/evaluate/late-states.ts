import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { LogUnavailable, type Claim, type Log } from '../log/log.ts';
import type { NewRecord } from '../log/record.ts';
import { topics } from '../topics.ts';
import type { PartitionEvaluator } from './partition-evaluator.ts';
import { readStates } from './stored-states.ts';

/**
 * What others still append to this owner's partition of `alarms`. A former owner's append may come when newer states stand,
 * and compaction would in time drop the good one behind it; so a living owner writes its own again. Offsets tell: where this
 * owner alone writes, each of its appends begins where the last one ended.
 */
export class LateStates {
  readonly #claim: Claim;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Where the next record of `alarms` will stand, if nobody else writes. */
  #expected: number;
  #underWay = 0;
  #isDisturbed = false;
  #isLooking = false;

  constructor(
    claim: Claim,
    options: { readonly log: Log; readonly clock: Clock; readonly logger: Logger },
    next: number,
  ) {
    this.#claim = claim;
    this.#log = options.log;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#expected = next;
  }

  /** Appends states, as Claim.append. */
  async append(records: readonly NewRecord[]): Promise<void> {
    this.#underWay++;
    const places = await this.#claim.append(topics.alarms.name, records).finally(() => this.#underWay--);
    const first = places[0]!.offset;
    const next = places.at(-1)!.offset + 1;
    if (first !== this.#expected || next - first !== places.length) this.#isDisturbed = true;
    this.#expected = Math.max(this.#expected, next);
  }

  /**
   * Looks whether somebody else wrote, and puts right what came of it: good states are appended again, and the evaluator is
   * told of those that contradict what it has judged. `position` is how far that is. Rejects with ClaimLost.
   */
  async look(evaluator: PartitionEvaluator, position: () => number): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const expected = this.#expected;
      const { next } = await this.#log.bounds(topics.alarms.name, this.#claim.partition);
      // What is more may be this owner's own, its answer still on the way; then the answer will tell.
      if (next > expected && this.#expected === expected && this.#underWay === 0) this.#isDisturbed = true;
      if (this.#isDisturbed) await this.#mend(evaluator, position);
    } catch (error) {
      // The next look will tell.
      if (!(error instanceof LogUnavailable)) throw error;
      this.#isDisturbed = true;
    } finally {
      this.#isLooking = false;
    }
  }

  async #mend(evaluator: PartitionEvaluator, position: () => number): Promise<void> {
    this.#isDisturbed = false;
    const { partition } = this.#claim;
    const { states, toRepair, next } = await readStates(this.#log, this.#clock, partition);
    this.#expected = Math.max(this.#expected, next);
    if (toRepair.length > 0) {
      this.#logger.warn(
        { partition, alarms: toRepair.length },
        'states of a former owner came late: the good ones are written again',
      );
      await this.append(toRepair);
    }
    const judgedTo = position();
    for (const record of states) {
      if (record.sample.offset < judgedTo) evaluator.overrule(record);
      // It will have been judged by then.
      else this.#isDisturbed = true;
    }
  }
}
