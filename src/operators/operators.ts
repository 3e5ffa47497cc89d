import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { backoffMs } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import type { Health } from '../base/health.ts';
import type { Logger } from '../base/logger.ts';
import { aborted, type Service } from '../base/service.ts';
import type { Networks } from '../receiver/networks.ts';
import type { ReceiverFeed } from '../receiver/receiver-book.ts';
import type { SystemMessage } from '../receiver/receiver.ts';
import { destinationOfConfig, openReceivers } from '../receiver/receivers.ts';
import { afterLook, type HealthNews, type HealthState } from './health-changes.ts';

export interface OperatorsOptions {
  /** The name of the receiver that gets the messages. */
  readonly receiver: string;
  readonly receivers: ReceiverFeed;
  /** The command of this process, for its name. */
  readonly service: string;
  readonly health: Health;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly version: string;
  readonly discordApiBase?: string | undefined;
  readonly webhookAllow?: Networks | undefined;
}

const lookEveryMs = 2_000;
const retryLimits = { firstMs: 5_000, lastMs: 60_000 } as const;

/**
 * Sends the operators' receiver a message when the health of this process turns bad, and when it has recovered. It is sent from here
 * and not through the log, which may be what is bad. The newest message alone is repeated until it is delivered.
 */
export function createOperators(options: OperatorsOptions): Service {
  const { receiver, receivers, service, health, clock, logger } = options;
  const here = `ssrms ${service} on ${hostname()} (process ${process.pid})`;
  let problem: string | undefined;
  health.add('operators', () =>
    problem === undefined
      ? { status: 'pass', detail: `no message to ${receiver} is undelivered` }
      : { status: 'warn', detail: problem },
  );

  const textOf = (news: HealthNews): SystemMessage => {
    const { checks } = health.report();
    const failing = Object.entries(checks).filter(([, { status }]) => status === 'fail');
    const lines = failing.map(([name, { detail = 'fails' }]) => `${name}: ${detail}`);
    return news === 'failed'
      ? { isGood: false, title: `${here} does not do its work`, lines, timeMs: clock.wallMs() }
      : { isGood: true, title: `${here} works again`, lines: [], timeMs: clock.wallMs() };
  };

  return {
    name: 'operators',
    async run(signal) {
      await Promise.race([receivers.caughtUp, aborted(signal)]);
      const open = openReceivers({ ...options, nowMs: () => clock.wallMs() });
      let state: HealthState = { kind: 'well' };
      let due: { readonly message: SystemMessage; readonly id: string; tries: number; nextMs: number } | undefined;
      const send = async (): Promise<void> => {
        if (due === undefined || clock.monotonicMs() < due.nextMs) return;
        const config = receivers.book.get(receiver)?.config;
        const destination = config && destinationOfConfig(open.receivers, config, options);
        if (destination === undefined || 'problem' in destination) return;
        const { message, id } = due;
        const packed = { body: destination.packSystem(message), taken: 0, shown: 0, carried: [] };
        const answer = await destination.request({ act: 'send', message: packed, idempotencyKey: id });
        const action = destination.actionFor(answer, clock.wallMs());
        if (action.kind === 'delivered') {
          due = undefined;
          problem = undefined;
          return;
        }
        problem = `receiver ${receiver} could not be told: ${action.reason}`;
        logger.warn({ receiver, reason: action.reason }, 'a message to the operators was not delivered');
        if (due?.id === id) due.nextMs = clock.monotonicMs() + backoffMs(++due.tries, retryLimits, Math.random());
      };
      try {
        do {
          const { next, news } = afterLook(state, health.report().status === 'fail', clock.monotonicMs());
          state = next;
          if (news !== undefined) due = { message: textOf(news), id: randomUUID(), tries: 0, nextMs: 0 };
          const isKnown = receivers.book.get(receiver) !== undefined;
          if (!isKnown) problem = `OPS_RECEIVER names ${receiver}, and there is no such receiver`;
          else if (due === undefined) problem = undefined;
          await send();
        } while (await clock.pause(lookEveryMs, signal));
      } finally {
        await open.close();
      }
    },
  };
}
