// The machine: what it is, what it did while something was measured, and which core works for whom.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, cpus, loadavg, release, totalmem } from 'node:os';
import type { Conditions } from './options.ts';

/** The subject has this core alone; broker, load and everything else have the other. */
const subjectCore = '0';
const restCore = '1';

const canPin = cpus().length > 1 && spawnSync('taskset', ['-p', String(process.pid)], { stdio: 'ignore' }).status === 0;

/** Puts this process, and so all that it starts from now on, on the core that is not the subject's. */
export function leaveTheSubjectItsCore(): void {
  if (canPin) execFileSync('taskset', ['-a', '-c', '-p', restCore, String(process.pid)], { stdio: 'ignore' });
}

/** The command on the subject's core. */
export function onSubjectCore(command: readonly string[]): readonly string[] {
  return canPin ? ['taskset', '-c', subjectCore, ...command] : command;
}

/**
 * Puts this process's main thread before all else on its core, where this user may: who keeps a schedule must not wait for
 * a broker, nor for the threads that compile its own code.
 */
export function goFirst(): void {
  spawnSync('chrt', ['-f', '-p', '10', String(process.pid)], { stdio: 'ignore' });
}

export function hostFacts(): Record<string, unknown> {
  return {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memoryBytes: totalmem(),
    arch: arch(),
    kernel: release(),
    node: process.version,
    subjectPinnedToOneCore: canPin,
  };
}

interface Counters {
  readonly atMs: number;
  readonly jiffies: number;
  readonly steal: number;
  readonly contextSwitches: number;
}

/** proc(5): user nice system idle iowait irq softirq steal. Zeros where there is no /proc. */
function counters(): Counters {
  let text = '';
  try {
    text = readFileSync('/proc/stat', 'utf8');
  } catch {
    // Not Linux: the conditions are then not known, and say 0.
  }
  const jiffies = (/^cpu +(.*)$/m.exec(text)?.[1] ?? '0').split(' ').map(Number).slice(0, 8);
  return {
    atMs: performance.now(),
    jiffies: jiffies.reduce((sum, one) => sum + one, 0),
    steal: jiffies[7] ?? 0,
    contextSwitches: Number(/^ctxt (\d+)$/m.exec(text)?.[1] ?? 0),
  };
}

/** Call it to begin, and what it returns to end. */
export function watchConditions(): () => Conditions {
  const before = counters();
  return () => {
    const after = counters();
    const wallMs = after.atMs - before.atMs;
    return {
      stealShare: (after.steal - before.steal) / Math.max(1, after.jiffies - before.jiffies),
      contextSwitchesPerSecond: ((after.contextSwitches - before.contextSwitches) * 1_000) / wallMs,
      load1: loadavg()[0]!,
      wallMs,
    };
  };
}
