import type { MeasureType } from './measure.ts';

/** The words of a measure that is best said with a noun: `maximum`. */
export function nounWords(
  noun: string,
  sentence = `the ${noun} of {name} over the last {window} {is} {value}`,
  article = 'a',
): MeasureType['words'] {
  return {
    verb: `has ${article} ${noun}`,
    verbPast: `had ${article} ${noun} of`,
    noun: noun.charAt(0).toUpperCase() + noun.slice(1),
    sentence,
  };
}

/** A measure's words with the percentile that a rule asks for: `has a 95th percentile`. */
export function withPercentile(words: string, percentile: number | undefined): string {
  return percentile === undefined ? words : words.replace('percentile', `${ordinal(percentile)} percentile`);
}

const endings: Readonly<Record<string, string>> = { 1: 'st', 2: 'nd', 3: 'rd' };

/** `1st`, `12th`, `99.9th`. */
function ordinal(number: number): string {
  const isTeen = Math.floor(number / 10) === 1;
  return `${number}${(!isTeen && Number.isInteger(number) && endings[number % 10]) || 'th'}`;
}
