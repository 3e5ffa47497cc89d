import type { Clock } from '../base/clock.ts';
import type { Health } from '../base/health.ts';
import type { Logger } from '../base/logger.ts';
import type { Service } from '../base/service.ts';
import { parseAlarmRecord } from '../alarm/alarm-record.ts';
import { recordsOf } from '../log/batch.ts';
import { LogUnavailable, type Log } from '../log/log.ts';
import type { NewRecord } from '../log/record.ts';
import { partitionOf } from '../log/murmur2.ts';
import { canaryMetric, isOfCanary } from '../rule/canary.ts';
import { topics } from '../topics.ts';

export interface HeartbeatOptions {
  /** Requested while all works. A secret: it is in no log and no message. */
  readonly url: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly health: Health;
  readonly logger: Logger;
}

const everyMs = 30_000;
/** A canary that takes longer to come back is no sign of life. */
const evaluatedMsMax = 10_000;
const lookEveryMs = 50;
const requestMsMax = 10_000;

/**
 * Requests the heartbeat's address every half minute, but only after a canary that was written to each partition of `metrics` came
 * back as an evaluated alarm in time. The monitor that expects the requests notices when the system is dead, which the system cannot report itself.
 *
 *   samples (0, then 1) ──> metrics ──> evaluated by the partition's owner ──> alarms ──> seen here ──> request
 */
export function createHeartbeat({ url, log, clock, health, logger }: HeartbeatOptions): Service {
  let problem: string | undefined;
  health.add('heartbeat', () =>
    problem === undefined
      ? { status: 'pass', detail: 'canaries come back in time, and the address is requested' }
      : { status: 'warn', detail: problem },
  );
  /** By metric: the newest timestamp of its canaries that were evaluated. */
  const evaluated = new Map<string, number>();
  const round = async (signal: AbortSignal): Promise<string | undefined> => {
    const names = canaryMetrics(await log.partitionCount(topics.metrics.name));
    const timestampMs = clock.wallMs();
    const of = (name: string, value: number, atMs: number): NewRecord => {
      return { key: Buffer.from(name), value: Buffer.from(`{"value": ${value}}`), timestampMs: atMs };
    };
    // Whatever state the canary was in, the second of the two samples changes its alarm, and a change is recorded.
    await log.append(
      topics.metrics.name,
      names.flatMap((name) => [of(name, 0, timestampMs - 1), of(name, 1, timestampMs)]),
    );
    const deadlineMs = clock.monotonicMs() + evaluatedMsMax;
    let missing = names;
    do missing = missing.filter((name) => (evaluated.get(name) ?? 0) < timestampMs);
    while (missing.length > 0 && clock.monotonicMs() < deadlineMs && (await clock.pause(lookEveryMs, signal)));
    if (missing.length > 0) {
      const partitions = missing.map((name) => names.indexOf(name)).join(', ');
      return `the canaries of partitions ${partitions} of metrics were not evaluated within ${evaluatedMsMax / 1_000} s`;
    }
    return requestHeartbeat(url);
  };

  return {
    name: 'heartbeat',
    async run(signal) {
      const view = log.view(
        topics.alarms.name,
        (chunk) => {
          for (const { key, value: bytes } of recordsOf(chunk)) {
            if (bytes === null || !isOfCanary(Buffer.from(key ?? []).toString())) continue;
            const alarm = parseAlarmRecord(bytes);
            if (!('problem' in alarm)) evaluated.set(alarm.series.name, alarm.sample.timestampMs);
          }
        },
        signal,
        clock.wallMs(),
      );
      view.caughtUp.catch(() => {});
      const ended = view.ended;
      // Awaited at the end.
      ended.catch(() => {});
      do {
        const before = problem;
        problem = await round(signal).catch((error: unknown) => {
          if (error instanceof LogUnavailable) return error.message;
          throw error;
        });
        if (signal.aborted) break;
        if (problem !== undefined && problem !== before) logger.warn({ reason: problem }, 'no heartbeat was sent');
        if (problem === undefined && before !== undefined) logger.info('heartbeats are sent again');
      } while (await clock.pause(everyMs, signal));
      await ended;
    },
  };
}

/** One name for each partition, in their order: the first that leads there. */
export function canaryMetrics(partitions: number): string[] {
  const names = Array<string | undefined>(partitions).fill(undefined);
  for (let number = 0; names.includes(undefined); number++)
    names[partitionOf(Buffer.from(canaryMetric(number)), partitions)] ??= canaryMetric(number);
  return names as string[];
}

/** Resolves to why the request was in vain; undefined: it was not. Says nothing of the address. */
export async function requestHeartbeat(url: string): Promise<string | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(requestMsMax) });
    await answer.body?.cancel();
    return answer.ok ? undefined : `the address of the heartbeat answered ${answer.status}`;
  } catch (error) {
    return `the address of the heartbeat could not be reached (${reasonOf(error as Error)})`;
  }
}

/** The code of the cause, or its message, unless that may contain a part of the address. */
function reasonOf(error: Error): string {
  if (error.name === 'TimeoutError') return `no answer in ${requestMsMax / 1_000} s`;
  const words: string[] = [];
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    const { code } = (cause instanceof AggregateError ? (cause.errors[0] ?? cause) : cause) as NodeJS.ErrnoException;
    if (typeof code === 'string') return code;
    if (/^[a-z ]{3,60}$/i.test(cause.message)) words.push(cause.message);
  }
  return words[0] ?? error.name;
}
