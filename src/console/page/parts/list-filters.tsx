// The filters that all lists of past events share.
import * as css from './list-filters.module.css';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { addressOf } from '../state/router.ts';
import { MetricSuggestions } from './suggestions.tsx';

/** A metric, completed from the live ones, or several with wildcards. */
export function MetricFilter({
  metric,
  onMetric,
}: {
  readonly metric: string;
  readonly onMetric: (name: string) => void;
}) {
  const typed = useSignal(metric);
  useEffect(() => {
    typed.value = metric;
  }, [metric]);
  return (
    <>
      <label>
        <span>Metric</span>
        <input
          type="search"
          placeholder="all, a name, or cpu*"
          list="known-metrics"
          autocomplete="off"
          spellcheck={false}
          value={typed.value}
          onInput={(event) => (typed.value = event.currentTarget.value)}
          onChange={(event) => onMetric(event.currentTarget.value.trim())}
        />
      </label>
      <MetricSuggestions text={typed.value.replaceAll('*', '')} />
    </>
  );
}

/** Says that only one rule is shown, and offers all; nothing while all are. */
export function RuleFilter({ rule, onAll }: { readonly rule: string; readonly onAll: () => void }) {
  if (rule === '') return null;
  return (
    <span class={css.filterSet}>
      of <a href={addressOf({ screen: 'rule', id: rule })}>one rule</a>
      <button type="button" class="small" onClick={onAll}>
        Show all rules
      </button>
    </span>
  );
}
