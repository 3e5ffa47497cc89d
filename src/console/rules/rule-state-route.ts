import { Type } from 'typebox';
import { Failure } from '../../base/failure.ts';
import { answers } from '../../http/open-api.ts';
import type { Routes } from '../../http/server.ts';
import type { RuleFeed } from '../../rule/rule-feed.ts';
import { bucketMs } from '../live/fire-counts.ts';
import type { LiveStore } from '../live/live-store.ts';
import type { MetricCatalogue } from '../metrics/metric-catalogue.ts';
import type { CurrentValue } from './current-value.ts';
import { glanceOf, sparkOf } from './rule-glance.ts';
import { seriesOfRule, type SeriesOfRule } from './rule-series.ts';
import { summarize } from './rule-search.ts';
import { RuleSchema, shownRule } from './shown-rule.ts';

export interface RuleStateOptions {
  readonly live: LiveStore;
  readonly rules: RuleFeed;
  readonly catalogue: MetricCatalogue;
  readonly current: CurrentValue;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const listed = { usual: 20, most: 200 };

const SeriesSchema = Type.Object({
  tags: Type.Optional(Type.Record(Type.String(), Type.String())),
  state: Type.Enum(['firing', 'pending', 'ok']),
  since_ms: Type.Optional(Type.Number({ description: 'Since when it fires or is pending' })),
  cause: Type.Optional(Type.Enum(['breach', 'no_data'])),
  alarm_id: Type.Optional(Type.String()),
  value: Type.Optional(
    Type.Number({
      description: 'What the rule compares; left out: not seen since this console began, or its window is not held',
    }),
  ),
  is_window_held: Type.Optional(
    Type.Literal(false, { description: 'Its window reaches back further than what is held here: `value` is left out' }),
  ),
  value_ms: Type.Optional(Type.Number()),
  is_old: Type.Optional(
    Type.Literal(true, { description: 'It has been silent for longer than it uses to be: `value` is not current' }),
  ),
  beyond: Type.Optional(Type.Number({ description: 'How far beyond the threshold; below 0 what is missing' })),
  spark: Type.Optional(Type.Array(Type.Number(), { description: 'Its last values, newest last' })),
});
const StateSchema = Type.Object({
  time_ms: Type.Number(),
  version: Type.Object({ partition: Type.Integer(), offset: Type.Integer() }),
  ...RuleSchema.properties,
  fires: Type.Object(
    { bucket_ms: Type.Integer(), counts: Type.Array(Type.Integer()) },
    { description: 'How often it fired in each quarter of an hour of the last day, oldest first' },
  ),
  nearest: Type.Array(SeriesSchema, {
    description: 'What fires, what is pending, then what is nearest to the threshold; of each what is not old first',
  }),
  nearest_total: Type.Integer({ description: 'Series that are known; `nearest` is cut at the limit' }),
});
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
          response: answers({ 200: StateSchema }, 400, 401, 403, 404, 503),
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

function shownSeries({ tags, seen, alarm }: SeriesOfRule) {
  const state = alarm?.state;
  return {
    ...(Object.keys(tags).length > 0 && { tags }),
    state: state?.state ?? 'ok',
    ...(state !== undefined && state.state !== 'ok' && { since_ms: state.sinceMs }),
    ...(state?.state === 'firing' && { cause: state.cause, alarm_id: state.alarmId }),
    ...(seen !== undefined && {
      ...(seen.value === undefined ? { is_window_held: false as const } : { value: seen.value, beyond: seen.by }),
      value_ms: seen.series.lastMs,
      ...(seen.isOld && { is_old: true as const }),
      spark: sparkOf(seen.series),
    }),
  };
}
