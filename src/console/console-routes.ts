import { Type } from 'typebox';
import type { AlarmRecord } from '../alarm/alarm-record.ts';
import { Failure } from '../base/failure.ts';
import { pageItemsMax } from '../http/limits.ts';
import { answers } from '../http/open-api.ts';
import type { HttpApp, Routes } from '../http/server.ts';
import type { RuleFeed } from '../rule/rule-feed.ts';
import { maskedWebhookUrl } from '../rule/webhook-url.ts';
import type { LiveStore } from './live/live-store.ts';
import { heardMs, type Sending } from './live/deliveries-view.ts';
import { AlarmSchema, shownAlarm } from './live/shown-alarm.ts';
import { StatusSchema, type Status } from './live/status.ts';
import type { MetricCatalogue } from './metric-catalogue.ts';
import { glanceOf, type RuleGlance } from './rule-glance.ts';
import type { RuleIndex } from './rule-index.ts';
import { compareGravity, searchRules, type RuleSummary } from './rule-search.ts';

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

const AlarmListSchema = Type.Object({
  time_ms: Type.Number(),
  total: Type.Integer({ description: 'All that match; the list is cut at the limit' }),
  alarms: Type.Array(AlarmSchema),
});
const AlarmQuerySchema = Type.Object(
  {
    state: Type.Optional(Type.Enum(['firing', 'pending', 'ok'])),
    metric_name: Type.Optional(Type.String()),
    rule_id: Type.Optional(Type.String()),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: pageItemsMax })),
  },
  { additionalProperties: false },
);
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
  rules: Type.Array(
    Type.Object({
      rule: Type.Object({}, { description: 'The rule, its webhook masked' }),
      state: Type.Enum(['firing', 'pending', 'ok', 'disabled']),
      firing: Type.Integer(),
      pending: Type.Integer(),
      series: Type.Integer(),
      worst: Type.Optional(AlarmSchema),
      is_seen: Type.Boolean({ description: 'Whether a sample that it could judge was seen since this console began' }),
      value: Type.Optional(Type.Number({ description: 'What it compares, of the series nearest to firing' })),
      value_ms: Type.Optional(Type.Number()),
      value_tags: Type.Optional(Type.Record(Type.String(), Type.String())),
      spark: Type.Optional(Type.Array(Type.Number(), { description: 'The last values of that series, newest last' })),
      window_samples: Type.Optional(Type.Integer({ description: 'In its window, as far as they were looked at' })),
      cooldown_left_ms: Type.Optional(Type.Number()),
      owed: Type.Optional(Type.Integer({ description: 'Alarms whose message waits for the cooldown' })),
      fires_24h: Type.Integer({ description: 'How often it fired in 24 hours, to a quarter of an hour' }),
      delivery: Type.Optional(
        Type.Object({
          outcome: Type.String(),
          at_ms: Type.Number(),
          took_ms: Type.Optional(Type.Number({ description: "Until Discord's answer" })),
          attempts: Type.Integer(),
          reason: Type.Optional(Type.String()),
        }),
      ),
    }),
  ),
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
    alarmRoutes(app, options);
    searchRoute(app, options);
  };
}

function alarmRoutes(app: HttpApp, { live: { alarms }, status, now }: ConsoleRoutesOptions): void {
  const config = { scope: 'alarms:read' as const };
  app.get(
    '/api/v1/alarms',
    {
      config,
      schema: {
        summary: 'States of alarms, firing first, longest first',
        querystring: AlarmQuerySchema,
        response: answers({ 200: AlarmListSchema }, 400, 401, 403, 503),
      },
    },
    async (request, reply) => {
      const { state, metric_name: metricName, rule_id: ruleId, limit = pageItemsMax } = request.query;
      const all = state === 'firing' || state === 'pending' ? alarms.unquiet() : alarms;
      const source = ruleId === undefined ? all : alarms.ofRule(ruleId);
      const found: AlarmRecord[] = [];
      for (const alarm of source) {
        if (state !== undefined && alarm.state.state !== state) continue;
        if (metricName !== undefined && alarm.series.name !== metricName) continue;
        found.push(alarm);
      }
      found.sort(compareGravity);
      return reply.send({ time_ms: now(), total: found.length, alarms: found.slice(0, limit).map(shownAlarm) });
    },
  );
  app.get(
    '/api/v1/status',
    {
      config,
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
        rules: found.rules.map((summary) => ({
          ...shownSummary(summary),
          ...shownGlance(glanceOf(summary.entry, { live, catalogue, nowMs: now() })),
        })),
        ...(found.next !== undefined && { next: found.next }),
        ...(found.total !== undefined && { total: found.total }),
      });
    },
  );
}

/** The webhook's URL is a secret that only the rules API gives. */
function shownSummary({ entry, state, firing, pending, series, worst }: RuleSummary) {
  const rule = { ...entry.rule, discord_webhook_url: maskedWebhookUrl(entry.webhook) };
  return { rule, state, firing, pending, series, ...(worst !== undefined && { worst: shownAlarm(worst) }) };
}

/** What says nothing is left out: a page of rules is asked for every other second. */
function shownGlance({ isSeen, nearest, cooldownLeftMs, owed, fires24h, lastSending }: RuleGlance) {
  return {
    is_seen: isSeen,
    ...(nearest !== undefined && {
      value: nearest.value,
      value_ms: nearest.atMs,
      ...(Object.keys(nearest.tags).length > 0 && { value_tags: nearest.tags }),
      spark: nearest.spark.map((value) => Number(value.toPrecision(5))),
      ...(nearest.windowSamples !== undefined && { window_samples: nearest.windowSamples }),
    }),
    ...(cooldownLeftMs > 0 && { cooldown_left_ms: cooldownLeftMs }),
    ...(owed > 0 && { owed }),
    fires_24h: fires24h,
    ...(lastSending !== undefined && { delivery: shownSending(lastSending) }),
  };
}

function shownSending(sending: Sending) {
  const { outcome, attempts, attemptedMs, outcomeMs, reason } = sending;
  const isDelivered = outcome === 'delivered' || outcome === 'merged';
  return {
    outcome,
    at_ms: heardMs(sending),
    ...(isDelivered && attemptedMs !== undefined && { took_ms: Math.max(0, (outcomeMs ?? 0) - attemptedMs) }),
    attempts,
    ...(reason !== undefined && { reason }),
  };
}
