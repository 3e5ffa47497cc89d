import type { Clock } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import { aborted } from '../base/service.ts';
import type { Console } from './console.ts';

const lookEveryMs = 20;

/**
 * A console that reads nothing until somebody asks: for a process whose work is another one. The first request has it follow
 * the topics, and waits until all that stood there was read, for `waitMsMax` at most: then it is asked to come again.
 */
export function onDemand(console: Console, { clock, waitMsMax }: { clock: Clock; waitMsMax: number }): Console {
  const wanted = Promise.withResolvers<void>();
  const ended = new AbortController();
  return {
    ...console,
    service: {
      name: console.service.name,
      async run(signal) {
        try {
          await Promise.race([wanted.promise, aborted(signal)]);
          if (!signal.aborted) await console.service.run(signal);
        } finally {
          ended.abort();
        }
      },
    },
    async routes(app) {
      app.addHook('onRequest', async () => {
        wanted.resolve();
        const lateMs = clock.monotonicMs() + waitMsMax;
        while (!console.isCaughtUp() && clock.monotonicMs() < lateMs && !ended.signal.aborted)
          await clock.pause(lookEveryMs, ended.signal);
        if (!console.isCaughtUp())
          throw new Failure('unavailable', 'the log is still being read', { retryAfterSeconds: 1 });
      });
      await console.routes(app);
    },
  };
}
