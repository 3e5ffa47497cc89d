// Who goes through the door to Discord when many wait at it.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { NotifyClock } from './clock.ts';
import { SendGate } from './send-gate.ts';

const signal = new AbortController().signal;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A clock that a test moves. */
class StillClock implements NotifyClock {
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

function newDoor(): { clock: StillClock; passed: string[]; come: (name: string, much?: boolean) => void } {
  const clock = new StillClock();
  const gate = new SendGate(40, clock);
  const passed: string[] = [];
  const come = (name: string, much = false): void => {
    void gate.enter(signal, () => much).then(() => passed.push(name));
  };
  return { clock, passed, come };
}

test('a webhook to which little is due does not wait behind a storm', async () => {
  const { clock, passed, come } = newDoor();
  for (let index = 0; index < 100; index++) come(`storm ${index}`, true);
  await clock.advance(1_000);
  assert.ok(passed.length >= 40 && passed.length <= 46, `${passed.length}`);
  come('bystander');
  await clock.advance(1);
  assert.equal(passed.at(-1), 'bystander', 'at once, since the storm leaves a few');
});

test('many bystanders do not keep a storm waiting for ever', async () => {
  const { clock, passed, come } = newDoor();
  for (let index = 0; index < 200; index++) come(`bystander ${index}`);
  for (let index = 0; index < 20; index++) come(`storm ${index}`, true);
  await clock.advance(1_000);
  const storms = passed.filter((name) => name.startsWith('storm')).length;
  assert.ok(storms >= 8 && storms <= 12, `${storms} of ${passed.length}`);
});

test('among the like, who came first goes first', async () => {
  const { clock, passed, come } = newDoor();
  for (let index = 0; index < 40; index++) come(String(index));
  await clock.advance(2_000);
  assert.deepEqual(
    passed,
    Array.from({ length: 40 }, (_, index) => String(index)),
  );
});
