import { Type } from 'typebox';
import { TargetState } from './deliveries.ts';
import { orNull } from './fields.ts';
import type { Shape } from './shape.ts';

export const StatusNumbers = Type.Object({
  version: Type.String(),
  read_only: Type.Boolean({ description: 'Whether this server refuses every change' }),
  takes_samples: Type.Boolean({ description: 'Whether samples can be posted to this server, too' }),
  console_url: orNull(Type.String(), 'The public address of the page that notifications link to; null: no link'),
  rules: Type.Integer(),
  metrics: Type.Integer({ description: 'Metrics that have rules' }),
  alarms: Type.Object({ firing: Type.Integer(), pending: Type.Integer(), ok: Type.Integer() }),
  samples_last_minute: orNull(Type.Integer()),
  samples_per_second: orNull(Type.Number({ description: 'Over the last four seconds' })),
  lag: orNull(Type.Integer({ description: 'Records not evaluated yet; null: not known of some partition' })),
  unowned: Type.Integer({ description: 'Partitions of metrics that nobody has evaluated for ten seconds or more' }),
  waiting: Type.Integer({ description: 'Notifications without a final outcome' }),
  troubled: Type.Object(
    {
      count: Type.Integer(),
      first: Type.Array(TargetState, { description: 'The five that have been so longest' }),
    },
    { description: 'Targets that notifications do not get through to now: parked or failing' },
  ),
  latency_p99_ms: orNull(
    Type.Number({ description: "From the sample to Discord's answer, p99 over the last ten minutes" }),
  ),
});
/** The system in numbers. */
export type StatusNumbers = Shape<typeof StatusNumbers>;

/** `GET /api/v1/status` */
export const StatusView = Type.Object({
  time_ms: Type.Number({ description: 'The clock of this server' }),
  ...StatusNumbers.properties,
});
export type StatusView = Shape<typeof StatusView>;
