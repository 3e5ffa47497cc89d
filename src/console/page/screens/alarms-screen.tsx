import { severities } from '../../../rule/severity.ts';
import { MetricFilter, RuleFilter } from '../parts/list-filters.tsx';
import { PastAlarms } from '../rules/past-alarms.tsx';
import { amend, type AlarmsFilter } from '../state/router.ts';

/** In the order of the screen. */
const pairs = [
  ['tag', 'Tag', 'host=web-*'],
  ['label', 'Label', 'team=payments'],
] as const;

const states = [
  ['', 'Firing and ended'],
  ['firing', 'Firing'],
  ['ended', 'Ended'],
] as const;

/** The alarms of the last days, of all rules; the filter is in the address. */
export function AlarmsScreen({ filter }: { readonly filter: AlarmsFilter }) {
  const { state, metric, rule, ...others } = filter;
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
        <label>
          <span>Severity</span>
          <select value={others.severity} onChange={(event) => set({ severity: event.currentTarget.value })}>
            {['', ...severities].map((each) => (
              <option key={each} value={each}>
                {each || 'any'}
              </option>
            ))}
          </select>
        </label>
        {pairs.map(([field, words, placeholder]) => (
          <label key={field}>
            <span>{words}</span>
            <input
              type="search"
              placeholder={placeholder}
              autocomplete="off"
              spellcheck={false}
              value={others[field]}
              onChange={(event) => set({ [field]: event.currentTarget.value.trim() })}
            />
          </label>
        ))}
        <RuleFilter rule={rule} onAll={() => set({ rule: '' })} />
      </search>
      <section class="card past-card">
        <PastAlarms
          filter={{ state, metric_name: metric, rule_id: rule, ...others }}
          none={Object.values(filter).join('') === '' ? 'Nothing has fired.' : 'No alarm matches.'}
        />
      </section>
    </div>
  );
}
