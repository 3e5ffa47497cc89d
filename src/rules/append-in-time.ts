import type { Clock } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
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
  const late = Promise.withResolvers<undefined>();
  const takeBack = clock.after(appendMsMax, () => late.resolve(undefined));
  const appended = log.append(topic, records);
  // A rejection that comes after the answer was given must not end the process.
  appended.catch(() => {});
  try {
    const places = await Promise.race([appended, late.promise]);
    if (places !== undefined) return places;
  } catch (error) {
    if (!(error instanceof LogUnavailable)) throw error;
    throw new Failure('unavailable', `the log cannot be written right now: ${error.message}`, { retryAfterSeconds: 2 });
  } finally {
    takeBack();
  }
  const detail = `the log did not take the change within ${appendMsMax / 1_000} s, and may still take it: read it before trying again`;
  throw new Failure('unavailable', detail, { retryAfterSeconds: 2 });
}
