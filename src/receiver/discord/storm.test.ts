import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { Notification } from '../../alarm/notification.ts';
import { packDiscord } from './message.ts';

const due = (count: number): Notification[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `n${index}`,
    kind: 'fired',
    alarmId: 'a',
    ruleId: '21433034-8078-4f1a-bb8d-1ac996db395d',
    ruleVersion: { partition: 0, offset: 0 },
    series: { name: 'cpu', tags: {} },
    x: index,
    rule: { id: '21433034-8078-4f1a-bb8d-1ac996db395d', metric_name: 'received-packages', threshold: 0 },
    cause: 'breach',
    timeMs: 0,
    sinceMs: 0,
    sample: { partition: 0, offset: 0, timestampMs: 0 },
    message: true,
    deferred: false,
    isPast: false,
  }));

/** Sends all that is due, message by message: how many each carries, and how many of them as embeds. `storm`: as it was left. */
function drain(count: number, storm: { shown?: number | undefined } = {}): string[] {
  const sent: string[] = [];
  for (let left = count; left > 0;) {
    const {
      carried: { length: taken },
      shown,
      storm: before,
    } = packDiscord(due(left), { storm: storm.shown }, 'full');
    storm.shown = before === undefined ? undefined : before + shown;
    sent.push(`${taken}/${shown}`);
    left -= taken;
  }
  return sent;
}

test('the first twenty of a storm are shown one by one, the rest in lists, and the last ten again one by one', () => {
  const storm = {};
  const [first, second, ...rest] = drain(100, storm);
  assert.deepEqual([first, second], ['10/10', '10/10']);
  assert.ok(rest.length <= 3 && rest.every((sent) => /^\d+\/[1-9]$|^10\/10$/.test(sent)), rest.join(' '));
  assert.deepEqual(drain(10, storm), ['10/10'], 'the storm is over');
  assert.deepEqual(drain(23, storm).slice(0, 2), ['10/10', '10/10']);
});

test('a repeat carries what its attempt carried, as a list too', () => {
  const { carried, shown } = packDiscord(due(60), { storm: 20 }, 'full');
  assert.ok(carried.length > 20);
  assert.deepEqual(packDiscord(carried, { possibleRepeat: true, shown }, 'full').carried, carried);
});

const ofRule = (ruleId: string, count: number, more: Partial<Notification> = {}): Notification[] =>
  due(count).map((one, index) => ({
    ...one,
    ruleId,
    id: `${ruleId} ${index}`,
    series: { name: 'cpu', tags: { host: `web-${index}`, dc: 'fra' } },
    ...more,
  }));
const titlesOf = (body: object): string[] => (body as { embeds: { title: string }[] }).embeds.map(({ title }) => title);

test('what one rule has beyond what fits is summarized: how many series, and some of their tags', () => {
  const flood = ofRule('21433034-8078-4f1a-bb8d-1ac996db395d', 39_818);
  const { body, carried, shown } = packDiscord(flood, { storm: 20, consoleUrl: 'https://ssrms.example.com' }, 'full');
  assert.equal(carried.length, flood.length);
  assert.equal(shown, 6);
  assert.equal(titlesOf(body).at(-1), 'cpu > 0: 39,812 more series');
  const text = JSON.stringify(body);
  assert.match(text, /host = web-6, dc = fra: 6\\n/);
  assert.match(text, /https:\/\/ssrms\.example\.com\/#\/rules\/21433034-8078-4f1a-bb8d-1ac996db395d/);
});

test('a rule with one alarm beside floods of others is shown whole, and a message has room for many rules', () => {
  const floods = ['a', 'b', 'c', 'd', 'e'].map((rule) => ofRule(rule, 400));
  const all = [
    ofRule('one', 1)[0]!,
    ...Array.from({ length: 400 }, (_, nth) => floods.map((flood) => flood[nth]!)).flat(),
  ];
  const { body, carried } = packDiscord(all, { storm: 20 }, 'full');
  assert.equal(carried.length, all.length);
  assert.equal(carried[0], all[0]);
  assert.equal(titlesOf(body)[0], 'Alarm triggered');
  assert.match(
    JSON.stringify(body),
    /cpu > 0: 399 more series \(host = web-1, dc = fra; /,
    'the fourth flood is a line',
  );
});

test('lists and plain texts name the tags, and say what else there is', () => {
  const some = ofRule('21433034-8078-4f1a-bb8d-1ac996db395d', 30);
  const { body, carried } = packDiscord(some, { storm: 20 }, 'full');
  assert.match(
    JSON.stringify(body),
    /Alarm triggered: cpu \(host = web-12, dc = fra\), value 12, threshold 0, rule 21433034/,
  );
  assert.equal(carried.length, 30);
  const plain = packDiscord(ofRule('r', 300), {}, 'plain');
  assert.equal(plain.carried.length, 300);
  assert.match(JSON.stringify(plain.body), /host = web-3.*and 2\d\d more/);
  const resolved = packDiscord([...ofRule('r', 300), ...ofRule('r', 60, { kind: 'resolved' })], { storm: 20 }, 'full');
  assert.match(titlesOf(resolved.body).at(-1)!, /^cpu > 0: 354 more notifications \(294 fired, 60 resolved\)$/);
});

test('a repeat of any of these carries the same in the same order, later and elsewhere', () => {
  for (const rules of [1, 3, 5, 60, 300])
    for (const each of [1, 7, 11, 200]) {
      const floods = Array.from({ length: rules }, (_, rule) => ofRule(`rule ${rule}`, each));
      const all = Array.from({ length: each }, (_, nth) => floods.map((flood) => flood[nth]!)).flat();
      const { carried, shown } = packDiscord(all, { storm: 20 }, 'full');
      const facts = { possibleRepeat: true, nowMs: 9e12, consoleUrl: 'https://ssrms.example.com/a/long/path', shown };
      const repeat = packDiscord(carried, facts, 'full');
      assert.deepEqual(repeat.carried, carried, `${rules} rules, ${each} each`);
      assert.equal(repeat.shown, shown);
    }
});
