import { Type } from 'typebox';
import type { Shape } from './shape.ts';

export const HealthStatus = Type.Enum(['pass', 'warn', 'fail']);

/** `GET /health`, `/health/live` and `/health/ready`, in the form that Influx clients read. */
export const HealthView = Type.Object({
  name: Type.Literal('ssrms'),
  message: Type.String({
    description: 'What the status means, and for callers with a token, which parts are at fault',
  }),
  status: HealthStatus,
  checks: Type.Optional(
    Type.Array(Type.Object({ name: Type.String(), status: HealthStatus, message: Type.String() }), {
      description: 'The parts of this process, for callers with a token',
    }),
  ),
});
export type HealthView = Shape<typeof HealthView>;
