import * as css from './timeline-feed.module.css';
import type { TimelineItem, TimelinePage } from '../../../wire/timeline.ts';
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { nowMs } from '../state/live.ts';
import { usePaged } from '../state/paged.ts';
import { addressOf, type TimelineFilter } from '../state/router.ts';
import { By, Changes } from '../rules/rule-versions.tsx';
import { useRule } from '../state/rule-cache.ts';
import { comparedText } from '../words/condition-sentence.ts';
import { StateMark, Tags, type ShownState } from '../parts/state-mark.tsx';
import { readTimeline } from '../state/timeline.ts';
import { agoText, grouped, momentText, shortText } from '../words/time-text.ts';

const everyMs = 2_000;

/** The events, newest first. Rows never move under the pointer: new ones wait behind a pill. */
export function TimelineFeed({ filter }: { readonly filter: TimelineFilter }) {
  const { list, failure, more } = usePaged<TimelineItem, TimelinePage>(
    {
      read: (after, signal) => readTimeline(filter, after, signal),
      itemsOf: ({ items }) => items,
      keyOf: ({ place }) => place,
      everyMs,
    },
    [JSON.stringify(filter)],
  );
  const isHeld = useSignal(false);
  /** The first row, as it was drawn last. */
  const first = useRef<string | undefined>(undefined);
  const now = list.value;
  if (failure.value !== undefined) return <p class="banner">{failure.value.message}</p>;
  if (now === undefined) return <p class="hint">Loading…</p>;
  const at = isHeld.value ? now.items.findIndex(({ place }) => place === first.current) : 0;
  const waiting = Math.max(0, at);
  const shown = now.items.slice(waiting);
  first.current = shown[0]?.place;
  const hold = (on: boolean) => (): void => void (isHeld.value = on);
  return (
    <section class="card past-card">
      <div class="section-head">
        <h2>Events</h2>
        <p class="hint">
          {grouped(shown.length)} of {grouped(now.head.total)}
        </p>
        {waiting > 0 && (
          <button type="button" class="pill" onClick={hold(false)}>
            {waiting} new
          </button>
        )}
      </div>
      {shown.length === 0 ? (
        <p class="hint">No events in this time.</p>
      ) : (
        <ol
          class={css.timeline}
          data-part="timeline"
          data-live
          onPointerEnter={hold(true)}
          onPointerLeave={hold(false)}
          onFocusCapture={hold(true)}
          onBlurCapture={hold(false)}
        >
          {shown.map((item) => (
            <Item key={item.place} item={item} />
          ))}
        </ol>
      )}
      {now.next !== undefined && (
        <button type="button" class="more" onClick={more}>
          Show older
        </button>
      )}
      <Bounds since={now.head.complete_since_ms} />
    </section>
  );
}

/** Memory is bounded, so the list says from when on it is complete. */
function Bounds({ since }: { readonly since: TimelinePage['complete_since_ms'] }) {
  const time = (ms: number) => <time dateTime={new Date(ms).toISOString()}>{momentText(ms)}</time>;
  return (
    <p class="hint">
      Complete since {time(since.transition)} for alarms, {time(since.rule)} for rule edits, and {time(since.delivery)}{' '}
      for failed messages. Older events are kept only in part.
    </p>
  );
}

function Item({ item }: { readonly item: TimelineItem }) {
  return (
    <li data-row>
      <time class="hint" dateTime={new Date(item.at_ms).toISOString()} title={momentText(item.at_ms)}>
        {agoText(nowMs.value - item.at_ms)}
      </time>
      <StateMark state={markOf(item)} />
      <span class={css.timelineName}>
        <a class="metric" href={addressFor(item)}>
          {item.kind === 'receiver' ? item.receiver : (item.metric_name ?? 'a message')}
        </a>
        {'tags' in item && <Tags tags={item.tags} />}
      </span>
      <span class={css.timelineWords}>
        <Words item={item} />
      </span>
    </li>
  );
}

function markOf(item: TimelineItem): ShownState {
  if ('edit' in item) return item.edit;
  if (item.kind === 'delivery') return item.outcome;
  if (item.to === 'firing') return item.cause === 'no_data' ? 'no-data' : 'firing';
  return item.to === 'ok' && item.from === 'firing' ? 'ended' : item.to;
}

/** The address of the alarm if there is one, otherwise of the rule or the receivers. */
function addressFor(item: TimelineItem): string {
  if (item.kind === 'receiver') return addressOf({ screen: 'webhooks', search: '' });
  const { rule_id: ruleId = '' } = item;
  const alarmId = item.kind === 'rule' ? undefined : item.alarm_id;
  return addressOf(alarmId === undefined ? { screen: 'rule', id: ruleId } : { screen: 'alarm', id: alarmId });
}

function Words({ item }: { readonly item: TimelineItem }) {
  const rule = useRule('value' in item ? item.rule_id : undefined) ?? {};
  if (item.kind === 'delivery')
    return (
      <>
        to webhook {item.webhook_id}
        {item.reason !== undefined && <>: {item.reason}</>}
      </>
    );
  if ('edit' in item)
    return (
      <>
        {item.edit === 'changed' ? (
          <Changes changes={item.fields} />
        ) : (
          `${item.kind} ${item.edit === 'made' ? 'created' : 'deleted'}`
        )}
        <By author={item.author} />
      </>
    );
  const at = item.value === null ? '' : ` at ${comparedText(item.value, rule, 8)}`;
  const lasted = item.since_ms === undefined ? '' : ` after ${shortText(item.time_ms - item.since_ms)}`;
  if (item.to === 'firing') return <>{item.cause === 'no_data' ? 'stopped sending data' : `fired${at}`}</>;
  if (item.to === 'pending') return <>in breach{at}, pending</>;
  return item.from === 'firing' ? (
    <>
      ended{at}
      {lasted}
    </>
  ) : (
    <>back to normal{at}</>
  );
}
