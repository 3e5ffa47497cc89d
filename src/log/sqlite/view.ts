import { LogUnavailable, type Place, type View } from '../log.ts';
import type { RecordChunk } from '../record.ts';
import type { Partition } from './partitions.ts';

/**
 * Follows all partitions at once, applying what each gives. `follow` ends when the reader is to stop; the view has ended
 * when all have, and failed when the log was closed under it (`isCutShort`).
 */
export function followAll(
  partitions: readonly Partition[],
  {
    starts,
    follow,
    apply,
    isCutShort,
  }: {
    /** Where each partition begins. */
    starts: readonly number[];
    follow: (partition: Partition, fromOffset: number) => AsyncIterable<RecordChunk>;
    apply: (chunk: RecordChunk) => void;
    isCutShort: () => boolean;
  },
): View {
  const applied = [...starts];
  const waiting = partitions.map(
    () => new Set<{ offset: number; resolve: () => void; reject: (error: Error) => void }>(),
  );
  let over: Error | undefined;

  const reached = (partition: number, offset: number): Promise<void> => {
    if (applied[partition]! > offset) return Promise.resolve();
    if (over !== undefined) return Promise.reject(over);
    return new Promise((resolve, reject) => waiting[partition]!.add({ offset, resolve, reject }));
  };
  const caughtUp = Promise.all(partitions.map((partition, index) => reached(index, partition.next - 1))).then(() => {});
  // Callers that await it get the rejection; without one it must not end the process.
  caughtUp.catch(() => {});

  const run = async (partition: Partition, index: number): Promise<void> => {
    for await (const chunk of follow(partition, starts[index]!)) {
      apply(chunk);
      applied[index] = chunk.nextOffset;
      for (const one of waiting[index]!) {
        if (one.offset >= chunk.nextOffset) continue;
        waiting[index]!.delete(one);
        one.resolve();
      }
    }
  };
  const ended = Promise.all(partitions.map((partition, index) => run(partition, index))).then(
    () => {
      end(new LogUnavailable('the view has ended'));
      if (isCutShort()) throw new LogUnavailable('the log is closed');
    },
    (error: unknown) => {
      end(error instanceof Error ? error : new Error(String(error)));
      throw error;
    },
  );
  ended.catch(() => {});
  const end = (reason: Error): void => {
    over = reason;
    for (const set of waiting) {
      for (const one of set) one.reject(reason);
      set.clear();
    }
  };
  return { caughtUp, ended, applied: (place: Place) => reached(place.partition, place.offset) };
}
