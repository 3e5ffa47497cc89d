const powersOfTen = Array.from({ length: 23 }, (_, exponent) => 10 ** exponent);
const grammar = /^-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?$/;

/**
 * The number that the digits in bytes[start, end) say, NaN when they say none. What has at most 15 digits is the quotient
 * of two numbers that doubles hold exactly, so it is rounded once, as it should; the rest is left to JavaScript.
 */
export function decimalOf(bytes: Buffer, start: number, end: number): number {
  let at = start;
  const isNegative = bytes[at] === 0x2d;
  if (isNegative) at++;
  let [digits, fraction, hasPoint] = [0, 0, false];
  let whole = 0;
  for (; at < end; at++) {
    const byte = bytes[at]!;
    if (byte >= 0x30 && byte <= 0x39) {
      whole = whole * 10 + byte - 0x30;
      digits++;
      if (hasPoint) fraction++;
    } else if (byte === 0x2e && !hasPoint && digits > 0) hasPoint = true;
    else return slowly(bytes, start, end);
  }
  if (digits === 0) return NaN;
  if (digits > 15) return slowly(bytes, start, end);
  const value = fraction === 0 ? whole : whole / powersOfTen[fraction]!;
  return isNegative ? -value : value;
}

function slowly(bytes: Buffer, start: number, end: number): number {
  // A number of a thousand digits is somebody's joke; Number() would take it, and so do we, up to a point.
  if (end - start > 1_000) return NaN;
  const text = bytes.toString('latin1', start, end);
  return grammar.test(text) ? Number(text) : NaN;
}
