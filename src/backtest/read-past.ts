import { SeriesBudget } from '../evaluate/series-budget.ts';
import { SeriesIndex, type ReadSample } from '../evaluate/series-index.ts';
import type { SamplePlace } from '../alarm/alarm-state.ts';
import type { Log } from '../log/log.ts';
import type { TagMatchers } from '../rule/matcher.ts';
import { inTurns, offsetSince, spanOf } from './backtest.ts';
import type { MetricPasts } from './metric-pasts.ts';

export interface SamplesSource {
  readonly log: Log;
  readonly pasts: MetricPasts;
}

/** Which retained samples are read. */
export interface PastOrder {
  readonly metricName: string;
  readonly tags: TagMatchers;
  readonly sinceMs: number;
}

/** Takes a metric's retained samples in the order of the log. */
export interface PastReader<Found> {
  /** Whether a sample of this time is needed at all. */
  wants(timestampMs: number): boolean;
  take(read: ReadSample, sample: SamplePlace): void;
  finish(): Found;
}

/** What a reader found, and whether older samples are no longer retained. */
export type FoundInPast<Found> = Found & { readonly partition: number; readonly cutShort: boolean };

/** Reads a metric's retained samples. `begin` makes the reader, given the time of the first sample that is there. */
export async function readPast<Found extends object>(
  { log, pasts }: SamplesSource,
  { metricName, tags, sinceMs }: PastOrder,
  begin: (firstMs: number | undefined) => PastReader<Found>,
  signal: AbortSignal,
): Promise<FoundInPast<Found>> {
  return pasts.use(metricName, tags, async (past) => {
    await past.readOn(signal);
    const { partition } = past;
    const from = await offsetSince(log, partition, sinceMs);
    while (await past.readBack(from, signal));
    const index = new SeriesIndex(new SeriesBudget(), () => {});
    index.table.partition = partition;
    const chunk = past.chunk({ from: Math.max(from, past.range.from), to: past.range.to });
    const reader = begin(spanOf(chunk)?.[0]);
    for await (const { batches } of inTurns(chunk, signal)) {
      for (const batch of batches) {
        index.scan(batch, chunk.firstOffset, chunk.nextOffset);
        const { columns } = index;
        for (let at = 0; at < columns.count; at++) {
          const timestampMs = columns.timestampMs[at]!;
          if (!reader.wants(timestampMs)) continue;
          const read = index.readColumn(batch, at);
          if (typeof read !== 'string') reader.take(read, { partition, offset: columns.offset[at]!, timestampMs });
        }
      }
    }
    return { ...reader.finish(), partition, cutShort: past.range.from > from };
  });
}
