// What a topic's settings are called in Kafka, and how those of a topic that is there differ.
import { anyTimeAhead, type TopicDeviation, type TopicSettings } from '../log.ts';

/** From this number of brokers on a topic has so many replicas. */
export const replicasMax = 3;
/** Kafka's own default of segment.ms. */
const segmentMs = 7 * 24 * 3_600_000;

/** Brokers know it from 3.6 on. */
const timestampAhead = 'message.timestamp.after.max.ms';
const timestampType = 'message.timestamp.type';
const cleanupPolicy = 'cleanup.policy';

/** The settings that a topic is created with, by Kafka's names. */
export function configsOf(
  topic: TopicSettings,
  { replicas, knowsTimestampAhead }: { readonly replicas: number; readonly knowsTimestampAhead: boolean },
): { name: string; value: string }[] {
  const configs: Record<string, string> = {
    [cleanupPolicy]: topic.cleanup,
    [timestampType]: 'CreateTime',
    // With three replicas one may be lost without losing what was acknowledged, and without standing still.
    'min.insync.replicas': replicas >= replicasMax ? '2' : '1',
  };
  if (topic.retentionMs !== undefined) {
    configs['retention.ms'] = String(topic.retentionMs);
    // What is held for less than a segment is written to would otherwise be held until that is full.
    if (topic.retentionMs < segmentMs) configs['segment.ms'] = String(topic.retentionMs);
  }
  if (topic.compactionLagMs !== undefined) configs['min.compaction.lag.ms'] = String(topic.compactionLagMs);
  if (topic.timestampAheadMsMax !== undefined && knowsTimestampAhead)
    configs[timestampAhead] = String(topic.timestampAheadMsMax);
  return Object.entries(configs).map(([name, value]) => ({ name, value }));
}

/** The settings that deviationsOf compares. */
export const comparedConfigs = [timestampAhead, timestampType, cleanupPolicy] as const;

/**
 * How a topic that is there, with the settings `found`, differs from what is wanted. What the broker does not know, or does
 * not tell, is no deviation.
 */
export function deviationsOf(
  topic: TopicSettings,
  found: ReadonlyMap<string, string>,
  bootstrap: string,
): TopicDeviation[] {
  const deviations: TopicDeviation[] = [];
  const add = (setting: TopicDeviation['setting'], config: (typeof comparedConfigs)[number], detail: string): void => {
    const command = `kafka-configs.sh --bootstrap-server ${bootstrap} --alter --entity-type topics --entity-name ${topic.name} --add-config ${config}=${wanted[config]}`;
    deviations.push({ topics: [topic.name], setting, detail, command });
  };
  const wanted: Record<(typeof comparedConfigs)[number], string> = {
    [timestampAhead]: String(topic.timestampAheadMsMax),
    [timestampType]: 'CreateTime',
    [cleanupPolicy]: topic.cleanup,
  };
  const aheadMs = Number(found.get(timestampAhead) ?? Number.NaN);
  if (topic.timestampAheadMsMax !== undefined && aheadMs > topic.timestampAheadMsMax) {
    const taken = aheadMs > Number.MAX_SAFE_INTEGER ? 'from any time ahead' : `up to ${aheadMs / 1_000} s ahead`;
    const detail = `topic ${topic.name} takes records ${taken} of its clock, and should take ${topic.timestampAheadMsMax / 1_000} s: the windows and for_seconds of a series that is ahead stand still until time catches up`;
    add('timestamp_ahead', timestampAhead, detail);
  }
  if (found.get(timestampType) === 'LogAppendTime') {
    const detail = `topic ${topic.name} has LogAppendTime: it replaces the times that its writers gave by those of arrival`;
    add('timestamp_type', timestampType, detail);
  }
  const cleanup = found.get(cleanupPolicy);
  if (cleanup !== undefined && cleanup !== topic.cleanup) {
    const detail = `topic ${topic.name} has cleanup.policy=${cleanup} and should have ${topic.cleanup}: Kafka removes records that are still needed`;
    add('cleanup', cleanupPolicy, detail);
  }
  return deviations;
}

/**
 * Of topics, with the settings `found` of each, those that refuse records though they should take any time: Kafka 4 does from
 * an hour ahead on. One deviation for all of them.
 */
export function refusingTopics(
  topics: readonly (readonly [TopicSettings, found: ReadonlyMap<string, string>])[],
  bootstrap: string,
): TopicDeviation[] {
  const refusing = topics.filter(
    ([topic, found]) => topic.timestampAheadMsMax === anyTimeAhead && Number(found.get(timestampAhead)) < anyTimeAhead,
  );
  if (refusing.length === 0) return [];
  const names = refusing.map(([topic]) => topic.name);
  const leastMs = Math.min(...refusing.map(([, found]) => Number(found.get(timestampAhead))));
  const detail = `topics ${names.join(', ')} refuse records more than ${leastMs / 1_000} s ahead of the broker's clock: an instance whose clock is so far ahead cannot work`;
  const command = `for topic in ${names.join(' ')}; do kafka-configs.sh --bootstrap-server ${bootstrap} --alter --entity-type topics --entity-name $topic --add-config ${timestampAhead}=${anyTimeAhead}; done`;
  return [{ topics: names, setting: 'timestamp_ahead', detail, command }];
}
