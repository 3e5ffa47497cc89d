import { Failure } from '../base/failure.ts';

/** The endless values of a source, one a period. */
export type Values = Generator<number, never, undefined>;

/** The values as a device of one metric shows them. */
export function measureOf(name: string, values: Values): () => Promise<{ name: string; value: number }[]> {
  return async () => [{ name, value: values.next().value }];
}

/** Always the same value. */
export function* constant(value: number): Values {
  while (true) yield value;
}

/** `spike` on records 1, 1 + frequency, 1 + 2·frequency, …; otherwise `low`. Throws Failure unless frequency is a whole number from 1. */
export function spikes(low: number, spike: number, frequency: number): Values {
  if (!Number.isSafeInteger(frequency) || frequency < 1) {
    throw new Failure('invalid_field', `frequency is ${frequency}, and may be a whole number from 1 on`);
  }
  return (function* () {
    for (let index = 0; ; index = (index + 1) % frequency) yield index === 0 ? spike : low;
  })();
}

/**
 * start, start + step, … up to end, included when hit, then from the start again. The arguments are decimal text and are
 * added as whole numbers of their smallest digit, so 0.1 steps do not drift. Throws Failure for a step that leads away.
 */
export function stairs(start: string, end: string, step: string): Values {
  const digits = Math.max(...[start, end, step].map(decimals));
  const [from, to, by] = [scaled(start, digits), scaled(end, digits), scaled(step, digits)];
  if (by === 0n) throw new Failure('invalid_field', 'step is 0, and may be any other number');
  if ((to > from && by < 0n) || (to < from && by > 0n)) {
    throw new Failure(
      'invalid_field',
      `step is ${step}, and must be ${to > from ? 'positive' : 'negative'} to get from ${start} to ${end}`,
    );
  }
  return (function* () {
    while (true) {
      for (let value = from; by > 0n ? value <= to : value >= to; value += by) yield Number(decimalText(value, digits));
    }
  })();
}

/** A decimal argument, such as 12.5 or -3. Throws Failure, naming the argument. */
export function decimalArgument(name: string, text: string): string {
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)$/.test(text) || !Number.isFinite(Number(text))) {
    throw new Failure('invalid_field', `${name} is ${text}, and may be a decimal number such as 450 or 0.5`);
  }
  return text;
}

function decimals(text: string): number {
  return text.split('.')[1]?.length ?? 0;
}

function scaled(text: string, digits: number): bigint {
  const negative = text.startsWith('-');
  const [whole = '', fraction = ''] = text.replace(/^[+-]/, '').split('.');
  const magnitude = BigInt(`${whole}${fraction.padEnd(digits, '0')}` || '0');
  return negative ? -magnitude : magnitude;
}

function decimalText(value: bigint, digits: number): string {
  const negative = value < 0n;
  const text = (negative ? -value : value).toString().padStart(digits + 1, '0');
  const at = text.length - digits;
  return `${negative ? '-' : ''}${text.slice(0, at)}${digits > 0 ? `.${text.slice(at)}` : ''}`;
}
