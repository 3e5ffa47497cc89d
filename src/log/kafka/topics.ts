import { ConfigResourceTypes, createTopicsV7, describeConfigsV4 } from '@platformatic/kafka';
import { Failure } from '../../base/failure.ts';
import { LogUnavailable, type TopicDeviation, type TopicSettings } from '../log.ts';
import type { Cluster } from './cluster.ts';
import { findOffsets } from './offsets.ts';
import { ask, errorName, errors } from './protocol.ts';
import { comparedConfigs, configsOf, deviationsOf, refusingTopics, replicasMax } from './topic-settings.ts';

/** How long a broker may take to create topics before it answers. */
const createTimeoutMs = 8_000;

const topicResource = ConfigResourceTypes.TOPIC;

/**
 * One try of Log.ensureTopics. Rejects with LogUnavailable when another try can help: also while the new topics' leaders are
 * not known yet. Rejects with Failure when a topic is there with fewer partitions than it needs.
 */
export async function ensureTopics(cluster: Cluster, topics: readonly TopicSettings[]): Promise<void> {
  const names = topics.map((topic) => topic.name);
  await cluster.refresh(names);
  const missing = topics.filter((topic) => cluster.partitionCount(topic.name) === 0);
  if (missing.length > 0) {
    await createTopics(cluster, missing);
    await cluster.refresh(names);
  }
  for (const topic of topics) {
    const count = cluster.partitionCount(topic.name);
    if (count === 0) throw new LogUnavailable(`topic ${topic.name} is not there yet`);
    if (count < topic.partitions) {
      const told = `topic ${topic.name} has ${count} partitions and needs ${topic.partitions}: records of a key would change their partition`;
      throw new Failure('conflict', told);
    }
    // The leaders learn of it a moment after the metadata: a topic is ready when they answer for it.
    const partitions = Array.from({ length: count }, (_, partition) => partition);
    await findOffsets(cluster, topic.name, partitions, 'next');
  }
}

/** Rejects with LogUnavailable when one cannot be created. */
export async function createTopics(
  cluster: Pick<Cluster, 'askAny' | 'brokerCount'>,
  topics: readonly TopicSettings[],
  knowsTimestampAhead = true,
): Promise<void> {
  const replicas = Math.min(replicasMax, Math.max(1, cluster.brokerCount));
  const requests = topics.map((topic) => ({
    name: topic.name,
    numPartitions: topic.partitions,
    replicationFactor: replicas,
    assignments: [],
    configs: configsOf(topic, { replicas, knowsTimestampAhead }),
  }));
  // In KRaft any broker hands this on to the controller.
  const answer = await cluster.askAny((connection) => {
    return ask(connection, createTopicsV7.api, requests, createTimeoutMs, false);
  });
  const again: TopicSettings[] = [];
  for (const { name, errorCode, errorMessage } of answer.topics) {
    // Another process may have created it in between.
    if (errorCode === errors.none || errorCode === errors.topicAlreadyExists) continue;
    const topic = topics.find((one) => one.name === name);
    // Before Kafka 3.6 there is no such bound.
    if (errorCode === errors.invalidConfig && knowsTimestampAhead && topic?.timestampAheadMsMax !== undefined)
      again.push(topic);
    else
      throw new LogUnavailable(`topic ${name} cannot be created: ${errorName(errorCode)} ${errorMessage ?? ''}`.trim());
  }
  if (again.length > 0) await createTopics(cluster, again, false);
}

/** One try of Log.topicDeviations; `bootstrap` is what the commands name. Rejects with LogUnavailable. */
export async function topicDeviations(
  cluster: Cluster,
  topics: readonly TopicSettings[],
  bootstrap: string,
): Promise<TopicDeviation[]> {
  const requests = topics.map(({ name }) => ({
    resourceType: topicResource,
    resourceName: name,
    configurationKeys: [...comparedConfigs],
  }));
  const answer = await cluster.askAny((connection) => ask(connection, describeConfigsV4.api, requests, false, false));
  const found = answer.results.flatMap(({ errorCode, resourceName, configs }) => {
    const topic = topics.find(({ name }) => name === resourceName);
    if (errorCode !== errors.none || topic === undefined) return [];
    const values = configs.flatMap(({ name, value }) =>
      value === null || value === undefined ? [] : [[name, value] as const],
    );
    return [[topic, new Map(values)] as const];
  });
  return [
    ...found.flatMap(([topic, values]) => deviationsOf(topic, values, bootstrap)),
    ...refusingTopics(found, bootstrap),
  ];
}
