// The fields of a rule about groups and ratios that are objects, while they are edited: each part as the text in its input.
import type { TagMatchers } from '../../../rule/matcher.ts';
import { lineOf, tagsDrafting, type TagsDraft } from './tags-draft.ts';

/** Which series of a group count. */
export interface WhereDraft {
  readonly operator: string;
  readonly threshold: string;
}

/** Which series the second value of a ratio is made of: those of the first, all, or those with some tags. */
export type RatioSeries = 'same' | 'all' | 'some';

/** The second value of a ratio; what is empty is the rule's own. */
export interface RatioDraft {
  readonly isOn: boolean;
  readonly series: RatioSeries;
  readonly tags: TagsDraft;
  readonly type: string;
  readonly window_duration_seconds: string;
  readonly percentile: string;
  readonly min_value: string;
  /** What a newer server's rules have, or is none of what a ratio has. */
  readonly unknown: Readonly<Record<string, unknown>>;
}

export const ratioNumbers = ['window_duration_seconds', 'percentile', 'min_value'] as const;

export const textOf = (value: unknown): string =>
  value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);

export const whereDrafting = {
  empty: (): WhereDraft => ({ operator: '>', threshold: '' }),
  of: (value: unknown): WhereDraft => {
    const { operator = '>', threshold = value } = objectOf(value);
    return { operator: textOf(operator), threshold: textOf(threshold) };
  },
  valueOf: ({ operator, threshold }: WhereDraft): unknown =>
    threshold.trim() === '' ? undefined : { operator, threshold: numberOf(threshold) },
};

const noRatio: RatioDraft = {
  isOn: false,
  series: 'all',
  tags: tagsDrafting.empty(),
  type: '',
  window_duration_seconds: '',
  percentile: '',
  min_value: '',
  unknown: {},
};

export const ratioDrafting = {
  empty: (): RatioDraft => noRatio,
  of: (value: unknown): RatioDraft => {
    const { tags, type, window_duration_seconds: seconds, percentile, min_value: least, ...unknown } = objectOf(value);
    const entries = Object.entries(objectOf(tags) as TagMatchers);
    // All as lines, for there are few.
    const given = Object.fromEntries(entries.map((entry) => [lineOf(...entry), entry]));
    return {
      isOn: true,
      series: tags === undefined ? 'same' : entries.length === 0 ? 'all' : 'some',
      tags: { exact: [], lines: Object.keys(given).join('\n'), given },
      type: textOf(type),
      window_duration_seconds: textOf(seconds),
      percentile: textOf(percentile),
      min_value: textOf(least),
      unknown,
    };
  },
  valueOf: ({ isOn, series, tags, type, unknown, ...numbers }: RatioDraft): unknown => {
    if (!isOn) return undefined;
    const given = ratioNumbers.filter((field) => numbers[field].trim() !== '');
    return {
      ...(series === 'all' && { tags: {} }),
      ...(series === 'some' && { tags: tagsDrafting.valueOf(tags) ?? {} }),
      ...(type !== '' && { type }),
      ...Object.fromEntries(given.map((field) => [field, numberOf(numbers[field])])),
      ...unknown,
    };
  },
};

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** Accepts a decimal comma. Text that is not a number stays text, and the server reports it at its field. */
export function numberOf(given: string): number | string {
  const trimmed = given.trim().replace(/^(-?\d+),(\d+)$/, '$1.$2');
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : given;
}
