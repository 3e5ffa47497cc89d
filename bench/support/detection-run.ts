// One measurement of detection: a subject that is ready, the generator beside it, and what was heard of its alarms when.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Arrivals, Generated } from './detection.ts';
import { onSubjectCore } from './host.ts';
import { lateMsMax } from './open-loop.ts';
import { nodeCommand, runToEnd, start, type BenchProcess } from './processes.ts';

export interface LoadShape {
  readonly bootstrap: string;
  readonly perSecond: number;
  readonly seconds: number;
  readonly alarmsPerSecond: number;
  readonly names: number;
  /** How long after the last sample an alarm may still come. */
  readonly settleMs?: number;
}

export interface Detected {
  /** From the intended time of each alarm's sample to when it was heard of. */
  readonly latenciesMs: readonly number[];
  readonly missing: number;
  /** Heard of twice. */
  readonly doubled: number;
  readonly copies: number;
  readonly lateP999Ms: number;
  readonly lateMaxMs: number;
  /** The generator kept its schedule. */
  readonly isValid: boolean;
}

const settleDefaultMs = 1_000;
let firstAlarm = 0;

/** Runs the generator to its end. */
export async function generate(shape: LoadShape): Promise<Generated> {
  const { bootstrap, perSecond, seconds, alarmsPerSecond, names } = shape;
  // Numbered through, so that no round takes another's alarms for its own, and their names come again late.
  firstAlarm += Math.ceil(2 * alarmsPerSecond * (seconds + 2));
  const [node, ...rest] = nodeCommand(
    'subjects/generator.ts',
    bootstrap,
    perSecond,
    seconds,
    alarmsPerSecond,
    firstAlarm,
    names,
  );
  // Its collector must not wait for threads that a busy broker keeps from running.
  return runToEnd<Generated>([node!, '--single-threaded-gc', ...rest]);
}

/** Runs `work` with a subject on its core that has said that it is ready. */
export async function withSubject<Value>(
  command: readonly string[],
  work: (subject: BenchProcess) => Promise<Value>,
): Promise<Value> {
  const subject = start(onSubjectCore(command));
  try {
    await subject.next<{ ready: true }>();
    return await work(subject);
  } finally {
    await subject.end();
  }
}

/** `ears` hears of the alarms: the fake Discord, or a subject that has no need of one. `meanwhile` begins with the generator. */
export async function detect(
  shape: LoadShape,
  ears: BenchProcess,
  meanwhile: () => Promise<void> = () => Promise.resolve(),
): Promise<Detected> {
  await take(ears);
  const [{ alarms, lateness }] = await Promise.all([generate(shape), meanwhile()]);
  await sleep(shape.settleMs ?? settleDefaultMs);
  const heardNs = new Map<number, number>();
  let doubled = 0;
  const known = new Set(alarms.map(([alarm]) => alarm));
  const { arrivals, copies = 0 } = await take(ears);
  for (const [alarm, atNs] of arrivals) {
    if (!known.has(alarm)) continue;
    if (heardNs.has(alarm)) doubled++;
    else heardNs.set(alarm, atNs);
  }
  const heard = alarms.filter(([alarm]) => heardNs.has(alarm));
  return {
    latenciesMs: heard.map(([alarm, dueNs]) => (heardNs.get(alarm)! - dueNs) / 1e6),
    missing: alarms.length - heard.length,
    doubled,
    copies,
    lateP999Ms: lateness.p999Ms,
    lateMaxMs: lateness.maxMs,
    isValid: lateness.p999Ms <= lateMsMax,
  };
}

async function take(ears: BenchProcess): Promise<Arrivals> {
  ears.tell('take');
  return ears.next<Arrivals>();
}
