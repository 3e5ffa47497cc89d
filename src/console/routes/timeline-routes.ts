import { Type } from 'typebox';
import { fieldsFailure, shown } from '../../base/failure.ts';
import { answers } from '../../http/open-api.ts';
import type { HttpApp, Routes } from '../../http/http-app.ts';
import type { RuleFeed } from '../../rule/rule-feed.ts';
import type { LiveStore } from '../live/live-store.ts';
import { shownEvent } from '../query/shown-feed.ts';
import { feedKinds } from '../../wire/stream.ts';
import { TimelineOverview, TimelinePage } from '../../wire/timeline.ts';
import {
  firesBucketMs,
  mostFires,
  parseTimelinePlace,
  timelineCounts,
  timelinePage,
  type TimelineFilter,
} from '../query/timeline.ts';
import { metricFilter, metricFilterWords } from '../query/metric-filter.ts';

export interface TimelineOptions {
  readonly live: LiveStore;
  readonly rules: RuleFeed;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const kinds = [...feedKinds, 'receiver'] as const;
/** The scope that a kind needs in addition to alarms:read. */
const scopeOf = { transition: undefined, rule: 'rules:read', receiver: 'receivers:read', delivery: undefined } as const;
const limits = { usual: 50, most: 200 };
const parts = 96;
const firesListed = 12;
const dayMs = 24 * 3_600_000;

const filterFields = {
  kind: Type.Optional(
    Type.String({
      pattern: '^(?:transition|rule|receiver|delivery)(?:,(?:transition|rule|receiver|delivery)){0,3}$',
      description: 'transition, rule, receiver, delivery, or some of them with commas; default: all',
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

/** Recent events in one feed, newest first, and their numbers over time. */
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
        summary:
          'Transitions of alarms, edits of rules (with rules:read) and of receivers (with receivers:read), and failed deliveries, newest first',
        querystring: PageQuerySchema,
        response: answers({ 200: TimelinePage }, 400, 401, 403, 503),
      },
    },
    async (request, reply) => {
      const { after: text, limit = limits.usual, ...given } = request.query;
      const after = text === undefined ? undefined : parseTimelinePlace(text);
      if (text !== undefined && after === undefined) {
        const message = `after is ${shown(text)}, and must be the next of an earlier page`;
        throw fieldsFailure([{ field: 'after', code: 'invalid_field', message }]);
      }
      const scopes = request.identity?.scopes;
      await live.audit.refresh();
      const { items, total, next } = timelinePage(live, filterOf(given, scopes), { after, limit });
      const { feed, audit } = live;
      const isAuthorShown = scopes?.has('audit:read') ?? true;
      return reply.send({
        time_ms: now(),
        total,
        complete_since_ms: {
          transition: feed.completeSinceMs('alarms'),
          rule: feed.completeSinceMs('rules'),
          receiver: audit.completeSinceMs,
          delivery: feed.completeSinceMs('deliveries'),
        },
        items: items.map((item) => shownEvent(item, live, isAuthorShown)),
        next,
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
        response: answers({ 200: TimelineOverview }, 400, 401, 403, 503),
      },
    },
    async (request, reply) => {
      const nowMs = now();
      await live.audit.refresh();
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
            return { rule_id: id, metric_name: metricOf(id), total, counts };
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

/** Edits of rules and receivers need the right to read those. */
function filterOf(given: Given, scopes: ReadonlySet<string> | undefined): TimelineFilter {
  const { kind, rule_id: ruleId, metric_name: metricName, from_ms: fromMs, to_ms: toMs } = given;
  const wanted = kind?.split(',') ?? kinds;
  const allowed = kinds.filter((one) => {
    const scope = scopeOf[one];
    return wanted.includes(one) && (scope === undefined || (scopes?.has(scope) ?? true));
  });
  return { kinds: new Set(allowed), ruleId, metricName, fromMs, toMs };
}
