// A member of a group, by Kafka's classic protocol with cooperative rebalances (KIP-429), by hand: the library's Consumer
// gives its partitions up without letting us finish what is under way.
//
//   join ──> sync ──> take: begin what is new; what is gone: abort, let it settle and commit, then join again
//    ^                  │
//    └── the heartbeat says that the group rebalances, or that we are no member any more (then all claims are lost)
//
// Partitions that stay with us are read during a rebalance: no other member gets one before its owner has joined without it. So
// heartbeats go on too, on a connection of their own, since a join keeps the broker from answering anything else.
import {
  decodeConsumerProtocolAssignment,
  decodeConsumerProtocolSubscription,
  encodeConsumerProtocolAssignment,
  encodeConsumerProtocolSubscription,
  heartbeatV4,
  joinGroupV9,
  leaveGroupV5,
  syncGroupV5,
  type Connection,
} from '@platformatic/kafka';
import { pause } from '../../base/backoff.ts';
import { LogUnavailable } from '../log.ts';
import { assign, type GroupMember } from './assignor.ts';
import type { Cluster } from './cluster.ts';
import type { Address, ConnectionPurpose } from './connections.ts';
import { ask, errorName, errors } from './protocol.ts';
import { backoffFor, type FailureReporter } from './retry.ts';

const protocolType = 'consumer';
const protocolName = 'cooperative-sticky';
const subscriptionVersion = 3;
const beatsPerSession = 40;
// A member learns of a rebalance by its next heartbeat, and until then some partitions have no owner. One rebalance often
// causes the next: partitions released in the first are assigned in the second. Heartbeats after a rebalance are frequent.
const quickBeatMs = 50;
const quickForMs = 5_000;
/** How long leaving may take: otherwise the others wait for the session's end. */
const leaveTimeoutMs = 2_000;

type JoinGroupResponse = ReturnType<typeof joinGroupV9.parseResponse>;

/** Identifies the member to the coordinator, which refuses a commit under an old generation. */
export interface MemberIdentity {
  readonly memberId: string;
  readonly generation: number;
}

export interface MembershipSettings {
  readonly cluster: Cluster;
  readonly failureReporter: FailureReporter;
  readonly group: string;
  readonly topic: string;
  readonly sessionTimeoutMs: number;
  /** How long the group waits for a member to join again; see `revoke`. */
  readonly rebalanceTimeoutMs: number;
  /** These partitions are ours from now on. */
  readonly begin: (partitions: readonly number[]) => void;
  /** These move elsewhere once this resolves, which must be well within the rebalance timeout. */
  readonly revoke: (partitions: readonly number[]) => Promise<void>;
  /** These are not ours any more, perhaps for some time. */
  readonly lose: (partitions: readonly number[]) => void;
}

let membershipCount = 0;

export class Membership {
  readonly #settings: MembershipSettings;
  readonly #joinPurpose: ConnectionPurpose;
  readonly #heartbeatPurpose: ConnectionPurpose;
  readonly #owned = new Set<number>();
  #coordinator: Address | undefined;
  #memberId = '';
  #generation = -1;
  /** Whether a join is under way: then an old generation is no sign of being thrown out. */
  #joining = true;
  #mustJoin = false;
  /** As the group's leader: how many partitions were shared out. undefined when another member has decided. */
  #sharedOut: number | undefined;
  #wake: (() => void) | undefined;
  /** When the last request was sent that the coordinator answered as from a living member, by performance.now(). */
  #lastBeatMs = -Infinity;
  #syncedMs = -Infinity;

  constructor(settings: MembershipSettings) {
    this.#settings = settings;
    const number = membershipCount++;
    // A join is answered when all members have joined, or their time is over.
    this.#joinPurpose = { name: `join-${number}`, answerTimeoutMs: settings.rebalanceTimeoutMs + 5_000 };
    this.#heartbeatPurpose = { name: `beat-${number}`, answerTimeoutMs: Math.ceil(settings.sessionTimeoutMs / 3) };
  }

  /** undefined while this is no member. */
  get identity(): MemberIdentity | undefined {
    if (this.#generation < 0) return undefined;
    return { memberId: this.#memberId, generation: this.#generation };
  }

  /** Whether the coordinator got a heartbeat within half the session timeout, so that no other member can own our partitions. */
  isFresh(): boolean {
    return performance.now() - this.#lastBeatMs < this.#settings.sessionTimeoutMs / 2;
  }

  /** To the coordinator, for heartbeats and commits. Rejects with LogUnavailable. */
  async connection(): Promise<Connection> {
    return this.#connect(this.#heartbeatPurpose);
  }

  /** Is a member until the signal aborts, then lets all partitions settle and leaves. Rejects only for what cannot be mended. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    void this.#beat(stop.signal);
    try {
      let failures = 0;
      while (!signal.aborted) {
        try {
          const assigned = await this.#join(signal);
          if (assigned === undefined) break;
          failures = 0;
          this.#settings.failureReporter.recovered();
          await this.#take(assigned);
          await this.#untilJoin(signal);
        } catch (error) {
          if (!(error instanceof LogUnavailable)) throw error;
          this.#settings.failureReporter.failed(error);
          this.#coordinator = undefined;
          await pause(backoffFor(++failures), signal);
        }
      }
    } finally {
      await this.#settings.revoke([...this.#owned]);
      this.#owned.clear();
      stop.abort();
      await this.#leave();
      this.#generation = -1;
      for (const purpose of [this.#joinPurpose, this.#heartbeatPurpose])
        this.#settings.cluster.connections.closePurpose(purpose.name);
    }
  }

  /**
   * What a refusal of a commit under `identity` means: that we are no member any more, if nothing has changed since and no
   * join is under way, which would have given us a new generation.
   */
  refused(identity: MemberIdentity, errorCode: number): void {
    if (errorCode === errors.rebalanceInProgress) this.#askToJoin();
    else if (!this.#joining && this.#isCurrent(identity)) this.#fence();
  }

  /** The coordinator seems to be elsewhere, or gone. */
  forgetCoordinator(): void {
    this.#coordinator = undefined;
  }

  #isCurrent(identity: MemberIdentity): boolean {
    return identity.memberId === this.#memberId && identity.generation === this.#generation;
  }

  async #connect(purpose: ConnectionPurpose): Promise<Connection> {
    const { cluster, group } = this.#settings;
    this.#coordinator ??= await cluster.findCoordinator(group);
    return cluster.connections.open(this.#coordinator, purpose);
  }

  #askToJoin(): void {
    this.#mustJoin = true;
    this.#wake?.();
  }

  async #untilJoin(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => resolve();
    this.#wake = wake;
    signal.addEventListener('abort', wake, { once: true });
    if (this.#mustJoin || signal.aborted) wake();
    await promise;
    signal.removeEventListener('abort', wake);
    this.#wake = undefined;
  }

  /** Joins and syncs. Resolves to the partitions that are ours by now, or undefined when the signal aborts. */
  async #join(signal: AbortSignal): Promise<readonly number[] | undefined> {
    this.#joining = true;
    this.#mustJoin = false;
    try {
      while (!signal.aborted) {
        const joined = await this.#unlessAborted(this.#askJoin(), signal);
        if (joined === undefined) continue;
        const assigned = await this.#unlessAborted(this.#askSync(joined), signal);
        if (assigned) return assigned;
      }
      return undefined;
    } finally {
      this.#joining = false;
    }
  }

  /** A join may take long: stopping does not wait for it. */
  async #unlessAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const stop = () => resolve(undefined);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    answer.catch(() => {});
    try {
      return await Promise.race([answer, promise]);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** undefined: to be asked again at once. */
  async #askJoin(): Promise<JoinGroupResponse | undefined> {
    const { group, topic, sessionTimeoutMs, rebalanceTimeoutMs } = this.#settings;
    const connection = await this.#connect(this.#joinPurpose);
    const metadata = encodeConsumerProtocolSubscription({
      version: subscriptionVersion,
      topics: [topic],
      ownedPartitions: [{ topic, partitions: [...this.#owned] }],
      generationId: this.#generation,
    });
    const protocols = [{ name: protocolName, metadata }];
    const answer = await ask(
      connection,
      joinGroupV9.api,
      group,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      this.#memberId,
      null, // No static membership: a member that restarts is a new one.
      protocolType,
      protocols,
      null,
    );
    switch (answer.errorCode) {
      case errors.none:
        this.#memberId = answer.memberId;
        return answer;
      case errors.memberIdRequired:
        this.#memberId = answer.memberId;
        return undefined;
      case errors.unknownMemberId:
      case errors.illegalGeneration:
      case errors.fencedInstanceId:
        this.#fence();
        return undefined;
      case errors.invalidSessionTimeout:
        throw new RangeError(`group ${group}: the brokers do not allow a session timeout of ${sessionTimeoutMs} ms`);
      default:
        throw new LogUnavailable(`cannot join group ${group}: ${errorName(answer.errorCode)}`);
    }
  }

  /** undefined: join again. */
  async #askSync(joined: JoinGroupResponse): Promise<readonly number[] | undefined> {
    const { group, topic } = this.#settings;
    const { memberId, generationId } = joined;
    const isLeader = joined.leader === memberId;
    const assignments = isLeader ? await this.#decide(joined) : [];
    if (!isLeader) this.#sharedOut = undefined;
    const connection = await this.#connect(this.#joinPurpose);
    const sentAtMs = performance.now();
    const answer = await ask(
      connection,
      syncGroupV5.api,
      group,
      generationId,
      memberId,
      null,
      protocolType,
      protocolName,
      assignments,
    );
    switch (answer.errorCode) {
      case errors.none: {
        this.#generation = generationId;
        this.#syncedMs = performance.now();
        this.#lastBeatMs = Math.max(this.#lastBeatMs, sentAtMs);
        const { assignedPartitions } = decodeConsumerProtocolAssignment(answer.assignment);
        return assignedPartitions.find((assigned) => assigned.topic === topic)?.partitions ?? [];
      }
      case errors.rebalanceInProgress:
        return undefined;
      case errors.unknownMemberId:
      case errors.illegalGeneration:
      case errors.fencedInstanceId:
        this.#fence();
        return undefined;
      default:
        throw new LogUnavailable(`cannot join group ${group}: ${errorName(answer.errorCode)}`);
    }
  }

  /** As the group's leader. */
  async #decide(joined: JoinGroupResponse) {
    const members = joined.members.map(({ memberId, metadata }): GroupMember => {
      const { topics, ownedPartitions, generationId } = decodeConsumerProtocolSubscription(metadata);
      const owned = new Map(ownedPartitions.map(({ topic, partitions }) => [topic, partitions]));
      return { id: memberId, topics, owned, generation: generationId };
    });
    const counts = new Map<string, number>();
    for (const topic of new Set(members.flatMap((member) => member.topics))) {
      counts.set(topic, await this.#settings.cluster.findPartitionCount(topic));
    }
    this.#sharedOut = counts.get(this.#settings.topic);
    return [...assign(members, counts)].map(([memberId, topics]) => {
      const assignedPartitions = [...topics].map(([topic, partitions]) => ({ topic, partitions }));
      return { memberId, assignment: encodeConsumerProtocolAssignment({ version: 1, assignedPartitions }) };
    });
  }

  async #take(assigned: readonly number[]): Promise<void> {
    const added = assigned.filter((partition) => !this.#owned.has(partition));
    const gone = [...this.#owned].filter((partition) => !assigned.includes(partition));
    for (const partition of added) this.#owned.add(partition);
    if (added.length > 0) this.#settings.begin(added);
    if (gone.length === 0) return;
    await this.#settings.revoke(gone);
    for (const partition of gone) this.#owned.delete(partition);
    // Only now can the others have them.
    this.#askToJoin();
  }

  /** We are no member any more: what we own may be another's. */
  #fence(): void {
    this.#memberId = '';
    this.#generation = -1;
    this.#loseAll();
    this.#askToJoin();
  }

  #loseAll(): void {
    const lost = [...this.#owned];
    this.#owned.clear();
    if (lost.length > 0) this.#settings.lose(lost);
  }

  /** Never rejects. */
  async #beat(signal: AbortSignal): Promise<void> {
    const { sessionTimeoutMs, failureReporter } = this.#settings;
    let beganMs = -Infinity;
    while (await pause(quickBeatMs, signal)) {
      const sinceMs = performance.now() - beganMs;
      if (performance.now() - this.#syncedMs > quickForMs && sinceMs < sessionTimeoutMs / beatsPerSession) continue;
      beganMs = performance.now();
      const identity = this.identity;
      // No heartbeat for a session: the group has assigned our partitions to others, or is about to.
      if (performance.now() - this.#lastBeatMs > sessionTimeoutMs && this.#owned.size > 0) {
        this.#loseAll();
        this.#askToJoin();
      }
      if (!identity) continue;
      // Partitions were added: when the leader joins again, the group shares all of them out.
      const count = this.#settings.cluster.partitionCount(this.#settings.topic);
      if (!this.#joining && this.#sharedOut !== undefined && count > this.#sharedOut) this.#askToJoin();
      try {
        await this.#beatOnce(identity);
      } catch (error) {
        if (signal.aborted) return;
        this.#coordinator = undefined;
        failureReporter.failed(error);
      }
    }
  }

  async #beatOnce(identity: MemberIdentity): Promise<void> {
    const connection = await this.connection();
    const sentAtMs = performance.now();
    const { memberId, generation } = identity;
    const answer = await ask(connection, heartbeatV4.api, this.#settings.group, generation, memberId, null);
    switch (answer.errorCode) {
      case errors.none:
        this.#lastBeatMs = Math.max(this.#lastBeatMs, sentAtMs);
        this.#settings.failureReporter.recovered();
        break;
      case errors.rebalanceInProgress:
        this.#lastBeatMs = Math.max(this.#lastBeatMs, sentAtMs);
        if (!this.#joining) this.#askToJoin();
        break;
      case errors.unknownMemberId:
      case errors.illegalGeneration:
      case errors.fencedInstanceId:
        this.refused(identity, answer.errorCode);
        break;
      default:
        throw new LogUnavailable(`no heartbeat: ${errorName(answer.errorCode)}`);
    }
  }

  async #leave(): Promise<void> {
    if (this.#memberId === '') return;
    const members = [{ memberId: this.#memberId, groupInstanceId: null, reason: null }];
    const leaving = this.connection().then((connection) => {
      return ask(connection, leaveGroupV5.api, this.#settings.group, members);
    });
    // A member that cannot leave counts as dead when its session ends.
    leaving.catch(() => {});
    await Promise.race([leaving.catch(() => {}), pause(leaveTimeoutMs, new AbortController().signal)]);
  }
}
