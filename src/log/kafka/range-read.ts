import { baseOffset } from '../batch.ts';
import { LogUnavailable, OffsetGone, type ReadRange } from '../log.ts';
import type { RecordChunk } from '../record.ts';
import { ChunkStream, type StreamSource } from './chunk-stream.ts';
import { findBounds, findOffset } from './offsets.ts';
import { persist } from './retry.ts';

/** How long a short question about a range's ends may take. */
const answerTimeoutMs = 30_000;

/** Log.read. What lies before the first offset still held is left out; the end is the head at the call at the latest. */
export async function* readRange(
  source: StreamSource,
  range: ReadRange,
  closing: AbortSignal,
): AsyncGenerator<RecordChunk, void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, closing]);
  try {
    const ends = await persist(() => findEnds(source, range), { signal, timeoutMs: answerTimeoutMs });
    const { end } = ends;
    let position = ends.start;
    while (position < end) {
      try {
        for await (const chunk of new ChunkStream(source, position, end).chunks(signal)) {
          position = chunk.nextOffset;
          yield cutAt(chunk, end);
          if (position >= end) return;
        }
        throw new LogUnavailable('the log is closed');
      } catch (error) {
        if (!(error instanceof OffsetGone)) throw error;
        // Retention was faster: what is left of the range begins later. A log that lost its tail has nothing left.
        if (position > error.bounds.next) return;
        position = error.bounds.first;
      }
    }
  } finally {
    stop.abort();
  }
}

async function findEnds({ cluster, topic, partition }: StreamSource, range: ReadRange) {
  const [bounds, from] = await Promise.all([
    findBounds(cluster, topic, partition),
    'offset' in range.from ? range.from.offset : findOffset(cluster, topic, partition, range.from),
  ]);
  return { start: Math.max(from ?? bounds.next, bounds.first), end: Math.min(range.to ?? bounds.next, bounds.next) };
}

function cutAt(chunk: RecordChunk, end: number): RecordChunk {
  if (chunk.nextOffset <= end) return chunk;
  const batches = chunk.batches.filter((batch) => baseOffset(batch) < end);
  return { ...chunk, batches, nextOffset: end };
}
