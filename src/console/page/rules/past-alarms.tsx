import * as css from './past-alarms.module.css';
import type { HistoryView, PastAlarmView } from '../../../wire/alarms.ts';
import { nowMs } from '../state/live.ts';
import { readHistory, type HistoryWanted } from '../state/past.ts';
import { useRule } from '../state/rule-cache.ts';
import { usePaged } from '../state/paged.ts';
import { addressOf } from '../state/router.ts';
import { MissedPill, useHeldRows } from '../parts/held-rows.tsx';
import { shownTags, StateMark, Tags } from '../parts/state-mark.tsx';
import { comparedText } from '../words/condition-sentence.ts';
import { agoText, durationText, grouped, momentText, shortText } from '../words/time-text.ts';

const everyMs = 3_000;
const pageAlarms = 20;

interface PastAlarmsProps {
  readonly filter: Omit<HistoryWanted, 'from_ms' | 'limit' | 'after'>;
  /** The text when no alarm matches. */
  readonly none: string;
}

/** Alarms of the last days, newest first, in pages. */
export function PastAlarms({ filter, none }: PastAlarmsProps) {
  const { list, failure, more } = usePaged<PastAlarmView, HistoryView>(
    {
      read: (after, signal) => readHistory({ ...filter, limit: pageAlarms, after }, signal),
      itemsOf: ({ alarms }) => alarms,
      keyOf: ({ alarm_id: id }) => id,
      everyMs,
    },
    [JSON.stringify(filter)],
  );
  const now = list.value;
  const { rows, holds, ...missing } = useHeldRows(
    now?.items ?? [],
    ({ alarm_id: id }) => id,
    Object.values(filter).join(' '),
  );
  if (failure.value !== undefined) return <p class="banner">{failure.value.message}</p>;
  if (now === undefined) return <p class="hint">Loading…</p>;
  return (
    <>
      {now.items.length === 0 ? (
        <p class="hint">{none}</p>
      ) : (
        <div class="held" {...holds}>
          <MissedPill {...missing} />
          <ul class={css.pastAlarms} data-part="past-alarms" data-live>
            {rows.map(({ item }) => (
              <PastAlarm key={item.alarm_id} alarm={item} />
            ))}
          </ul>
        </div>
      )}
      {now.next !== undefined && (
        <button type="button" class="more" onClick={more}>
          Show older
        </button>
      )}
      <p class="hint">
        {now.items.length > 0 && `${grouped(now.items.length)} of ${grouped(now.head.total)}. `}
        Complete since{' '}
        <time dateTime={new Date(now.head.complete_since_ms).toISOString()}>
          {momentText(now.head.complete_since_ms)}
        </time>
        .
      </p>
    </>
  );
}

function PastAlarm({ alarm }: { readonly alarm: PastAlarmView }) {
  const rule = useRule(alarm.rule_id) ?? {};
  const state = alarm.state === 'ended' ? 'ended' : alarm.cause === 'no_data' ? 'no-data' : 'firing';
  return (
    <li data-row>
      <StateMark state={state} />
      <span>
        <a class="metric" href={addressOf({ screen: 'alarm', id: alarm.alarm_id })}>
          {alarm.metric_name}
        </a>
        <Tags tags={shownTags(alarm)} />
      </span>
      <span class={css.pastValue}>{alarm.value === null ? 'no data' : comparedText(alarm.value, rule, 8)}</span>
      <span class="hint">{lastedText(alarm)}</span>
      <span class={messageClass(alarm)}>{messageText(alarm)}</span>
      <time class="hint" dateTime={new Date(alarm.fired_ms).toISOString()} title={momentText(alarm.fired_ms)}>
        {agoText(nowMs.value - alarm.fired_ms)}
      </time>
    </li>
  );
}

function lastedText({ state, fired_ms: firedMs, ended_ms: endedMs }: PastAlarmView): string {
  if (state === 'firing') return `for ${durationText(nowMs.value - firedMs)}`;
  return endedMs === null ? 'end unknown' : `lasted ${shortText(endedMs - firedMs)}`;
}

function messageText({ notified, messages, outcome }: PastAlarmView): string {
  if (!notified) return 'held back by the cooldown';
  if (outcome === undefined) return 'message no longer kept';
  const last = outcome === 'delivered' || outcome === 'merged' ? '✓ delivered' : outcome;
  return messages > 1 ? `${last}, ${messages} messages` : last;
}

function messageClass({ outcome }: PastAlarmView): string {
  if (outcome === 'delivered' || outcome === 'merged') return 'good';
  return outcome === 'parked' || outcome === 'dead' || outcome === 'expired' ? 'disagrees' : 'hint';
}
