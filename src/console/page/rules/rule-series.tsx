import * as css from './rule-series.module.css';
import type { RuleSeriesView, RuleStateView } from '../../../wire/rules.ts';
import { isInBreach, nearestThreshold } from '../../../rule/condition.ts';
import type { Rule } from '../../../rule/rule.ts';
import { nowMs } from '../state/live.ts';
import { comparedText, distanceText, subjectsWord } from '../words/condition-sentence.ts';
import { addressOf } from '../state/router.ts';
import { noValueText } from './rule-figures.tsx';
import { MissedPill, useHeldRows } from '../parts/held-rows.tsx';
import { shownTags, StateMark, Tags } from '../parts/state-mark.tsx';
import { ScrolledTable } from '../parts/table.tsx';
import { agoText, durationText, grouped, momentText } from '../words/time-text.ts';
import { thresholdAt } from '../../../rule/rule-level.ts';

const keyOf = ({ tags = {} }: RuleSeriesView): string => JSON.stringify(tags);

/** The series that the rule evaluates: firing ones, then pending ones, then by distance to the threshold. */
export function RuleSeries({ state, onMore }: { readonly state: RuleStateView; readonly onMore: () => void }) {
  const { nearest, nearest_total: total } = state;
  const { rows, holds, ...missing } = useHeldRows(nearest, keyOf, `${state.rule.id} ${nearest.length}`);
  return (
    <section class="card past-card">
      <div class="section-head">
        <h2>{state.rule.group_by === undefined ? 'Series' : 'Groups'}, closest to the threshold first</h2>
        <p class="hint">
          {total === 0
            ? 'No data since the console started.'
            : `${nearest.length} of ${grouped(total)} ${subjectsWord(state.rule)} seen since the console started.`}
        </p>
      </div>
      {nearest.length > 0 && (
        <div class="held" data-part="series" {...holds}>
          <MissedPill {...missing} />
          <ScrolledTable
            label="series of the rule"
            heads={[
              state.rule.group_by === undefined ? 'Series' : 'Group',
              'State',
              'Value',
              'Distance',
              'Last sample',
            ]}
            kind={css.listTable}
          >
            {rows.map(({ item }) => (
              <Row key={keyOf(item)} series={item} rule={state.rule} />
            ))}
          </ScrolledTable>
        </div>
      )}
      {total > nearest.length && nearest.length < 200 && (
        <button type="button" class="more" onClick={onMore}>
          Show more {subjectsWord(state.rule)}
        </button>
      )}
    </section>
  );
}

function Row({ series, rule }: { readonly series: RuleSeriesView; readonly rule: Rule }) {
  const {
    tags,
    state,
    cause,
    since_ms: sinceMs,
    alarm_id: alarmId,
    value,
    value_ms: valueMs,
    past_threshold: past,
  } = series;
  const isOld = series.is_old;
  const shown = tags === undefined && Object.keys(series.group ?? {}).length === 0 ? undefined : shownTags(series);
  const mark = <StateMark state={cause === 'no_data' ? 'no-data' : state} />;
  const reach = Math.max(Math.abs(thresholdAt(rule) ?? 0), Math.abs(value ?? 0), 1e-9);
  return (
    <tr>
      <th scope="row">
        {shown === undefined ? (
          <span class="hint">{rule.group_by === undefined ? 'no tags' : 'all series'}</span>
        ) : (
          <Tags tags={shown} />
        )}
      </th>
      <td>
        {alarmId === undefined ? mark : <a href={addressOf({ screen: 'alarm', id: alarmId })}>{mark}</a>}
        {sinceMs !== undefined && <span class="hint"> for {durationText(nowMs.value - sinceMs)}</span>}
      </td>
      <td class={isOld ? 'hint' : undefined}>{value === undefined ? '–' : comparedText(value, rule)}</td>
      <td class={isOld ? 'hint' : value !== undefined && isInBreach(rule, value) ? 'rule-past' : undefined}>
        {series.is_window_held === false && <span class="hint">{noValueText(series)}</span>}
        {value !== undefined && past !== undefined && (
          <>
            <span class="distance" aria-hidden="true">
              <i style={{ width: `${Math.max(2, Math.min(100, (1 + past / reach) * 100))}%` }} />
            </span>{' '}
            {distanceText(value, nearestThreshold(rule, value))}
          </>
        )}
      </td>
      <td class="hint">
        {valueMs === undefined ? (
          'not recent'
        ) : (
          <time dateTime={new Date(valueMs).toISOString()} title={momentText(valueMs)}>
            {agoText(nowMs.value - valueMs)}
          </time>
        )}
      </td>
    </tr>
  );
}
