import { backoffMs, pause } from '../base/backoff.ts';
import { Failure } from '../base/failure.ts';
import { formatSampleValue } from '../metric/sample-value.ts';
import type { Publish, SourceSample } from './publish.ts';

export interface Measured {
  readonly name: string;
  readonly value: number;
}

export interface SourceSettings {
  readonly tags: Readonly<Record<string, string>>;
  readonly periodMs: number;
  /** What the device shows now: called once a period. */
  readonly measure: () => Promise<readonly Measured[]>;
  readonly publish: Publish;
  /** A line for the terminal: what was published. */
  readonly print: (line: string) => void;
  /** A line for the person at it: what went wrong. */
  readonly complain: (line: string) => void;
}

const retry = { firstMs: 200, lastMs: 5_000 };
/** Samples kept while they are not accepted; beyond it the oldest are dropped with a message. */
const waitingMax = 10_000;
/** How long a source that is stopping still tries to deliver its samples. */
const farewellMs = 5_000;

/**
 * Acts as a device: one sample at once, then one every period, each printed as `key: value` when it has been accepted.
 * When the signal aborts no more are made, and those that wait are delivered before it resolves.
 */
export async function runSource(settings: SourceSettings, signal: AbortSignal): Promise<void> {
  const waiting: SourceSample[] = [];
  let wake = (): void => {};
  let broken: unknown;
  const make = async (): Promise<void> => {
    const timestampMs = Date.now();
    for (const { name, value } of await settings.measure()) {
      waiting.push({ name, value, tags: settings.tags, timestampMs });
      if (waiting.length <= waitingMax) continue;
      waiting.shift();
      settings.complain(`the last ${waitingMax} samples were not accepted: dropped the oldest`);
    }
    wake();
  };
  const tick = (): void => {
    make().catch((error: unknown) => {
      broken = error;
      wake();
    });
  };
  const clock = every(settings.periodMs, tick, signal);
  signal.addEventListener('abort', () => wake(), { once: true });
  try {
    while (!signal.aborted || waiting.length > 0) {
      if (broken !== undefined) throw broken;
      const sample = waiting[0];
      if (sample === undefined) {
        await new Promise<void>((resolve) => (wake = resolve));
        continue;
      }
      if (!(await deliver(settings, sample, signal))) return;
      waiting.shift();
      settings.print(`${sample.name}: ${formatSampleValue(sample.value, sample.tags)}`);
    }
  } finally {
    clock.stop();
  }
}

/** Calls at once and then each period, at times that do not drift. */
function every(periodMs: number, call: () => void, signal: AbortSignal): { stop: () => void } {
  const startMs = performance.now();
  let count = 0;
  let timer: NodeJS.Timeout | undefined;
  const tick = (): void => {
    if (signal.aborted) return;
    call();
    count++;
    timer = setTimeout(tick, Math.max(0, startMs + count * periodMs - performance.now()));
  };
  tick();
  return { stop: () => clearTimeout(timer) };
}

/** Tries until the sample is accepted. Resolves to false when the source was stopped and it was not accepted in time. */
async function deliver(settings: SourceSettings, sample: SourceSample, end: AbortSignal): Promise<boolean> {
  let endedAtMs: number | undefined;
  for (let attempt = 1; ; attempt++) {
    try {
      await settings.publish(sample);
      return true;
    } catch (error) {
      if (error instanceof Failure && error.status < 500 && error.status !== 429) throw error;
      if (attempt % 10 === 1)
        settings.complain(`not accepted, trying again: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (end.aborted) {
      endedAtMs ??= performance.now();
      if (performance.now() - endedAtMs > farewellMs) return false;
    }
    await pause(backoffMs(attempt, retry, Math.random()), end.aborted ? new AbortController().signal : end);
  }
}
