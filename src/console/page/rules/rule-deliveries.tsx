import * as css from './rule-deliveries.module.css';
import type { DeliveryView } from '../../../wire/deliveries.ts';
import { nowMs } from '../state/live.ts';
import { readDeliveries } from '../state/past.ts';
import { useQuery } from '../state/query.ts';
import { useRule } from '../state/rule-cache.ts';
import { comparedText } from '../words/condition-sentence.ts';
import { agoText, grouped, momentText, shortText } from '../words/time-text.ts';
import { messageKindWords } from '../words/message-kinds.ts';

const everyMs = 5_000;
const listed = 10;

/** The deliveries of one rule, or to one webhook, in the last day. */
export function Deliveries({ rule, webhook }: { readonly rule?: string; readonly webhook?: string }) {
  const { value, failure } = useQuery(
    (signal) => readDeliveries({ ...(rule && { rule }), ...(webhook && { webhook }), limit: listed }, signal),
    { everyMs },
    [rule, webhook],
  );
  const found = value.value;
  if (failure.value !== undefined) return <p class="banner">{failure.value.message}</p>;
  if (found === undefined) return <p class="hint">Loading…</p>;
  if (found.deliveries.length === 0) return <p class="hint">No message in the last 24 hours.</p>;
  return (
    <>
      <ul class={css.deliveries} data-part="deliveries">
        {found.deliveries.map((delivery) => (
          <Delivery key={delivery.notification_id} delivery={delivery} />
        ))}
      </ul>
      <p class="hint">
        Latest {found.deliveries.length} of {grouped(found.total)} in the last 24 hours
        {found.left_out > 0 && `; ${grouped(found.left_out)} older ones are not shown`}.
      </p>
    </>
  );
}

export function RuleDeliveries({ id }: { readonly id: string }) {
  return (
    <section class="card past-card">
      <h2>Messages</h2>
      <Deliveries rule={id} />
    </section>
  );
}

function Delivery({ delivery }: { readonly delivery: DeliveryView }) {
  const rule = useRule(delivery.rule_id) ?? {};
  const { outcome, reason, attempts, kind, value, appended_ms: appendedMs, at_ms: atMs } = delivery;
  const isDelivered = outcome === 'delivered' || outcome === 'merged';
  const isBad = outcome === 'dead' || outcome === 'expired' || outcome === 'parked';
  return (
    <li>
      <span class={isDelivered ? 'good' : isBad ? 'disagrees' : 'part-metric'}>
        {isDelivered ? '✓ ' : isBad ? '✗ ' : '… '}
        {outcome}
      </span>
      <span>
        {kind === undefined ? 'Message' : messageKindWords[kind]}
        {value !== undefined && ` at ${comparedText(value, rule, 8)}`}
        {delivery.metric_name !== undefined && <span class="hint"> on {delivery.metric_name}</span>}
      </span>
      <span class="hint">
        {isDelivered && `${shortText(atMs - appendedMs)} after it was due`}
        {attempts > 1 && `${isDelivered ? ', ' : ''}${attempts} attempts`}
      </span>
      {reason !== undefined && <span class="disagrees">{reason}</span>}
      <time class="hint" dateTime={new Date(atMs).toISOString()} title={momentText(atMs)}>
        {agoText(nowMs.value - atMs)}
      </time>
    </li>
  );
}
