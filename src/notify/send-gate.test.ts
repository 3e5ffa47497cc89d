// Who goes through the door to Discord when many wait at it.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { Clock } from '../base/clock.ts';
import { SendGate } from './send-gate.ts';

const signal = new AbortController().signal;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A clock that a test moves. */
class StillClock implements Clock {
  nowMs = 0;
  readonly #sleeping = new Set<{ readonly dueMs: number; readonly wake: (passed: boolean) => void }>();

  wallMs(): number {
    return this.nowMs;
  }

  monotonicMs(): number {
    return this.nowMs;
  }

  chance(): number {
    return 0;
  }

  every(): () => void {
    throw new Error('the gate sets no timer');
  }

  after(): () => void {
    throw new Error('the gate sets no timer');
  }

  pause(durationMs: number, change: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const one = { dueMs: this.nowMs + durationMs, wake: resolve };
      this.#sleeping.add(one);
      change.addEventListener('abort', () => {
        if (this.#sleeping.delete(one)) resolve(false);
      });
    });
  }

  async advance(durationMs: number): Promise<void> {
    for (const untilMs = this.nowMs + durationMs; this.nowMs < untilMs;) {
      this.nowMs += 1;
      for (const one of this.#sleeping) {
        if (one.dueMs > this.nowMs) continue;
        this.#sleeping.delete(one);
        one.wake(true);
      }
      await turn();
    }
  }
}

interface Door {
  readonly clock: StillClock;
  readonly gate: SendGate;
  readonly passed: string[];
  /** Somebody comes with so much due. Resolves to how long it waited. */
  readonly come: (name: string, due?: () => number) => Promise<number>;
}

function newDoor(): Door {
  const clock = new StillClock();
  const gate = new SendGate(40, clock, 48);
  const passed: string[] = [];
  const come = async (name: string, due = () => 1): Promise<number> => {
    const cameMs = clock.nowMs;
    await gate.enter(signal, due);
    passed.push(name);
    return clock.nowMs - cameMs;
  };
  return { clock, gate, passed, come };
}

/** One alarm each quarter of a second, for so long; how long each waited at the door. */
async function bystanders({ clock, come }: Door, durationMs: number): Promise<number[]> {
  const waits: Promise<number>[] = [];
  for (let passedMs = 0; passedMs < durationMs; passedMs += 250) {
    waits.push(come('bystander'));
    await clock.advance(250);
  }
  return Promise.all(waits);
}

const longest = (waits: readonly number[]): number => waits.reduce((most, wait) => Math.max(most, wait), 0);

test('a webhook to which little is due does not wait behind a storm', async () => {
  const { clock, passed, come } = newDoor();
  for (let index = 0; index < 100; index++) void come(`storm ${index}`, () => 100);
  await clock.advance(1_000);
  assert.ok(passed.length >= 40 && passed.length <= 46, `${passed.length}`);
  void come('bystander');
  await clock.advance(1);
  assert.equal(passed.at(-1), 'bystander', 'at once, since the storm leaves a few');
});

test('a thousand webhooks whose alarms have only begun to come are a storm as well', async () => {
  const door = newDoor();
  const { clock } = door;
  for (let index = 0; index < 1_000; index++) {
    // A hundred alarms each within three seconds, the first of them within the first 300 ms.
    const due = (): number => Math.max(1, Math.min(100, Math.floor(clock.nowMs / 30) - (index % 5)));
    if (index % 100 === 0) await clock.advance(30);
    void door.come(`storm ${index}`, due);
  }
  const waits = await bystanders(door, 20_000);
  // The first one meets those of the storm that have just come themselves.
  assert.ok(
    longest(waits.slice(0, 1)) <= 100 && longest(waits.slice(1)) <= 25,
    `bystanders waited ${waits.join(' ')} ms`,
  );
});

test('who comes after a thousand webhooks with one alarm each does not wait until they are served', async () => {
  const door = newDoor();
  for (let index = 0; index < 1_000; index++) void door.come(`storm ${index}`);
  await door.clock.advance(10);
  const waits = await bystanders(door, 20_000);
  assert.ok(longest(waits) <= 25, `a bystander waited ${longest(waits)} ms: ${waits.join(' ')}`);
  const storms = door.passed.filter((name) => name !== 'bystander').length;
  assert.ok(storms >= 20 * 40 - waits.length - 5, `the storm had all that was left: ${storms}`);
});

test('the last messages of a thousand webhooks, with one alarm each, delay nobody', async () => {
  const door = newDoor();
  for (let index = 0; index < 300; index++) {
    const again = async (due: number): Promise<void> => {
      await door.come(`storm ${index}`, () => due);
      if (due > 1) await again(1);
    };
    void again(100);
  }
  const waits = await bystanders(door, 20_000);
  assert.ok(longest(waits) <= 50, `a bystander waited ${longest(waits)} ms: ${waits.join(' ')}`);
});

test('many bystanders do not keep a storm waiting for ever', async () => {
  const { clock, passed, come } = newDoor();
  for (let index = 0; index < 20; index++) void come(`storm ${index}`, () => 100);
  await clock.advance(1);
  for (let index = 0; index < 200; index++) void come(`bystander ${index}`);
  await clock.advance(1_000);
  const storms = passed.filter((name) => name.startsWith('storm')).length;
  assert.ok(storms >= 8 && storms <= 14, `${storms} of ${passed.length}`);
});

test('nobody waits for ever, though others keep coming faster than all can be served', async () => {
  const { clock, passed, come } = newDoor();
  for (let index = 0; index < 20; index++) void come(`early ${index}`);
  for (let round = 0; round < 400; round++) {
    void come(`later ${round}`);
    await clock.advance(10);
  }
  assert.equal(passed.filter((name) => name.startsWith('early')).length, 20);
});

test('however long requests are held up on the way, Discord sees no second with more than it allows', async () => {
  const { clock, gate } = newDoor();
  const counted: number[] = [];
  const sent = async (): Promise<void> => {
    if (!(await gate.enter(signal))) return;
    // An append that takes long, and then all that waited for it go on at once.
    if (clock.nowMs > 2_000 && clock.nowMs < 3_500) await clock.pause(3_500 - clock.nowMs, signal);
    await gate.write(
      signal,
      async () => {
        await clock.pause(5, signal);
        // Discord itself stands still for a moment, and then counts all that have come.
        if (clock.nowMs > 6_000 && clock.nowMs < 6_400) await clock.pause(6_400 - clock.nowMs, signal);
        counted.push(clock.nowMs);
        await clock.pause(15, signal);
        return { kind: 'answered', status: 200, headers: {}, body: undefined };
      },
      () => true,
    );
  };
  for (let index = 0; index < 600; index++) void sent();
  await clock.advance(12_000);
  for (const from of counted) {
    const inSecond = counted.filter((atMs) => atMs >= from && atMs < from + 1_000).length;
    assert.ok(inSecond <= 50, `${inSecond} in the second from ${from}`);
  }
  assert.ok(counted.length >= 400, `and it goes on at its rate: ${counted.length} in 12 s`);
});
