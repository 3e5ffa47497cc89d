import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fateOf, type BatchFate } from './produce-fate.ts';
import { errors } from './protocol.ts';

// [sent once, repeated]: a repeat may have been written before, which the broker's answer then does not tell.
const wanted: Partial<Record<keyof typeof errors, readonly [BatchFate, BatchFate]>> = {
  none: ['written', 'written'],
  duplicateSequenceNumber: ['locate', 'locate'],
  corruptMessage: ['again', 'again'],
  unknownTopicOrPartition: ['again', 'again'],
  leaderNotAvailable: ['again', 'again'],
  notLeaderOrFollower: ['again', 'again'],
  requestTimedOut: ['again', 'again'],
  notEnoughReplicas: ['again', 'again'],
  notEnoughReplicasAfterAppend: ['again', 'again'],
  kafkaStorageError: ['again', 'again'],
  messageTooLarge: ['split', 'split'],
  recordListTooLarge: ['split', 'split'],
  invalidTimestamp: ['blame', 'blame'],
  invalidRecord: ['blame', 'blame'],
  outOfOrderSequenceNumber: ['restamp', 'giveUp'],
  unknownProducerId: ['restamp', 'giveUp'],
  invalidProducerEpoch: ['restamp', 'giveUp'],
  producerFenced: ['restamp', 'giveUp'],
};

test('each answer has one meaning, and what is not known is given up', () => {
  for (const [name, code] of Object.entries(errors)) {
    const [once, repeated] = wanted[name as keyof typeof errors] ?? ['giveUp', 'giveUp'];
    assert.equal(fateOf(code, 1), once, name);
    assert.equal(fateOf(code, 2), repeated, name);
  }
});
