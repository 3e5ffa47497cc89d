import * as css from './demo-bar.module.css';
import { demoMetric, isDemoOn, spikeDemo } from '../state/demo-metric.ts';
import { showNotice, showError } from '../parts/notices.tsx';

/** Shown while the demo metric is published: says what it is, and sends a spike. */
export function DemoBar() {
  if (!isDemoOn.value) return null;
  const spike = (): void => {
    spikeDemo().then(
      () => showNotice('Sending high values for a few seconds.'),
      (error: unknown) => showError((error as Error).message),
    );
  };
  return (
    <p class={css.demoBar}>
      <span>
        <b class="part-metric">{demoMetric}</b> is sent while this page is open.
      </span>
      <button type="button" class="small" onClick={spike}>
        Trigger a spike
      </button>
    </p>
  );
}
