import { Type } from 'typebox';
import { firstSorted } from '../../base/first-sorted.ts';
import { pageItemsMax } from '../../http/limits.ts';
import { answers } from '../../http/open-api.ts';
import { receiverNameOf } from '../../receiver/receiver-config.ts';
import type { Routes } from '../../http/http-app.ts';
import { webhookStates as states, WebhooksView, type WebhookSending, type WebhookView } from '../../wire/webhooks.ts';
import type { InstancesView } from '../live/instances-view.ts';
import { heardMs } from '../live/deliveries-view.ts';
import type { Sending } from '../live/sending.ts';
import type { LiveStore } from '../live/live-store.ts';
import type { RulesOfWebhook } from '../live/webhook-rules.ts';
import type { WebhookSeen } from '../live/webhooks-seen.ts';
import { refreshed } from './system-routes.ts';

export interface WebhooksOptions {
  readonly live: LiveStore;
  readonly instances: InstancesView;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const listed = 50;
type State = WebhookView['state'];
/** How far back requests are counted: Discord lets a webhook have 5 in 2 s, and its channel 30 in a minute. */
const windowsMs = { short: 2_000, long: 60_000 };

const QuerySchema = Type.Object(
  {
    q: Type.Optional(Type.String({ maxLength: 100, description: 'A part of the numeric id, or a state' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: pageItemsMax })),
  },
  { additionalProperties: false },
);

interface Webhook {
  readonly webhookId: string;
  readonly rules: RulesOfWebhook | undefined;
  readonly seen: WebhookSeen | undefined;
  readonly state: State;
}

/** How each webhook is: of all that rules have, and of all that messages were due to in the last seven days. */
export function webhooksRoutes({ live, instances, now }: WebhooksOptions): Routes {
  return (app) => {
    app.get(
      '/api/v1/webhooks',
      {
        config: { scope: 'alarms:read' },
        schema: {
          summary: 'The webhooks, what is wrong first: health, what waits, what failed, what is parked and until when',
          querystring: QuerySchema,
          response: answers({ 200: WebhooksView }, 400, 401, 403, 503),
        },
      },
      async (request, reply) => {
        const { q = '', limit = listed } = request.query;
        await refreshed(instances);
        const nowMs = now();
        const { first, total } = firstSorted(matching(live, q.trim()), compare, limit);
        const heldBack = instances.all().filter(({ state }) => state === 'live');
        return reply.header('cache-control', 'no-store').send({
          time_ms: nowMs,
          total,
          held_back_ms: Math.max(0, ...heldBack.map(({ record }) => record.notify?.heldBackMs ?? 0)),
          webhooks: first.map((webhook) => shownWebhook(webhook, nowMs)),
        });
      },
    );
  };
}

function* matching({ webhookRules, deliveries }: LiveStore, text: string): Generator<Webhook> {
  const isWanted = ({ webhookId, state }: Webhook): boolean =>
    text === '' || state === text || webhookId.includes(text);
  for (const rules of webhookRules.values()) {
    const webhook = webhookOf(rules, deliveries.webhook(rules.webhookId), rules.webhookId);
    if (isWanted(webhook)) yield webhook;
  }
  for (const seen of deliveries.webhooks()) {
    if (webhookRules.get(seen.webhookId) !== undefined) continue;
    const webhook = webhookOf(undefined, seen, seen.webhookId);
    if (isWanted(webhook)) yield webhook;
  }
}

function webhookOf(rules: RulesOfWebhook | undefined, seen: WebhookSeen | undefined, webhookId: string): Webhook {
  return { webhookId, rules, seen, state: stateOf(rules, seen) };
}

function stateOf(rules: RulesOfWebhook | undefined, seen: WebhookSeen | undefined): State {
  if (rules === undefined) return 'unused';
  if (seen === undefined) return 'quiet';
  if (seen.paused.size > 0) return 'parked';
  if (seen.failing.size > 0) return 'failing';
  if (lastHeardMs(seen.lastFailed) > lastHeardMs(seen.lastDelivered)) return 'failing';
  return seen.waiting > 0 ? 'waiting' : seen.lastDelivered === undefined ? 'quiet' : 'ok';
}

function compare(one: Webhook, other: Webhook): number {
  const lastSeenMs = ({ seen }: Webhook): number =>
    Math.max(lastHeardMs(seen?.lastFailed), lastHeardMs(seen?.lastDelivered));
  return (
    states.indexOf(one.state) - states.indexOf(other.state) ||
    lastSeenMs(other) - lastSeenMs(one) ||
    (one.webhookId < other.webhookId ? -1 : 1)
  );
}

const lastHeardMs = (sending: Sending | undefined): number => (sending === undefined ? 0 : heardMs(sending));

function shownWebhook({ webhookId, rules, seen, state }: Webhook, nowMs: number): WebhookView {
  const since = (backMs: number): number => seen?.requests.filter(({ atMs }) => atMs > nowMs - backMs).length ?? 0;
  return {
    webhook_id: webhookId,
    receiver: receiverNameOf(webhookId),
    url: rules?.maskedUrl,
    state,
    rules: rules?.count ?? 0,
    rule_ids: [...(rules?.ruleIds ?? [])],
    waiting: seen?.waiting ?? 0,
    requests_2s: since(windowsMs.short),
    requests_60s: since(windowsMs.long),
    last_delivered: shownSending(seen?.lastDelivered),
    last_failed: shownSending(seen?.lastFailed),
    parked: [...(seen?.paused ?? [])].map(([name, { reason, sinceMs, published }]) => ({
      name,
      reason,
      since_ms: sinceMs,
      next_probe_ms: published?.probeAtMs,
    })),
    failing: [...(seen?.failing ?? [])].map(([name, { reason, sinceMs, tries, lastTryMs, nextTryMs }]) => ({
      name,
      reason,
      since_ms: sinceMs,
      tries,
      last_try_ms: lastTryMs,
      next_try_ms: nextTryMs,
    })),
  };
}

function shownSending(sending: Sending | undefined): WebhookSending | undefined {
  if (sending === undefined) return undefined;
  const { outcome, outcomeMs, attemptedMs, reason, notification } = sending;
  const isDelivered = outcome === 'delivered' || outcome === 'merged';
  return {
    at_ms: heardMs(sending),
    outcome,
    took_ms: isDelivered && attemptedMs !== undefined ? Math.max(0, (outcomeMs ?? 0) - attemptedMs) : undefined,
    reason,
    metric_name: notification?.series.name,
  };
}
