// Values as people read them. JSON has them exactly.

const significantDigits = 4;
const doubleDigits = 17;

/**
 * A value as text: one that is computed with at most four significant decimals, "71.11" and not "71.1111111". Further ones are shown
 * only when without them the value would stand on the other side of a limit that it is compared with, or on it.
 */
export function shownValue(value: number, isComputed: boolean, limits: readonly number[] = []): string {
  if (!isComputed) return String(value);
  for (let digits = significantDigits; digits < doubleDigits; digits += 1) {
    const shown = rounded(value, digits);
    if (limits.every((limit) => isNear(value, limit) || Math.sign(shown - limit) === Math.sign(value - limit)))
      return String(shown);
  }
  return String(value);
}

/** Whether a computed value counts as equal to a limit. */
function isNear(value: number, limit: number): boolean {
  return Math.abs(value - limit) <= 1e-9 * Math.abs(limit);
}

/** Keeps all digits before the point. */
function rounded(value: number, digits: number): number {
  const wholeDigits = Math.abs(value) < 1 ? 0 : Math.floor(Math.log10(Math.abs(value))) + 1;
  return Number(value.toPrecision(Math.min(doubleDigits, Math.max(digits, wholeDigits))));
}
