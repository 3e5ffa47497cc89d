import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TopicSettings } from '../log.ts';
import { errors } from './protocol.ts';
import { createTopics } from './topics.ts';

const metrics: TopicSettings = { name: 'metrics', partitions: 20, cleanup: 'delete', timestampAheadMsMax: 600_000 };
const rules: TopicSettings = { name: 'rules', partitions: 3, cleanup: 'compact' };

/** A cluster that answers CreateTopics with these error codes by topic, one answer after the other. */
function clusterOf(...answers: Record<string, number>[]): Parameters<typeof createTopics>[0] {
  return {
    brokerCount: 1,
    async askAny<Answer>() {
      const codes = Object.entries(answers.shift() ?? assert.fail('asked once too often'));
      const topics = codes.map(([name, errorCode]) => ({ name, errorCode, errorMessage: null }));
      return { topics } as Answer;
    },
  };
}

test('where brokers do not know the bound of timestamps, the topic is created without it', async () => {
  const { none, invalidConfig } = errors;
  await createTopics(clusterOf({ metrics: invalidConfig, rules: none }, { metrics: none }), [metrics, rules]);
  const refused = /topic metrics cannot be created: INVALID_CONFIG/;
  await assert.rejects(
    createTopics(clusterOf({ metrics: invalidConfig }, { metrics: invalidConfig }), [metrics]),
    refused,
  );
  await assert.rejects(createTopics(clusterOf({ rules: invalidConfig }), [rules]), /topic rules cannot be created/);
});
