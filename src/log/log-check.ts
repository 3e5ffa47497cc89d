import type { Clock } from '../base/clock.ts';
import type { Health } from '../base/health.ts';
import type { Logger } from '../base/logger.ts';
import type { Service } from '../base/service.ts';
import type { Log, LogProblem, TopicUse } from './log.ts';

export interface LogCheckOptions {
  readonly log: Pick<Log, 'problems'>;
  /** What this process does with the log. */
  readonly uses: readonly TopicUse[];
  readonly clock: Clock;
  readonly health: Health;
  readonly logger: Logger;
}

/** With the five seconds that an answer may take, health says what is wrong within ten. */
const checkEveryMs = 3_000;
/** Problems that health names. */
const namedMax = 5;

/** Asks the log again and again whether this process can work with it. While it cannot, health fails and the process is not ready. */
export function createLogCheck({ log, uses, clock, health, logger }: LogCheckOptions): Service {
  let problems: readonly LogProblem[] = [];
  let becomeReady: (() => void) | undefined;
  health.add('log', () =>
    problems.length === 0
      ? { status: 'pass', detail: 'its topics can be read and written' }
      : { status: 'fail', detail: textOf(problems) },
  );
  const check = async (): Promise<void> => {
    const before = textOf(problems);
    problems = await log.problems(uses);
    if (problems.length > 0) becomeReady ??= health.awaitReady('log');
    else {
      becomeReady?.();
      becomeReady = undefined;
    }
    if (textOf(problems) === before) return;
    if (problems.length > 0) logger.error({ problems }, 'this process cannot work with the log');
    else logger.info('this process can work with the log again');
  };
  return {
    name: 'log check',
    async run(signal) {
      do await check();
      while (await clock.pause(checkEveryMs, signal));
    },
  };
}

function textOf(problems: readonly LogProblem[]): string {
  const named = problems.slice(0, namedMax).map(({ detail, remedy }) => `${detail}. Repair: ${remedy}`);
  return [...named, ...(problems.length > namedMax ? [`${problems.length - namedMax} more`] : [])].join('; ');
}
