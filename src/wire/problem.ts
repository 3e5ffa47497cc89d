import { Type } from 'typebox';
import type { FailureCode } from '../base/failure.ts';
import type { Shape } from './shape.ts';

const Code = Type.Unsafe<FailureCode>(Type.String({ description: 'For programs: does not change' }));

export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'For people: names the field, the value and what is allowed' }),
    code: Code,
    errors: Type.Optional(Type.Array(Type.Object({ field: Type.String(), code: Code, message: Type.String() }))),
  },
  { description: 'An error (RFC 9457)' },
);
/** The body of every error. */
export type Problem = Shape<typeof Problem>;
