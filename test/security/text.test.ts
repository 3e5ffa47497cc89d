// Somebody else's text in an alarm (a metric's name, tags, a rule's description) never pings, links, hides or breaks a message:
// whatever it is, Discord would take the message, and show the text as text.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { request } from 'undici';
import type { Notification } from '../../src/alarm/notification.ts';
import { packMessage, packStorm, plainMessage } from '../../src/receiver/discord/message.ts';
import { startFakeDiscord } from '../support/fake-discord/fake-discord.ts';
import { pingsOf } from '../support/fake-discord/ledger.ts';
import { refusalOf, type MessagePayload } from '../support/fake-discord/payload-validation.ts';
import { notificationFor } from '../support/notification.ts';

const ruleId = '21433034-8078-4f1a-bb8d-1ac996db395d';
const fragments = [
  '@everyone',
  '@here',
  '<@1>',
  '<@!1>',
  '<@&1>',
  '<#1>',
  '</ban:1>',
  '<id:guide>',
  '[x](http://evil.example)',
  '<http://evil.example>',
  'http://evil.example',
  '<:name:123456789012345678>',
  '<t:0:R>',
  '`',
  '``',
  '```js\n',
  '\\`',
  '\\',
  '||',
  '**',
  '__',
  '~~',
  '\n>>> ',
  '\n# ',
  '\n- ',
  '\n',
  '\r\n',
  '\u2028',
  '\u202e',
  '\u2066',
  '\u200b',
  '\ufeff',
  '\u0000',
  '\ud800',
  '🙂',
  '👩‍👩‍👧‍👦',
  '\u{e0041}',
  ' ',
  '',
  'cpu_usage',
  'Überlast',
];
const hostile = fc.oneof(
  fc.array(fc.constantFrom(...fragments), { maxLength: 12 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc
    .tuple(fc.constantFrom(...fragments), fc.constantFrom(300, 1_100, 6_100))
    .map(([part, count]) => part.repeat(count)),
);
const notification: fc.Arbitrary<Notification> = fc
  .record({
    kind: fc.constantFrom('fired' as const, 'resolved' as const, 'no_data' as const),
    ruleId: fc.oneof(fc.constant(ruleId), hostile),
    alarmId: fc.oneof(fc.uuid(), hostile),
    name: hostile,
    tags: fc.array(fc.tuple(hostile, hostile), { maxLength: 16 }),
    description: fc.option(hostile, { nil: undefined }),
    x: fc.option(fc.double({ noNaN: true }), { nil: undefined }),
    windowSeconds: fc.option(fc.double({ min: 0.1, max: 86_400, noNaN: true }), { nil: undefined }),
    timeMs: fc.integer({ min: -8.64e15, max: 8.64e15 }),
    owed: fc.boolean(),
  })
  .map(({ name, tags, ruleId: id, ...more }) =>
    notificationFor(id, 1, {
      ...more,
      x: more.kind === 'no_data' ? more.x : (more.x ?? 1),
      cause: more.kind === 'no_data' ? 'no_data' : 'breach',
      ...(more.kind === 'no_data' && { rule: { no_data_seconds: 60 } }),
      sinceMs: more.timeMs - 1_000,
      series: { name, tags: Object.fromEntries(tags.map(([key, value]) => [`k${key}`, value])) },
    }),
  );

/** What may stand outside of inline code: what our own sentences are made of, and letters and digits of any script. */
const ownText = /^[\p{L}\p{M}\p{Nd} .,:;=()…+\n'/-]*$/u;
/** Every character that could draw nothing, or turn what follows around. */
const unseen = /[\p{Cc}\p{Cf}\p{Cs}]/u;

const consoleUrl = 'https://ssrms.example';

/** The texts of a body that Discord reads as Markdown. */
function textsOf(body: MessagePayload): string[] {
  return [
    body.content ?? '',
    ...(body.embeds ?? []).flatMap((embed) => [
      embed.title ?? '',
      embed.description ?? '',
      ...(embed.fields ?? []).flatMap(({ name, value }) => [name, value]),
    ]),
  ];
}

function assertHarmless(body: MessagePayload): void {
  assert.equal(refusalOf(body), undefined, 'Discord takes it');
  assert.deepEqual(body.allowed_mentions, { parse: [] });
  assert.deepEqual(pingsOf(body), []);
  for (const text of textsOf(body)) {
    for (const line of text.split('\n')) assert.doesNotMatch(line, unseen, JSON.stringify(line));
    const outside = text
      .replaceAll(/`[^`\n]+`/g, '')
      .replaceAll(/<t:-?\d+:[FR]>/g, '')
      // The one link that is ours.
      .replaceAll(/https:\/\/ssrms\.example\/#\/alarms\/[0-9a-f-]{36}/g, '')
      // An underscore after a letter or digit begins no emphasis: before an ellipsis, two of them were cut apart.
      .replaceAll(/(?<=[A-Za-z0-9])_(?=[A-Za-z0-9…])/g, '');
    assert.match(outside, ownText, `${JSON.stringify(outside)} of ${JSON.stringify(text.slice(0, 200))}`);
    for (const line of text.split('\n'))
      assert.doesNotMatch(line, /^\s*(?:-|\d+\.|#|>)\s/, 'no list, heading or quote');
  }
}

test('whatever the text, a message is taken by Discord, pings nobody, and shows it as text', () => {
  const facts = fc.record({
    possibleRepeat: fc.boolean(),
    nowMs: fc.constant(Date.now()),
    consoleUrl: fc.constantFrom(undefined, consoleUrl),
  });
  fc.assert(
    fc.property(fc.array(notification, { minLength: 1, maxLength: 14 }), facts, (notifications, sending) => {
      for (const pack of [packMessage, packStorm, plainMessage]) {
        const {
          body,
          carried: { length: taken },
        } = pack(notifications, sending);
        assert.ok(taken >= 1, 'each message carries at least one');
        assertHarmless(body);
      }
    }),
    { numRuns: 400 },
  );
});

test('100,000 emoji in every text are cut to what Discord takes', () => {
  for (const emoji of ['🙂', '👩‍👩‍👧‍👦', '🏳️‍🌈']) {
    const long = emoji.repeat(100_000);
    const series = { name: long, tags: { [long]: long } };
    const notifications = Array.from({ length: 2 }, () =>
      notificationFor(long, 1, { series, rule: { description: long } }),
    );
    for (const pack of [packMessage, packStorm, plainMessage]) assertHarmless(pack(notifications).body);
  }
});

test('the fake Discord takes each of the worst, and would ping nobody', async (t) => {
  const fake = await startFakeDiscord();
  t.after(() => fake.close());
  for (const fragment of fragments) {
    // The limit of a channel would be met by so many to one.
    const { url } = fake.addWebhook();
    const series = { name: fragment, tags: { [`k${fragment}`]: fragment } };
    const { body } = packMessage([notificationFor(ruleId, 1, { series, rule: { description: fragment.repeat(50) } })]);
    const headers = { 'content-type': 'application/json', 'user-agent': 'test' };
    const answer = await request(`${url}?wait=true`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (answer.statusCode === 429) {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      continue;
    }
    assert.equal(answer.statusCode, 200, `${JSON.stringify(fragment)}: ${await answer.body.text()}`);
    await answer.body.dump();
  }
  assert.equal(fake.summary().pings, 0);
});
