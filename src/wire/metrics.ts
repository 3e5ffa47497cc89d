import { Type } from 'typebox';
import { Group, orNull } from './fields.ts';
import type { Shape } from './shape.ts';

export const MetricView = Type.Object({
  name: Type.String(),
  partition: Type.Integer(),
  last_value: Type.Number(),
  last_ms: Type.Number(),
  rate: Type.Number({ description: 'Samples per second, about' }),
  series: Type.Integer({ description: 'Distinct series seen; 1,000 means as many or more' }),
});
export type MetricView = Shape<typeof MetricView>;

/** `GET /api/v1/metrics` */
export const MetricsView = Type.Object({ total: Type.Integer(), metrics: Type.Array(MetricView) });
export type MetricsView = Shape<typeof MetricsView>;

/** `GET /api/v1/metrics/tags` */
export const MetricTagsView = Type.Object({
  ...MetricView.properties,
  tags: Type.Record(Type.String(), Type.Array(Type.String()), { description: 'The values seen of each tag' }),
});
export type MetricTagsView = Shape<typeof MetricTagsView>;

export const SeriesView = Type.Object({
  tags: Type.Optional(Type.Record(Type.String(), Type.String())),
  group: Type.Optional(Group),
  samples: Type.Integer(),
  last_value: Type.Number(),
  last_ms: Type.Number(),
  t: Type.Array(Type.Number()),
  min: Type.Array(Type.Number()),
  max: Type.Array(Type.Number()),
  mean: Type.Array(Type.Number()),
  count: Type.Array(Type.Number()),
  window: Type.Array(orNull(Type.Number())),
  offset: Type.Array(Type.Number()),
});
export type SeriesView = Shape<typeof SeriesView>;

/** `GET /api/v1/samples` */
export const SamplesView = Type.Object({
  from_ms: Type.Number(),
  to_ms: Type.Number(),
  partition: Type.Integer(),
  samples: Type.Integer(),
  series_total: Type.Integer(),
  cut_short: Type.Boolean({ description: 'Older samples of the range were too many' }),
  p1: orNull(Type.Number()),
  p99: orNull(Type.Number(), 'Of all values in the range; with a type, of its values'),
  series: Type.Array(SeriesView),
  members: Type.Optional(
    Type.Object(
      { total: Type.Integer(), series: Type.Array(SeriesView) },
      { description: 'Of groups: the series that make the value of the first one' },
    ),
  ),
});
export type SamplesView = Shape<typeof SamplesView>;
