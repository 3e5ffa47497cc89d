import type { Signal } from '@preact/signals';

const usual = [
  [600, '10 min'],
  [3_600, '1 h'],
  [21_600, '6 h'],
  [86_400, '24 h'],
] as const;

/** Stands for all retained samples, in place of seconds. */
export const allRetained = 0;

interface RangesProps {
  readonly range: Signal<number>;
  readonly hasAll?: boolean;
}

/** How far back a chart goes, in seconds. */
export function Ranges({ range, hasAll = false }: RangesProps) {
  return (
    <fieldset class="ranges">
      <legend class="visually-hidden">How far back</legend>
      {[...usual, ...(hasAll ? [[allRetained, 'All'] as const] : [])].map(([seconds, words]) => (
        <label key={seconds}>
          <input type="radio" name="range" checked={range.value === seconds} onChange={() => (range.value = seconds)} />
          <span>{words}</span>
        </label>
      ))}
    </fieldset>
  );
}
