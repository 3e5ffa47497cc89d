import type { Claim, Log, Place } from '../../src/log/log.ts';
import type { NewRecord } from '../../src/log/record.ts';
import { topics } from '../../src/topics.ts';

/**
 * What the guarantees cost is what is left when they are gone: appends that count as done before they are, so that notifications,
 * states and positions come in any order, and a crash loses or doubles alarms. Only for the benchmark: the product has no
 * such switch.
 */
export class LooseAppends {
  readonly #pending = new Set<Promise<unknown>>();

  claim(claim: Claim, log: Log): Claim {
    /** Where the next state will stand, as nobody else writes there: the owner wants to be told. */
    let next: number | undefined;
    const places = async (topic: string, records: readonly NewRecord[]): Promise<Place[]> => {
      if (topic !== topics.alarms.name) return [];
      next ??= (await log.bounds(topic, claim.partition)).next;
      const first = next;
      next += records.length;
      return records.map((_, index) => ({ partition: claim.partition, offset: first + index }));
    };
    return {
      partition: claim.partition,
      committed: claim.committed,
      start: claim.start,
      signal: claim.signal,
      isHeld: () => claim.isHeld(),
      head: () => claim.head(),
      read: (fromOffset) => claim.read(fromOffset),
      append: async (topic, records) => {
        const told = await places(topic, records);
        const pending = claim.append(topic, records).finally(() => this.#pending.delete(pending));
        this.#pending.add(pending);
        pending.catch(() => {});
        return told;
      },
      commit: (nextOffset) => claim.commit(nextOffset),
    };
  }

  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }
}
