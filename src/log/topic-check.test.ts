import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { Health } from '../base/health.ts';
import { createLogger } from '../base/logger.ts';
import { LogUnavailable, type TopicDeviation } from './log.ts';
import { createTopicCheck } from './topic-check.ts';

const metrics = { name: 'metrics', partitions: 20, cleanup: 'delete' } as const;
const late: TopicDeviation = {
  topics: ['metrics'],
  setting: 'timestamp_type',
  isFatal: false,
  detail: 'topic metrics has LogAppendTime',
  command: 'kafka-configs.sh --alter …',
};

test('a topic that differs is warned of with its repair, looked at twice a minute, and no more once it is repaired', async () => {
  const answers: (readonly TopicDeviation[] | LogUnavailable)[] = [[late], new LogUnavailable('down'), [late], []];
  const seen: (string | undefined)[] = [];
  const health = new Health();
  const stop = new AbortController();
  const check = createTopicCheck({
    log: {
      async topicDeviations(topics) {
        assert.deepEqual(topics, [metrics]);
        const answer = answers.shift()!;
        if (answer instanceof LogUnavailable) throw answer;
        return answer;
      },
      partitionCount: async () => 20,
    },
    topics: [metrics],
    health,
    logger: createLogger('silent', 'test'),
    clock: {
      ...systemClock,
      async pause(durationMs) {
        assert.equal(durationMs, 30_000);
        const { status, detail } = health.report().checks.topics!;
        seen.push(detail === undefined ? status : `${status}: ${detail}`);
        return answers.length > 0;
      },
    },
  });
  await check.run(stop.signal);
  const warning = 'warn: topic metrics has LogAppendTime. Repair: kafka-configs.sh --alter …';
  assert.deepEqual(seen, [warning, warning, warning, 'pass: topics have the settings that they should have']);
});

test('partitions that were added while the process runs are named', async () => {
  const counts = [20, 24, 24];
  const health = new Health();
  const seen: string[] = [];
  const check = createTopicCheck({
    log: { topicDeviations: async () => [], partitionCount: async () => counts.shift()! },
    topics: [metrics],
    health,
    logger: createLogger('silent', 'test'),
    clock: {
      ...systemClock,
      async pause() {
        const { status, detail = '' } = health.report().checks.topics!;
        seen.push(`${status} ${detail.replace(/:.*/, '')}`.trim());
        return counts.length > 0;
      },
    },
  });
  await check.run(new AbortController().signal);
  const warning = 'warn topic metrics has 24 partitions, and had 20';
  assert.deepEqual(seen, ['pass topics have the settings that they should have', warning, warning]);
});
