import { test } from 'node:test';
import assert from 'node:assert/strict';
import { InvalidBudget, type Trial, type Verdict } from './invalid-budget.ts';

const minuteMs = 60_000;

/** Tries a target at this time, if it may be; returns whether it was. */
function tryOne(budget: InvalidBudget, target: string, verdict: Verdict | undefined, nowMs: number): boolean {
  const [key = '', name = ''] = target.split(' ');
  if (budget.admit({ key, name }, nowMs) !== 'now') return false;
  budget.end(budget.begin({ key, name }, nowMs), verdict, nowMs);
  return true;
}

test('however many targets are refused, in no ten minutes are more than the budget', () => {
  const budget = new InvalidBudget(80);
  const refusedMs: number[] = [];
  for (let nowMs = 0; nowMs < 60 * minuteMs; nowMs += 100)
    if (tryOne(budget, `${nowMs} wh`, 'refused', nowMs)) refusedMs.push(nowMs);
  for (const fromMs of refusedMs) {
    const count = refusedMs.filter((atMs) => atMs >= fromMs && atMs < fromMs + 10 * minuteMs).length;
    assert.ok(count <= 80, `${count} from ${fromMs} on`);
  }
  // The rest is spread over the time, so that one more never waits long.
  const gaps = refusedMs.slice(40, 80).map((atMs, index) => atMs - refusedMs[39 + index]!);
  assert.ok(Math.max(...gaps) <= 20_000, `${Math.max(...gaps)} ms`);
});

test('requests under way count, since they may all be refused; further ones wait for their answers alone', () => {
  const budget = new InvalidBudget(80);
  const begun: Trial[] = [];
  for (let index = 0; index < 1_000; index++) {
    const target = { key: `${index}`, name: 'wh' };
    const admission = budget.admit(target, 0);
    if (admission === 'now') begun.push(budget.begin(target, 0));
    else assert.equal(admission, 'soon');
  }
  assert.equal(begun.length, 80);
  budget.noteServed({ key: '999', name: 'wh' }, 0);
  assert.equal(budget.admit({ key: '999', name: 'wh' }, 0), 'now');
  budget.end(begun[0]!, 'served', 10);
  assert.equal(budget.admit({ key: '998', name: 'wh' }, 10), 'now');
  for (const trial of begun.slice(1)) budget.end(trial, 'refused', 20);
  assert.equal(budget.admit({ key: '998', name: 'wh' }, 30), 'later');
});

test('in a part of a fleet, one refusal holds no other target of its webhook back', () => {
  const budget = new InvalidBudget(80);
  budget.setShare(1 / 20);
  assert.ok(tryOne(budget, '1 thread', 'refused', 0));
  assert.ok(tryOne(budget, '1 other', 'served', 1));
  assert.ok(tryOne(budget, '2 new', 'served', 2));
});

test('without invalid answers any number of first requests goes out at once', () => {
  const budget = new InvalidBudget(80);
  for (let index = 0; index < 1_000; index++) assert.ok(tryOne(budget, `${index} wh`, 'served', 0));
});

test('a target that was served lately is never held back, until it is refused itself', () => {
  const budget = new InvalidBudget(8);
  tryOne(budget, '1 good', 'served', 0);
  budget.noteServed({ key: '2', name: 'good' }, 0);
  for (let index = 0; index < 8; index++) budget.noteRefused({ key: `${100 + index}` }, index);
  assert.ok(!tryOne(budget, '3 new', 'served', 1_000), 'the budget is spent');
  for (let times = 0; times < 20; times++) assert.ok(tryOne(budget, '1 good', 'invalid', 1_000));
  assert.ok(tryOne(budget, '2 good', 'refused', 1_000));
  assert.equal(budget.admit({ key: '2', name: 'good' }, 1_000), 'later');
  assert.equal(budget.admit({ key: '1', name: 'good' }, 23 * 60 * minuteMs), 'now');
});

test('the wrong tokens of one webhook use a small part of the budget, and the next webhook is tried at once', () => {
  const budget = new InvalidBudget(80);
  let refused = 0;
  for (let index = 0; index < 3_000; index++) if (tryOne(budget, `1 wh${index}`, 'refused', index)) refused += 1;
  assert.equal(refused, 10);
  assert.ok(tryOne(budget, '2 new', 'served', 3_000));
  assert.ok(tryOne(budget, '1 wh0', 'refused', 10 * minuteMs), 'ten minutes later');
});

test('when many were refused, good targets that are new follow one another as fast as they answer', () => {
  const budget = new InvalidBudget(80);
  for (let index = 0; index < 40; index++) tryOne(budget, `${index} wh`, 'refused', 0);
  assert.ok(!tryOne(budget, 'a wh', 'served', 1_000));
  for (let index = 0; index < 20; index++) assert.ok(tryOne(budget, `new${index} wh`, 'served', 15_000 + index));
  assert.ok(tryOne(budget, 'wrong wh', 'refused', 16_000));
  assert.ok(!tryOne(budget, 'next wh', 'served', 17_000));
});

test('each process has its part of the budget, and what a former owner was refused counts', () => {
  const budget = new InvalidBudget(80);
  budget.setShare(1 / 20);
  assert.equal(budget.most, 4);
  for (let index = 0; index < 4; index++) budget.noteRefused({ key: `${index}` }, -index * minuteMs);
  assert.equal(budget.count(0), 4);
  assert.ok(!tryOne(budget, 'new wh', 'served', 1));
  assert.equal(budget.count(8 * minuteMs), 2);
});
