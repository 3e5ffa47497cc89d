import { Type } from 'typebox';
import type { AlarmRecord } from '../alarm/alarm-record.ts';
import { Failure } from '../base/failure.ts';
import { pageItemsMax } from '../http/limits.ts';
import { answers } from '../http/open-api.ts';
import type { HttpApp, Routes } from '../http/server.ts';
import type { RuleFeed } from '../rule/rule-feed.ts';
import { maskedWebhookUrl } from '../rule/webhook-url.ts';
import type { AlarmsView } from './alarms-view.ts';
import { compareGravity, searchRules, type RuleSummary } from './rule-search.ts';
import type { SampleCount } from './sample-count.ts';

export interface ConsoleRoutesOptions {
  readonly alarms: AlarmsView;
  readonly rules: RuleFeed;
  readonly isRulesCaughtUp: () => boolean;
  readonly samples: SampleCount;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly version: string;
}

const searchedMax = 200;
const searchCharactersMax = 500;

const AlarmSchema = Type.Object({
  rule_id: Type.String(),
  metric_name: Type.String(),
  tags: Type.Optional(Type.Record(Type.String(), Type.String())),
  state: Type.Enum(['firing', 'pending', 'ok']),
  since_ms: Type.Optional(Type.Number({ description: 'Since when it fires or is pending' })),
  value: Type.Union([Type.Number(), Type.Null()], { description: 'What was compared last; null: no data' }),
  time_ms: Type.Number({ description: 'The event time of the sample that this state comes from' }),
  cause: Type.Optional(Type.Enum(['breach', 'no_data'])),
  notified: Type.Optional(Type.Boolean()),
  owed: Type.Optional(Type.Boolean({ description: 'A notification waits for the cooldown' })),
  alarm_id: Type.Optional(Type.String({ description: 'Of this firing' })),
});
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
const CountsSchema = Type.Object({ firing: Type.Integer(), pending: Type.Integer(), ok: Type.Integer() });
const StatusSchema = Type.Object({
  version: Type.String(),
  time_ms: Type.Number({ description: 'The clock of this server' }),
  rules: Type.Integer(),
  metrics: Type.Integer({ description: 'Metrics that have rules' }),
  alarms: CountsSchema,
  samples_last_minute: Type.Union([Type.Integer(), Type.Null()]),
});
const SearchQuerySchema = Type.Object(
  {
    q: Type.Optional(
      Type.String({
        maxLength: searchCharactersMax,
        description: 'metric:cpu* tag:host=web-1 state:firing, and words',
      }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: searchedMax })),
    after: Type.Optional(Type.String()),
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
    }),
  ),
  next: Type.Optional(Type.String({ description: 'Go on with after=' })),
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

function alarmRoutes(app: HttpApp, { alarms, rules, samples, now, version }: ConsoleRoutesOptions): void {
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
      const source = ruleId === undefined ? alarms : alarms.ofRule(ruleId);
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
    async () => ({
      version,
      time_ms: now(),
      rules: rules.book.size,
      metrics: [...rules.book.metricNames()].length,
      alarms: { ...alarms.counts },
      samples_last_minute: samples.lastMinute ?? null,
    }),
  );
}

function searchRoute(app: HttpApp, { alarms, rules, isRulesCaughtUp, now }: ConsoleRoutesOptions): void {
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
      if (!isRulesCaughtUp())
        throw new Failure('unavailable', 'the rules are still being read from the log', { retryAfterSeconds: 1 });
      const { q = '', after, limit = searchedMax } = request.query;
      const found = searchRules(rules.book, (ruleId) => alarms.ofRule(ruleId), { text: q, after, limit });
      return reply.send({
        time_ms: now(),
        rules: found.rules.map(shownSummary),
        ...(found.next !== undefined && { next: found.next }),
      });
    },
  );
}

function shownAlarm({ ruleId, series, state, x, timeMs }: AlarmRecord) {
  return {
    rule_id: ruleId,
    metric_name: series.name,
    ...(Object.keys(series.tags).length > 0 && { tags: series.tags }),
    state: state.state,
    ...(state.state !== 'ok' && { since_ms: state.sinceMs }),
    value: x ?? null,
    time_ms: timeMs,
    ...(state.state === 'firing' && {
      cause: state.cause,
      notified: state.notified,
      owed: state.owed,
      alarm_id: state.alarmId,
    }),
  };
}

/** The webhook's URL is a secret that only the rules API gives. */
function shownSummary({ entry, state, firing, pending, series, worst }: RuleSummary) {
  const rule = { ...entry.rule, discord_webhook_url: maskedWebhookUrl(entry.webhook) };
  return { rule, state, firing, pending, series, ...(worst !== undefined && { worst: shownAlarm(worst) }) };
}
