import type { Clock } from './clock.ts';

/** What `inTime` gives when the time is up. */
export const late = Symbol('late');

/** Resolves as `work` does, or to `late` when that takes longer. A later rejection is ignored. */
export async function inTime<Result>(
  work: Promise<Result>,
  msMax: number,
  clock: Pick<Clock, 'after'>,
): Promise<Result | typeof late> {
  const timeUp = Promise.withResolvers<typeof late>();
  const takeBack = clock.after(msMax, () => timeUp.resolve(late));
  work.catch(() => {});
  try {
    return await Promise.race([work, timeUp.promise]);
  } finally {
    takeBack();
  }
}
