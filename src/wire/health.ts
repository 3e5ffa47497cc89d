import { Type } from 'typebox';
import type { Shape } from './shape.ts';

const Status = Type.Enum(['pass', 'warn', 'fail']);

/** `GET /health`, `/health/live` and `/health/ready`. */
export const HealthView = Type.Object({
  status: Status,
  checks: Type.Optional(
    Type.Record(Type.String(), Type.Object({ status: Status, detail: Type.Optional(Type.String()) }), {
      description: 'The parts of this process by name, for callers with a token',
    }),
  ),
});
export type HealthView = Shape<typeof HealthView>;
