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
const minInsync = 'min.insync.replicas';
/** With so many of three replicas in sync one may be lost without losing what was acknowledged, and without standing still. */
const minInsyncOfThree = 2;

/** The settings that a topic is created with, by Kafka's names. */
export function configsOf(
  topic: TopicSettings,
  { replicas, knowsTimestampAhead }: { readonly replicas: number; readonly knowsTimestampAhead: boolean },
): { name: string; value: string }[] {
  const configs: Record<string, string> = {
    [cleanupPolicy]: topic.cleanup,
    [timestampType]: 'CreateTime',
    [minInsync]: replicas >= replicasMax ? String(minInsyncOfThree) : '1',
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

/** The settings that are compared. */
export const comparedConfigs = [timestampAhead, timestampType, cleanupPolicy, minInsync] as const;

type OwnConfig = Exclude<(typeof comparedConfigs)[number], typeof minInsync>;

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
  const add = (setting: TopicDeviation['setting'], config: OwnConfig, detail: string): void => {
    const command = configCommand(topic.name, `${config}=${wanted[config]}`, bootstrap);
    // Removing what is still needed loses rules and alarms.
    deviations.push({ topics: [topic.name], setting, isFatal: setting === 'cleanup', detail, command });
  };
  const wanted: Record<OwnConfig, string> = {
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
  const command = `for topic in ${names.join(' ')}; do ${configCommand('$topic', `${timestampAhead}=${anyTimeAhead}`, bootstrap)}; done`;
  return [{ topics: names, setting: 'timestamp_ahead', isFatal: false, detail, command }];
}

/** The topic `name` has another number of partitions than the one that it must have as many as. */
export function unpairedTopic(
  {
    name,
    count,
    asManyAs,
    needed,
  }: { readonly name: string; readonly count: number; readonly asManyAs: string; readonly needed: number },
  bootstrap: string,
): TopicDeviation {
  const detail = `topic ${name} has ${count} partitions and ${asManyAs} ${needed}: they must have the same number`;
  const command = partitionsCommand(count < needed ? name : asManyAs, Math.max(count, needed), bootstrap);
  return { topics: [name, asManyAs], setting: 'partitions', isFatal: true, detail, command };
}

/** On a cluster of three or more brokers: the topics with a partition that has one replica. One deviation for all. */
export function fewReplicas(
  topics: readonly (readonly [name: string, replicas: readonly (readonly number[])[]])[],
  brokerIds: readonly number[],
  bootstrap: string,
): TopicDeviation[] {
  if (brokerIds.length < replicasMax) return [];
  const few = topics.filter(([, partitions]) => partitions.some((brokers) => brokers.length === 1));
  if (few.length === 0) return [];
  const names = few.map(([name]) => name);
  const detail = `topics ${names.join(', ')} have partitions with one replica on a cluster of ${brokerIds.length} brokers: they cannot be used while its broker is down, and are lost with its disk`;
  const wanted = few.flatMap(([topic, partitions]) =>
    partitions.map((brokers, partition) => {
      const others = brokerIds.filter((id) => !brokers.includes(id));
      const begin = others.length === 0 ? 0 : partition % others.length;
      const added = [...others.slice(begin), ...others.slice(0, begin)];
      return { topic, partition, replicas: [...brokers, ...added].slice(0, Math.max(replicasMax, brokers.length)) };
    }),
  );
  const json = JSON.stringify({ version: 1, partitions: wanted });
  const command = `echo '${json}' > replicas.json && kafka-reassign-partitions.sh --bootstrap-server ${bootstrap} --execute --reassignment-json-file replicas.json`;
  return [{ topics: names, setting: 'replicas', isFatal: false, detail, command }];
}

/** The topics with three replicas of which one in sync is enough to acknowledge a record. One deviation for all. */
export function fewInSync(
  topics: readonly (readonly [TopicSettings, found: ReadonlyMap<string, string>])[],
  replicas: ReadonlyMap<string, readonly (readonly number[])[]>,
  bootstrap: string,
): TopicDeviation[] {
  const few = topics.filter(([{ name }, found]) => {
    const partitions = replicas.get(name) ?? [];
    const isWhole = partitions.length > 0 && partitions.every((brokers) => brokers.length >= replicasMax);
    return isWhole && Number(found.get(minInsync)) < minInsyncOfThree;
  });
  if (few.length === 0) return [];
  const names = few.map(([{ name }]) => name);
  const detail = `topics ${names.join(', ')} have ${minInsync}=1: a record that one broker alone has taken is acknowledged, and lost with it`;
  const command = `for topic in ${names.join(' ')}; do ${configCommand('$topic', `${minInsync}=${minInsyncOfThree}`, bootstrap)}; done`;
  return [{ topics: names, setting: 'min_insync_replicas', isFatal: false, detail, command }];
}

/** Adds partitions to a topic. */
export function partitionsCommand(topic: string, partitions: number, bootstrap: string): string {
  return `kafka-topics.sh --bootstrap-server ${bootstrap} --alter --topic ${topic} --partitions ${partitions}`;
}

function configCommand(topic: string, config: string, bootstrap: string): string {
  return `kafka-configs.sh --bootstrap-server ${bootstrap} --alter --entity-type topics --entity-name ${topic} --add-config ${config}`;
}
