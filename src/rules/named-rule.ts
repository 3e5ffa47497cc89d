// Rules by their names: the id that a name gives, and what a body may say of the name that stands in the path.
import { nameUuid, uuidNamespace } from '../base/name-uuid.ts';
import { Failure, fieldsFailure, shown } from '../base/failure.ts';

/** It must never change: two instances would give a name two ids. */
const ruleNamespace = uuidNamespace('8e0f6a5c-41d7-4f0e-9c2b-7a1d3e5f9b60');

/** The id of a rule that is made by its name, so that two instances that make it at once make one rule. */
export function ruleIdOfName(name: string): string {
  return nameUuid(ruleNamespace, name);
}

/** The name that an input gives its rule, as far as it is one. */
export function nameIn(input: unknown): string | undefined {
  const name = typeof input === 'object' && input !== null ? (input as { name?: unknown }).name : undefined;
  return typeof name === 'string' ? name : undefined;
}

/** The input with the name of the path, which it may leave out. Throws the Failure `invalid_field` when it says another. */
export function withName(input: unknown, name: string): unknown {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return input;
  if (!Object.hasOwn(input, 'name')) return { name, ...input };
  if (nameIn(input) === name) return input;
  const message = `name must be ${shown(name)}, as in the path, or be left out`;
  throw fieldsFailure([{ field: 'name', code: 'invalid_field', message }]);
}

/** Rules that a refusal names. */
const idsNamedMax = 5;

/** A name that other rules have. */
export function nameTaken(name: string, ids: readonly string[]): Failure {
  const which = ids.length === 1 ? 'the rule' : `${ids.length} rules:`;
  const message = `name ${shown(name)} is the name of ${which} ${ids.slice(0, idsNamedMax).join(', ')}`;
  return new Failure('conflict', message, { errors: [{ field: 'name', code: 'conflict', message }] });
}
