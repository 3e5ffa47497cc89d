import { Type } from 'typebox';
import { Failure } from '../../base/failure.ts';
import { answers } from '../../http/open-api.ts';
import type { Routes } from '../../http/http-app.ts';
import type { RuleFeed } from '../../rule/rule-feed.ts';
import { tagsIfAny } from '../../metric/sample.ts';
import { RuleStateView, type RuleSeriesView } from '../../wire/rules.ts';
import { bucketMs } from '../live/fire-counts.ts';
import type { LiveStore } from '../live/live-store.ts';
import type { MetricCatalogue } from '../live/metric-catalogue.ts';
import type { CurrentValue } from '../query/current-value.ts';
import { glanceOf, sparkOf } from '../query/rule-glance.ts';
import { seriesOfRule, type SeriesOfRule } from '../query/rule-series.ts';
import { summarize } from '../query/rule-summary.ts';
import { shownRule } from '../query/shown-rule.ts';

export interface RuleStateOptions {
  readonly live: LiveStore;
  readonly rules: RuleFeed;
  readonly catalogue: MetricCatalogue;
  readonly current: CurrentValue;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const listed = { usual: 20, most: 200 };

const QuerySchema = Type.Object(
  { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: listed.most })) },
  { additionalProperties: false },
);

/** How one rule is: what its page shows beside charts and lists. */
export function ruleStateRoute(options: RuleStateOptions): Routes {
  const { live, rules, catalogue, current, now } = options;
  return (app) => {
    app.get(
      '/api/v1/rules/:id/state',
      {
        config: { scope: 'rules:read' },
        schema: {
          summary: 'The state of one rule, its series nearest to the threshold first, and how often it fired',
          params: Type.Object({ id: Type.String() }),
          querystring: QuerySchema,
          response: answers({ 200: RuleStateView }, 400, 401, 403, 404, 503),
        },
      },
      async (request, reply) => {
        const { id } = request.params;
        if (!live.isRulesCaughtUp)
          throw new Failure('unavailable', 'the rules are still being read from the log', { retryAfterSeconds: 1 });
        const entry = rules.book.get(id);
        if (entry === undefined) throw new Failure('not_found', `there is no rule ${JSON.stringify(id.slice(0, 80))}`);
        const nowMs = now();
        const { first, total } = seriesOfRule(entry, { live, catalogue, nowMs }, request.query.limit ?? listed.usual);
        const { partition, offset } = entry;
        return reply.header('cache-control', 'no-store').send({
          time_ms: nowMs,
          version: { partition, offset },
          ...shownRule(summarize(entry, live.alarms.ofRule(id)), glanceOf(entry, { live, catalogue, nowMs }), current),
          fires: { bucket_ms: bucketMs, counts: live.past.fires.strip(id, nowMs) },
          nearest: first.map(shownSeries),
          nearest_total: total,
        });
      },
    );
  };
}

function shownSeries({ subject, seen, alarm }: SeriesOfRule): RuleSeriesView {
  const state = alarm?.state;
  const firing = state?.state === 'firing' ? state : undefined;
  return {
    tags: tagsIfAny(subject.tags),
    group: subject.group,
    state: state?.state ?? 'ok',
    since_ms: state === undefined || state.state === 'ok' ? undefined : state.sinceMs,
    cause: firing?.cause,
    alarm_id: firing?.alarmId,
    is_window_held: seen !== undefined && seen.value === undefined ? false : undefined,
    value: seen?.value,
    past_threshold: seen?.value === undefined ? undefined : seen.by,
    value_ms: seen?.series.lastMs,
    is_old: seen?.isOld === true ? true : undefined,
    spark: seen === undefined ? undefined : sparkOf(seen.series),
  };
}
