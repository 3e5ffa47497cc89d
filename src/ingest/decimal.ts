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

/** The longest that JavaScript writes a number, -1.2345678901234567e-100, and some room. */
export const decimalBytesMax = 32;

/**
 * Writes a finite number to the beginning of `bytes` as JSON does: in the fewest digits that mean this number. Returns its length.
 * A number of up to nine digits with up to six behind the point is an integer divided by a power of ten; the division
 * rounds correctly, so the first power that gives the number back gives its digits. The rest is left to JavaScript.
 */
export function writeDecimal(bytes: Uint8Array, value: number): number {
  const size = Math.abs(value);
  if (size < scaledMax) {
    for (let places = 0; places <= placesMax; places++) {
      const scaled = Math.round(size * powersOfTen[places]!);
      if (scaled >= scaledMax) break;
      const again = scaled / powersOfTen[places]!;
      if (again === size) return writeScaled(bytes, scaled, places, value < 0);
    }
  }
  const text = String(value);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return text.length;
}

const scaledMax = 1e9;
const placesMax = 6;

// oxlint-disable-next-line max-params -- An object for them would be one a sample.
function writeScaled(bytes: Uint8Array, scaled: number, places: number, isNegative: boolean): number {
  let digits = places + 1;
  for (let power = powersOfTen[digits]!; power <= scaled; power *= 10) digits++;
  const start = isNegative ? 1 : 0;
  if (isNegative) bytes[0] = 0x2d;
  const length = start + digits + (places > 0 ? 1 : 0);
  // Whole and below 2 ** 31: its division is then a multiplication.
  let rest = scaled | 0;
  for (let at = length - 1; at >= start; at--) {
    if (places > 0 && at === length - 1 - places) {
      bytes[at] = 0x2e;
      continue;
    }
    const next = (rest / 10) | 0;
    bytes[at] = 0x30 + rest - next * 10;
    rest = next;
  }
  return length;
}
