import { signal } from '@preact/signals';
import type { Rule } from '../../rule/rule.ts';
import type { VersionedRule } from './api.ts';

/** Rules that alarms on the page speak of, as last read. */
export const known = signal<ReadonlyMap<string, Rule>>(new Map());

const asked = new Map<string, number>();
/** Alarms come and go with every second; their rules are not asked for again within this time. */
const freshMs = 15_000;

/** Reads the rule unless it was read lately. */
export function learnRule(id: string, read: (id: string) => Promise<VersionedRule>): void {
  if (performance.now() - (asked.get(id) ?? -Infinity) < freshMs) return;
  asked.set(id, performance.now());
  read(id).then(
    ({ rule }) => (known.value = new Map(known.value).set(id, rule)),
    // The row then shows the rule's id, and the connection chip says what is wrong.
    () => {},
  );
}
