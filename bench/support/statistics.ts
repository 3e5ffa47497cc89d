/** The middle value; the mean of the two middle ones for an even count. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export interface Interval {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The median and its 95 % interval by the percentile bootstrap (Efron 1979): medians of samples drawn with replacement.
 * `seed` makes it repeatable.
 */
export function bootstrap(values: readonly number[], seed = 1, draws = 2_000): Interval {
  let state = seed >>> 0;
  const chance = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const medians = Array.from({ length: draws }, () =>
    median(values.map(() => values[Math.floor(chance() * values.length)]!)),
  );
  medians.sort((a, b) => a - b);
  return {
    median: median(values),
    low: medians[Math.floor(draws * 0.025)]!,
    high: medians[Math.floor(draws * 0.975)]!,
  };
}
