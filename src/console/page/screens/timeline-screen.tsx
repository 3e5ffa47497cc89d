import * as css from './timeline-screen.module.css';
import type { TimelineItem, TimelineOverview } from '../../../wire/timeline.ts';
import { conditionSentence, plainSentence } from '../words/condition-sentence.ts';
import { FireStrip } from '../charts/fire-strip.tsx';
import { MetricFilter, RuleFilter } from '../parts/list-filters.tsx';
import { useQuery } from '../state/query.ts';
import { addressOf, amend, everything, go, type TimelineFilter } from '../state/router.ts';
import { useRule } from '../state/rule-cache.ts';
import { TimelineBrush } from './timeline-brush.tsx';
import { TimelineFeed } from './timeline-feed.tsx';
import { readOverview } from '../state/timeline.ts';
import { grouped } from '../words/time-text.ts';

const everyMs = 5_000;

const kinds: readonly (readonly [TimelineItem['kind'], string])[] = [
  ['transition', 'Alarms'],
  ['rule', 'Rule edits'],
  ['receiver', 'Receiver edits'],
  ['delivery', 'Failed messages'],
];

/** All events in one feed; the filter is in the address. */
export function TimelineScreen({ filter }: { readonly filter: TimelineFilter }) {
  const { value, failure } = useQuery((signal) => readOverview(filter, signal), { everyMs }, [JSON.stringify(filter)]);
  const overview = value.value;
  return (
    <div class="past">
      <div class="screen-head">
        <div>
          <h1 tabIndex={-1}>Timeline</h1>
          <p class="hint">Alarms, edits and failed messages.</p>
        </div>
      </div>
      <Filters filter={filter} />
      {failure.value !== undefined && (
        <p class="banner" role="alert">
          {failure.value.message}
        </p>
      )}
      {overview !== undefined && <TimelineBrush overview={overview} filter={filter} />}
      {overview !== undefined && <Heat overview={overview} filter={filter} />}
      <TimelineFeed filter={filter} />
    </div>
  );
}

function Filters({ filter }: { readonly filter: TimelineFilter }) {
  const { kind, rule, metric } = filter;
  const set = (more: Partial<TimelineFilter>): void => amend({ screen: 'timeline', filter: { ...filter, ...more } });
  const shown = kind === '' ? kinds.map(([name]) => name as string) : kind.split(',');
  const toggle = (name: string): void => {
    const next = kinds.map(([one]) => one as string).filter((one) => shown.includes(one) !== (one === name));
    // An empty selection is useless: removing the last kind selects the others.
    const others = kinds.map(([one]) => one as string).filter((one) => one !== name);
    const wanted = next.length === 0 ? others : next;
    set({ kind: wanted.length === kinds.length ? '' : wanted.join(',') });
  };
  return (
    <search class="filters">
      <fieldset class={css.filterKinds}>
        <legend>Shown</legend>
        {kinds.map(([name, words]) => (
          <label key={name} class="check">
            <input type="checkbox" checked={shown.includes(name)} onChange={() => toggle(name)} />
            {words}
          </label>
        ))}
      </fieldset>
      <MetricFilter metric={metric} onMetric={(name) => set({ metric: name })} />
      <RuleFilter rule={rule} onAll={() => go({ screen: 'timeline', filter: { ...filter, rule: '' } })} />
    </search>
  );
}

/** The rules that fired most, each with its last day. */
function Heat({ overview, filter }: { readonly overview: TimelineOverview; readonly filter: TimelineFilter }) {
  const { rules, bucket_ms: bucketMs } = overview.fires;
  if (rules.length === 0) return null;
  return (
    <section class="card past-card">
      <div class="section-head">
        <h2>Most frequent alarms, last 24 hours</h2>
        <p class="hint">One cell is 15 minutes; the newest is on the right.</p>
      </div>
      <ul class={css.heat} data-part="heat" data-live>
        {rules.map((rule) => (
          <HeatRow key={rule.rule_id} rule={rule} filter={filter} bucketMs={bucketMs} nowMs={overview.time_ms} />
        ))}
      </ul>
    </section>
  );
}

interface HeatRowProps {
  readonly rule: TimelineOverview['fires']['rules'][number];
  readonly filter: TimelineFilter;
  readonly bucketMs: number;
  readonly nowMs: number;
}

function HeatRow({ rule: { rule_id: id, metric_name: metric, counts, total }, filter, bucketMs, nowMs }: HeatRowProps) {
  // The metric of a deleted rule is not known.
  const rule = useRule(metric === undefined ? undefined : id);
  const name =
    rule !== undefined ? plainSentence(conditionSentence(rule)) : (metric ?? `deleted rule ${id.slice(0, 8)}`);
  return (
    <li>
      <a
        href={addressOf({ screen: 'timeline', filter: { ...everything, from: filter.from, to: filter.to, rule: id } })}
      >
        {name}
      </a>
      <b>{grouped(total)}</b>
      <FireStrip name={name} counts={counts} bucketMs={bucketMs} nowMs={nowMs} />
    </li>
  );
}
