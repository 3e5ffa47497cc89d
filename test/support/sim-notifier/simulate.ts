/** One seed: a plan of notifications and faults, and what must hold while it runs and at its end. */
import assert from 'node:assert/strict';
import { requestMsMax } from '../../../src/receiver/receiver.ts';
import { noTroubles, type SimRequest } from './sim-discord.ts';
import { SimWorld } from './sim-world.ts';

export interface SimulationOptions {
  readonly seed: number;
  /** Whether processes crash, pause and lose answers. */
  readonly processFaults: boolean;
  /** Whether processes are asked to end, as in a rolling restart. */
  readonly restarts: boolean;
  /** More for one webhook than memory takes. */
  readonly isFlood?: boolean;
}

const healthy = '100000000000000000';
const troubled = [
  '100000000000000001',
  '100000000000000002',
  '100000000000000002/500000000000000001',
  '100000000000000003',
] as const;
/** A thread of a troubled webhook with which nothing is wrong. */
const healthyThread = '100000000000000003/500000000000000002';
const playMs = 40_000;
/** A back-off of 60 s and a limit of 41 s, and some requests, fit into this. */
const settleMs = 20 * 60_000;
const hourMs = 3_600_000;
/** Of a webhook with which nothing is wrong, from the append to Discord: two slow requests and an empty bucket. */
const healthyDelayMsMax = 2 * 6_000 + 2_500;
/** Its webhook has one request at a time: one of its own, and one of another target that is not answered in time. */
const healthyThreadDelayMsMax = healthyDelayMsMax + requestMsMax;

/** Resolves to what did not hold, with all that is needed to see why; undefined when all did. */
export async function simulate(options: SimulationOptions): Promise<string | undefined> {
  const world = new SimWorld(options.seed);
  try {
    await play(world, options);
    return undefined;
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return [`seed ${options.seed}`, what, ...world.trace.slice(-80)].join('\n');
  } finally {
    world.end();
  }
}

async function play(world: SimWorld, options: SimulationOptions): Promise<void> {
  const { random, time, discord } = world;
  for (const target of [healthy, healthyThread, ...troubled]) world.setRule(target);
  for (const target of troubled) {
    const share = (): number => (random.chance(0.5) ? 0 : random.next() * 0.4);
    discord.troubled.set(target, {
      // Long back-offs show whether another target waits with it.
      serverError: healthyThread.startsWith(target) && random.chance(0.5) ? 0.95 : share(),
      lost: share(),
      timeout: share() / 2,
      notSent: share() / 2,
      // Limits are of a webhook with all its threads.
      hiddenLimit: healthyThread.startsWith(target) ? 0 : share() / 2,
    });
  }
  world.beBorn();
  await timeOfFaults(world, options);
  // Discord is well again, and nobody dies: save for webhooks that are gone, all comes to its end.
  for (const target of troubled) discord.troubled.set(target, noTroubles);
  world.wakeAll();
  if (world.owner === undefined) world.beBorn();
  const isPassed = await world.playUntil(() => world.position === world.head, settleMs);
  assert.ok(isPassed, `I14: the position stands at ${world.position} of ${world.head}`);
  discord.dead.clear();
  if (random.chance(0.5)) for (const target of troubled) world.setRule(target);
  const isOver = (): boolean => unended(world).length === 0;
  if (!(await world.playUntil(isOver, 60_000))) await world.skipUntil(isOver, 8 * hourMs);
  // What came late to the log has come.
  await world.play(time.nowMs + 60_000, 0);
  check(world, options);
}

/** The time of faults. */
async function timeOfFaults(
  world: SimWorld,
  { processFaults, restarts, isFlood = false }: SimulationOptions,
): Promise<void> {
  const { random, time, discord } = world;
  const endMs = time.nowMs + playMs;
  // More of one rule than memory takes.
  if (isFlood) for (let count = 0; count < 2_500; count++) world.enqueue(troubled[0]);
  while (time.nowMs < endMs) {
    await world.play(time.nowMs + 50 + random.below(2_000), processFaults ? 0.02 : 0);
    const burst = random.chance(0.12) ? 10 + random.below(25) : 1 + random.below(3);
    const target = random.pick(troubled);
    for (let count = 0; count < burst; count++) {
      const { value } = world.enqueue(target);
      if (random.chance(0.01)) discord.bad.add(value);
    }
    if (random.chance(0.5)) world.enqueue(healthy);
    if (random.chance(0.5)) world.enqueue(healthyThread);
    if (random.chance(0.1)) world.enqueueAgain();
    if (random.chance(0.05)) discord.dead.add(random.pick(troubled));
    if (random.chance(0.01)) discord.bannedUntilMs = time.nowMs + random.below(20_000);
    if (random.chance(0.05)) world.setRule(random.pick(troubled));
    const { owner } = world;
    if (owner !== undefined && restarts && random.chance(0.1)) {
      world.beBorn();
      world.terminate(owner);
      continue;
    }
    if (!processFaults) continue;
    const fault = random.weighted<'kill' | 'pause' | 'none'>([
      [6, 'kill'],
      [6, 'pause'],
      [88, 'none'],
    ]);
    if (owner !== undefined && fault === 'kill') world.kill(owner);
    else if (owner !== undefined && fault === 'pause') world.pause(owner);
    else if (world.paused.length > 0 && random.chance(0.3)) world.wakeAll();
    if (world.owner === undefined || random.chance(0.03)) world.beBorn();
  }
}

function unended(world: SimWorld): string[] {
  const ended = new Set(
    world.deliveries.flatMap((one) => (one.kind === 'outcome' && one.outcome !== 'parked' ? [one.notificationId] : [])),
  );
  return world.due.map(({ id }) => id).filter((id) => !ended.has(id));
}

function check(world: SimWorld, { processFaults, restarts }: SimulationOptions): void {
  const { discord, due } = world;
  assert.deepEqual(discord.broken, []);
  assert.ok(discord.invalid < 100, `I7: ${discord.invalid} invalid requests`);
  assert.deepEqual(unended(world), [], 'I5: without an outcome');
  const { accepted } = discord;
  const byValue = Map.groupBy(
    accepted.flatMap((request) => request.values.map((value) => ({ value, request }))),
    ({ value }) => value,
  );
  const valueOf = new Map(due.map(({ id, value }) => [id, value]));
  for (const record of world.deliveries) {
    if (record.kind !== 'outcome' || record.outcome === 'parked') continue;
    const value = valueOf.get(record.notificationId)!;
    if (discord.bad.has(value)) {
      assert.equal(record.outcome, 'dead', 'I5: what is refused in every form is given up');
      continue;
    }
    assert.ok(record.outcome === 'delivered' || record.outcome === 'merged', `I5: ${record.outcome}`);
    assert.ok(byValue.has(value), `I5: ${record.notificationId} never came to Discord`);
  }
  checkCopies(
    world,
    processFaults,
    [...byValue.values()].map((copies) => copies.map(({ request }) => request)),
  );
  // Who is asked to end keeps the partition until its last request has an answer.
  if (processFaults || restarts || discord.bannedUntilMs > 0) return;
  for (const { target, value, appendedMs } of due) {
    if (target !== healthy && target !== healthyThread) continue;
    const [first] = byValue.get(value)!;
    const delayMs = first!.request.acceptedMs! - appendedMs;
    const most = target === healthy ? healthyDelayMsMax : healthyThreadDelayMsMax;
    assert.ok(delayMs <= most, `I14: a target that waits delayed another, ${target}, by ${delayMs} ms`);
  }
}

/** I6: copies arise only where an answer was lost or a process died, each is marked, and each carries the same. */
function checkCopies(world: SimWorld, processFaults: boolean, all: readonly SimWorld['discord']['accepted'][]): void {
  const { discord, excuses } = world;
  const parked = new Set(
    world.deliveries.flatMap((one) => (one.kind === 'outcome' && one.outcome === 'parked' ? [one.notificationId] : [])),
  );
  const idOf = new Map(world.due.map(({ id, value }) => [value, id]));
  /** By the message that was doubled, in one piece or in several: how often. */
  const repeats = new Map<object, number>();
  for (const copies of all) {
    const [first, ...others] = copies.toSorted((one, other) => one.begunMs - other.begunMs);
    if (others.length > 0) repeats.set(first!, Math.max(repeats.get(first!) ?? 0, others.length));
    for (const copy of others) {
      assert.ok(copy.isMarked, `I6: a copy of ${copy.values.join()} is not marked`);
      if ([...copy.values, ...first!.values].some((value) => parked.has(idOf.get(value)!))) continue;
      assert.deepEqual(copy.values, first!.values, 'I6: a repeat carries exactly what its attempt carried');
    }
  }
  const ambiguous = discord.requests.filter(({ isAmbiguous }) => isAmbiguous).length;
  const count = [...repeats.values()].reduce((sum, times) => sum + times, 0);
  assert.ok(count <= ambiguous + excuses, `I6: ${count} copies, ${ambiguous} lost answers, ${excuses} crashes`);
  // With crashes an attempt may be open whose request was never written.
  if (processFaults) return;
  const lostBefore = ({ values, begunMs }: SimRequest): boolean =>
    discord.requests.some(
      (one) => one.isAmbiguous && one.begunMs < begunMs && one.values.some((v) => values.includes(v)),
    );
  const needless = discord.requests.filter((request) => request.isMarked && !lostBefore(request));
  assert.deepEqual(needless, [], 'I6: marked, and no answer to it was lost');
}
