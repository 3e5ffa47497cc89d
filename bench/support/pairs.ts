// The rounds of a scenario. Each subject runs in a fresh process, in turn, and in the reverse order in the next pair (ABBA),
// so that what drifts with time meets all alike.
import { watchConditions } from './host.ts';
import type { Options } from './options.ts';

/** More of the machine's time than this in others' hands, and the round is measured again. */
const stealShareMax = 0.02;
/** On a machine that is never left alone the rounds end all the same; their conditions are in the JSON. */
const repeatsMax = 3;

export interface PairsPlan<Name extends string, Figures> {
  readonly scenario: string;
  readonly pairs: number;
  readonly subjects: Readonly<Record<Name, () => Promise<Figures>>>;
  /** A line for whoever watches. */
  readonly describe: (figures: Figures) => string;
}

/** The figures of each subject, pair by pair. */
export async function runPairs<Name extends string, Figures>(
  plan: PairsPlan<Name, Figures>,
  { journal }: Pick<Options, 'journal'>,
): Promise<Record<Name, Figures[]>> {
  const { scenario, subjects, describe } = plan;
  const names = Object.keys(subjects) as Name[];
  const found = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, Figures[]>;
  for (let pair = 0; pair < plan.pairs; pair++) {
    for (const subject of pair % 2 === 0 ? names : names.toReversed()) {
      for (let repeats = 0; ; repeats++) {
        const conditionsOf = watchConditions();
        const figures = await subjects[subject]();
        const conditions = conditionsOf();
        const repeated = conditions.stealShare > stealShareMax && repeats < repeatsMax;
        journal.push({ scenario, subject, conditions, figures, repeated });
        const { stealShare, contextSwitchesPerSecond, load1 } = conditions;
        console.error(
          `${scenario} ${pair + 1}/${plan.pairs} ${subject}: ${describe(figures)} [steal ${(stealShare * 100).toFixed(1)} %, ` +
            `${contextSwitchesPerSecond.toFixed(0)} switches/s, load ${load1.toFixed(1)}]${repeated ? ' again' : ''}`,
        );
        if (repeated) continue;
        found[subject].push(figures);
        break;
      }
    }
  }
  return found;
}

/** The ratios of two subjects, pair by pair. */
export function ratios(above: readonly number[], below: readonly number[]): number[] {
  return above.map((value, pair) => value / below[pair]!);
}
