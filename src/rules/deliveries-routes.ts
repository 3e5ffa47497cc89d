import { Type } from 'typebox';
import { Failure, fieldsFailure, shown, type FieldError } from '../base/failure.ts';
import { pageItemsMax } from '../http/limits.ts';
import { answers, documented } from '../http/open-api.ts';
import type { HttpApp, Routes } from '../http/http-app.ts';
import { subjectOf } from '../http/scope.ts';
import { receiverKey, receiverNameOf } from '../receiver/receiver-config.ts';
import { receiverNamePattern } from '../rule/receiver-name.ts';
import type { Log } from '../log/log.ts';
import {
  DeliveriesView,
  deliveryFilter,
  resentMax,
  ResendOrder,
  ResentView,
  type DeliveryView,
} from '../wire/deliveries.ts';
import { readDeliveries, type Delivery, type DeliveryFilter } from './delivery-history.ts';
import type { TroubledTarget } from '../wire/rules.ts';
import { OneAtATime } from '../base/one-at-a-time.ts';
import type { ParkedView } from './parked-view.ts';
import type { Resend } from './resend.ts';
import type { RulesView } from './rules-view.ts';

export interface DeliveriesRoutesOptions {
  readonly log: Log;
  readonly resend: Resend;
  readonly view: RulesView;
  readonly parked: ParkedView;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const ListQuerySchema = Type.Object(
  { ...deliveryFilter, limit: Type.Optional(Type.Integer({ minimum: 1, maximum: pageItemsMax })) },
  { additionalProperties: false },
);
type Filter = Omit<ResendOrder, 'notification_ids'>;

/** Lists deliveries, and resends failed ones. */
export function deliveriesRoutes(options: DeliveriesRoutesOptions): Routes {
  return (app) => {
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'no-store');
    });
    listRoute(app, options);
    resendRoute(app, options);
  };
}

function listRoute(app: HttpApp, { log, view, parked, now }: DeliveriesRoutesOptions): void {
  // Each reads as much of the log as it asks for; together they must not keep the process from its work.
  const turns = new OneAtATime();
  app.get(
    '/api/v1/deliveries',
    {
      config: { scope: 'alarms:read' as const },
      schema: {
        summary: 'What became of notifications, the newest first',
        querystring: ListQuerySchema,
        response: answers({ 200: DeliveriesView }, 400, 401, 403, 503),
      },
    },
    async (request, reply) => {
      const { limit = pageItemsMax, ...fields } = request.query as Filter & { readonly limit?: number };
      const filter = filterOf(fields, now());
      return turns.run('', async () => {
        let total = 0;
        let newest: Delivery[] = [];
        const byTime = (one: Delivery, other: Delivery): number => other.atMs - one.atMs;
        const { leftOut } = await readDeliveries(log, filter, (delivery) => {
          total++;
          newest.push(delivery);
          if (newest.length >= 4 * pageItemsMax) newest = newest.sort(byTime).slice(0, limit);
        });
        await parked.refresh();
        const deliveries = newest
          .sort(byTime)
          .slice(0, limit)
          .map((delivery) => shownDelivery(delivery, troubleOf(delivery, view, parked)));
        const targets = parked.targets(filter.webhookId).slice(0, targetsMax);
        return reply.send({ time_ms: now(), total, left_out: leftOut, deliveries, targets });
      });
    },
  );
}

function resendRoute(app: HttpApp, { resend, now }: DeliveriesRoutesOptions): void {
  app.post(
    '/api/v1/deliveries/resend',
    {
      config: { scope: 'rules:write' as const },
      schema: {
        summary: 'Send again what is dead, expired or parked',
        body: documented(ResendOrder),
        response: answers({ 200: ResentView }, 400, 401, 403, 413, 415, 503),
      },
    },
    async (request, reply) => reply.send(await resend.order(orderOf(request.body, now()), subjectOf(request.identity))),
  );
}

/** What keeps a notification that waits from arriving. */
function troubleOf(
  { outcome, webhookId, notification }: Delivery,
  view: RulesView,
  parked: ParkedView,
): TroubledTarget | undefined {
  if (notification === undefined || (outcome !== 'waiting' && outcome !== 'parked')) return undefined;
  const rule = view.book.get(notification.ruleId);
  return rule && parked.ofKey(webhookId, rule);
}

function shownDelivery(delivery: Delivery, trouble: TroubledTarget | undefined): DeliveryView {
  const { id, webhookId, notification, outcome, reason, messageId, attempts, appendedMs, atMs } = delivery;
  return {
    notification_id: id,
    webhook_id: webhookId,
    receiver: receiverNameOf(webhookId),
    rule_id: notification?.ruleId,
    metric_name: notification?.series.name,
    kind: notification?.kind,
    value: notification?.x,
    outcome,
    reason: reason ?? trouble?.reason,
    message_id: messageId,
    attempts,
    next_try_ms: trouble && Date.parse(trouble.next_probe),
    appended_ms: appendedMs,
    at_ms: atMs,
  };
}

const targetsMax = 100;
const dayMs = 24 * 3_600_000;
/** As long as the log holds deliveries. */
const sinceMsMax = 30 * dayMs;
const unitMs: Record<string, number> = { m: 60_000, h: 3_600_000, d: dayMs };

function filterOf({ webhook, receiver, rule, outcome, since }: Filter, nowMs: number): DeliveryFilter {
  if (webhook !== undefined && receiver !== undefined) {
    const message = 'receiver stands without webhook: a delivery has one of them';
    throw fieldsFailure([{ field: 'receiver', code: 'invalid_field', message }]);
  }
  const key = receiver === undefined ? webhook : receiverKey(receiver);
  return { sinceMs: momentOf(since, nowMs), webhookId: key, ruleId: rule, outcome };
}

function momentOf(since: string | undefined, nowMs: number): number {
  if (since === undefined) return nowMs - dayMs;
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(since) ?? [];
  const timeMs = count === undefined ? isoMs(since) : nowMs - Number(count) * unitMs[unit]!;
  if (timeMs === undefined || timeMs < nowMs - sinceMsMax || timeMs > nowMs) {
    const message = `since is ${shown(since)}, and is written as 30m, 12h, 7d, or as a moment such as 2026-01-31T12:00:00Z, at most 30 days ago`;
    throw fieldsFailure([{ field: 'since', code: 'invalid_field', message }]);
  }
  return timeMs;
}

function isoMs(text: string): number | undefined {
  const timeMs = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(text)
    ? Date.parse(text)
    : NaN;
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

/** Which deliveries to resend: by id, or all that match. Throws a Failure that names the wrong field. */
function orderOf(body: unknown, nowMs: number): DeliveryFilter {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new Failure('invalid_request', 'an order must be a JSON object');
  const { notification_ids: ids, ...rest } = body as Record<string, unknown>;
  const errors: FieldError[] = Object.entries(rest).flatMap(([field, value]): FieldError[] => {
    const allowed = Object.hasOwn(orderFields, field) ? orderFields[field as keyof Filter] : undefined;
    if (allowed === undefined) {
      const message = `${shown(field)} is not known here; there are notification_ids, ${Object.keys(orderFields).join(', ')}`;
      return [{ field: field.slice(0, 80), code: 'unknown_field', message }];
    }
    if (typeof value === 'string' && allowed.pattern.test(value)) return [];
    return [{ field, code: 'invalid_field', message: `${field} is ${shown(value)}, and must be ${allowed.text}` }];
  });
  if (ids !== undefined && !isIds(ids)) {
    const message = `notification_ids must be a list of 1 to ${resentMax} ids of notifications, such as ${exampleId}`;
    errors.push({ field: 'notification_ids', code: 'invalid_field', message });
  } else if (ids === undefined && Object.keys(rest).length === 0) {
    const message = 'an order names notification_ids, or says which by webhook, receiver, rule, outcome or since';
    errors.push({ field: '', code: 'missing_field', message });
  } else if (ids !== undefined && Object.keys(rest).length > 0) {
    const message = 'notification_ids stands alone: what is named is not filtered';
    errors.push({ field: 'notification_ids', code: 'invalid_field', message });
  }
  if (errors.length > 0) throw fieldsFailure(errors);
  const filter = filterOf(rest, nowMs);
  return ids === undefined ? filter : { ...filter, ids: new Set((ids as string[]).map((id) => id.split('~')[0]!)) };
}

const orderFields: Record<keyof Filter, { readonly pattern: RegExp; readonly text: string }> = {
  webhook: { pattern: /^\d{17,20}$/, text: "a webhook's numeric id" },
  receiver: { pattern: new RegExp(receiverNamePattern), text: 'the name of a receiver' },
  rule: { pattern: /^[0-9a-f-]{36}$/, text: 'the id of a rule' },
  outcome: { pattern: /^(?:dead|expired|parked)$/, text: 'dead, expired or parked' },
  since: { pattern: /^/, text: 'a time' },
};

const exampleId = '0f8fad5b-d9cb-469f-a165-70867728950e';
/** A UUID, and which sending of it. */
const notificationId = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:~\d{1,4})?$/;

function isIds(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= resentMax &&
    value.every((id) => typeof id === 'string' && notificationId.test(id))
  );
}
