import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogUnavailable } from '../log.ts';
import { findProblems, problemsOf } from './problems.ts';

const bootstrap = 'kafka-1:9092';
const partition = (partitionIndex: number, leaderId: number) => {
  return {
    errorCode: 0,
    partitionIndex,
    leaderId,
    leaderEpoch: 0,
    replicaNodes: [1],
    isrNodes: [1],
    offlineReplicas: [],
  };
};
const [read, write, unknown] = [1 << 3, 1 << 4, -2_147_483_648];

test('a right that is missing, a topic that is gone and a partition without a leader are named, with what to do', () => {
  const answer = { errorCode: 0, partitions: [partition(0, 1)], topicAuthorizedOperations: read };
  const of = (
    use: { reads?: boolean; writes?: boolean },
    more: Partial<typeof answer> | null = {},
  ): (readonly [string, string])[] =>
    problemsOf(
      { topic: 'metrics', reads: false, writes: false, ...use },
      more === null ? undefined : { ...answer, ...more },
      bootstrap,
    ).map(({ detail, remedy }) => [detail, remedy]);
  assert.deepEqual(of({ reads: true }), []);
  assert.deepEqual(of({ reads: true, writes: true }), [
    [
      'the right Write on topic metrics is missing',
      'kafka-acls.sh --bootstrap-server kafka-1:9092 --add --allow-principal User:NAME --operation Write --topic metrics',
    ],
  ]);
  assert.deepEqual(of({ writes: true, reads: true }, { topicAuthorizedOperations: read | write }), []);
  // Brokers before 2.3 do not tell.
  assert.deepEqual(of({ writes: true }, { topicAuthorizedOperations: unknown }), []);
  assert.match(of({}, { errorCode: 29 })[0]![0], /the right Describe on topic metrics/);
  assert.match(of({}, { errorCode: 3 })[0]![0], /topic metrics is not there/);
  assert.match(of({}, null)[0]![0], /topic metrics is not there/);
  assert.deepEqual(of({ reads: true }, { partitions: [partition(0, 1), partition(1, -1), partition(2, -1)] }), [
    ['partitions 1, 2 of topic metrics have no leader', 'start the brokers that hold them'],
  ]);
});

test('a cluster that does not answer is the one thing that is said', async () => {
  const uses = [{ topic: 'metrics', reads: true, writes: true }];
  const askAny = async (): Promise<never> => {
    throw new LogUnavailable('cannot connect to kafka-1:9092: connect ECONNREFUSED');
  };
  const [found, ...more] = await findProblems({ askAny }, uses, bootstrap);
  assert.match(found!.detail, /^Kafka at kafka-1:9092 does not answer: .*ECONNREFUSED$/);
  assert.match(found!.remedy, /start the brokers/);
  assert.deepEqual(more, []);
});
