import type { Clock } from '../../base/clock.ts';
import { Type } from 'typebox';
import { levelOf } from '../../alarm/level-states.ts';
import { judgeableMs } from '../../alarm/notification.ts';
import { backtest, type BacktestResult } from '../../backtest/backtest.ts';
import type { MetricPasts } from '../../backtest/metric-pasts.ts';
import { Failure } from '../../base/failure.ts';
import { answers } from '../../http/open-api.ts';
import type { HttpApp, Routes } from '../../http/http-app.ts';
import { tagsIfAny } from '../../metric/sample.ts';
import { subjectKey } from '../../metric/subject.ts';
import { isRuleId } from '../../rule/rule-id.ts';
import { maskedRule } from '../../rule/masked-rule.ts';
import { AlarmDetail, RecheckResult, type NotificationView } from '../../wire/alarms.ts';
import { RuleVersionsView } from '../../wire/rules.ts';
import { ruleVersions, type SentNotification } from '../query/alarm-trace.ts';
import { AlarmFinder, type AlarmFinderOptions, type Facts, type FoundAlarm } from '../query/alarm-finder.ts';
import type { RuleFeed } from '../../rule/rule-feed.ts';
import type { TargetState } from '../../wire/deliveries.ts';
import type { LiveStore } from '../live/live-store.ts';
import { differences } from '../live/rule-edits.ts';
import { troubleOf } from '../query/target-states.ts';

export interface AlarmRoutesOptions extends AlarmFinderOptions {
  readonly pasts: MetricPasts;
  readonly clock: Clock;
}

/** How long before the breach the replay starts: anything earlier has ended by then. */
const verifyBackMs = 3_600_000;

const ParamsSchema = Type.Object({ id: Type.String() });
/** One alarm with all its facts from the log, its re-check, and the versions of a rule. */
export function alarmRoutes(options: AlarmRoutesOptions): Routes {
  return (app) => {
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'no-store');
    });
    const finder = new AlarmFinder(options);
    oneAlarmRoute(app, finder, options);
    recheckRoute(app, finder, options);
    versionsRoute(app, options);
  };
}

function oneAlarmRoute(app: HttpApp, finder: AlarmFinder, { live, rules }: AlarmRoutesOptions): void {
  app.get(
    '/api/v1/alarms/:id',
    {
      config: { scope: 'alarms:read' },
      schema: {
        summary: 'One alarm: what fired it, by which version of its rule, and what became of its messages',
        params: ParamsSchema,
        response: answers({ 200: AlarmDetail }, 401, 403, 404, 503),
      },
    },
    async (request, reply) => {
      const alarm = await finder.find(request.params.id);
      return reply.send({
        alarm_id: request.params.id,
        rule_id: alarm.facts.ruleId,
        rule_version: alarm.facts.ruleVersion,
        metric_name: alarm.facts.series.name,
        tags: tagsIfAny(alarm.facts.series.tags),
        group: alarm.facts.series.group,
        members: alarm.facts.members,
        state: alarm.isFiring ? 'firing' : 'ended',
        level: levelNow(request.params.id, alarm.facts, live),
        cause: alarm.facts.cause,
        since_ms: alarm.facts.sinceMs,
        fired_ms: alarm.facts.timeMs,
        ended_ms: alarm.endedMs ?? null,
        value: alarm.facts.x ?? null,
        partition: alarm.facts.sample.partition,
        offset: alarm.facts.sample.offset,
        timestamp_ms: alarm.facts.sample.timestampMs,
        rule: alarm.rule === undefined ? undefined : maskedRule(alarm.rule),
        is_rule_current: alarm.isRuleCurrent,
        notified: alarm.notified,
        notifications: alarm.sendings.map((sending) => ({
          ...shownNotification(sending),
          trouble: troubleOfSending(sending, live, rules),
        })),
      });
    },
  );
}

/** The level of an alarm that is firing now; undefined without levels. */
function levelNow(alarmId: string, { ruleId, series }: Facts, live: LiveStore): number | undefined {
  const state = live.alarms.get(ruleId, subjectKey(series))?.state;
  return state?.state === 'firing' && state.alarmId === alarmId ? levelOf(state) : undefined;
}

/** What keeps a message that waits from arriving, as far as this server knows. */
function troubleOfSending(
  { outcome, webhookId, notification }: SentNotification,
  live: LiveStore,
  rules: RuleFeed,
): TargetState | undefined {
  if (outcome !== 'waiting' && outcome !== 'parked') return undefined;
  const seen = live.deliveries.webhook(webhookId);
  return seen && troubleOf(seen, rules.book.get(notification.ruleId));
}

function recheckRoute(app: HttpApp, finder: AlarmFinder, options: AlarmRoutesOptions): void {
  app.post(
    '/api/v1/alarms/:id/recheck',
    {
      config: { scope: 'alarms:read' },
      schema: {
        summary: 'Check an alarm again: replays that part of the log through the evaluator and compares',
        params: ParamsSchema,
        response: answers({ 200: RecheckResult }, 400, 401, 403, 404, 413, 415, 503),
      },
    },
    async (request, reply) => {
      const stop = new AbortController();
      reply.raw.once('close', () => stop.abort());
      return reply.send(
        await recheck(await finder.find(request.params.id), finder, { ...options, signal: stop.signal }),
      );
    },
  );
}

function versionsRoute(app: HttpApp, { log, live, discordApiBase }: AlarmRoutesOptions): void {
  app.get(
    '/api/v1/rules/:id/versions',
    {
      config: { scope: 'rules:read' },
      schema: {
        summary: 'The versions of a rule that the log still holds, oldest first',
        params: ParamsSchema,
        response: answers({ 200: RuleVersionsView }, 401, 403, 404, 503),
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const versions = isRuleId(id) ? await ruleVersions(log, id, { apiBase: discordApiBase }) : [];
      if (versions.length === 0) throw new Failure('not_found', `there is no rule ${JSON.stringify(id.slice(0, 80))}`);
      const isAuthorShown = request.identity?.scopes.has('audit:read') ?? true;
      await live.audit.refresh();
      return reply.send({
        versions: versions.map(({ entry, atMs }, index) => ({
          partition: entry.partition,
          offset: entry.offset,
          at_ms: atMs,
          rule: maskedRule(entry),
          changes: index === 0 ? [] : [...differences(versions[index - 1]!.entry.rule, entry.rule)],
          author: isAuthorShown ? live.audit.authorOf(id, entry) : undefined,
        })),
      });
    },
  );
}

async function recheck(
  alarm: FoundAlarm,
  finder: AlarmFinder,
  { log, clock, pasts, signal }: AlarmRoutesOptions & { readonly signal: AbortSignal },
): Promise<RecheckResult> {
  const { facts, rule, id } = alarm;
  const none = { samples: 0, from_offset: facts.sample.offset, to_offset: facts.sample.offset, ended_ms: null };
  if (rule === undefined)
    return { agrees: false, detail: 'The rule is gone, and so is the version that judged.', ...none, took_ms: 0 };
  const { first } = await log.bounds('metrics', facts.sample.partition);
  if (facts.sample.offset < first)
    return { agrees: false, detail: 'The sample is older than what is retained.', ...none, took_ms: 0 };
  // From before the breach; or, when the rule is younger, from when it was made.
  const ruleSinceMs = await finder.ruleSinceMs(facts.ruleId);
  const fromMs = Math.max(facts.sinceMs - verifyBackMs, Math.min(ruleSinceMs, facts.sample.timestampMs));
  let last: BacktestResult | undefined;
  for await (const result of backtest({ log, clock, pasts }, rule.rule, { fromMs }, signal)) last = result;
  const firings = last!.recorded.firings.newest(Infinity);
  const same = firings.find(({ alarmId }) => alarmId === id);
  return {
    agrees: same !== undefined,
    detail:
      same === undefined
        ? `Run again, the rule fires ${firings.length} times, and not at this sample: it may have been changed while it fired.`
        : 'Run again over the log, the evaluator fires this alarm at this very sample.',
    samples: last!.samples,
    from_offset: last!.range.from,
    to_offset: last!.range.to,
    ended_ms: same?.endedMs ?? null,
    took_ms: Math.round(last!.tookMs * 10) / 10,
  };
}

function shownNotification(sending: SentNotification): NotificationView {
  const { notification, appendedMs, attempts, attemptedMs, outcome, outcomeMs, reason, messageId } = sending;
  return {
    id: sending.id,
    kind: notification.kind,
    time_ms: notification.timeMs,
    judgeable_ms: judgeableMs(notification),
    value: notification.x ?? null,
    offset: notification.sample.offset,
    deferred: notification.deferred,
    appended_ms: appendedMs,
    attempts,
    attempted_ms: attemptedMs,
    outcome,
    outcome_ms: outcomeMs,
    reason,
    message_id: messageId,
  };
}
