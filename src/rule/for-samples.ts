/** How many of the newest values must be in breach before an alarm fires. */
export interface ForSamples {
  readonly breaches: number;
  /** Of so many values, the newest ones. */
  readonly of: number;
}

/** An alarm's record has each of them. */
export const samplesMax = 20;

/** `3 of 5` */
export function forSamplesText({ breaches, of }: ForSamples): string {
  return `${breaches} of ${of}`;
}

/** What a text like `3 of 5` stands for; undefined when it is none. */
export function parseForSamples(text: string): ForSamples | undefined {
  const [, breaches, of] = /^\s*(\d{1,9})\s*(?:of|\/)\s*(\d{1,9})\s*$/.exec(text) ?? [];
  return breaches === undefined ? undefined : { breaches: Number(breaches), of: Number(of) };
}

/** Which of the newest values were in breach, oldest first, from the first that was; with one more. Undefined when none was. */
export function withValue(
  { of }: ForSamples,
  before: readonly boolean[] | undefined,
  isBreach: boolean,
): readonly boolean[] | undefined {
  const all = [...(before ?? []), isBreach].slice(-of);
  const first = all.indexOf(true);
  if (first < 0) return undefined;
  const recent = all.slice(first);
  const isSame = before?.length === recent.length && recent.every((one, index) => one === before[index]);
  return isSame ? before : recent;
}

/** Whether so many of them are in breach that the alarm fires, and does not resolve. */
export function isEnough({ breaches }: ForSamples, recent: readonly boolean[] | undefined): boolean {
  return recent !== undefined && recent.filter(Boolean).length >= breaches;
}
