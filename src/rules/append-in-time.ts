import type { Clock } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import { inTime, late } from '../base/in-time.ts';
import { LogUnavailable, type Log, type Place } from '../log/log.ts';
import type { NewRecord } from '../log/record.ts';

/** A person waits for the answer: a log that takes longer is reported as unavailable. */
const appendMsMax = 5_000;

/**
 * Appends records. Rejects with the Failure `unavailable`, which says whether the change may have been made, when the log refuses
 * it or takes too long.
 */
export async function appendInTime(
  { log, clock }: { readonly log: Pick<Log, 'append'>; readonly clock: Clock },
  topic: string,
  records: readonly NewRecord[],
): Promise<readonly Place[]> {
  const appended = log.append(topic, records);
  try {
    const places = await inTime(appended, appendMsMax, clock);
    if (places !== late) return places;
  } catch (error) {
    if (!(error instanceof LogUnavailable)) throw error;
    throw new Failure('unavailable', `the log cannot be written right now: ${error.message}`, { retryAfterSeconds: 2 });
  }
  const detail = `the log did not take the change within ${appendMsMax / 1_000} s, and may still take it: read it before trying again`;
  throw new Failure('unavailable', detail, { retryAfterSeconds: 2 });
}
