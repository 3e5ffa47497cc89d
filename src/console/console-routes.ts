import { Type } from 'typebox';
import { Failure } from '../base/failure.ts';
import { answers } from '../http/open-api.ts';
import type { HttpApp, Routes } from '../http/server.ts';
import type { RuleFeed } from '../rule/rule-feed.ts';
import type { LiveStore } from './live/live-store.ts';
import { StatusSchema, type Status } from './live/status.ts';
import type { MetricCatalogue } from './metric-catalogue.ts';
import { glanceOf } from './rule-glance.ts';
import type { RuleIndex } from './rule-index.ts';
import { searchRules } from './rule-search.ts';
import { RuleSchema, shownRule } from './shown-rule.ts';

export interface ConsoleRoutesOptions {
  readonly live: LiveStore;
  readonly rules: RuleFeed;
  readonly index: RuleIndex;
  readonly catalogue: MetricCatalogue;
  readonly status: () => Status;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const searchedMax = 200;
const searchCharactersMax = 500;

const SearchQuerySchema = Type.Object(
  {
    q: Type.Optional(
      Type.String({
        maxLength: searchCharactersMax,
        description: 'metric:cpu* tag:host=web-1 state:firing webhook:123, and words',
      }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: searchedMax })),
    after: Type.Optional(Type.String()),
    skip: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Passes over so many; 400 where `total` would not be told' }),
    ),
  },
  { additionalProperties: false },
);
const SearchSchema = Type.Object({
  time_ms: Type.Number(),
  rules: Type.Array(RuleSchema),
  next: Type.Optional(
    Type.String({
      description: 'Go on with after=. One answer looks at so many rules: it may hold few, and there be more',
    }),
  ),
  total: Type.Optional(Type.Integer({ description: 'How many match, where that is known: of few, and of all rules' })),
});

/** What the page reads beside the rules API. Anybody's program may read it too. */
export function consoleRoutes(options: ConsoleRoutesOptions): Routes {
  return (app) => {
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'no-store');
    });
    statusRoute(app, options);
    searchRoute(app, options);
  };
}

function statusRoute(app: HttpApp, { status, now }: ConsoleRoutesOptions): void {
  app.get(
    '/api/v1/status',
    {
      config: { scope: 'alarms:read' as const },
      schema: {
        summary: 'Rules, alarms and samples in numbers',
        response: answers({ 200: StatusSchema }, 401, 403, 503),
      },
    },
    async () => ({ time_ms: now(), ...status() }),
  );
}

function searchRoute(app: HttpApp, { live, rules, index, catalogue, now }: ConsoleRoutesOptions): void {
  app.get(
    '/api/v1/rules',
    {
      config: { scope: 'rules:read' as const },
      schema: {
        summary: 'Search the rules, with the state of each',
        querystring: SearchQuerySchema,
        response: answers({ 200: SearchSchema }, 400, 401, 403, 503),
      },
    },
    async (request, reply) => {
      if (!live.isRulesCaughtUp)
        throw new Failure('unavailable', 'the rules are still being read from the log', { retryAfterSeconds: 1 });
      const { q = '', after, skip, limit = searchedMax } = request.query;
      const sources = { book: rules.book, index, alarms: live.alarms };
      const found = searchRules(sources, { text: q, after, skip, limit });
      if (skip !== undefined && skip > 0 && found.total === undefined)
        throw new Failure('invalid_field', 'skip: this search finds too many rules to count; go on with after=');
      return reply.send({
        time_ms: now(),
        rules: found.rules.map((summary) =>
          shownRule(summary, glanceOf(summary.entry, { live, catalogue, nowMs: now() })),
        ),
        ...(found.next !== undefined && { next: found.next }),
        ...(found.total !== undefined && { total: found.total }),
      });
    },
  );
}
