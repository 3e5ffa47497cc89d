import { listOffsetsV7, type Connection } from '@platformatic/kafka';
import { LogUnavailable, type Bounds } from '../log.ts';
import type { Leader } from './connections.ts';
import { ask, errorName, errors } from './protocol.ts';

const consumer = -1;
/** Only what no open transaction can still take back: the end is the last stable offset. */
export const readCommitted = 1;
const latest = -1n;
const earliest = -2n;

/** What the cluster knows of leaders, as far as offsets need it. */
interface Leaders {
  leader(topic: string, partition: number): Leader | undefined;
  findLeader(topic: string, partition: number): Promise<Leader>;
  refresh(topics: Iterable<string>): Promise<void>;
  controlConnection(leader: Leader): Promise<Connection>;
}

/** A cluster, with its desk. */
interface Asked extends Leaders {
  readonly offsetDesk: OffsetDesk;
}

/** `first`: the first offset still held. `next`: after the last that can be read. A time: of the first record not older. */
export type OffsetQuestion = 'first' | 'next' | { readonly timestampMs: number };

/** A partition's answer: undefined where no record is young enough; or why there is none. */
type Answer = number | undefined | Error;

/** The answer for each of the partitions, by partition; undefined where no record is young enough. Rejects with LogUnavailable. */
export async function findOffsets(
  cluster: Asked,
  topic: string,
  partitions: readonly number[],
  question: OffsetQuestion,
): Promise<Map<number, number | undefined>> {
  const answers = await askAll(cluster, topic, new Map(partitions.map((partition) => [partition, question])));
  return new Map(partitions.map((partition) => [partition, orThrow(answers.get(partition))]));
}

/** As findOffsets, of one partition. */
export async function findOffset(
  cluster: Asked,
  topic: string,
  partition: number,
  question: OffsetQuestion,
): Promise<number | undefined> {
  return orThrow(await cluster.offsetDesk.ask(topic, partition, question));
}

export async function findBounds(cluster: Asked, topic: string, partition: number): Promise<Bounds> {
  // The first offset is asked before the next one, which can only grow meanwhile: a broker answers in the order of asking.
  const answers = [
    findOffset(cluster, topic, partition, 'first'),
    findOffset(cluster, topic, partition, 'next'),
  ] as const;
  const [first = 0, next = first] = await Promise.all(answers);
  return { first, next: Math.max(first, next) };
}

interface Sheet {
  readonly topic: string;
  readonly questions: Map<number, OffsetQuestion>;
  readonly answers: Promise<Map<number, Answer>>;
}

/**
 * Questions about single partitions, sent together when they are asked in one turn of the event loop: the partitions that an instance
 * takes over do the same at once, and a broker answers one request of a connection at a time. Each has an answer of its own,
 * since one partition's trouble is not another's.
 */
export class OffsetDesk {
  readonly #leaders: Leaders;
  /** In the order of sending: a partition stands on a sheet once. */
  #sheets: Sheet[] = [];

  constructor(leaders: Leaders) {
    this.#leaders = leaders;
  }

  async ask(topic: string, partition: number, question: OffsetQuestion): Promise<Answer> {
    // Behind the last sheet that asks about this partition, so that its answers come in the order of asking.
    const last = this.#sheets.findLastIndex((one) => one.topic === topic && one.questions.has(partition));
    const sheet = this.#sheets.find((one, index) => index > last && one.topic === topic) ?? this.#newSheet(topic);
    sheet.questions.set(partition, question);
    return (await sheet.answers).get(partition);
  }

  #newSheet(topic: string): Sheet {
    const { promise, resolve } = Promise.withResolvers<void>();
    const questions = new Map<number, OffsetQuestion>();
    const answers = promise.then(() => askAll(this.#leaders, topic, questions));
    const sheet = { topic, questions, answers };
    if (this.#sheets.push(sheet) === 1) setImmediate(() => (this.#sheets = []));
    setImmediate(resolve);
    return sheet;
  }
}

/** Never rejects for what a broker says or does not say. */
async function askAll(
  leaders: Leaders,
  topic: string,
  questions: ReadonlyMap<number, OffsetQuestion>,
): Promise<Map<number, Answer>> {
  const answers = new Map<number, Answer>();
  const byBroker = new Map<number, { leader: Leader; partitions: number[] }>();
  for (const partition of questions.keys()) {
    try {
      // What is known takes no turn, so that sheets are sent in their order.
      const leader = leaders.leader(topic, partition) ?? (await leaders.findLeader(topic, partition));
      const known = byBroker.get(leader.brokerId) ?? { leader, partitions: [] };
      known.partitions.push(partition);
      byBroker.set(leader.brokerId, known);
    } catch (error) {
      answers.set(partition, error as Error);
    }
  }
  await Promise.all(
    [...byBroker.values()].map(async ({ leader, partitions }) => {
      const asked = partitions.map((partitionIndex) => {
        return { partitionIndex, currentLeaderEpoch: -1, timestamp: timestampOf(questions.get(partitionIndex)!) };
      });
      try {
        await askBroker(leaders, { topic, leader, partitions: asked }, answers);
      } catch (error) {
        if (!(error instanceof LogUnavailable)) throw error;
        for (const partition of partitions) answers.set(partition, error);
      }
    }),
  );
  // The leaders may have moved: the next attempt looks them up again.
  if (answers.values().some((answer) => answer instanceof LogUnavailable))
    await leaders.refresh([topic]).catch(() => {});
  return answers;
}

function timestampOf(question: OffsetQuestion): bigint {
  return question === 'first' ? earliest : question === 'next' ? latest : BigInt(Math.ceil(question.timestampMs));
}

async function askBroker(
  leaders: Leaders,
  {
    topic,
    leader,
    partitions,
  }: {
    topic: string;
    leader: Leader;
    partitions: { partitionIndex: number; currentLeaderEpoch: number; timestamp: bigint }[];
  },
  answers: Map<number, Answer>,
): Promise<void> {
  const connection = await leaders.controlConnection(leader);
  const answer = await ask(connection, listOffsetsV7.api, consumer, readCommitted, [{ name: topic, partitions }]);
  for (const { partitionIndex, errorCode, offset } of answer.topics[0]?.partitions ?? []) {
    const place = `partition ${partitionIndex} of topic ${topic}`;
    if (errorCode !== errors.none)
      answers.set(partitionIndex, new LogUnavailable(`no offset of ${place}: ${errorName(errorCode)}`));
    else answers.set(partitionIndex, offset < 0n ? undefined : Number(offset));
  }
}

function orThrow(answer: Answer): number | undefined {
  if (answer instanceof Error) throw answer;
  return answer;
}
