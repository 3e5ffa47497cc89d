// What all of this folder needs of the protocol: asking one question, and the error codes that we act on.
import { ResponseError, protocolErrorsCodesById, type API, type Connection } from '@platformatic/kafka';
import { LogUnavailable } from '../log.ts';

export const errors = {
  none: 0,
  offsetOutOfRange: 1,
  corruptMessage: 2,
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  notLeaderOrFollower: 6,
  requestTimedOut: 7,
  messageTooLarge: 10,
  coordinatorLoadInProgress: 14,
  coordinatorNotAvailable: 15,
  notCoordinator: 16,
  recordListTooLarge: 18,
  notEnoughReplicas: 19,
  notEnoughReplicasAfterAppend: 20,
  illegalGeneration: 22,
  unknownMemberId: 25,
  invalidSessionTimeout: 26,
  rebalanceInProgress: 27,
  topicAuthorizationFailed: 29,
  invalidTimestamp: 32,
  topicAlreadyExists: 36,
  invalidConfig: 40,
  outOfOrderSequenceNumber: 45,
  duplicateSequenceNumber: 46,
  invalidProducerEpoch: 47,
  kafkaStorageError: 56,
  unknownProducerId: 59,
  memberIdRequired: 79,
  fencedInstanceId: 82,
  invalidRecord: 87,
  producerFenced: 90,
} as const;

export function errorName(code: number): string {
  return (protocolErrorsCodesById as Record<number, string | undefined>)[code] ?? `error ${code}`;
}

const innerOf = (error: Error): unknown =>
  error.cause ?? (error instanceof AggregateError ? error.errors[0] : undefined);

/** The innermost reason that says something: the library wraps the system's errors, and leaves some messages empty. */
export function reasonOf(error: unknown): string {
  let reason = error instanceof Error ? error.message : String(error);
  for (let inner: unknown = error; inner instanceof Error; inner = innerOf(inner)) {
    const code = 'code' in inner && typeof inner.code === 'string' && !inner.code.startsWith('PLT_') ? inner.code : '';
    if (inner.message !== '' || code !== '') reason = inner.message || code;
  }
  return reason;
}

/**
 * Asks one question on a connection. Resolves to the answer, with whatever error codes it holds: the library would throw
 * for any of them and hide what went well. Rejects with LogUnavailable when no answer came.
 */
export async function ask<Arguments extends unknown[], Answer>(
  connection: Connection,
  api: API<Arguments, Answer>,
  ...args: Arguments
): Promise<Answer> {
  try {
    return await api.async(connection, ...args);
  } catch (error) {
    if (error instanceof ResponseError && 'response' in error) return error.response as Answer;
    throw new LogUnavailable(`no answer from Kafka: ${reasonOf(error)}`, { cause: error });
  }
}
