import * as css from './metric-picker.module.css';
import { startDemo } from '../state/demo-metric.ts';
import { findMetrics } from '../state/inspect.ts';
import { showError } from './notices.tsx';
import { numberText } from '../words/time-text.ts';
import { useQuery } from '../state/query.ts';

const everyMs = 2_000;

/** The live metrics, to start a rule from one of them. */
export function MetricPicker({ onPick }: { readonly onPick: (name: string) => void }) {
  const { value: metrics } = useQuery((signal) => findMetrics('', signal), { everyMs }, []);
  const found = metrics.value ?? [];
  return (
    <section class={`card ${css.picker}`} data-part="picker" aria-label="Live metrics">
      <h2>Live metrics</h2>
      {found.length === 0 ? (
        <>
          <p class="hint">{metrics.value === undefined ? 'Loading…' : 'No metrics yet.'}</p>
          {metrics.value !== undefined && (
            <button
              type="button"
              onClick={() =>
                void startDemo().then(onPick, () =>
                  showError('This server does not accept samples here: start a source.'),
                )
              }
            >
              Start a demo metric
            </button>
          )}
        </>
      ) : (
        <ul class={css.pickerList} data-live>
          {found.map(({ name, last_value: value, rate, series }) => (
            <li key={name}>
              <button type="button" onClick={() => onPick(name)}>
                <span class="metric">{name}</span>
                <b>{numberText(Number(value.toPrecision(8)))}</b>
                <span class="hint">
                  {rate >= 10 ? Math.round(rate) : rate.toFixed(1)}/s{series > 1 && `, ${series} series`}
                </span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
