import { Type } from 'typebox';
import { Failure } from '../../base/failure.ts';
import { pageItemsMax } from '../../http/limits.ts';
import { answers } from '../../http/open-api.ts';
import type { Routes } from '../../http/http-app.ts';
import { MetricsView, MetricTagsView, type MetricView } from '../../wire/metrics.ts';
import type { MetricCatalogue, MetricSeen } from '../live/metric-catalogue.ts';

const listedDefault = 50;
const seriesListedMax = 200;

const QuerySchema = Type.Object(
  {
    q: Type.Optional(Type.String({ maxLength: 255, description: 'A part of the name' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: pageItemsMax })),
  },
  { additionalProperties: false },
);
const OneQuerySchema = Type.Object({ name: Type.String({ maxLength: 255 }) }, { additionalProperties: false });
/** The metrics that flow, for completion and search. */
export function metricsRoutes(catalogue: MetricCatalogue): Routes {
  return (app) => {
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'no-store');
    });
    const config = { scope: 'alarms:read' as const };
    app.get(
      '/api/v1/metrics',
      {
        config,
        schema: {
          summary: 'Metrics that flow, the busiest first',
          querystring: QuerySchema,
          response: answers({ 200: MetricsView }, 400, 401, 403),
        },
      },
      async (request, reply) => {
        const { q = '', limit = listedDefault } = request.query;
        const { metrics, total } = catalogue.search(q, limit);
        return reply.send({ total, metrics: metrics.map(shownMetric) });
      },
    );
    app.get(
      '/api/v1/metrics/tags',
      {
        config,
        schema: {
          summary: 'One metric, with the tags that its series have',
          querystring: OneQuerySchema,
          response: answers({ 200: MetricTagsView }, 400, 401, 403, 404),
        },
      },
      async (request, reply) => {
        const metric = catalogue.get(request.query.name);
        if (metric === undefined) throw new Failure('not_found', 'no sample of this metric was seen lately');
        return reply.send({ ...shownMetric(metric), tags: tagValuesOf(metric) });
      },
    );
  };
}

function shownMetric({ name, partition, lastValue, lastMs, rate, series }: MetricSeen): MetricView {
  const rounded = Math.round(rate * 100) / 100;
  return { name, partition, last_value: lastValue, last_ms: lastMs, rate: rounded, series: series.size };
}

function tagValuesOf({ series }: MetricSeen): Record<string, string[]> {
  const values = new Map<string, Set<string>>();
  for (const { tags } of series.values()) {
    for (const [key, value] of Object.entries(tags)) {
      const known = values.get(key) ?? new Set();
      if (known.size < seriesListedMax) known.add(value);
      values.set(key, known);
    }
  }
  return Object.fromEntries([...values].map(([key, known]) => [key, [...known].sort()]));
}
