// The levels of a rule while they are edited: each as the texts in its inputs.
import { namesOf } from '../../../rule/receiver-name.ts';
import { numberOf, textOf } from './group-draft.ts';

export interface LevelDraft {
  readonly severity: string;
  readonly threshold: string;
  readonly for_seconds: string;
  /** Names, separated by commas. */
  readonly notify: string;
  /** Fields that a newer server's levels have. */
  readonly unknown: Readonly<Record<string, unknown>>;
}

export const emptyLevel: LevelDraft = { severity: '', threshold: '', for_seconds: '', notify: '', unknown: {} };

export const levelsDrafting = {
  empty: (): readonly LevelDraft[] => [],
  // JSON may say what is no level.
  of: (value: unknown): readonly LevelDraft[] => (Array.isArray(value) ? value.map(draftOfLevel) : []),
  valueOf: (levels: readonly LevelDraft[]): unknown => (levels.length === 0 ? undefined : levels.map(valueOfLevel)),
};

function draftOfLevel(level: unknown): LevelDraft {
  const { severity, threshold, for_seconds: seconds, notify, ...unknown } = (level ?? {}) as Record<string, unknown>;
  return {
    severity: textOf(severity),
    threshold: textOf(threshold),
    for_seconds: textOf(seconds),
    notify: Array.isArray(notify) ? notify.join(', ') : textOf(notify),
    unknown,
  };
}

/** What is empty is left out: the server says that a threshold is missing. */
function valueOfLevel({ unknown, ...typed }: LevelDraft): Record<string, unknown> {
  const given = Object.entries(typed).filter(([, text]) => text.trim() !== '');
  const read = (field: string, text: string): unknown =>
    field === 'notify' ? namesOf(text) : field === 'severity' ? text.trim() : numberOf(text);
  return { ...Object.fromEntries(given.map(([field, text]) => [field, read(field, text)])), ...unknown };
}
