import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeadClock } from './head-clock.ts';

const hour = 3_600_000;

test('samples that come in keep a clock that is ahead from running', () => {
  const clock = new HeadClock(0);
  clock.saw(1_000_000, 50, 1_000_000 + hour);
  assert.equal(clock.now(50, 1_000_000 + hour), 1_000_000);
  assert.equal(clock.now(650, 1_000_600 + hour), 1_000_600);
});

test('a clock that is right, or behind, is believed', () => {
  const clock = new HeadClock(0);
  clock.saw(1_000_000, 50, 1_000_010);
  assert.equal(clock.now(60, 1_000_000), 1_000_000);
  assert.equal(clock.now(60, 1_000_000 - hour), 1_000_000 - hour);
});

test('a late sample does not put the time back, and after ten minutes the freshest is another', () => {
  const clock = new HeadClock(0);
  clock.saw(1_000_000, 0, 2e9);
  clock.saw(900_000, 1_000, 2e9);
  assert.equal(clock.now(1_000, 2e9), 1_001_000);
  clock.saw(1_500_000, 600_000, 2e9);
  assert.equal(clock.now(600_000, 2e9), 1_500_000);
});

test('a sample from the future bears nothing out', () => {
  const clock = new HeadClock(0);
  clock.saw(1_000_000, 0, 1_000_000 + hour);
  clock.saw(1_000_000 + 400 * 24 * hour, 0, 1_000_000 + hour);
  assert.equal(clock.now(10, 1_000_010 + hour), 1_000_010);
});

test('where no sample comes in the time is not known at first, and then the wall clock’s', () => {
  const clock = new HeadClock(1_000);
  assert.equal(clock.now(5_999, 77), undefined);
  assert.equal(clock.now(6_000, 77), 77);
});
