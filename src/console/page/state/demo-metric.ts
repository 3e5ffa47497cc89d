// A demo metric for users who have none yet: it is published while the page is open.
import { signal } from '@preact/signals';
import { api } from './api.ts';
import { publish } from './inspect.ts';
import { thresholdsOf } from '../../../rule/rule-level.ts';

export const demoMetric = 'demo-packages';
export const isDemoOn = signal(false);

const everyMs = 1_000;
/** A spike lasts for this many samples: long enough to be seen firing. */
const spikeSamples = 10;
let spiking = { value: 0, samples: 0 };

/** Starts publishing; resolves to the metric's name, and rejects when the server takes no samples. */
export async function startDemo(): Promise<string> {
  if (isDemoOn.value) return demoMetric;
  let count = 0;
  // A wave with some ripple, like real load.
  const next = (): number => {
    if (spiking.samples-- > 0) return spiking.value;
    return Math.round(500 + 25 * Math.sin(count++ / 9) + 8 * Math.sin(count * 1.7));
  };
  await publish(demoMetric, next());
  isDemoOn.value = true;
  const timer = setInterval(() => {
    publish(demoMetric, next()).catch(() => {
      // Signed out, or the server is unreachable for a while: the next sample is tried again.
    });
  }, everyMs);
  addEventListener('pagehide', () => clearInterval(timer));
  return demoMetric;
}

/** Some samples well above the demo metric's range, and above a threshold that was set for it. */
export async function spikeDemo(): Promise<void> {
  const { rules } = await api.search(`metric:${demoMetric}`, { limit: 100 });
  const highest = Math.max(540, ...rules.flatMap(({ rule }) => thresholdsOf(rule)));
  spiking = { value: Math.ceil(highest * 1.1), samples: spikeSamples };
  await publish(demoMetric, spiking.value);
}
