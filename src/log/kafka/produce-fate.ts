import { errors } from './protocol.ts';

/**
 * What an answer means for a batch.
 * written: done. locate: done once before, the place unknown. again: the same bytes once more. split: too large as it is.
 * blame: some records are refused, the others can go. restamp: surely not written, and the broker does not know our
 * numbers: again under a fresh identity. giveUp: perhaps written or perhaps not, and no repeat can tell.
 */
export type BatchFate = 'written' | 'locate' | 'again' | 'split' | 'blame' | 'restamp' | 'giveUp';

const sequenceErrors = new Set<number>([
  errors.outOfOrderSequenceNumber,
  errors.unknownProducerId,
  errors.invalidProducerEpoch,
  errors.producerFenced,
]);

const fates = new Map<number, BatchFate>([
  [errors.none, 'written'],
  [errors.duplicateSequenceNumber, 'locate'],
  [errors.messageTooLarge, 'split'],
  [errors.recordListTooLarge, 'split'],
  [errors.invalidTimestamp, 'blame'],
  [errors.invalidRecord, 'blame'],
  [errors.corruptMessage, 'again'],
  [errors.unknownTopicOrPartition, 'again'],
  [errors.leaderNotAvailable, 'again'],
  [errors.notLeaderOrFollower, 'again'],
  [errors.requestTimedOut, 'again'],
  [errors.notEnoughReplicas, 'again'],
  [errors.notEnoughReplicasAfterAppend, 'again'],
  [errors.kafkaStorageError, 'again'],
]);

/** `timesSent` counts how often the batch was sent, including the request that this answer belongs to. */
export function fateOf(errorCode: number, timesSent: number): BatchFate {
  if (sequenceErrors.has(errorCode) && timesSent === 1) return 'restamp';
  return fates.get(errorCode) ?? 'giveUp';
}
