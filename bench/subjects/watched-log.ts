import type { Claim, Log } from '../../src/log/log.ts';
import type { RecordChunk } from '../../src/log/record.ts';

/** What a subject of a benchmark wants to know, or to change, of what passes through its log. */
export interface Watch {
  /** A chunk has been worked on: its reader has asked for the next one. */
  readonly worked?: (chunk: RecordChunk) => void;
  /** The claim as the service gets it. */
  readonly claim?: (claim: Claim) => Claim;
}

/** The same log, watched where its groups read: nothing in the product counts for the benchmarks' sake. */
export function watchedLog(log: Log, { worked, claim: changed }: Watch): Log {
  return {
    ensureTopics: (topics) => log.ensureTopics(topics),
    topicDeviations: (topics) => log.topicDeviations(topics),
    problems: (uses) => log.problems(uses),
    partitionCount: (topic) => log.partitionCount(topic),
    bounds: (topic, partition) => log.bounds(topic, partition),
    append: (topic, records) => log.append(topic, records),
    appendPacked: (topic, records) => log.appendPacked(topic, records),
    view: (topic, apply, signal, fromMs) => log.view(topic, apply, signal, fromMs),
    process: (topic, group, handle, signal) =>
      log.process(topic, group, (claim) => handle(watchedClaim(changed?.(claim) ?? claim, worked)), signal),
    read: (topic, partition, range) => log.read(topic, partition, range),
    close: () => log.close(),
  };
}

function watchedClaim(claim: Claim, worked: Watch['worked']): Claim {
  if (worked === undefined) return claim;
  return {
    partition: claim.partition,
    committed: claim.committed,
    start: claim.start,
    signal: claim.signal,
    isHeld: () => claim.isHeld(),
    head: () => claim.head(),
    async *read(fromOffset) {
      for await (const chunk of claim.read(fromOffset)) {
        yield chunk;
        worked(chunk);
      }
    },
    append: (topic, records) => claim.append(topic, records),
    commit: (nextOffset) => claim.commit(nextOffset),
  };
}
