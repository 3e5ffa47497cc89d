import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anyTimeAhead, type TopicSettings } from '../log.ts';
import { configsOf, deviationsOf, refusingTopics } from './topic-settings.ts';

const metrics: TopicSettings = { name: 'metrics', partitions: 20, cleanup: 'delete', timestampAheadMsMax: 600_000 };
const rules: TopicSettings = { name: 'rules', partitions: 3, cleanup: 'compact' };

function commandsFor(topic: TopicSettings, found: Record<string, string>): string[] {
  return deviationsOf(topic, new Map(Object.entries(found)), 'kafka-1:9092').map(({ command }) => command);
}

const alter = (topic: string, config: string): string =>
  `kafka-configs.sh --bootstrap-server kafka-1:9092 --alter --entity-type topics --entity-name ${topic} --add-config ${config}`;

test('each deviation has the command that repairs it', () => {
  const right = { 'message.timestamp.after.max.ms': '600000', 'message.timestamp.type': 'CreateTime' };
  const bound = alter('metrics', 'message.timestamp.after.max.ms=600000');
  const type = alter('metrics', 'message.timestamp.type=CreateTime');
  const table: [TopicSettings, Record<string, string>, string[]][] = [
    [metrics, right, []],
    [metrics, { ...right, 'cleanup.policy': 'delete' }, []],
    [metrics, { 'message.timestamp.after.max.ms': '60000' }, []],
    [metrics, { 'message.timestamp.after.max.ms': '3600000' }, [bound]],
    [metrics, { 'message.timestamp.after.max.ms': '9223372036854775807' }, [bound]],
    [metrics, { 'message.timestamp.type': 'LogAppendTime' }, [type]],
    [
      metrics,
      { 'message.timestamp.type': 'LogAppendTime', 'message.timestamp.after.max.ms': '3600000' },
      [bound, type],
    ],
    [metrics, { 'cleanup.policy': 'compact,delete' }, [alter('metrics', 'cleanup.policy=delete')]],
    [metrics, {}, []],
    [rules, { 'cleanup.policy': 'compact', 'message.timestamp.after.max.ms': '3600000' }, []],
    [rules, { 'cleanup.policy': 'delete' }, [alter('rules', 'cleanup.policy=compact')]],
  ];
  for (const [topic, found, commands] of table)
    assert.deepEqual(commandsFor(topic, found), commands, JSON.stringify(found));
});

test('a deviation says what is there, what should be, and what follows', () => {
  const found = new Map([['message.timestamp.after.max.ms', '3600000']]);
  assert.equal(
    deviationsOf(metrics, found, 'kafka-1:9092')[0]!.detail,
    'topic metrics takes records up to 3600 s ahead of its clock, and should take 600 s: the windows and for_seconds of a series that is ahead stand still until time catches up',
  );
});

test('topics that should take any time, and refuse some, are one deviation with one command', () => {
  const of = (name: string, bound: string) =>
    [
      { name, partitions: 1, cleanup: 'compact', timestampAheadMsMax: anyTimeAhead },
      new Map([['message.timestamp.after.max.ms', bound]]),
    ] as const;
  const most = '9223372036854775807';
  const found = refusingTopics(
    [of('rules', '3600000'), of('alarms', '7200000'), of('instances', String(anyTimeAhead)), of('deliveries', most)],
    'kafka-1:9092',
  );
  assert.deepEqual(found, [
    {
      topics: ['rules', 'alarms'],
      setting: 'timestamp_ahead',
      detail:
        "topics rules, alarms refuse records more than 3600 s ahead of the broker's clock: an instance whose clock is so far ahead cannot work",
      command:
        'for topic in rules alarms; do kafka-configs.sh --bootstrap-server kafka-1:9092 --alter --entity-type topics --entity-name $topic --add-config message.timestamp.after.max.ms=9007199254740991; done',
    },
  ]);
  assert.deepEqual(refusingTopics([of('rules', most)], 'kafka-1:9092'), []);
  assert.deepEqual(refusingTopics([[{ ...rules, timestampAheadMsMax: anyTimeAhead }, new Map()]], 'kafka-1:9092'), []);
});

test('the bound of timestamps is left out where brokers do not know it', () => {
  const names = (knowsTimestampAhead: boolean): string[] =>
    configsOf(metrics, { replicas: 1, knowsTimestampAhead }).map(({ name }) => name);
  assert.ok(names(true).includes('message.timestamp.after.max.ms'));
  assert.ok(!names(false).includes('message.timestamp.after.max.ms'));
});
