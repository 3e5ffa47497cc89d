import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from './clock.ts';
import { createLogger } from './logger.ts';
import { steadyClock, type SteadyClock } from './steady-clock.ts';

const hourMs = 3_600_000;
const startMs = Date.parse('2026-08-06T12:00:00Z');

/** A machine on which time passes as the test says. */
class Machine {
  wallMs = startMs;
  elapsedMs = 500;
  /** What the time is. */
  trueMs = startMs;
  readonly clock: SteadyClock;
  readonly #look: () => void;

  constructor() {
    let look: (() => void) | undefined;
    const system = {
      ...systemClock,
      wallMs: () => this.wallMs,
      every: (everyMs: number, act: () => void) => {
        assert.equal(everyMs, 1_000);
        look = act;
        return () => {};
      },
    };
    this.clock = steadyClock(system, createLogger('silent', 'test'), () => this.elapsedMs);
    this.clock.watch();
    this.#look = look!;
  }

  /** Time passes, and the clock is looked at once a second. The wall clock gains by `gainMs` each second. */
  pass(seconds: number, gainMs = 0): void {
    for (let second = 0; second < seconds; second++) {
      this.#passMs(1_000);
      this.wallMs += gainMs;
      this.#look();
    }
  }

  /** The machine is suspended: nothing looks at the clock. */
  suspend(durationMs: number): void {
    this.#passMs(durationMs);
  }

  #passMs(durationMs: number): void {
    this.trueMs += durationMs;
    this.wallMs += durationMs;
    this.elapsedMs += durationMs;
  }

  /** How far the steady clock is ahead of the time. */
  get aheadMs(): number {
    return this.clock.wallMs() - this.trueMs;
  }
}

test('the wall clock is shown as it is, also between two looks', () => {
  const machine = new Machine();
  assert.equal(machine.aheadMs, 0);
  machine.pass(10);
  machine.suspend(20);
  assert.equal(machine.aheadMs, 0);
  machine.suspend(500);
  assert.equal(machine.aheadMs, 0);
});

for (const jumpMs of [hourMs, -hourMs, 50 * 60_000, 2_000, -2_000, 10 * 365 * 24 * hourMs]) {
  test(`a jump by ${jumpMs} ms for 3 s is never seen`, () => {
    const machine = new Machine();
    machine.pass(10);
    machine.wallMs += jumpMs;
    assert.equal(machine.aheadMs, 0);
    machine.pass(3);
    assert.equal(machine.aheadMs, 0);
    machine.wallMs -= jumpMs;
    assert.equal(machine.aheadMs, 0);
    machine.pass(100);
    assert.equal(machine.aheadMs, 0);
  });

  test(`a jump by ${jumpMs} ms is followed when it has lasted 60 s, asked for the time or not`, () => {
    const machine = new Machine();
    machine.wallMs += jumpMs;
    machine.pass(60);
    assert.equal(machine.aheadMs, 0);
    machine.pass(1);
    assert.equal(machine.aheadMs, jumpMs);
    machine.pass(100);
    assert.equal(machine.aheadMs, jumpMs);
  });
}

test('a jump amid another must last 60 s itself', () => {
  const machine = new Machine();
  machine.wallMs += hourMs;
  machine.pass(50);
  machine.wallMs -= 2 * hourMs;
  machine.pass(60);
  assert.equal(machine.aheadMs, 0);
  machine.pass(1);
  assert.equal(machine.aheadMs, -hourMs);
});

test('a clock that leaps a day to and fro each second is not believed', () => {
  const machine = new Machine();
  for (let round = 0; round < 300; round++) {
    machine.wallMs = machine.trueMs + (round % 2 === 0 ? 24 : -24) * hourMs;
    machine.pass(1);
    assert.equal(machine.aheadMs, 0);
  }
});

test('NTP slews the clock by up to a twelfth: it is followed all along', () => {
  const machine = new Machine();
  for (let minute = 1; minute <= 60; minute++) {
    machine.pass(60, 83);
    assert.equal(machine.aheadMs, minute * 60 * 83);
  }
  machine.pass(3_600, -83);
  assert.equal(machine.aheadMs, 0);
});

test('a clock that is slewed after a jump is followed where it has come to', () => {
  const machine = new Machine();
  machine.wallMs += 10_000;
  machine.pass(61, -83);
  assert.equal(machine.aheadMs, 10_000 - 61 * 83);
});

test('a laptop that was suspended for a night shows the time at once', () => {
  const machine = new Machine();
  machine.pass(10);
  machine.suspend(8 * hourMs);
  assert.equal(machine.aheadMs, 0);
  machine.pass(1);
  assert.equal(machine.aheadMs, 0);
});

test('the elapsed time of this machine counts on', () => {
  const clock = steadyClock(systemClock, createLogger('silent', 'test'));
  assert.ok(Math.abs(clock.wallMs() - Date.now()) < 100);
  assert.equal(Number.isInteger(clock.wallMs()), true);
});
