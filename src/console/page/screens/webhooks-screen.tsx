import * as css from './webhooks-screen.module.css';
import type { WebhookSending, WebhookView, WebhooksView } from '../../../wire/webhooks.ts';
import { useSignal } from '@preact/signals';
import { conditionSentence, plainSentence } from '../words/condition-sentence.ts';
import { nowMs } from '../state/live.ts';
import { sendTestOf } from '../state/inspect.ts';
import { useQuery } from '../state/query.ts';
import { addressOf, amend } from '../state/router.ts';
import { useRule } from '../state/rule-cache.ts';
import { Deliveries } from '../rules/rule-deliveries.tsx';
import { TestButton } from '../editor/send-test.tsx';
import { MissedPill, useHeldRows } from '../parts/held-rows.tsx';
import { StateMark } from '../parts/state-mark.tsx';
import { ReceiversSection } from './receivers-section.tsx';
import { readWebhooks } from '../state/webhooks-view.ts';
import { agoText, durationText, grouped, momentText } from '../words/time-text.ts';

const everyMs = 2_000;
const atFirst = 20;
const limitMost = 500;
/** Discord's limits: requests of a webhook in two seconds, and of its channel in a minute. */
const allowed = { short: 5, long: 30 };

/** The webhooks, failing ones first. */
export function WebhooksScreen({ search }: { readonly search: string }) {
  const limit = useSignal(atFirst);
  const { value, failure } = useQuery((signal) => readWebhooks(search, limit.value, signal), { everyMs }, [
    search,
    limit.value,
  ]);
  const found = value.value;
  const { rows, holds, ...missing } = useHeldRows(found?.webhooks ?? [], ({ webhook_id: id }) => id, search);
  return (
    <div class="past">
      <div class="screen-head">
        <div>
          <h1 tabIndex={-1}>Webhooks</h1>
          <p class="hint">{found === undefined ? 'Loading…' : summary(found, search)}</p>
        </div>
      </div>
      <search class="filters">
        <label>
          <span>Search</span>
          <input
            type="search"
            placeholder="webhook ID or state"
            autocomplete="off"
            spellcheck={false}
            value={search}
            onInput={(event) => amend({ screen: 'webhooks', search: event.currentTarget.value })}
          />
        </label>
      </search>
      {failure.value !== undefined && (
        <p class="banner" role="alert">
          {failure.value.message}
        </p>
      )}
      {found !== undefined && found.held_back_ms > 0 && (
        <p class="banner" role="status">
          Discord has blocked this system's address for another {durationText(found.held_back_ms)}. Messages are queued.
        </p>
      )}
      {found !== undefined && (
        <div class="held" {...holds}>
          <MissedPill {...missing} />
          <ul class="webhook-list">
            {rows.map(({ item }) => (
              <Webhook key={item.webhook_id} webhook={item} />
            ))}
          </ul>
        </div>
      )}
      {found !== undefined && found.total > found.webhooks.length && limit.value < limitMost && (
        <button type="button" class="more" onClick={() => (limit.value = Math.min(limitMost, limit.value * 4))}>
          Show more
        </button>
      )}
      <ReceiversSection />
    </div>
  );
}

function summary({ total, webhooks }: WebhooksView, search: string): string {
  if (total === 0) return search === '' ? 'None yet: the webhooks of your rules appear here.' : 'No webhook matches.';
  const broken = webhooks.filter(({ state }) => state === 'parked' || state === 'failing').length;
  const all = `${grouped(total)} ${total === 1 ? 'webhook' : 'webhooks'}`;
  return broken === 0 ? `${all}.` : `${all}, ${broken} failing (shown first).`;
}

function Webhook({ webhook }: { readonly webhook: WebhookView }) {
  const { webhook_id: id, receiver, url, state, parked, failing, waiting } = webhook;
  const { last_failed: failed, last_delivered: delivered } = webhook;
  const isOpen = useSignal(false);
  const [firstRule] = webhook.rule_ids;
  return (
    <li class="card webhook" data-row>
      <div class="webhook-head">
        <StateMark state={state} />
        <h2>{url ?? (receiver === undefined ? 'Used by no rule' : `Receiver ${receiver}`)}</h2>
        <span class="hint">id {id}</span>
      </div>
      {parked.map(({ name, reason, since_ms: sinceMs, next_probe_ms: probeMs }) => (
        <p key={name} class={css.webhookParked}>
          <b>Paused</b> for {durationText(nowMs.value - sinceMs)}: {reason}.{' '}
          {probeMs === undefined ? (
            'Next retry within the hour'
          ) : (
            <time dateTime={new Date(probeMs).toISOString()} title={momentText(probeMs)}>
              {probeMs > nowMs.value ? `Next retry in ${durationText(probeMs - nowMs.value)}` : 'Retrying now'}
            </time>
          )}
          , or when you edit one of its rules. <span class="hint">{name}</span>
        </p>
      ))}
      {failing.map(({ name, reason, since_ms: sinceMs, tries, next_try_ms: nextMs }) => (
        <p key={name} class={css.webhookParked}>
          <b>Messages do not get through</b>: {reason}. {grouped(tries)} {tries === 1 ? 'try' : 'tries'} in{' '}
          {durationText(Math.max(0, nowMs.value - sinceMs))}.{' '}
          <time dateTime={new Date(nextMs).toISOString()} title={momentText(nextMs)}>
            {nextMs > nowMs.value ? `Next try in ${durationText(nextMs - nowMs.value)}.` : 'Trying now.'}
          </time>{' '}
          <span class="hint">{name}</span>
        </p>
      ))}
      <dl class={css.webhookFacts} data-live>
        <div>
          <dt>Queued</dt>
          <dd class={waiting > 0 ? css.pending : undefined}>
            {waiting === 1 ? '1 message' : `${grouped(waiting)} messages`}
          </dd>
        </div>
        {receiver === undefined && <Bucket webhook={webhook} />}
        <div>
          <dt>Last delivered</dt>
          <dd>{delivered === undefined ? 'none in 7 days' : <Sent sending={delivered} />}</dd>
        </div>
        <div>
          <dt>Last failed</dt>
          <dd>{failed === undefined ? 'none in 7 days' : <Sent sending={failed} />}</dd>
        </div>
        <div>
          <dt>Rules</dt>
          <dd>
            <Rules webhook={webhook} />
          </dd>
        </div>
      </dl>
      {receiver === undefined && (
        <>
          {firstRule !== undefined && <TestButton send={() => sendTestOf(firstRule)} />}
          <details class="firings" onToggle={(event) => (isOpen.value = event.currentTarget.open)}>
            <summary>Recent messages</summary>
            {isOpen.value && <Deliveries webhook={id} />}
          </details>
        </>
      )}
    </li>
  );
}

/** How much of Discord's limits the last requests used, by the log; Discord's own count may differ. */
function Bucket({ webhook: { requests_2s: short, requests_60s: long } }: { readonly webhook: WebhookView }) {
  return (
    <div>
      <dt>Requests</dt>
      <dd class={css.bucket} title="Counted from the log. The limit of 30 per minute is for all webhooks of a channel.">
        <Share value={short} most={allowed.short} words="2 s" />
        <Share value={long} most={allowed.long} words="minute" />
      </dd>
    </div>
  );
}

function Share({ value, most, words }: { readonly value: number; readonly most: number; readonly words: string }) {
  return (
    <span class={value >= most ? css.bucketFull : undefined}>
      <span class="distance" aria-hidden="true">
        <i style={{ width: `${Math.min(100, (value / most) * 100)}%` }} />
      </span>
      {value} of {most} per {words}
    </span>
  );
}

function Sent({ sending }: { readonly sending: WebhookSending }) {
  const { at_ms: atMs, outcome, took_ms: tookMs, reason, metric_name: metric } = sending;
  const isBad = outcome === 'parked' || outcome === 'dead' || outcome === 'expired';
  return (
    <>
      <time dateTime={new Date(atMs).toISOString()} title={momentText(atMs)}>
        {agoText(nowMs.value - atMs)}
      </time>
      {isBad && (
        <span class="disagrees">
          {' '}
          {outcome}
          {reason !== undefined && `: ${reason}`}
        </span>
      )}
      {tookMs !== undefined && <span class="hint"> in {tookMs} ms</span>}
      {metric !== undefined && <span class="hint">, {metric}</span>}
    </>
  );
}

function Rules({ webhook: { rule_ids: ids, rules } }: { readonly webhook: WebhookView }) {
  if (rules === 0) return <>none</>;
  return (
    <ul>
      {ids.map((id) => (
        <li key={id}>
          <RuleLink id={id} />
        </li>
      ))}
      {rules > ids.length && <li class="hint">and {grouped(rules - ids.length)} more</li>}
    </ul>
  );
}

function RuleLink({ id }: { readonly id: string }) {
  const rule = useRule(id);
  return (
    <a href={addressOf({ screen: 'rule', id })}>
      {rule === undefined ? `rule ${id.slice(0, 8)}` : plainSentence(conditionSentence(rule))}
    </a>
  );
}
