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
    const { taken, shown, storm: before } = packDiscord(due(left), { storm: storm.shown }, 'full');
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
  const { taken } = packDiscord(due(60), { storm: 20 }, 'full');
  assert.ok(taken > 20);
  assert.equal(packDiscord(due(60).slice(0, taken), { possibleRepeat: true }, 'full').taken, taken);
});
