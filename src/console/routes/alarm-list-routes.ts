import { Type } from 'typebox';
import { fieldsFailure, shown } from '../../base/failure.ts';
import { pageItemsMax } from '../../http/limits.ts';
import { answers } from '../../http/open-api.ts';
import type { HttpApp, Routes } from '../../http/http-app.ts';
import type { RuleFeed } from '../../rule/rule-feed.ts';
import { severities, type Severity } from '../../rule/severity.ts';
import { tagsIfAny } from '../../metric/sample.ts';
import { AlarmsView, HistoryView, type PastAlarmView } from '../../wire/alarms.ts';
import { pairFilterWords, type AlarmFilter } from '../query/alarm-filter.ts';
import { alarmHistory, parseHistoryPlace } from '../query/alarm-history.ts';
import { listAlarms, parsePlace } from '../query/alarm-list.ts';
import type { LiveStore } from '../live/live-store.ts';
import type { PastAlarm } from '../live/past-alarms.ts';
import { shownAlarm } from '../query/shown-alarm.ts';
import type { CurrentValue } from '../query/current-value.ts';
import { metricFilterWords } from '../query/metric-filter.ts';

export interface AlarmListOptions {
  readonly live: LiveStore;
  readonly rules: Pick<RuleFeed, 'book'>;
  readonly current: CurrentValue;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const historyLimit = 50;

/** May be repeated. */
const pairs = (of: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 1_300, pattern: '^[^=]+(?:=[^]*)?$' }), {
    maxItems: 16,
    description: `${of}: ${pairFilterWords}`,
  });

const filterFields = {
  metric_name: Type.Optional(Type.String({ description: metricFilterWords })),
  rule_id: Type.Optional(Type.String()),
  tag: Type.Optional(pairs('Of the series or group')),
  label: Type.Optional(pairs("Of the rule's labels")),
  severity: Type.Optional(Type.Enum([...severities], { description: "The rule's, or that of the level that fires" })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: pageItemsMax })),
  after: Type.Optional(Type.String({ maxLength: 200, description: 'The `next` of the page before' })),
};

const ListQuerySchema = Type.Object(
  { state: Type.Optional(Type.Enum(['firing', 'pending', 'ok'])), ...filterFields },
  { additionalProperties: false },
);
const HistoryQuerySchema = Type.Object(
  {
    state: Type.Optional(Type.Enum(['firing', 'ended'])),
    from_ms: Type.Optional(Type.Number({ description: 'Alarms that fired after, or still fired then' })),
    to_ms: Type.Optional(Type.Number({ description: 'Alarms that fired before' })),
    ...filterFields,
  },
  { additionalProperties: false },
);
/** The states of alarms, and the alarms of the last days, each in pages. */
export function alarmListRoutes(options: AlarmListOptions): Routes {
  return (app) => {
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'no-store');
    });
    listRoute(app, options);
    historyRoute(app, options);
  };
}

function listRoute(app: HttpApp, { live: { alarms }, rules: { book }, current, now }: AlarmListOptions): void {
  app.get(
    '/api/v1/alarms',
    {
      config: { scope: 'alarms:read' },
      schema: {
        summary: 'States of alarms, firing first, longest first',
        querystring: ListQuerySchema,
        response: answers({ 200: AlarmsView }, 400, 401, 403, 503),
      },
    },
    async (request, reply) => {
      const { state, limit = pageItemsMax, after } = request.query;
      const place = placeOf(after, parsePlace);
      const found = listAlarms(alarms, book, { state, ...filterOf(request.query), limit, after: place });
      return reply.send({
        time_ms: now(),
        total: found.total,
        alarms: found.alarms.map((alarm) => shownAlarm(alarm, current(alarm))),
        next: found.next,
      });
    },
  );
}

function historyRoute(app: HttpApp, { live: { past }, rules: { book }, now }: AlarmListOptions): void {
  app.get(
    '/api/v1/alarms/history',
    {
      config: { scope: 'alarms:read' },
      schema: {
        summary: 'Alarms of the last days, firing or ended, what fired last first',
        querystring: HistoryQuerySchema,
        response: answers({ 200: HistoryView }, 400, 401, 403, 503),
      },
    },
    async (request, reply) => {
      const { state, limit = historyLimit, after, from_ms: fromMs, to_ms: toMs } = request.query;
      const place = placeOf(after, parseHistoryPlace);
      const found = alarmHistory(past, book, { state, ...filterOf(request.query), fromMs, toMs, limit, after: place });
      return reply.send({
        time_ms: now(),
        total: found.total,
        complete_since_ms: past.completeSinceMs,
        alarms: found.alarms.map(shownPastAlarm),
        next: found.next,
      });
    },
  );
}

interface FilterQuery {
  readonly metric_name?: string;
  readonly rule_id?: string;
  readonly tag?: string[];
  readonly label?: string[];
  readonly severity?: Severity;
}

function filterOf({ metric_name: metricName, rule_id: ruleId, tag, label, severity }: FilterQuery): AlarmFilter {
  return { metricName, ruleId, tags: tag, labels: label, severity };
}

function placeOf<Place>(text: string | undefined, parse: (text: string) => Place | undefined): Place | undefined {
  const place = text === undefined ? undefined : parse(text);
  if (text === undefined || place !== undefined) return place;
  const message = `after is ${shown(text)}, and must be the next of an earlier page`;
  throw fieldsFailure([{ field: 'after', code: 'invalid_field', message }]);
}

function shownPastAlarm(alarm: PastAlarm): PastAlarmView {
  const { series, isFiring, sendings } = alarm;
  const outcome = sendings.at(-1)?.outcome;
  return {
    alarm_id: alarm.alarmId,
    rule_id: alarm.ruleId,
    metric_name: series.name,
    tags: tagsIfAny(series.tags),
    group: series.group,
    state: isFiring ? 'firing' : 'ended',
    cause: alarm.cause,
    since_ms: alarm.sinceMs,
    fired_ms: alarm.firedMs,
    ended_ms: isFiring ? null : (alarm.endedMs ?? null),
    value: alarm.x ?? null,
    notified: alarm.notified,
    messages: sendings.length,
    outcome,
  };
}
