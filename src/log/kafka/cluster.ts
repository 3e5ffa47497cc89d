// The cluster's metadata: its brokers, and the leader of each partition. It becomes stale without notice: a caller that is
// answered "not the leader", or loses a connection, asks for a refresh and tries again.
import { findCoordinatorV4, metadataV12, type Connection } from '@platformatic/kafka';
import { LogUnavailable } from '../log.ts';
import type { Address, Connections, Leader, ConnectionPurpose } from './connections.ts';
import { OffsetDesk } from './offsets.ts';
import { ask, errorName, errors } from './protocol.ts';

const controlPurpose: ConnectionPurpose = { name: 'control', answerTimeoutMs: 10_000 };
const groupCoordinator = 0;

interface Topic {
  readonly id: string;
  /** The leader's broker id of each partition, -1 when there is none. */
  readonly leaders: readonly number[];
  /** The brokers that hold each partition, the leader first. */
  readonly replicas: readonly (readonly number[])[];
}

/** `kafka-1:9092, kafka-2:9092` as addresses. Throws RangeError for anything else. */
export function parseAddresses(text: string): Address[] {
  return text.split(',').map((item) => {
    const match = /^(?:\[([\da-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(item.trim());
    const host = match?.[1] ?? match?.[2];
    const port = Number(match?.[3]);
    if (host === undefined || port < 1 || port > 65_535) {
      throw new RangeError(`broker address '${item.trim()}' is not of the form host:port`);
    }
    return { host, port };
  });
}

export class Cluster {
  readonly connections: Connections;
  readonly offsetDesk = new OffsetDesk(this);
  readonly #bootstrap: readonly Address[];
  #brokers = new Map<number, Address>();
  readonly #topics = new Map<string, Topic>();
  /** The topics that somebody has asked about; a refresh asks about all of them. */
  readonly #wanted = new Set<string>();
  /** Where to begin looking for a broker that answers. */
  #turn = 0;
  #refreshing: { readonly done: Promise<void>; readonly topics: ReadonlySet<string> } | undefined;

  constructor(bootstrap: readonly Address[], connections: Connections) {
    this.#bootstrap = bootstrap;
    this.connections = connections;
  }

  get brokerCount(): number {
    return this.#brokers.size;
  }

  get brokerIds(): readonly number[] {
    return [...this.#brokers.keys()].sort((one, other) => one - other);
  }

  /** By partition: the brokers that hold it, the preferred leader first. Empty when the topic is not known. */
  replicas(topic: string): readonly (readonly number[])[] {
    return this.#topics.get(topic)?.replicas ?? [];
  }

  /** From what is known; undefined sends the caller to `refresh`. */
  leader(topic: string, partition: number): Leader | undefined {
    const brokerId = this.#topics.get(topic)?.leaders[partition] ?? -1;
    const address = this.#brokers.get(brokerId);
    return address && { brokerId, ...address };
  }

  topicId(topic: string): string | undefined {
    return this.#topics.get(topic)?.id;
  }

  /** The number of partitions, 0 when the topic is not there as far as is known. */
  partitionCount(topic: string): number {
    return this.#topics.get(topic)?.leaders.length ?? 0;
  }

  /** Asks the cluster about these topics and all that were asked about before. Rejects with LogUnavailable. */
  async refresh(topics: Iterable<string> = []): Promise<void> {
    let added = false;
    for (const topic of topics) {
      added ||= !this.#refreshing?.topics.has(topic);
      this.#wanted.add(topic);
    }
    if (this.#refreshing && added) await this.#refreshing.done.catch(() => {});
    this.#refreshing ??= this.#beginRefresh();
    await this.#refreshing.done;
  }

  #beginRefresh(): { done: Promise<void>; topics: ReadonlySet<string> } {
    const topics = new Set(this.#wanted);
    const done = this.#askMetadata([...topics]).finally(() => {
      this.#refreshing = undefined;
    });
    return { done, topics };
  }

  async #askMetadata(topics: string[]): Promise<void> {
    const answer = await this.askAny((connection) => ask(connection, metadataV12.api, topics, false, false));
    if (answer.brokers.length > 0) {
      this.#brokers = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    }
    for (const topic of answer.topics) {
      if (!topic.name) continue;
      if (topic.errorCode === errors.unknownTopicOrPartition) {
        this.#topics.delete(topic.name);
      } else if (topic.errorCode === errors.none || topic.partitions.length > 0) {
        const known = this.#topics.get(topic.name);
        // Partitions never go; while some are added, one broker may know of them before another.
        const isOlder = known?.id === topic.topicId && topic.partitions.length < known.leaders.length;
        const leaders = isOlder ? [...known.leaders] : Array<number>(topic.partitions.length).fill(-1);
        const replicas = isOlder ? [...known.replicas] : leaders.map((): readonly number[] => []);
        for (const { partitionIndex, leaderId, replicaNodes } of topic.partitions) {
          leaders[partitionIndex] = leaderId;
          replicas[partitionIndex] = replicaNodes;
        }
        this.#topics.set(topic.name, { id: topic.topicId, leaders, replicas });
      } else if (topic.errorCode !== errors.leaderNotAvailable) {
        throw new LogUnavailable(`topic ${topic.name}: ${errorName(topic.errorCode)}`);
      }
    }
  }

  /** Asks any broker that answers, each known address once. Rejects with LogUnavailable, with the last reason. */
  async askAny<Answer>(question: (connection: Connection) => Promise<Answer>): Promise<Answer> {
    const addresses = [...this.#brokers.values(), ...this.#bootstrap];
    let failure: unknown;
    for (let tried = 0; tried < addresses.length; tried++) {
      const address = addresses[this.#turn % addresses.length]!;
      try {
        return await question(await this.connections.open(address, controlPurpose));
      } catch (error) {
        if (!(error instanceof LogUnavailable)) throw error;
        failure = error;
        this.#turn++;
      }
    }
    throw failure;
  }

  /** The partition's leader, asking the cluster when it is not known. Rejects with LogUnavailable. */
  async findLeader(topic: string, partition: number): Promise<Leader> {
    if (!this.leader(topic, partition)) await this.refresh([topic]);
    const leader = this.leader(topic, partition);
    if (leader) return leader;
    const count = this.partitionCount(topic);
    if (count === 0) throw new LogUnavailable(`topic ${topic} is not there`);
    if (partition >= count) throw new RangeError(`topic ${topic} has no partition ${partition}: it has ${count}`);
    throw new LogUnavailable(`partition ${partition} of topic ${topic} has no leader`);
  }

  /** The number of partitions, asking the cluster when it is not known. Rejects with LogUnavailable when it is not there. */
  async findPartitionCount(topic: string): Promise<number> {
    if (this.partitionCount(topic) === 0) await this.refresh([topic]);
    const count = this.partitionCount(topic);
    if (count === 0) throw new LogUnavailable(`topic ${topic} is not there`);
    return count;
  }

  /** Where a group's coordinator is. Rejects with LogUnavailable. */
  async findCoordinator(group: string): Promise<Address> {
    const answer = await this.askAny((connection) => ask(connection, findCoordinatorV4.api, groupCoordinator, [group]));
    const found = answer.coordinators[0];
    if (found?.errorCode !== errors.none) {
      throw new LogUnavailable(`group ${group} has no coordinator: ${errorName(found?.errorCode ?? -1)}`);
    }
    return { host: found.host, port: found.port };
  }

  /** A connection to the partition's leader for short questions. */
  async controlConnection(address: Address): Promise<Connection> {
    return this.connections.open(address, controlPurpose);
  }
}
