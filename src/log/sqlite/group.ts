import { backoffMs, pause } from '../../base/backoff.ts';
import type { Logger } from '../../base/logger.ts';

/** Handles one partition until the signal aborts; rejects when it must start again. */
export type Work = (partition: number, signal: AbortSignal) => Promise<void>;

interface Member {
  readonly work: Work;
}

const retry = { firstMs: 50, lastMs: 5_000 };
/** A handler that does not settle in this time loses its partition all the same. */
const settleMsMax = 20_000;

/**
 * The members of a group in one process, and who works on which partition. The owner is changed at once in `#owners`;
 * the work follows: each partition's runs stand in a chain, so the next begins only when the one before has settled.
 */
export class Group {
  readonly #members = new Set<Member>();
  readonly #owners: (Member | undefined)[];
  readonly #stops: AbortController[];
  readonly #runs: Promise<void>[];
  readonly #logger: Logger;

  constructor(partitions: number, logger: Logger) {
    this.#owners = Array.from({ length: partitions }, () => undefined);
    this.#stops = Array.from({ length: partitions }, () => new AbortController());
    this.#runs = Array.from({ length: partitions }, () => Promise.resolve());
    this.#logger = logger;
  }

  /** Takes part until the signal aborts; resolves when all the member's partitions have settled. */
  async join(work: Work, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const member = { work };
    this.#members.add(member);
    this.#rebalance();
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    this.#members.delete(member);
    const mine = this.#owners.flatMap((owner, partition) => (owner === member ? [partition] : []));
    const settled = mine.map((partition) => this.#runs[partition]!);
    this.#rebalance();
    await Promise.all(settled);
  }

  #rebalance(): void {
    const targets = balance(this.#owners, [...this.#members]);
    for (const [partition, target] of targets.entries()) {
      if (this.#owners[partition] === target) continue;
      this.#owners[partition] = target;
      this.#stops[partition]!.abort();
      const stop = (this.#stops[partition] = new AbortController());
      if (target !== undefined) {
        this.#runs[partition] = this.#runs[partition]!.then(() => this.#run(target, partition, stop.signal));
      }
    }
  }

  async #run(member: Member, partition: number, signal: AbortSignal): Promise<void> {
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        await settledInTime(member.work(partition, signal), signal);
      } catch (error) {
        this.#logger.error(
          { err: error, partition },
          'handling a partition failed; starting again from its committed position',
        );
        await pause(backoffMs(failures, retry, Math.random()), signal);
      }
    }
  }
}

/** Waits for the work; once the signal has aborted, for no longer than the limit. */
async function settledInTime(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const late = new AbortController();
  const limit = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => void pause(settleMsMax, late.signal).then(() => resolve()), {
      once: true,
      signal: late.signal,
    });
  });
  try {
    await Promise.race([work, limit]);
  } finally {
    late.abort();
  }
}

/**
 * Who should own each partition: as evenly as possible, moving as few as possible. Without members no partition has an owner.
 */
export function balance<Owner>(
  owners: readonly (Owner | undefined)[],
  members: readonly Owner[],
): (Owner | undefined)[] {
  if (members.length === 0) return owners.map(() => undefined);
  const least = Math.floor(owners.length / members.length);
  let larger = owners.length % members.length;
  const counts = new Map(members.map((member) => [member, 0]));
  const targets = owners.map((owner) => {
    const count = owner === undefined ? undefined : counts.get(owner);
    if (owner === undefined || count === undefined || count > least || (count === least && larger === 0))
      return undefined;
    if (count === least) larger--;
    counts.set(owner, count + 1);
    return owner;
  });
  return targets.map((target) => {
    if (target !== undefined) return target;
    const [poorest] = [...counts].sort((a, b) => a[1] - b[1])[0]!;
    counts.set(poorest, counts.get(poorest)! + 1);
    return poorest;
  });
}
