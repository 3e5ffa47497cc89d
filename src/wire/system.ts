import { Type } from 'typebox';
import { orNull, RuleVersion } from './fields.ts';
import { HealthStatus } from './health.ts';
import type { Shape } from './shape.ts';

export const PartitionView = Type.Object({
  partition: Type.Integer(),
  head: Type.Integer({ description: 'The next offset to be given' }),
  position: orNull(Type.Integer(), 'The first offset not evaluated; null: not known'),
  lag: orNull(Type.Integer(), 'Records not evaluated yet'),
  instance: orNull(Type.String(), 'The id of its owner; null: none'),
});
export type PartitionView = Shape<typeof PartitionView>;

export const InstanceView = Type.Object({
  id: Type.String(),
  name: Type.String({ description: 'Host and process' }),
  parts: Type.Array(Type.String()),
  version: Type.String(),
  state: Type.Enum(['live', 'silent', 'ended'], { description: 'silent: it has crashed, or does not respond' }),
  health: orNull(HealthStatus, 'As its own /health says; null: it does not say'),
  problems: Type.Array(Type.String(), { description: 'What is wrong with it, and what to do' }),
  started_ms: Type.Number(),
  heard_ms: Type.Number(),
  partitions: Type.Array(Type.Integer(), { description: 'Of metrics' }),
  webhook_partitions: Type.Array(Type.Integer(), { description: 'Of notifications' }),
  samples_per_second: orNull(Type.Number()),
  series: orNull(Type.Integer()),
  waiting: orNull(Type.Integer(), 'Notifications in memory without a final outcome'),
  parked: orNull(Type.Integer(), 'Webhooks that nothing is sent to, because they refuse'),
  failing: orNull(Type.Integer(), 'Targets whose last requests failed, and are made again'),
  held_back_ms: Type.Number({ description: 'How long Discord allows this address no request' }),
});
export type InstanceView = Shape<typeof InstanceView>;

function skewedSeries(description: string) {
  const first = Type.Array(Type.Object({ series: Type.String(), seconds: Type.Integer() }), {
    description: 'The ten that differ most',
  });
  return Type.Object({ count: Type.Integer(), first }, { description });
}

/** `GET /api/v1/system` */
export const SystemView = Type.Object({
  time_ms: Type.Number(),
  version: Type.String({ description: 'Of the process that answers' }),
  samples_per_second: Type.Number(),
  lag: orNull(Type.Integer(), 'Records not evaluated yet; null: not known of some partition'),
  latency_p99_ms: orNull(
    Type.Number(),
    "From the sample to Discord's answer, p99 over the last ten minutes; null: nothing was sent",
  ),
  series: Type.Integer(),
  waiting: Type.Integer(),
  samples: Type.Record(Type.String(), Type.Integer(), {
    description: 'By result, since the live instances started',
  }),
  misrouted_metrics: Type.Integer({ description: 'Metrics in a partition that is not the one of their name' }),
  series_ahead: skewedSeries(
    "Series whose time is ahead of the evaluator's: their windows and for_seconds stand still",
  ),
  series_behind: skewedSeries('Series whose samples arrive more than 60 s late'),
  rules: Type.Integer(),
  rules_unreadable: Type.Integer({ description: 'Rules whose newest record cannot be read' }),
  instances: Type.Array(InstanceView),
  partitions: Type.Array(PartitionView),
});
export type SystemView = Shape<typeof SystemView>;

/** `GET /api/v1/rules/{id}/in-force` */
export const InForceView = Type.Object({
  version: RuleVersion,
  in_force: Type.Integer({ description: 'Live instances of alarms that have applied this version' }),
  windows_refused: Type.Optional(
    Type.Integer({ description: 'Series on which it is not evaluated, since the memory for windows is used up' }),
  ),
  of: Type.Integer({ description: 'Live instances of alarms' }),
});
export type InForceView = Shape<typeof InForceView>;
