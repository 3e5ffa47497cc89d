import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import { Type } from 'typebox';
import { Failure, fieldsFailure } from '../base/failure.ts';
import { answersAsText } from '../http/open-api.ts';
import type { Routes } from '../http/http-app.ts';
import type { Log } from '../log/log.ts';
import { needsParameter, windowTypes } from '../measure/measures.ts';
import { tagsProblems } from '../metric/metric-limits.ts';
import { tagsIfAny } from '../metric/sample.ts';
import { matchersProblems } from '../rule/matcher-check.ts';
import { matchersOf, noMatchers, type TagMatchers } from '../rule/matcher.ts';
import { SamplesView } from '../wire/metrics.ts';
import type { MetricPasts } from './metric-pasts.ts';
import { ReadGate } from './read-gate.ts';
import { readSamples, type SamplesOrder } from './samples.ts';

export interface SamplesRoutesOptions {
  readonly log: Log;
  readonly pasts: MetricPasts;
  readonly clock: Clock;
}

const seriesDefault = 12;
const pointsDefault = 600;

const QuerySchema = Type.Object(
  {
    metric_name: Type.String({ minLength: 1, maxLength: 255 }),
    tags: Type.Optional(
      Type.String({
        maxLength: 8_192,
        description: 'A JSON object as `tags` of a rule: only series that match; with exact, the tags of one series',
      }),
    ),
    exact: Type.Optional(Type.Boolean({ description: 'Only the series with exactly these tags' })),
    last_seconds: Type.Optional(Type.Number({ minimum: 1, maximum: 31 * 86_400 })),
    from_ms: Type.Optional(Type.Number({ minimum: 0, description: '0: all that is retained' })),
    to_ms: Type.Optional(Type.Number({ minimum: 0 })),
    points: Type.Optional(Type.Integer({ minimum: 1, maximum: 5_000 })),
    series: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: 'At most so many series' })),
    type: Type.Optional(Type.Enum([...windowTypes], { description: 'The measure over window_seconds' })),
    window_seconds: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 86_400 })),
    percentile: Type.Optional(
      Type.Number({ minimum: 0, maximum: 100, description: 'Required with type window_percentile' }),
    ),
    order: Type.Optional(
      Type.Enum(['highest', 'lowest', 'closest', 'furthest'], {
        description: 'Which series come first; closest to or furthest from the threshold',
      }),
    ),
    threshold: Type.Optional(Type.Number({ description: 'For order closest and furthest: required there' })),
  },
  { additionalProperties: false },
);
/** The samples of a metric, as many points as a chart has pixels. */
export function samplesRoutes(options: SamplesRoutesOptions): Routes {
  const gate = new ReadGate();
  return (app) => {
    app.get(
      '/api/v1/samples',
      {
        config: { scope: 'alarms:read' },
        schema: {
          summary: 'Samples of a metric for a chart: least, greatest and mean value of each stretch of time',
          description:
            'With `type` and `window_seconds` also the value of the measure, as `window`; a measure whose values are of another kind than the samples (a count, a rate, …) takes their place.',
          querystring: QuerySchema,
          response: answersAsText({ 200: SamplesView }, 400, 401, 403, 429, 503),
        },
      },
      async (request, reply) => {
        const { query } = request;
        const toMs = query.to_ms ?? options.clock.wallMs();
        const fromMs = query.from_ms ?? toMs - (query.last_seconds ?? 3_600) * 1_000;
        const { order: seriesOrder = 'highest', threshold } = query;
        if (threshold === undefined && (seriesOrder === 'closest' || seriesOrder === 'furthest'))
          throw new Failure('missing_field', `threshold is missing: order ${seriesOrder} needs it`);
        if (fromMs >= toMs) throw new Failure('invalid_request', `from_ms is ${fromMs} and must be before ${toMs}`);
        const stop = new AbortController();
        reply.raw.once('close', () => stop.abort());
        reply.header('cache-control', 'no-store');
        const order = {
          metricName: query.metric_name,
          tags: tagsIn(query.tags, query.exact === true),
          isExact: query.exact === true,
          fromMs,
          toMs,
          points: query.points ?? pointsDefault,
          seriesMax: query.series ?? seriesDefault,
          measure: measureIn(query),
          order: seriesOrder,
          threshold: threshold ?? 0,
        };
        const text = await gate.run(async () => {
          const found = await readSamples(options, order, stop.signal);
          return textOf({
            from_ms: fromMs,
            to_ms: toMs,
            partition: found.partition,
            samples: found.samples,
            series_total: found.seriesTotal,
            cut_short: found.cutShort,
            p1: found.p1 ?? null,
            p99: found.p99 ?? null,
            series: found.series.map(({ tags, samples, lastValue, lastMs, lowest: _l, highest: _h, ...rest }) => ({
              tags: tagsIfAny(tags),
              samples,
              last_value: lastValue,
              last_ms: lastMs,
              ...rest,
            })),
          });
        }, stop.signal);
        reply.type('application/json');
        return reply.send(text);
      },
    );
  };
}

function measureIn({
  type = 'window_average',
  window_seconds: windowSeconds,
  percentile,
}: Type.Static<typeof QuerySchema>): SamplesOrder['measure'] {
  if (windowSeconds === undefined) return undefined;
  if (needsParameter(type, 'percentile') && percentile === undefined)
    throw new Failure('missing_field', `percentile is missing: type ${type} needs it`);
  return { type, windowMs: windowSeconds * 1_000, percentile };
}

/** The answer as JSON, a series at a time: all of them are millions of numbers. */
async function textOf({ series, ...rest }: SamplesView): Promise<string> {
  const parts: string[] = [];
  for (const one of series) {
    parts.push(JSON.stringify(one));
    await nextTurn();
  }
  return `${JSON.stringify(rest).slice(0, -1)},"series":[${parts.join(',')}]}`;
}

function tagsIn(text: string | undefined, isExact: boolean): TagMatchers {
  if (text === undefined) return noMatchers;
  let tags: unknown;
  try {
    tags = JSON.parse(text);
  } catch {
    tags = text;
  }
  const [wrong] = isExact ? tagsProblems(tags) : matchersProblems(tags);
  if (wrong === undefined) return matchersOf(tags as TagMatchers);
  throw fieldsFailure([{ field: 'tags', code: 'invalid_field', message: `tags ${wrong.message}` }]);
}
