import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import { answersAsText } from '../http/open-api.ts';
import type { Routes } from '../http/http-app.ts';
import type { Log } from '../log/log.ts';
import { tagsIfAny } from '../metric/sample.ts';
import { SamplesView, type SeriesView } from '../wire/metrics.ts';
import { readGroupSamples, type GroupSamples } from './group-samples.ts';
import type { MetricPasts } from './metric-pasts.ts';
import { ReadGate } from './read-gate.ts';
import { readSamples, type Samples } from './samples.ts';
import { orderOf, QuerySchema } from './samples-query.ts';
import type { ChartRange, SeriesPoints } from './series-points.ts';

export interface SamplesRoutesOptions {
  readonly log: Log;
  readonly pasts: MetricPasts;
  readonly clock: Clock;
}

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
            'With `type` and `window_seconds` also the value of the measure, as `window`; a measure whose values are of another kind than the samples (a count, a rate, …) takes their place. With `groups` the values that a rule compares of groups, or of a ratio.',
          querystring: QuerySchema,
          response: answersAsText({ 200: SamplesView }, 400, 401, 403, 429, 503),
        },
      },
      async (request, reply) => {
        const order = orderOf(request.query, options.clock.wallMs());
        const stop = new AbortController();
        reply.raw.once('close', () => stop.abort());
        reply.header('cache-control', 'no-store');
        const text = await gate.run(async () => {
          const found =
            'rule' in order
              ? await readGroupSamples(options, order, stop.signal)
              : await readSamples(options, order, stop.signal);
          return textOf(order, found);
        }, stop.signal);
        reply.type('application/json');
        return reply.send(text);
      },
    );
  };
}

type FoundSamples = Samples & Partial<Pick<GroupSamples, 'members'>>;

/** The answer as JSON, a series at a time: all of them are millions of numbers. */
async function textOf(
  { fromMs, toMs }: ChartRange,
  { series, seriesTotal, members, partition, samples, cutShort, p1, p99 }: FoundSamples,
): Promise<string> {
  const head: Omit<SamplesView, 'series' | 'members'> = {
    from_ms: fromMs,
    to_ms: toMs,
    partition,
    samples,
    series_total: seriesTotal,
    cut_short: cutShort,
    p1: p1 ?? null,
    p99: p99 ?? null,
  };
  const textsOf = async (lines: readonly SeriesPoints[]): Promise<string> => {
    const parts: string[] = [];
    for (const line of lines) {
      parts.push(JSON.stringify(shownLine(line)));
      await nextTurn();
    }
    return `[${parts.join(',')}]`;
  };
  const ofMembers =
    members === undefined ? '' : `,"members":{"total":${members.total},"series":${await textsOf(members.series)}}`;
  return `${JSON.stringify(head).slice(0, -1)},"series":${await textsOf(series)}${ofMembers}}`;
}

function shownLine(line: SeriesPoints): SeriesView {
  const { tags, group, samples, lastValue, lastMs, t, min, max, mean, count, window, offset } = line;
  const columns = { t, min, max, mean, count, window, offset };
  return { tags: tagsIfAny(tags), group, samples, last_value: lastValue, last_ms: lastMs, ...columns };
}
