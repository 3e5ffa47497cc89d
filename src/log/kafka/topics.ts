import { ConfigResourceTypes, createPartitionsV3, createTopicsV7, describeConfigsV4 } from '@platformatic/kafka';
import { Failure } from '../../base/failure.ts';
import { LogUnavailable, type TopicDeviation, type TopicSettings } from '../log.ts';
import type { Cluster } from './cluster.ts';
import { findOffsets } from './offsets.ts';
import { ask, errorName, errors } from './protocol.ts';
import {
  comparedConfigs,
  configsOf,
  deviationsOf,
  fewInSync,
  fewReplicas,
  partitionsCommand,
  refusingTopics,
  replicasMax,
  unpairedTopic,
} from './topic-settings.ts';

/** How long a broker may take to create topics before it answers. */
const createTimeoutMs = 8_000;

const topicResource = ConfigResourceTypes.TOPIC;

/**
 * One try of Log.ensureTopics; `bootstrap` is what the commands name. Rejects with LogUnavailable when another try can help: also
 * while the new topics' leaders are not known yet. Rejects with Failure when a topic is there with fewer partitions than it needs.
 */
export async function ensureTopics(
  cluster: Cluster,
  topics: readonly TopicSettings[],
  bootstrap: string,
): Promise<void> {
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
      const detail = `topic ${topic.name} has ${count} partitions and needs ${topic.partitions}: records of a key would be looked for in another partition`;
      const command = partitionsCommand(topic.name, topic.partitions, bootstrap);
      throw new Failure('conflict', `${detail}. Repair: ${command}`);
    }
  }
  await addPairedPartitions(cluster, topics);
  for (const { name } of topics) {
    // The leaders learn of it a moment after the metadata: a topic is ready when they answer for it.
    const partitions = Array.from({ length: cluster.partitionCount(name) }, (_, partition) => partition);
    await findOffsets(cluster, name, partitions, 'next');
  }
}

/** Gives topics with `asManyAs` the partitions that they lack. Rejects with LogUnavailable when that cannot be. */
export async function addPairedPartitions(
  cluster: Pick<Cluster, 'askAny' | 'partitionCount' | 'refresh'>,
  topics: readonly TopicSettings[],
): Promise<void> {
  const lacking = unpaired(cluster, topics).filter(({ count, needed }) => count < needed);
  if (lacking.length === 0) return;
  const requests = lacking.map(({ name, needed }) => ({ name, count: needed, assignments: null }));
  const answer = await cluster.askAny((connection) => {
    return ask(connection, createPartitionsV3.api, requests, createTimeoutMs, false);
  });
  await cluster.refresh(lacking.map(({ name }) => name));
  for (const { name, errorCode, errorMessage } of answer.results) {
    // Another process may have added them in between.
    if (errorCode === errors.none || unpaired(cluster, topics).every((one) => one.name !== name)) continue;
    const reason = `${errorName(errorCode)} ${errorMessage ?? ''}`.trim();
    throw new LogUnavailable(`topic ${name} cannot be given more partitions: ${reason}`);
  }
}

/** The topics that should have as many partitions as another one, and do not. */
function unpaired(cluster: Pick<Cluster, 'partitionCount'>, topics: readonly TopicSettings[]) {
  return topics.flatMap(({ name, asManyAs }) => {
    if (asManyAs === undefined) return [];
    const [count, needed] = [cluster.partitionCount(name), cluster.partitionCount(asManyAs)];
    return count === 0 || needed === 0 || count === needed ? [] : [{ name, count, asManyAs, needed }];
  });
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
  await cluster.refresh(topics.map(({ name }) => name));
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
  const replicas = topics.map(({ name }) => [name, cluster.replicas(name)] as const);
  return [
    ...found.flatMap(([topic, values]) => deviationsOf(topic, values, bootstrap)),
    ...refusingTopics(found, bootstrap),
    ...unpaired(cluster, topics).map((one) => unpairedTopic(one, bootstrap)),
    ...fewReplicas(replicas, cluster.brokerIds, bootstrap),
    ...fewInSync(found, new Map(replicas), bootstrap),
  ];
}
