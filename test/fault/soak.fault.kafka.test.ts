// F31 of GUARANTEES.md: another fault every ten seconds, none for a quarter of the time; then all is healed, and everything is held
// against the oracle and against Discord's ledger. Ten minutes by `npm run fault -- --soak`, eight hours by `--soak=480`.
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Failpoint } from '../../src/base/failpoint.ts';
import type { Fault } from '../support/fake-discord/fault.ts';
import { noRateLimits } from '../support/fake-discord/rate-limits.ts';
import { groupTimeoutMs, withFleet, type Fleet } from './fleet.ts';
import { Letters } from './letters.ts';

const minutes = Number(process.env.SSRMS_FAULT_SOAK_MINUTES ?? 0);
const skip = minutes > 0 ? false : 'takes ten minutes or more: npm run fault -- --soak';
const stepMs = 10_000;
const drainMs = 200_000;
const instances = [0, 1, 2];
/** What is held in memory to be judged at the end grows with the time. */
const recordsPerSecond = minutes > 30 ? 30 : 300;
/** Two broker's deaths may follow one another, and an owner's. */
const standstillMs = 60_000 + 2 * groupTimeoutMs;

const points: readonly Failpoint[] = [
  'evaluate.after-notifications',
  'evaluate.amid-states',
  'evaluate.in-restore',
  'notify.before-request',
  'notify.request-written',
  'notify.after-answer',
  'notify.after-outcome',
];
const troubles: readonly Fault[] = [
  { kind: 'status', status: 503, chance: 0.3 },
  { kind: 'accepted_reset', chance: 0.1 },
  { kind: 'accepted_timeout', times: 3 },
  { kind: 'accepted_500', chance: 0.1 },
  { kind: 'reset', chance: 0.1 },
  { kind: 'limited', ms: 2_000, chance: 0.2 },
  { kind: 'limited_global', ms: 1_500, times: 2 },
  { kind: 'latency', ms: 2_500, chance: 0.3 },
];

/** Each takes ten seconds at the most, and leaves nothing broken behind. */
const faults: Readonly<Record<string, (fleet: Fleet) => Promise<void>>> = {
  async killed(fleet) {
    const index = fleet.random.pick(instances);
    await fleet.kill(index);
    await sleep(fleet.random.below(5_000));
    await fleet.start(index);
  },
  async killedAtAPoint(fleet) {
    const index = fleet.random.pick(instances);
    await fleet.kill(index);
    await fleet.startAt(index, fleet.random.pick(points), 1 + fleet.random.below(10));
    await fleet.untilDead(index, stepMs).catch(() => fleet.kill(index));
    await fleet.start(index);
  },
  async restarted(fleet) {
    const index = fleet.random.pick(instances);
    await fleet.terminate(index);
    await fleet.start(index);
  },
  async paused(fleet) {
    const index = fleet.random.pick(instances);
    fleet.pause(index);
    await sleep(2_000 + fleet.random.below(groupTimeoutMs + 3_000));
    fleet.resume(index);
    fleet.positions.noteFault();
  },
  async brokerKilled(fleet) {
    await fleet.kafka.kill();
    await sleep(fleet.random.below(3_000));
    await fleet.kafka.restart();
    fleet.positions.noteFault();
  },
  async brokerPaused(fleet) {
    fleet.kafka.pause();
    await sleep(2_000 + fleet.random.below(6_000));
    fleet.kafka.resume();
    fleet.positions.noteFault();
  },
  async discordInTrouble(fleet) {
    fleet.fake.control({ faults: [fleet.random.pick(troubles), fleet.random.pick(troubles)] });
    await sleep(stepMs - 1_000);
    fleet.fake.control({ clearFaults: true });
  },
  async banned(fleet) {
    fleet.fake.control({ banMs: 4_000 });
    await sleep(4_000);
  },
  async discordGone(fleet) {
    await fleet.fake.door.set(fleet.random.pick(['refused', 'stalled', 'reset', 'closed']));
    await sleep(3_000);
    await fleet.fake.door.set('open');
  },
};

test(`F31: ${minutes} minutes of faults: nothing is lost or made up`, { skip }, async (t) => {
  await withFleet(t, { fake: { limits: noRateLimits }, recordsPerSecond }, async (fleet) => {
    const letters = new Letters(fleet);
    await letters.begin();
    fleet.go();
    const enough = new AbortController();
    const sending = letters.keepSending(enough.signal, minutes > 30 ? 5_000 : 1_000);
    const counts = new Map<string, number>();
    for (const untilMs = performance.now() + minutes * 60_000; performance.now() < untilMs;) {
      const name = fleet.random.chance(0.25) ? 'none' : fleet.random.pick(Object.keys(faults));
      counts.set(name, (counts.get(name) ?? 0) + 1);
      const beganMs = performance.now();
      await faults[name]?.(fleet);
      await sleep(Math.max(0, stepMs - (performance.now() - beganMs)));
    }
    enough.abort();
    await sending;
    t.diagnostic(JSON.stringify(Object.fromEntries(counts)));
    await fleet.drain(drainMs);
    await fleet.check(standstillMs);
    // A death, a pause or a closed door may leave an open request to each webhook; an answer that was lost, one.
    const lost = fleet.fake.ledger.entries.filter(
      ({ outcome, fault }) => outcome === 'accepted' && fault !== '',
    ).length;
    const events = [...counts].reduce((sum, [name, count]) => sum + (name === 'none' ? 0 : count), 0);
    const copiesMax = lost + events * fleet.fake.webhooks.all().length;
    // What one process was told of limits and bans, the others find out.
    const tooEarlyMax =
      fleet.fake.ledger.entries.filter(({ outcome }) => outcome === 'limited' || outcome === 'banned').length * 3;
    await fleet.checkDeliveries(letters, { copiesMax, tooEarlyMax }, drainMs);
  });
});
