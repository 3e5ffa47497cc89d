import { signal, type Signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Rule } from '../../../rule/rule.ts';
import { api } from './api.ts';

/** Rules of the alarms on the page, as last read. */
const known = new Map<string, Signal<Rule | undefined>>();

const asked = new Map<string, number>();
/** Alarms come and go every second; their rules are not read again within this time. */
const freshMs = 15_000;

/** The rule, read unless it was read recently; undefined until it is known. An undefined id has no rule. */
export function useRule(id: string | undefined): Rule | undefined {
  useEffect(() => {
    if (id !== undefined) learn(id);
  }, [id]);
  return id === undefined ? undefined : knownRule(id).value;
}

function knownRule(id: string): Signal<Rule | undefined> {
  let rule = known.get(id);
  if (rule === undefined) known.set(id, (rule = signal(undefined)));
  return rule;
}

let wanted: string[] = [];

/** Rows that appear together share a request. */
function learn(id: string): void {
  if (performance.now() - (asked.get(id) ?? -Infinity) < freshMs) return;
  asked.set(id, performance.now());
  if (wanted.push(id) === 1) queueMicrotask(ask);
}

function ask(): void {
  const ids = wanted;
  wanted = [];
  api.rules(ids).then(
    (rules) => rules.forEach((rule) => (knownRule(rule.id).value = rule)),
    // The rows then show the rules' ids, and the connection chip says what is wrong.
    () => {},
  );
}
