/**
 * Named points of the code at which fault tests end or stop the process, as a crash or a pause would in the worst moment.
 * SSRMS_FAILPOINT=evaluate.after-states=3 kills it (SIGKILL) the third time that point is reached; with `:stop` behind the
 * number it is stopped (SIGSTOP) instead, and the test continues it. Unset, as always outside of these tests,
 * a point costs one comparison.
 */
const [point, times = '1', what = 'kill'] = (process.env.SSRMS_FAILPOINT ?? '').split(/[=:]/);
let left = point === '' ? -1 : Number(times);

export type Failpoint =
  | 'evaluate.after-poll'
  | 'evaluate.amid-ahead'
  | 'evaluate.after-ahead'
  | 'evaluate.amid-notifications'
  | 'evaluate.after-notifications'
  | 'evaluate.amid-states'
  | 'evaluate.after-states'
  | 'evaluate.before-commit'
  | 'evaluate.after-commit'
  | 'evaluate.in-restore'
  | 'notify.before-attempt'
  | 'notify.before-request'
  | 'notify.request-written'
  | 'notify.after-answer'
  | 'notify.after-outcome'
  | 'notify.after-commit';

export function failpoint(name: Failpoint): void {
  if (left < 0 || name !== point) return;
  left--;
  if (left !== 0) return;
  left = -1;
  process.kill(process.pid, what === 'stop' ? 'SIGSTOP' : 'SIGKILL');
}

/** A point amid work that has begun: reached when the work has had its first turn. */
export async function failpointAmid<Result>(name: Failpoint, work: Promise<Result>): Promise<Result> {
  if (left >= 0 && name === point) setImmediate(() => failpoint(name));
  return work;
}
