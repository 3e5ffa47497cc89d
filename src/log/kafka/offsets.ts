import { listOffsetsV7 } from '@platformatic/kafka';
import { LogUnavailable, type Bounds } from '../log.ts';
import type { Cluster, Leader } from './cluster.ts';
import { ask, errorName, errors } from './protocol.ts';

const consumer = -1;
/** Only what no open transaction can still take back: the end is the last stable offset. */
export const readCommitted = 1;
const latest = -1n;
const earliest = -2n;

/** `first`: the first offset still held. `next`: after the last that can be read. A time: of the first record not older. */
export type OffsetQuestion = 'first' | 'next' | { readonly timestampMs: number };

/** The answer for each of the partitions, by partition; undefined where no record is young enough. Rejects with LogUnavailable. */
export async function findOffsets(
  cluster: Cluster,
  topic: string,
  partitions: readonly number[],
  question: OffsetQuestion,
): Promise<Map<number, number | undefined>> {
  const byBroker = new Map<number, { leader: Leader; partitions: number[] }>();
  for (const partition of partitions) {
    const leader = await cluster.findLeader(topic, partition);
    const known = byBroker.get(leader.brokerId) ?? { leader, partitions: [] };
    known.partitions.push(partition);
    byBroker.set(leader.brokerId, known);
  }
  const timestamp =
    question === 'first' ? earliest : question === 'next' ? latest : BigInt(Math.ceil(question.timestampMs));
  const found = new Map<number, number | undefined>();
  await Promise.all(
    [...byBroker.values()].map(async (broker) => {
      try {
        await askOffsets(cluster, { topic, timestamp, ...broker }, found);
      } catch (error) {
        // The leader may have moved: whoever tries again looks with fresh eyes.
        await cluster.refresh([topic]).catch(() => {});
        throw error;
      }
    }),
  );
  return found;
}

async function askOffsets(
  cluster: Cluster,
  asked: { topic: string; timestamp: bigint; leader: Leader; partitions: readonly number[] },
  found: Map<number, number | undefined>,
): Promise<void> {
  const partitions = asked.partitions.map((partitionIndex) => {
    return { partitionIndex, currentLeaderEpoch: -1, timestamp: asked.timestamp };
  });
  const connection = await cluster.controlConnection(asked.leader);
  const question = [{ name: asked.topic, partitions }];
  const answer = await ask(connection, listOffsetsV7.api, consumer, readCommitted, question);
  for (const partition of answer.topics[0]?.partitions ?? []) {
    if (partition.errorCode !== errors.none) {
      const place = `partition ${partition.partitionIndex} of topic ${asked.topic}`;
      throw new LogUnavailable(`no offset of ${place}: ${errorName(partition.errorCode)}`);
    }
    found.set(partition.partitionIndex, partition.offset < 0n ? undefined : Number(partition.offset));
  }
}

export async function findBounds(cluster: Cluster, topic: string, partition: number): Promise<Bounds> {
  // The first offset is asked before the next one, which can only grow meanwhile.
  const first = (await findOffsets(cluster, topic, [partition], 'first')).get(partition) ?? 0;
  const next = (await findOffsets(cluster, topic, [partition], 'next')).get(partition) ?? first;
  return { first, next: Math.max(first, next) };
}
