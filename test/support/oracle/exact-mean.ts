/**
 * The mean of doubles, rounded once: computed in whole numbers of 2^-1074, of which every double is a multiple. Slow, and
 * beyond doubt.
 */
const unitExponent = 1_074;
/** More bits than a double has, so that one more that stands for all the rest rounds as they would. */
const bitsKept = 66;

export function exactMean(values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + inUnits(value), 0n);
  return quotient(sum, BigInt(values.length));
}

export function inUnits(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xf_ffff_ffff_ffffn;
  // A subnormal number has no hidden bit, and the exponent of the smallest normal one.
  const magnitude = exponent === 0 ? fraction : (fraction | (1n << 52n)) << BigInt(exponent - 1);
  return value < 0 ? -magnitude : magnitude;
}

/** sum / count in units, as the nearest double. */
export function quotient(sum: bigint, count: bigint): number {
  if (sum === 0n) return 0;
  const magnitude = sum < 0n ? -sum : sum;
  const shift = BigInt(bitsKept);
  const whole = (magnitude << shift) / count;
  const dropped = Math.max(0, whole.toString(2).length - bitsKept);
  const kept = whole >> BigInt(dropped);
  const isExact = (kept << BigInt(dropped)) * count === magnitude << shift;
  const rounded = Number(isExact ? kept : kept | 1n);
  const exponent = dropped - bitsKept - unitExponent;
  // In two steps, each of which is a power of two that a double holds.
  const half = Math.trunc(exponent / 2);
  return Math.sign(Number(sum < 0n ? -1n : 1n)) * rounded * 2 ** half * 2 ** (exponent - half);
}
