import * as css from './demo-bar.module.css';
import { demoMetric, isDemoOn, nudgeDemo } from '../state/demo-metric.ts';
import { tell, tellError } from '../parts/notices.tsx';

/** Shown while the demo metric is published: says what it is, and sends a spike. */
export function DemoBar() {
  if (!isDemoOn.value) return null;
  const nudge = (): void => {
    nudgeDemo().then(
      () => tell('For some seconds its samples are far above the others.'),
      (error: unknown) => tellError((error as Error).message),
    );
  };
  return (
    <p class={css.demoBar}>
      <span>
        <b class="part-metric">{demoMetric}</b> is sent while this page is open.
      </span>
      <button type="button" class="small" onClick={nudge}>
        Trigger a spike
      </button>
    </p>
  );
}
