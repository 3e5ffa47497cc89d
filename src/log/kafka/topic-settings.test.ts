import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anyTimeAhead, type TopicSettings } from '../log.ts';
import { configsOf, deviationsOf, fewInSync, fewReplicas, refusingTopics, unpairedTopic } from './topic-settings.ts';

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
      isFatal: false,
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

test('a wrong cleanup policy alone keeps a process from starting', () => {
  const all = { 'cleanup.policy': 'delete', 'message.timestamp.type': 'LogAppendTime' };
  const found = deviationsOf(rules, new Map(Object.entries(all)), 'kafka-1:9092');
  assert.deepEqual(
    found.map(({ setting, isFatal }) => [setting, isFatal]),
    [
      ['timestamp_type', false],
      ['cleanup', true],
    ],
  );
});

test('on three brokers one replica is too few, and each partition gets two more by one command', () => {
  const topicsOf = [['rules', [[2], [3]]], ['alarms', [[1, 2, 3]]]] as const; // prettier-ignore
  const [found, ...more] = fewReplicas(topicsOf, [1, 2, 3], 'kafka-1:9092');
  assert.deepEqual([found?.topics, found?.isFatal, more], [['rules'], false, []]);
  const [, json] = /^echo '(.*)' > replicas\.json && kafka-reassign-partitions\.sh .* replicas\.json$/.exec(
    found!.command,
  )!;
  assert.deepEqual(JSON.parse(json!), {
    version: 1,
    partitions: [
      { topic: 'rules', partition: 0, replicas: [2, 1, 3] },
      { topic: 'rules', partition: 1, replicas: [3, 2, 1] },
    ],
  });
  assert.deepEqual(fewReplicas(topicsOf, [1, 2], 'kafka-1:9092'), []);
});

test('three replicas of which one in sync is enough are warned of', () => {
  const config = (value: string) => new Map([['min.insync.replicas', value]]);
  const replicas = new Map([['metrics', [[1, 2, 3]]], ['rules', [[1]]]]); // prettier-ignore
  const found = fewInSync([[metrics, config('1')], [rules, config('1')]], replicas, 'kafka-1:9092'); // prettier-ignore
  assert.deepEqual(
    found.map(({ topics }) => topics),
    [['metrics']],
  );
  assert.match(found[0]!.command, /^for topic in metrics; do .* min\.insync\.replicas=2; done$/);
  assert.deepEqual(fewInSync([[metrics, config('2')]], replicas, 'kafka-1:9092'), []);
});

test('of two topics that must have as many partitions the smaller one gets more', () => {
  const of = (count: number, needed: number): string =>
    unpairedTopic({ name: 'alarms', count, asManyAs: 'metrics', needed }, 'kafka-1:9092').command;
  const add = (topic: string): string =>
    `kafka-topics.sh --bootstrap-server kafka-1:9092 --alter --topic ${topic} --partitions 24`;
  assert.deepEqual([of(20, 24), of(24, 20)], [add('alarms'), add('metrics')]);
});
