import { createTopicsV7 } from '@platformatic/kafka';
import { Failure } from '../../base/failure.ts';
import { LogUnavailable, type TopicSettings } from '../log.ts';
import type { Cluster } from './cluster.ts';
import { findOffsets } from './offsets.ts';
import { ask, errorName, errors } from './protocol.ts';

const replicasMax = 3;
/** Kafka's own default of segment.ms. */
const segmentMs = 7 * 24 * 3_600_000;
/** How long a broker may take to create topics before it answers. */
const createTimeoutMs = 8_000;

function configsOf(topic: TopicSettings, replicas: number): { name: string; value: string }[] {
  const configs: Record<string, string> = {
    'cleanup.policy': topic.cleanup,
    'message.timestamp.type': 'CreateTime',
    // With three replicas one may be lost without losing what was acknowledged, and without standing still.
    'min.insync.replicas': replicas >= replicasMax ? '2' : '1',
  };
  if (topic.retentionMs !== undefined) {
    configs['retention.ms'] = String(topic.retentionMs);
    // What is held for less than a segment is written to would else be held until that is full.
    if (topic.retentionMs < segmentMs) configs['segment.ms'] = String(topic.retentionMs);
  }
  if (topic.compactionLagMs !== undefined) configs['min.compaction.lag.ms'] = String(topic.compactionLagMs);
  return Object.entries(configs).map(([name, value]) => ({ name, value }));
}

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

async function createTopics(cluster: Cluster, topics: readonly TopicSettings[]): Promise<void> {
  const replicas = Math.min(replicasMax, Math.max(1, cluster.brokerCount));
  const requests = topics.map((topic) => ({
    name: topic.name,
    numPartitions: topic.partitions,
    replicationFactor: replicas,
    assignments: [],
    configs: configsOf(topic, replicas),
  }));
  // In KRaft any broker hands this on to the controller.
  const answer = await cluster.askAny((connection) => {
    return ask(connection, createTopicsV7.api, requests, createTimeoutMs, false);
  });
  for (const { name, errorCode, errorMessage } of answer.topics) {
    // Another process may have created it in between.
    if (errorCode === errors.none || errorCode === errors.topicAlreadyExists) continue;
    throw new LogUnavailable(`topic ${name} cannot be created: ${errorName(errorCode)} ${errorMessage ?? ''}`.trim());
  }
}
