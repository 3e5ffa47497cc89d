import { MetricFilter, RuleFilter } from '../parts/list-filters.tsx';
import { PastAlarms } from '../rules/past-alarms.tsx';
import { amend, type AlarmsFilter } from '../state/router.ts';

const states = [
  ['', 'Firing and ended'],
  ['firing', 'Firing'],
  ['ended', 'Ended'],
] as const;

/** The alarms of the last days, of all rules; the filter is in the address. */
export function AlarmsScreen({ filter }: { readonly filter: AlarmsFilter }) {
  const { state, metric, rule } = filter;
  const set = (more: Partial<AlarmsFilter>): void => amend({ screen: 'alarms', filter: { ...filter, ...more } });
  return (
    <div class="past">
      <div class="screen-head">
        <div>
          <h1 tabIndex={-1}>Alarms</h1>
          <p class="hint">Alarms of the last days, newest first.</p>
        </div>
      </div>
      <search class="filters">
        <label>
          <span>State</span>
          <select value={state} onChange={(event) => set({ state: event.currentTarget.value })}>
            {states.map(([value, words]) => (
              <option key={value} value={value}>
                {words}
              </option>
            ))}
          </select>
        </label>
        <MetricFilter metric={metric} onMetric={(name) => set({ metric: name })} />
        <RuleFilter rule={rule} onAll={() => set({ rule: '' })} />
      </search>
      <section class="card past-card">
        <PastAlarms
          filter={{ state, metric_name: metric, rule_id: rule }}
          none={state + metric + rule === '' ? 'Nothing has fired.' : 'No alarm matches.'}
        />
      </section>
    </div>
  );
}
