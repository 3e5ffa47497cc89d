/** The levels of a rule with several thresholds: each pends, fires and clears as if it were a rule of its own. */
import { inMilliseconds, standingOf, type OracleRule } from './oracle-rule.ts';

export interface OracleLevel {
  readonly state: 'ok' | 'pending' | 'firing';
  readonly sinceMs?: number | undefined;
  readonly clearSinceMs?: number | undefined;
  readonly notified?: true | undefined;
}

/** What is known of the levels before a value: by position, none of them in breach where nothing is known. */
export function levelsBefore(
  rule: OracleRule,
  state:
    | { readonly state: 'ok' }
    | { readonly state: 'pending'; readonly sinceMs: number; readonly levels: readonly OracleLevel[] | undefined }
    | {
        readonly state: 'firing';
        readonly sinceMs: number;
        readonly clearSinceMs: number | undefined;
        readonly notified: boolean;
        readonly levels: readonly OracleLevel[] | undefined;
      },
): OracleLevel[] {
  const known: OracleLevel[] = [];
  if (state.state !== 'ok' && state.levels !== undefined) known.push(...state.levels);
  else if (state.state === 'pending') known.push({ state: 'pending', sinceMs: state.sinceMs });
  else if (state.state === 'firing') {
    const { sinceMs, clearSinceMs, notified } = state;
    known.push(levelWith({ state: 'firing', sinceMs, clearSinceMs }, notified ? true : undefined));
  }
  return rule.levels!.map((_, index) => known[index] ?? { state: 'ok' });
}

export function levelsAfter(
  rule: OracleRule,
  before: readonly OracleLevel[],
  x: number,
  timeMs: number,
): OracleLevel[] {
  return rule.levels!.map((level, index) => {
    const one = before[index]!;
    const standing = standingOf({ ...rule, threshold: level.threshold }, x);
    const forMs = inMilliseconds(level.for_seconds ?? rule.for_seconds ?? 0);
    if (one.state === 'firing') {
      if (standing === 'breach') return levelWith({ state: 'firing', sinceMs: one.sinceMs }, one.notified);
      const clearSinceMs = one.clearSinceMs ?? timeMs;
      const isOver = timeMs - clearSinceMs >= inMilliseconds(rule.resolve_for_seconds ?? 0);
      return levelWith(
        isOver ? { state: 'ok' } : { state: 'firing', sinceMs: one.sinceMs, clearSinceMs },
        one.notified,
      );
    }
    if (standing !== 'breach') return levelWith({ state: 'ok' }, one.notified);
    const sinceMs = one.sinceMs ?? timeMs;
    const state = timeMs - sinceMs >= forMs ? 'firing' : 'pending';
    return levelWith({ state, sinceMs }, one.notified);
  });
}

export function levelWith({ state, sinceMs, clearSinceMs }: OracleLevel, notified: true | undefined): OracleLevel {
  return {
    state,
    ...(sinceMs !== undefined && { sinceMs }),
    ...(clearSinceMs !== undefined && { clearSinceMs }),
    ...(notified === true && { notified }),
  };
}

/** From 1 on; 0 when none fires. */
export function highestOf(levels: readonly OracleLevel[] = []): number {
  let highest = 0;
  levels.forEach(({ state }, index) => {
    if (state === 'firing') highest = index + 1;
  });
  return highest;
}

export function earliestOf(levels: readonly OracleLevel[], state: OracleLevel['state']): number {
  return Math.min(...levels.filter((level) => level.state === state).map(({ sinceMs }) => sinceMs!));
}
