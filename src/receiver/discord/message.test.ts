import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { refusalOf } from '../../../test/support/fake-discord/payload-validation.ts';
import type { Notification } from '../../alarm/notification.ts';
import { tagsOf } from '../../metric/sample.ts';
import { messageKinds } from '../../alarm/due.ts';
import { ruleTypes } from '../../measure/measures.ts';
import { operators } from '../../rule/comparison.ts';
import { severities } from '../../rule/severity.ts';
import { packDiscord, packMessage, packStorm, plainMessage, type Message } from './message.ts';

const fired: Notification = {
  id: 'id',
  kind: 'fired',
  alarmId: 'alarm',
  ruleId: '21433034-8078-4f1a-bb8d-1ac996db395d',
  ruleVersion: { partition: 1, offset: 7 },
  series: { name: 'received-packages', tags: {} },
  x: 508,
  rule: { id: '21433034-8078-4f1a-bb8d-1ac996db395d', metric_name: 'received-packages', threshold: 500 },
  cause: 'breach',
  timeMs: 10,
  sinceMs: 10,
  sample: { partition: 3, offset: 1_234, timestampMs: 10 },
  message: true,
  deferred: false,
  isPast: false,
};

test('one alarm is one embed, in a body that pings nobody', () => {
  const {
    body,
    carried: { length: taken },
  } = packMessage([fired]);
  assert.equal(taken, 1);
  assert.deepEqual(Object.keys(body), ['embeds', 'allowed_mentions']);
  assert.equal(body.embeds?.length, 1);
  assert.deepEqual(body.allowed_mentions, { parse: [] });
});

test('ten alarms are one message, and the eleventh waits for the next', () => {
  const {
    body,
    carried: { length: taken },
  } = packMessage(Array.from({ length: 11 }, () => fired));
  assert.deepEqual([taken, body.embeds?.length], [10, 10]);
});

test('alarms are packed until 6,000 code points are reached', () => {
  const long = { ...fired, rule: { ...fired.rule, description: 'x'.repeat(900) } };
  const {
    body,
    carried: { length: taken },
  } = packMessage(Array.from({ length: 11 }, () => long));
  assert.equal(taken, 5);
  assert.equal(refusalOf(body), undefined);
  const [embed] = body.embeds ?? [];
  assert.equal(refusalOf({ embeds: Array.from({ length: 6 }, () => embed) })?.code, 50_035, 'one more is too much');
});

test('a message of nothing but ends makes no sound; with an alarm in it, it does', () => {
  const resolved = { ...fired, kind: 'resolved', x: 480 } as const;
  assert.equal(packMessage([resolved, resolved]).body.flags, 4_096);
  assert.equal(packMessage([resolved, fired]).body.flags, undefined);
});

test('a repeat is marked on every embed, on the list of a storm, and in the plain text', () => {
  const { body } = packMessage([fired, fired], { possibleRepeat: true });
  assert.deepEqual(
    body.embeds?.map((embed) => embed.footer?.text),
    ['possible repeat', 'possible repeat'],
  );
  const storm = packStorm(
    Array.from({ length: 30 }, () => fired),
    { possibleRepeat: true },
  );
  assert.equal(storm.body.embeds?.at(-1)?.footer?.text, 'possible repeat');
  assert.match(plainMessage([fired], { possibleRepeat: true }).body.content ?? '', /^\(possible repeat\)\n/);
});

test('a storm is a few embeds and a list that names each of the rest', () => {
  const storm = Array.from({ length: 30 }, (_, index) => ({ ...fired, x: 1_000 + index }));
  const {
    body,
    carried: { length: taken },
  } = packStorm(storm);
  assert.ok(taken > 25, `${taken}`);
  const text = JSON.stringify(body);
  for (let index = 0; index < taken; index += 1) assert.match(text, new RegExp(`\\b${1_000 + index}\\b`));
  assert.ok(!text.includes(String(1_000 + taken)));
  assert.match(body.embeds?.at(-1)?.title ?? '', /^\d+ more$/);
  assert.deepEqual(packStorm(storm.slice(0, 3)), packMessage(storm.slice(0, 3)));
});

test('the plain text says each alarm in a line', () => {
  assert.deepEqual(plainMessage([fired]), {
    body: {
      content:
        'Alarm triggered: received-packages, value 508, threshold 500, rule 21433034-8078-4f1a-bb8d-1ac996db395d',
      allowed_mentions: { parse: [] },
    },
    carried: [fired],
    shown: 1,
  });
});

test('the plain text carries all of a message even when names and numbers are long', () => {
  const long = {
    ...fired,
    series: { name: `${'x'.repeat(119)}!`, tags: {} },
    x: -1.2345678901234567e-100,
    threshold: -1.2345678901234567e-101,
  };
  const all = Array.from({ length: 10 }, () => long);
  assert.equal(packMessage(all).carried.length, 10);
  const plain = plainMessage(all, { possibleRepeat: true });
  assert.equal(plain.carried.length, 10);
  assert.equal(refusalOf(plain.body), undefined);
});

test('a rule that is critical has a line above the embeds, for who reads a notification on a phone', () => {
  const one = (rule: Partial<Notification['rule']>, more: Partial<Notification> = {}): Notification => {
    const series = { name: 'cpu-usage', tags: { host: 'web-1', disk: '/dev' } };
    return { ...fired, series, x: 95, ...more, rule: { ...fired.rule, threshold: 90, ...rule } };
  };
  const contentOf = (...all: Notification[]): string | undefined => packMessage(all).body.content;
  const critical = { severity: 'critical' } as const;
  assert.equal(contentOf(one({})), undefined);
  assert.equal(contentOf(one({ severity: 'warning' })), undefined);
  assert.equal(contentOf(one(critical)), 'cpu-usage is 95, above 90 (host web-1, disk `/dev`)');
  assert.equal(
    contentOf(one({ ...critical, operator: '>=' }, { series: { name: 'up', tags: {} } })),
    'up is 95, at least 90',
  );
  assert.equal(
    contentOf(
      one({}),
      one({ ...critical, resolve_threshold: 80 }, { x: 70, kind: 'resolved' }),
      one({ ...critical, operator: '!=' }),
    ),
    'cpu-usage is 95, not 90 (host web-1, disk `/dev`), and 2 more',
  );
  const silent = one({ ...critical, no_data_seconds: 60 }, { kind: 'no_data', cause: 'no_data', x: undefined });
  assert.match(contentOf(silent)!, /^cpu-usage has sent no data for 60 s \(host/);
  assert.match(
    contentOf(one(critical, { isPast: true, timeMs: 50_521_000 }))!,
    /^cpu-usage was 95 at 14:02:01 UTC, above 90 /,
  );
  const tried = packDiscord([one(critical)], { isTest: true }, 'full').body.content!;
  assert.deepEqual(
    tried.split('\n').map((line) => line.slice(0, 14)),
    ['This is a test', 'cpu-usage is 9'],
  );
  assert.equal(packMessage([one(critical, { kind: 'resolved', x: 1 })]).body.flags, undefined, 'with a sound');
  assert.equal(packMessage([one({}, { kind: 'resolved', x: 1 })]).body.flags, 4_096);
});

const hostileText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }).map((text) => text.toWellFormed()),
  fc.constantFrom(
    '@everyone',
    '<@&1>',
    '[x](http://evil)',
    '`',
    '||',
    '>>> ',
    '\u202etxt',
    '👨‍👩‍👧‍👦'.repeat(60),
    'x'.repeat(255),
    '\n\n',
    ' ',
  ),
);
const notifications: fc.Arbitrary<Notification> = fc.record({
  id: fc.uuid(),
  kind: fc.constantFrom(...messageKinds),
  alarmId: fc.uuid(),
  ruleId: fc.oneof(fc.uuid({ version: 4 }), hostileText),
  ruleVersion: fc.constant({ partition: 0, offset: 0 }),
  series: fc.record({
    name: hostileText,
    tags: fc
      .array(fc.tuple(hostileText, fc.oneof(hostileText, fc.constant('v'.repeat(1_024)))), { maxLength: 16 })
      .map(tagsOf),
  }),
  x: fc.option(fc.double({ noNaN: true }), { nil: undefined }),
  rule: fc.record(
    {
      id: fc.constant('a rule'),
      metric_name: hostileText,
      operator: fc.constantFrom(...operators),
      threshold: fc.double({ noNaN: true }),
      resolve_threshold: fc.double({ noNaN: true }),
      type: fc.constantFrom(...ruleTypes),
      window_duration_seconds: fc.double({ min: 1e-300, max: 86_400, noNaN: true }),
      percentile: fc.double({ min: 0, max: 100, noNaN: true }),
      no_data_seconds: fc.double({ min: 1e-300, noNaN: true }),
      description: fc.oneof(hostileText, fc.constant('`'.repeat(1_000))),
      name: hostileText,
      severity: fc.constantFrom(...severities),
      runbook_url: fc.oneof(hostileText, fc.webUrl({ validSchemes: ['https'], withFragments: true, size: 'xlarge' })),
      labels: fc.array(fc.tuple(hostileText, hostileText), { maxLength: 16 }).map(tagsOf),
    },
    { requiredKeys: ['id', 'metric_name', 'threshold'] },
  ),
  cause: fc.constantFrom('breach' as const, 'no_data' as const),
  timeMs: fc.double({ noNaN: true }),
  sinceMs: fc.double({ noNaN: true }),
  sample: fc.constant({ partition: 0, offset: 0, timestampMs: 0 }),
  message: fc.constant(true),
  deferred: fc.boolean(),
  isPast: fc.boolean(),
});

/** Every text of a body that Discord would parse for Markdown, with the inline code taken out. */
function parsedTexts({ body }: Message): string[] {
  const texts = [
    body.content ?? '',
    ...(body.embeds ?? []).flatMap((embed) => [
      embed.description,
      // A link that is nothing else.
      ...embed.fields.map(({ name, value }) =>
        name === 'Runbook' ? value.replace(/^https:[^`*|~<>()[\]\\@\s]+$/, '') : value,
      ),
    ]),
  ];
  return texts.map((text) => text.replaceAll(/`[^`]*`/g, ''));
}

test('whatever stands in an alarm, Discord takes the message, and nothing in it is parsed as more than text', () => {
  const facts = fc.record({ possibleRepeat: fc.boolean(), nowMs: fc.double({ noNaN: true }) });
  fc.assert(
    fc.property(fc.array(notifications, { minLength: 1, maxLength: 40 }), facts, (all, given) => {
      for (const pack of [packMessage, packStorm, plainMessage]) {
        const message = pack(all, given);
        assert.ok(message.carried.length >= 1 && message.carried.length <= all.length);
        assert.equal(JSON.stringify(refusalOf(message.body)), undefined);
        assert.deepEqual(message.body.allowed_mentions, { parse: [] });
        assert.ok(message.shown >= 1 && message.shown <= message.carried.length);
        // A repeat carries exactly what its attempt carried, whatever more it has to say.
        const repeat = pack(message.carried, { possibleRepeat: true, nowMs: 8e15, shown: message.shown });
        assert.deepEqual(repeat.carried, message.carried);
        for (const text of parsedTexts(message)) {
          // Only our own moments may be left of all that Discord gives a meaning to.
          const rest = text.replaceAll(/<t:-?\d+:[FR]>|\bat \d\d:\d\d:\d\d UTC/g, '');
          assert.doesNotMatch(rest, /[`*~|#[\]<@\\:](?! )|https?:|^>/m, JSON.stringify(rest));
        }
      }
      const packed = packMessage(all, given);
      assert.equal(
        plainMessage(packed.carried, given).carried.length,
        packed.carried.length,
        'the plain text carries all of an attempt',
      );
    }),
    { numRuns: 500 },
  );
});
