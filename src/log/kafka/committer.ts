import { offsetCommitV8, offsetFetchV8 } from '@platformatic/kafka';
import { pause } from '../../base/backoff.ts';
import { ClaimLost, LogUnavailable } from '../log.ts';
import type { MemberIdentity, Membership } from './membership.ts';
import { ask, errorName, errors } from './protocol.ts';
import { backoffFor, type FailureReporter } from './retry.ts';

export interface CommitterSettings {
  readonly membership: Membership;
  readonly failureReporter: FailureReporter;
  readonly group: string;
  readonly topic: string;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** A position to be made durable, and who waits for it. */
interface Pending {
  readonly offset: number;
  readonly waiters: readonly Waiter[];
}

const membershipErrors = new Set<number>([
  errors.illegalGeneration,
  errors.unknownMemberId,
  errors.rebalanceInProgress,
  errors.fencedInstanceId,
]);
const passingErrors = new Set<number>([
  errors.unknownTopicOrPartition,
  errors.requestTimedOut,
  errors.coordinatorLoadInProgress,
  errors.coordinatorNotAvailable,
  errors.notCoordinator,
]);

/**
 * Commits positions, those of all partitions that wait in one request. A newer position of a partition takes the place of
 * an older one that was not sent yet. It goes on until the coordinator has them, or their claim is lost.
 */
export class Committer {
  readonly #settings: CommitterSettings;
  readonly #pending = new Map<number, Pending>();
  #pumping = false;

  constructor(settings: CommitterSettings) {
    this.#settings = settings;
  }

  /** Claim.commit. The caller checks whether the claim is lost, and calls `drop` when it is. */
  commit(partition: number, offset: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const earlier = this.#pending.get(partition)?.waiters ?? [];
    this.#pending.set(partition, { offset, waiters: [...earlier, { resolve, reject }] });
    void this.#pump();
    return promise;
  }

  /** Rejects what waits for the partition. A request under way may still be taken by the coordinator. */
  drop(partition: number): void {
    const pending = this.#pending.get(partition);
    this.#pending.delete(partition);
    for (const waiter of pending?.waiters ?? []) waiter.reject(claimLost(partition));
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    const signal = new AbortController().signal;
    try {
      // At the end of the turn, so that partitions that finish together go together.
      await new Promise(setImmediate);
      for (let failures = 0; this.#pending.size > 0;) {
        const isDone = await this.#send();
        failures = isDone ? 0 : failures + 1;
        if (!isDone) await pause(backoffFor(failures), signal);
      }
    } finally {
      this.#pumping = false;
    }
  }

  /** Whether all went well; what did not is pending again. */
  async #send(): Promise<boolean> {
    const { membership, failureReporter, group, topic } = this.#settings;
    const identity = membership.identity;
    if (!identity) return false;
    // Those under way stay in the map, so that `drop` finds them; a newer position takes their place and their waiters.
    const sent = new Map(this.#pending);
    const partitions = [...sent].map(([partitionIndex, { offset }]) => {
      return { partitionIndex, committedOffset: BigInt(offset), committedLeaderEpoch: -1, committedMetadata: null };
    });
    const { generation, memberId } = identity;
    try {
      const connection = await membership.connection();
      const question = [{ name: topic, partitions }];
      const answer = await ask(connection, offsetCommitV8.api, group, generation, memberId, null, question);
      failureReporter.recovered();
      const answered = answer.topics[0]?.partitions ?? [];
      const outcomes = answered.map(({ partitionIndex, errorCode }) => {
        return this.#settle(partitionIndex, { sent: sent.get(partitionIndex), errorCode, identity });
      });
      return outcomes.every(Boolean);
    } catch (error) {
      if (!(error instanceof LogUnavailable)) throw error;
      failureReporter.failed(error);
      membership.forgetCoordinator();
      return false;
    }
  }

  /** Whether the matter is closed. */
  #settle(
    partition: number,
    outcome: { sent: Pending | undefined; errorCode: number; identity: MemberIdentity },
  ): boolean {
    const { membership, topic } = this.#settings;
    const { sent, errorCode, identity } = outcome;
    if (membershipErrors.has(errorCode)) {
      membership.refused(identity, errorCode);
      return false;
    }
    if (passingErrors.has(errorCode)) {
      membership.forgetCoordinator();
      return false;
    }
    const now = this.#pending.get(partition);
    if (!sent || !now) return true;
    // A newer position that came meanwhile waits on; those who waited for the sent one have it.
    const others = now.waiters.filter((waiter) => !sent.waiters.includes(waiter));
    if (now === sent) this.#pending.delete(partition);
    else this.#pending.set(partition, { offset: now.offset, waiters: others });
    const refusal = new LogUnavailable(`no commit to topic ${topic}: ${errorName(errorCode)}`);
    for (const waiter of sent.waiters) {
      if (errorCode === errors.none) waiter.resolve();
      else waiter.reject(refusal);
    }
    return true;
  }
}

export function claimLost(partition: number): ClaimLost {
  return new ClaimLost(`partition ${partition} is not held any more`);
}

/** The group's committed position in a partition; undefined when there is none. Rejects with LogUnavailable. */
export async function findCommitted(
  { membership, group, topic }: CommitterSettings,
  partition: number,
): Promise<number | undefined> {
  const connection = await membership.connection();
  const question = [{ groupId: group, memberEpoch: -1, topics: [{ name: topic, partitionIndexes: [partition] }] }];
  // Stable: no position that an open transaction could still take back.
  const answer = await ask(connection, offsetFetchV8.api, question, true);
  const found = answer.groups[0];
  const position = found?.topics[0]?.partitions[0];
  const errorCode = found?.errorCode || position?.errorCode || 0;
  if (errorCode !== errors.none) {
    membership.forgetCoordinator();
    throw new LogUnavailable(`no position of group ${group}: ${errorName(errorCode)}`);
  }
  return position && position.committedOffset >= 0n ? Number(position.committedOffset) : undefined;
}
