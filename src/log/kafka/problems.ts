// What keeps a client from working with a cluster at this moment, asked of the cluster itself: whether it answers, and what it lets the
// client do.
import { metadataV12 } from '@platformatic/kafka';
import { pause } from '../../base/backoff.ts';
import { LogUnavailable, type LogProblem, type TopicUse } from '../log.ts';
import type { Cluster } from './cluster.ts';
import { ask, errorName, errors, reasonOf } from './protocol.ts';

/** An answer that takes longer is none. */
const answerMsMax = 4_000;
/** Bits of `topicAuthorizedOperations`, by Kafka's AclOperation; the smallest value means that they are not given. */
const operationBits = { Read: 3, Write: 4 } as const;
const operationsUnknown = -2_147_483_648;

/** Never rejects, and resolves in time. */
export async function findProblems(
  cluster: Pick<Cluster, 'askAny'>,
  uses: readonly TopicUse[],
  bootstrap: string,
): Promise<LogProblem[]> {
  const asked = cluster.askAny((connection) => {
    return ask(connection, metadataV12.api, uses.map(({ topic }) => topic), false, true); // prettier-ignore
  });
  asked.catch(() => {});
  const timer = new AbortController();
  const late = pause(answerMsMax, timer.signal).then(() => undefined);
  try {
    const answer = await Promise.race([asked, late]);
    if (answer === undefined) return [unreachable(bootstrap, `no answer within ${answerMsMax / 1_000} s`)];
    return uses.flatMap((use) => problemsOf(use, answer.topics.find(({ name }) => name === use.topic), bootstrap)); // prettier-ignore
  } catch (error) {
    if (!(error instanceof LogUnavailable)) throw error;
    return [unreachable(bootstrap, reasonOf(error))];
  } finally {
    timer.abort();
  }
}

type TopicAnswer = ReturnType<typeof metadataV12.parseResponse>['topics'][number];

/** What the answer to a question for metadata says of a topic that is used so. */
export function problemsOf(
  { topic, reads, writes }: TopicUse,
  answer: Pick<TopicAnswer, 'errorCode' | 'partitions' | 'topicAuthorizedOperations'> | undefined,
  bootstrap: string,
): LogProblem[] {
  if (answer === undefined || answer.errorCode === errors.unknownTopicOrPartition)
    return [{ detail: `topic ${topic} is not there`, remedy: 'start a service, or run ssrms topics, to create it' }];
  if (answer.errorCode === errors.topicAuthorizationFailed) return [missingRight(topic, 'Describe', bootstrap)];
  if (answer.errorCode !== errors.none && answer.errorCode !== errors.leaderNotAvailable)
    return [{ detail: `topic ${topic}: ${errorName(answer.errorCode)}`, remedy: "see the brokers' logs" }];
  const { topicAuthorizedOperations: allowed, partitions } = answer;
  const mayNot = (operation: keyof typeof operationBits): boolean =>
    allowed !== operationsUnknown && (allowed & (1 << operationBits[operation])) === 0;
  const leaderless = partitions.filter(({ leaderId }) => leaderId < 0).map(({ partitionIndex }) => partitionIndex);
  return [
    ...(reads && mayNot('Read') ? [missingRight(topic, 'Read', bootstrap)] : []),
    ...(writes && mayNot('Write') ? [missingRight(topic, 'Write', bootstrap)] : []),
    ...(leaderless.length > 0
      ? [
          {
            detail: `partitions ${leaderless.join(', ')} of topic ${topic} have no leader`,
            remedy: 'start the brokers that hold them',
          },
        ]
      : []),
  ];
}

/** What `FailureReporter.failingFor` says, as a problem. */
export function failing(said: string | undefined): LogProblem[] {
  return said === undefined ? [] : [{ detail: said, remedy: "see this process's and the brokers' logs" }];
}

function unreachable(bootstrap: string, reason: string): LogProblem {
  return {
    detail: `Kafka at ${bootstrap} does not answer: ${reason}`,
    remedy: 'start the brokers, or correct BROKER; work goes on by itself when they answer',
  };
}

function missingRight(topic: string, operation: string, bootstrap: string): LogProblem {
  return {
    detail: `the right ${operation} on topic ${topic} is missing`,
    remedy: `kafka-acls.sh --bootstrap-server ${bootstrap} --add --allow-principal User:NAME --operation ${operation} --topic ${topic}`,
  };
}
