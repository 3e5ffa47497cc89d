// Fields that several answers have.
import { Type, type TSchema } from 'typebox';
import type { AlarmState as State, Cause as FiredBy } from '../alarm/alarm-state.ts';
import type { Shape } from './shape.ts';

export const orNull = <Schema extends TSchema>(schema: Schema, description?: string) =>
  Type.Union([schema, Type.Null()], description === undefined ? {} : { description });

/** Left out where there are none. */
export const Tags = Type.Record(Type.String(), Type.String());

/** Of an alarm about a group of series: the values of the tags that its members have in common; null where they lack the tag. */
export const Group = Type.Record(Type.String(), Type.Union([Type.String(), Type.Null()]));

export const AlarmState = Type.Enum(['firing', 'pending', 'ok'] as const satisfies readonly State['state'][]);
export type AlarmState = Shape<typeof AlarmState>;

export const Cause = Type.Enum(['breach', 'no_data'] as const satisfies readonly FiredBy[]);

/** Where a version of a rule is in the log. */
export const RuleVersion = Type.Object({ partition: Type.Integer(), offset: Type.Integer() });

/** The `next` of a list in pages. */
export const Next = Type.Optional(Type.String({ description: 'The next page is read with after=; left out: none' }));

/** A field in which two versions of a rule differ. */
export const FieldChange = Type.Object({
  field: Type.String(),
  from: Type.Optional(
    Type.Unknown({ description: 'Left out: the field was not set. The URL of a webhook is not shown' }),
  ),
  to: Type.Optional(Type.Unknown()),
});
export type FieldChange = Shape<typeof FieldChange>;
