import type { Clock } from '../base/clock.ts';
import type { Health } from '../base/health.ts';
import type { Logger } from '../base/logger.ts';
import type { Service } from '../base/service.ts';
import { LogUnavailable, type Log, type TopicDeviation, type TopicSettings } from './log.ts';

export interface TopicCheckOptions {
  readonly log: Pick<Log, 'topicDeviations'>;
  readonly topics: readonly TopicSettings[];
  readonly clock: Clock;
  readonly health: Health;
  readonly logger: Logger;
}

/** A topic that is changed, or repaired, while the process runs is noticed so soon. */
const checkEveryMs = 60_000;

/**
 * Compares the topics that are there with the settings that they are created with: they may have been created beforehand, by
 * an earlier version, or changed since. What differs is a warning in health and in the log, with the command that repairs it.
 */
export function createTopicCheck({ log, topics, clock, health, logger }: TopicCheckOptions): Service {
  let deviations: readonly TopicDeviation[] = [];
  health.add('topics', () =>
    deviations.length === 0
      ? { status: 'pass' }
      : { status: 'warn', detail: deviations.map(({ detail, command }) => `${detail}. Repair: ${command}`).join('; ') },
  );
  const check = async (): Promise<void> => {
    const known = new Set(deviations.map(({ detail }) => detail));
    try {
      deviations = await log.topicDeviations(topics);
    } catch (error) {
      // What was found last is shown until the log answers again.
      if (!(error instanceof LogUnavailable)) throw error;
      return;
    }
    for (const { topics: names, detail, command } of deviations)
      if (!known.has(detail)) logger.warn({ topics: names, command }, detail);
  };
  return {
    name: 'topic check',
    async run(signal) {
      do await check();
      while (await clock.pause(checkEveryMs, signal));
    },
  };
}
