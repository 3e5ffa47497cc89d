import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { Health } from '../base/health.ts';
import { createLogger } from '../base/logger.ts';
import type { LogProblem } from './log.ts';
import { createLogCheck } from './log-check.ts';

const gone: LogProblem = { detail: 'Kafka does not answer', remedy: 'start it' };

test('health fails and the process is not ready while it cannot work with the log', async () => {
  const answers: (readonly LogProblem[])[] = [[], [gone], [gone], []];
  const health = new Health();
  const seen: unknown[] = [];
  const check = createLogCheck({
    log: { problems: async () => answers.shift()! },
    uses: [],
    health,
    logger: createLogger('silent', 'test'),
    clock: {
      ...systemClock,
      async pause(durationMs) {
        assert.equal(durationMs, 3_000);
        seen.push([health.report().checks['log'], health.starting()]);
        return answers.length > 0;
      },
    },
  });
  await check.run(new AbortController().signal);
  const failed = [{ status: 'fail', detail: 'Kafka does not answer. Repair: start it' }, ['log']];
  const passes = [{ status: 'pass', detail: 'its topics can be read and written' }, []];
  assert.deepEqual(seen, [passes, failed, failed, passes]);
});
