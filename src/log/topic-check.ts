import type { Clock } from '../base/clock.ts';
import type { Health } from '../base/health.ts';
import type { Logger } from '../base/logger.ts';
import type { Service } from '../base/service.ts';
import { LogUnavailable, type Log, type TopicDeviation, type TopicSettings } from './log.ts';

export interface TopicCheckOptions {
  readonly log: Pick<Log, 'topicDeviations' | 'partitionCount'>;
  readonly topics: readonly TopicSettings[];
  readonly clock: Clock;
  readonly health: Health;
  readonly logger: Logger;
}

/** A topic that is changed, or repaired, while the process runs is noticed so soon. */
const checkEveryMs = 30_000;

const whenAdded =
  'they are used from now on, keys have moved to other partitions, and alarms of metrics that moved begin there anew; do not add more';

/**
 * Compares the topics that are there with the settings that they are created with: they may have been created beforehand, by
 * an earlier version, or changed since. What differs is a warning in health and in the log, with the command that repairs it.
 * Partitions that somebody added while this process runs are named, too: nothing can take them away.
 */
export function createTopicCheck({ log, topics, clock, health, logger }: TopicCheckOptions): Service {
  let deviations: readonly TopicDeviation[] = [];
  /** By topic: how many partitions it had when this process first looked. */
  const firstCounts = new Map<string, number>();
  let added: readonly string[] = [];
  health.add('topics', () => {
    const details = [...deviations.map(({ detail, command }) => `${detail}. Repair: ${command}`), ...added];
    if (details.length === 0) return { status: 'pass', detail: 'topics have the settings that they should have' };
    return { status: 'warn', detail: details.join('; ') };
  });
  const lookForAdded = async (): Promise<void> => {
    const found: string[] = [];
    for (const { name } of topics) {
      const count = await log.partitionCount(name);
      const before = firstCounts.get(name) ?? count;
      firstCounts.set(name, before);
      if (count > before) found.push(`topic ${name} has ${count} partitions, and had ${before}: ${whenAdded}`);
    }
    for (const detail of found) if (!added.includes(detail)) logger.warn(detail);
    added = found;
  };
  const check = async (): Promise<void> => {
    const known = new Set(deviations.map(({ detail }) => detail));
    try {
      deviations = await log.topicDeviations(topics);
      await lookForAdded();
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
