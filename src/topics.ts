import { anyTimeAhead, type TopicSettings } from './log/log.ts';

const day = 24 * 60 * 60 * 1000;
/** Written by SSRMS alone: a process whose clock is ahead must be able to write all the same. Kafka 4 refuses an hour ahead. */
const timestampAheadMsMax = anyTimeAhead;

/** The topics, with the settings that they are created with. Do not add partitions: keys would move. */
export const topics = {
  metrics: { name: 'metrics', partitions: 20, cleanup: 'delete' },
  rules: { name: 'rules', partitions: 3, cleanup: 'compact', timestampAheadMsMax },
  receivers: { name: 'receivers', partitions: 1, cleanup: 'compact', timestampAheadMsMax },
  // A good state must outlive the stale ones that a woken zombie may append after it: it has six hours to be put right.
  alarms: {
    name: 'alarms',
    partitions: 20,
    asManyAs: 'metrics',
    cleanup: 'compact',
    compactionLagMs: day / 4,
    timestampAheadMsMax,
  },
  notifications: {
    name: 'notifications',
    partitions: 20,
    cleanup: 'delete',
    retentionMs: 30 * day,
    timestampAheadMsMax,
  },
  deliveries: {
    name: 'deliveries',
    partitions: 20,
    asManyAs: 'notifications',
    cleanup: 'delete',
    retentionMs: 30 * day,
    timestampAheadMsMax,
  },
  // Who changed what.
  audit: { name: 'audit', partitions: 1, cleanup: 'delete', retentionMs: 365 * day, timestampAheadMsMax },
  // What each process reports of itself: current for seconds.
  instances: { name: 'instances', partitions: 1, cleanup: 'delete', retentionMs: day, timestampAheadMsMax },
} as const satisfies Record<string, TopicSettings>;

/** By so much the clocks of a writer and of the log may differ: samples that are dated now are never refused for it. */
const clocksDifferMsMax = 60_000;

/**
 * The settings of all topics. `metrics` takes samples as far ahead as ingest does: one further ahead, which a
 * producer with a wrong clock could write, would stop its series until time catches up.
 */
export function topicSettings(timestampFutureMs: number): Record<keyof typeof topics, TopicSettings> {
  const metrics = { ...topics.metrics, timestampAheadMsMax: Math.max(timestampFutureMs, clocksDifferMsMax) };
  return { ...topics, metrics };
}
