import type { Clock } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import { aborted } from '../base/service.ts';
import type { Console } from './console.ts';

/** How long a request waits for the log to be read. Longer is for the caller to decide: it is asked to come again. */
const readMsMax = 10_000;
const lookEveryMs = 20;

/**
 * A console that reads nothing until somebody asks: for a process whose work is another one. The first request has it follow
 * the topics, and waits until all that stood there was read.
 */
export function onDemand(console: Console, clock: Clock): Console {
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
        const lateMs = clock.monotonicMs() + readMsMax;
        while (!console.isCaughtUp() && clock.monotonicMs() < lateMs && !ended.signal.aborted)
          await clock.pause(lookEveryMs, ended.signal);
        if (!console.isCaughtUp())
          throw new Failure('unavailable', 'the log is still being read', { retryAfterSeconds: 1 });
      });
      await console.routes(app);
    },
  };
}
