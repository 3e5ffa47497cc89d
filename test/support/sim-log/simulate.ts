/** One seed: a history, played in a world of faults, and what must hold while it runs and at its end. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { simulatedShape, type HistoryShape } from '../oracle/history-shapes.ts';
import { beginsMs, described, histories, type Step } from '../oracle/history.ts';
import { verdictOf } from '../oracle/verdict-of-history.ts';
import { Checker } from './checker.ts';
import { SimWorld, type WorldOptions } from './sim-world.ts';

export interface SimulationOptions extends WorldOptions {
  readonly shape?: HistoryShape;
}

export interface Simulated {
  /** What did not hold, with all that is needed to see why; undefined when all did. */
  readonly failure: string | undefined;
  /** How many acts the processes performed: the crash points. */
  readonly acts: number;
  readonly notifications: number;
  /** How many notifications were written again. */
  readonly copies: number;
}

export async function simulate(options: SimulationOptions): Promise<Simulated> {
  const [drawn] = fc.sample(histories(options.shape ?? simulatedShape), { seed: options.seed, numRuns: 1 });
  const steps = withReadings(drawn!);
  const verdict = verdictOf(steps);
  let world: SimWorld | undefined;
  try {
    const checker = new Checker(verdict, () => world!.store);
    world = new SimWorld(options, checker);
    await world.play(steps);
    const copies = checker.end();
    const isWithoutFaults = options.faultsMax === 0 && options.crashAt === undefined;
    if (isWithoutFaults) assert.equal(copies, 0, 'without a fault no notification is written twice (I2)');
    return { failure: undefined, acts: world.acts, notifications: verdict.notifications.length, copies };
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const story = [`seed ${options.seed}`, what, described(steps), ...(world?.trace ?? [])];
    return { failure: story.join('\n'), acts: world?.acts ?? 0, notifications: 0, copies: 0 };
  }
}

/** With each reading of the clocks so much time passes that every series is missing which was not read since. */
const passedMs = 400_000;

/**
 * The clocks are read after each change of a rule, too: its new cooldown may be over, or it watches for a silence that has long begun.
 * Where silences are not asked for, no time passes with that.
 */
function withReadings(steps: readonly Step[]): Step[] {
  const passes = steps.some((step) => step.kind === 'clock');
  let clockMs = beginsMs;
  return steps.flatMap((step): Step[] => {
    if (step.kind === 'record') clockMs = Math.max(clockMs, step.timestampMs);
    if (step.kind === 'clock') {
      clockMs = Math.max(clockMs, step.clockMs);
      return [{ ...step, clockMs, passedMs }];
    }
    const isEdit = step.kind === 'rule' || step.kind === 'deletion';
    return isEdit ? [step, { kind: 'clock', clockMs, passedMs: passes ? passedMs : 0 }] : [step];
  });
}
