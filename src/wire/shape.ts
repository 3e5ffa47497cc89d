import type { Static, TSchema } from 'typebox';
import type { Rule } from '../rule/rule.ts';

/**
 * The type of a body or an answer, taken from its schema, so that each field is written once. It is read-only. An optional
 * field may be undefined, which JSON leaves out: a handler names each field, and when a field is renamed, the compiler names
 * every place that still uses the old name.
 */
export type Shape<Schema extends TSchema> = Frozen<Static<Schema>>;

/** A rule keeps its own type: a field that its author left out is not there at all. */
type Frozen<Value> = unknown extends Value
  ? unknown
  : Value extends Rule | string | number | boolean | null
    ? Value
    : Value extends readonly (infer Item)[]
      ? readonly Frozen<Item>[]
      : { readonly [Name in keyof Value]: Frozen<Value[Name]> | AbsentIn<Value, Name> };

/** undefined of an optional field; nothing of a record, whose names are any text. */
type AbsentIn<Value, Name extends keyof Value> = string extends keyof Value
  ? never
  : object extends Pick<Value, Name>
    ? undefined
    : never;
