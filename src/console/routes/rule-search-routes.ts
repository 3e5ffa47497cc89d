import { Type } from 'typebox';
import { Failure } from '../../base/failure.ts';
import { answers } from '../../http/open-api.ts';
import type { HttpApp, Routes } from '../../http/http-app.ts';
import type { RuleFeed } from '../../rule/rule-feed.ts';
import { RuleIdsFound, RulesFound } from '../../wire/rules.ts';
import type { LiveStore } from '../live/live-store.ts';
import type { MetricCatalogue } from '../live/metric-catalogue.ts';
import type { CurrentValue } from '../query/current-value.ts';
import { glanceOf } from '../query/rule-glance.ts';
import type { RuleIndex } from '../live/rule-index.ts';
import { searchRules, type Found } from '../query/rule-search.ts';
import { shownRule } from '../query/shown-rule.ts';

export interface RuleSearchOptions {
  readonly live: LiveStore;
  readonly rules: RuleFeed;
  readonly index: RuleIndex;
  readonly catalogue: MetricCatalogue;
  readonly current: CurrentValue;
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
        description:
          'metric:cpu* name:checkout* tag:host=web-1 label:team=payments severity:critical state:firing webhook:123, and words',
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
const idsMax = 5_000;
const IdsQuerySchema = Type.Object(
  {
    ...SearchQuerySchema.properties,
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: idsMax })),
  },
  { additionalProperties: false },
);
/** The rules as lists of the page read them: searched, with the state of each. */
export function ruleSearchRoutes(options: RuleSearchOptions): Routes {
  return (app) => {
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'no-store');
    });
    searchRoutes(app, options);
  };
}

function searchRoutes(app: HttpApp, options: RuleSearchOptions): void {
  const { live, catalogue, current, now } = options;
  const config = { scope: 'rules:read' as const };
  app.get(
    '/api/v1/rules',
    {
      config,
      schema: {
        summary: 'Search the rules, with the state of each',
        querystring: SearchQuerySchema,
        response: answers({ 200: RulesFound }, 400, 401, 403, 503),
      },
    },
    async (request, reply) => {
      const { rules, ...more } = search(options, { limit: searchedMax, ...request.query });
      return reply.send({
        time_ms: now(),
        rules: rules.map((summary) =>
          shownRule(summary, glanceOf(summary.entry, { live, catalogue, nowMs: now() }), current),
        ),
        ...more,
      });
    },
  );
  app.get(
    '/api/v1/rules/ids',
    {
      config,
      schema: {
        summary: 'Search the rules for their ids alone',
        querystring: IdsQuerySchema,
        response: answers({ 200: RuleIdsFound }, 400, 401, 403, 503),
      },
    },
    async (request, reply) => {
      const { rules, ...more } = search(options, { limit: idsMax, ...request.query });
      return reply.send({ ids: rules.map(({ entry }) => entry.rule.id), ...more });
    },
  );
}

/** What was found, with what there is to say of the rest. */
function search(
  { live, rules, index }: RuleSearchOptions,
  { q = '', ...page }: { q?: string; limit: number; after?: string; skip?: number },
): Found {
  if (!live.isRulesCaughtUp)
    throw new Failure('unavailable', 'the rules are still being read from the log', { retryAfterSeconds: 1 });
  const found = searchRules({ book: rules.book, index, alarms: live.alarms }, { text: q, ...page });
  const { next, total } = found;
  if ((page.skip ?? 0) > 0 && total === undefined)
    throw new Failure('invalid_field', 'skip: this search finds too many rules to count; go on with after=');
  return { rules: found.rules, next, total };
}
