// All files of an import together: names are unique over all of them.
import { withLevels } from './levels.ts';
import type { PrometheusAlert, UnreadableAlert } from './prometheus-alert.ts';
import { readRuleFile } from './read-rule-file.ts';
import { placeText, translateAlert, type Refused, type Translated, type Translating } from './translate.ts';
import { withUniqueNames } from './unique-names.ts';

export interface GivenFile {
  /** As people know it, and as the file written for it is named. */
  readonly path: string;
  readonly text: string;
}

export interface NotTranslated {
  readonly name: string;
  readonly reason: string;
  /** Where in the expression; empty where the reason is not in it. */
  readonly place: string;
  readonly expr: string | undefined;
}

export interface TranslatedFile {
  readonly path: string;
  /** The rules; fewer than the alerts that they are made of, where some have levels. */
  readonly translated: readonly Translated[];
  readonly refused: readonly NotTranslated[];
  readonly hasGroups: boolean;
  /** Why the file could not be read. */
  readonly problem: string | undefined;
}

/** Of how many alerts a file's rules are made. */
export function alertsTranslated({ translated }: TranslatedFile): number {
  return translated.reduce((sum, { alerts }) => sum + alerts.length, 0);
}

export function translateFiles(files: readonly GivenFile[], options: Translating): TranslatedFile[] {
  const read = files.map(({ path, text }) => ({ path, ...readOne(text, options) }));
  const named = withUniqueNames(read.flatMap(({ translated }) => translated))[Symbol.iterator]();
  return read.map((file) => ({ ...file, translated: file.translated.map(() => named.next().value!) }));
}

function readOne(text: string, options: Translating): Omit<TranslatedFile, 'path'> {
  try {
    const { alerts, hasGroups } = readRuleFile(text);
    const results = alerts.map((alert) => (isReadable(alert) ? translateAlert(alert, options) : alert));
    return {
      translated: withLevels(results.flatMap((each) => ('kind' in each && each.kind === 'translated' ? [each] : []))),
      refused: results.flatMap((each) =>
        'kind' in each ? (each.kind === 'refused' ? [notTranslated(each)] : []) : [unreadable(each)],
      ),
      hasGroups,
      problem: undefined,
    };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { translated: [], refused: [], hasGroups: false, problem: error.message };
  }
}

function isReadable(alert: PrometheusAlert | UnreadableAlert): alert is PrometheusAlert {
  return 'expr' in alert;
}

function notTranslated(refused: Refused): NotTranslated {
  const { alert, reason } = refused;
  return { name: alert.name, reason, place: placeText(refused), expr: alert.expr };
}

function unreadable({ name, reason }: UnreadableAlert): NotTranslated {
  return { name, reason, place: '', expr: undefined };
}
