// A metric of the page's own, for whoever has none yet: it flows as long as the page is open.
import { signal } from '@preact/signals';
import { api } from './api.ts';
import { publish } from './inspect.ts';

export const demoMetric = 'demo-packages';
export const isDemoOn = signal(false);

const everyMs = 1_000;
/** A nudge lasts for so many samples: long enough to be seen firing. */
const nudgedSamples = 10;
let nudged = { value: 0, samples: 0 };

/** Begins to publish; resolves to the metric's name, and rejects when the server takes no samples. */
export async function startDemo(): Promise<string> {
  if (isDemoOn.value) return demoMetric;
  let count = 0;
  // A wave with some ripple, as load is.
  const next = (): number => {
    if (nudged.samples-- > 0) return nudged.value;
    return Math.round(500 + 25 * Math.sin(count++ / 9) + 8 * Math.sin(count * 1.7));
  };
  await publish(demoMetric, next());
  isDemoOn.value = true;
  const timer = setInterval(() => {
    publish(demoMetric, next()).catch(() => {
      // Signed out, or the server is gone for a while: it goes on when it can.
    });
  }, everyMs);
  addEventListener('pagehide', () => clearInterval(timer));
  return demoMetric;
}

/** Some samples clearly beyond where the demo metric ever is, and beyond a threshold that was set for it. */
export async function nudgeDemo(): Promise<void> {
  const { rules } = await api.search(`metric:${demoMetric}`, { limit: 100 });
  const highest = Math.max(540, ...rules.map(({ rule }) => rule.threshold));
  nudged = { value: Math.ceil(highest * 1.1), samples: nudgedSamples };
  await publish(demoMetric, nudged.value);
}
