import { Type } from 'typebox';
import { fieldsFailure, shown } from '../../base/failure.ts';
import { answers } from '../../http/open-api.ts';
import type { HttpApp, Routes } from '../../http/server.ts';
import type { RuleFeed } from '../../rule/rule-feed.ts';
import type { FeedItem } from '../live/feed.ts';
import type { LiveStore } from '../live/live-store.ts';
import { shownFeedItem } from '../live/shown-feed.ts';
import {
  firesBucketMs,
  mostFires,
  parseTimelinePlace,
  timelineCounts,
  timelinePage,
  type TimelineFilter,
} from './timeline.ts';
import { metricFilter, metricFilterWords } from '../metrics/metric-filter.ts';

export interface TimelineOptions {
  readonly live: LiveStore;
  readonly rules: RuleFeed;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const limits = { usual: 50, most: 200 };
const parts = 96;
const firesListed = 12;
const dayMs = 24 * 3_600_000;

const kinds = ['transition', 'rule', 'delivery'] as const satisfies readonly FeedItem['kind'][];
const filterFields = {
  kind: Type.Optional(
    Type.String({
      pattern: '^(?:transition|rule|delivery)(?:,(?:transition|rule|delivery)){0,2}$',
      description: 'transition, rule, delivery, or some of them with commas; default: all',
    }),
  ),
  rule_id: Type.Optional(Type.String()),
  metric_name: Type.Optional(Type.String({ description: metricFilterWords })),
  from_ms: Type.Optional(Type.Number()),
  to_ms: Type.Optional(Type.Number()),
};
const PageQuerySchema = Type.Object(
  {
    ...filterFields,
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.most })),
    after: Type.Optional(Type.String({ maxLength: 200, description: 'The `next` of the page before' })),
  },
  { additionalProperties: false },
);
const OverviewQuerySchema = Type.Object(filterFields, { additionalProperties: false });

const ItemSchema = Type.Object({
  kind: Type.Enum([...kinds]),
  place: Type.String({ description: 'Topic, partition and offset' }),
  at_ms: Type.Number({ description: 'When it was written to the log' }),
  rule_id: Type.Optional(Type.String()),
  metric_name: Type.Optional(Type.String({ description: metricFilterWords })),
  tags: Type.Optional(Type.Record(Type.String(), Type.String())),
  from: Type.Optional(Type.String({ description: 'Of a transition; left out: the series was not known' })),
  to: Type.Optional(Type.String()),
  cause: Type.Optional(Type.Enum(['breach', 'no_data'])),
  alarm_id: Type.Optional(Type.String()),
  value: Type.Optional(Type.Union([Type.Number(), Type.Null()])),
  time_ms: Type.Optional(Type.Number({ description: 'Of the sample' })),
  since_ms: Type.Optional(Type.Number()),
  edit: Type.Optional(Type.Enum(['made', 'changed', 'deleted'])),
  fields: Type.Optional(
    Type.Array(
      Type.Object({
        field: Type.String(),
        from: Type.Optional(Type.Unknown()),
        to: Type.Optional(Type.Unknown()),
      }),
      { description: 'What an edit changed; of a webhook only that it is another' },
    ),
  ),
  notification_id: Type.Optional(Type.String()),
  webhook_id: Type.Optional(Type.String()),
  outcome: Type.Optional(Type.Enum(['parked', 'dead', 'expired'])),
  reason: Type.Optional(Type.String()),
});
const CompleteSchema = Type.Object(
  { transition: Type.Number(), rule: Type.Number(), delivery: Type.Number() },
  { description: 'By kind: nothing that happened since then is missing; of what is older some may be' },
);
const PageSchema = Type.Object({
  time_ms: Type.Number(),
  total: Type.Integer({ description: 'All that match and are held' }),
  complete_since_ms: CompleteSchema,
  items: Type.Array(ItemSchema),
  next: Type.Optional(Type.String({ description: 'Go on with after=' })),
});
const CountsSchema = Type.Array(Type.Integer());
const OverviewSchema = Type.Object({
  time_ms: Type.Number(),
  from_ms: Type.Number(),
  to_ms: Type.Number(),
  counts: Type.Object(
    { firing: CountsSchema, transition: CountsSchema, rule: CountsSchema, delivery: CountsSchema },
    {
      description: `Items in each of ${parts} equal parts of the time; firing: transitions to it, transition: the others`,
    },
  ),
  fires: Type.Object(
    {
      bucket_ms: Type.Integer(),
      rules: Type.Array(
        Type.Object({
          rule_id: Type.String(),
          metric_name: Type.Optional(Type.String({ description: 'Left out: the rule was deleted' })),
          total: Type.Integer(),
          counts: CountsSchema,
        }),
      ),
    },
    { description: `The ${firesListed} rules that fired most in 24 hours, by the quarter of an hour` },
  ),
});

/** What happened lately, in one feed that is read backwards, and how much of it when. */
export function timelineRoutes(options: TimelineOptions): Routes {
  return (app) => {
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'no-store');
    });
    pageRoute(app, options);
    overviewRoute(app, options);
  };
}

function pageRoute(app: HttpApp, { live, now }: TimelineOptions): void {
  app.get(
    '/api/v1/timeline',
    {
      config: { scope: 'alarms:read' },
      schema: {
        summary: 'Transitions of alarms, edits of rules (with rules:read) and failed deliveries, newest first',
        querystring: PageQuerySchema,
        response: answers({ 200: PageSchema }, 400, 401, 403, 503),
      },
    },
    async (request, reply) => {
      const { after: text, limit = limits.usual, ...given } = request.query;
      const after = text === undefined ? undefined : parseTimelinePlace(text);
      if (text !== undefined && after === undefined) {
        const message = `after is ${shown(text)}, and must be the next of an earlier page`;
        throw fieldsFailure([{ field: 'after', code: 'invalid_field', message }]);
      }
      const { items, total, next } = timelinePage(live, filterOf(given, request.identity?.scopes), { after, limit });
      const { feed } = live;
      return reply.send({
        time_ms: now(),
        total,
        complete_since_ms: {
          transition: feed.completeSinceMs('alarms'),
          rule: feed.completeSinceMs('rules'),
          delivery: feed.completeSinceMs('deliveries'),
        },
        items: items.map((item) => shownFeedItem(item, live)),
        ...(next !== undefined && { next }),
      });
    },
  );
}

function overviewRoute(app: HttpApp, { live, rules, now }: TimelineOptions): void {
  app.get(
    '/api/v1/timeline/overview',
    {
      config: { scope: 'alarms:read' },
      schema: {
        summary: 'How much happened when, and which rules fired most in 24 hours',
        querystring: OverviewQuerySchema,
        response: answers({ 200: OverviewSchema }, 400, 401, 403, 503),
      },
    },
    async (request, reply) => {
      const nowMs = now();
      const filter = filterOf(request.query, request.identity?.scopes);
      const { toMs = nowMs, fromMs = toMs - dayMs, ruleId, metricName } = filter;
      const metricOf = (id: string): string | undefined => rules.book.get(id)?.rule.metric_name;
      const isMetric = metricFilter(metricName);
      const isWanted = (id: string): boolean => (ruleId === undefined || id === ruleId) && isMetric(metricOf(id));
      const fires = mostFires(live, isWanted, { nowMs, limit: firesListed });
      return reply.send({
        time_ms: nowMs,
        from_ms: fromMs,
        to_ms: toMs,
        counts: timelineCounts(live, { ...filter, fromMs, toMs }, parts),
        fires: {
          bucket_ms: firesBucketMs,
          rules: fires.map(({ ruleId: id, counts, total }) => {
            const name = metricOf(id);
            return { rule_id: id, ...(name !== undefined && { metric_name: name }), total, counts };
          }),
        },
      });
    },
  );
}

interface Given {
  readonly kind?: string | undefined;
  readonly rule_id?: string | undefined;
  readonly metric_name?: string | undefined;
  readonly from_ms?: number | undefined;
  readonly to_ms?: number | undefined;
}

/** Edits of rules are for whoever may read rules. */
function filterOf(given: Given, scopes: ReadonlySet<string> | undefined): TimelineFilter {
  const { kind, rule_id: ruleId, metric_name: metricName, from_ms: fromMs, to_ms: toMs } = given;
  const wanted = kind?.split(',') ?? kinds;
  const allowed = kinds.filter(
    (one) => wanted.includes(one) && (one !== 'rule' || (scopes?.has('rules:read') ?? true)),
  );
  return { kinds: new Set(allowed), ruleId, metricName, fromMs, toMs };
}
