import { existsSync, readFileSync, readdirSync } from 'node:fs';

const stopMsMax = 10_000;

/**
 * Stops a process (SIGSTOP), and returns once all its threads stand still. On a busy machine a thread goes on for a while after
 * the signal was sent, and answers what it should not.
 */
export function pauseProcess(pid: number): void {
  process.kill(pid, 'SIGSTOP');
  const deadline = performance.now() + stopMsMax;
  while (!standsStill(pid)) {
    if (performance.now() > deadline) throw new Error(`process ${pid} does not stop`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  }
}

/** The state of a thread follows its name, which is in parentheses and may hold any: T is stopped. */
function standsStill(pid: number): boolean {
  const tasks = `/proc/${pid}/task`;
  if (!existsSync(tasks)) return true;
  return readdirSync(tasks).every((task) => /\) [TtZX] /.test(stateOf(`${tasks}/${task}/stat`)));
}

function stateOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // The thread has ended meanwhile.
    return ') X ';
  }
}
