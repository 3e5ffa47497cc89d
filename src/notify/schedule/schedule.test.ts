import { test } from 'node:test';
import assert from 'node:assert/strict';
import { AddressPace } from './address-pace.ts';
import { holdBack, hurried, isHeldBack, park, postponed, probed } from './parking.ts';
import { WebhookPace } from './webhook-pace.ts';

const hourMs = 3_600_000;

/** Sends whenever it may for so long; the times. */
function sendAll(pace: AddressPace, fromMs: number, toMs: number): number[] {
  const times: number[] = [];
  for (let nowMs = fromMs; nowMs < toMs;) {
    const waitMs = pace.waitMs(nowMs);
    if (waitMs > 0) nowMs += waitMs;
    else {
      times.push(nowMs);
      pace.take(nowMs);
    }
  }
  return times;
}

test('in no second does an address make more requests than Discord allows, however many share it, and on average its rate', () => {
  for (const instances of [1, 2, 4]) {
    const all = Array.from({ length: instances }, () => sendAll(new AddressPace(40 / instances), 0, 10_000)).flat();
    for (const time of all) {
      // What leaves a hundredth of a second after the window may arrive before its end.
      const inSecond = all.filter((other) => other >= time && other < time + 1_010).length;
      assert.ok(inSecond <= 48, `${inSecond} requests in the second from ${time}, of ${instances} instances`);
    }
    assert.ok(Math.abs(all.length - 400) <= 10, `${all.length}`);
  }
});

test('a slow rate has no burst, and can be changed', () => {
  const pace = new AddressPace(2);
  assert.deepEqual(sendAll(pace, 0, 2_000), [0, 500, 1_000, 1_500]);
  pace.requestsPerSecond = 10;
  assert.equal(pace.waitMs(2_500), 0);
});

test('while the firewall blocks the address one request at a time finds out whether it still does', () => {
  const pace = new AddressPace(40);
  pace.take(0);
  pace.take(10);
  assert.equal(pace.block(100, 0, undefined), 60_000);
  assert.equal(pace.block(150, 10, undefined), 59_950, 'what was under way with it counts once');
  assert.equal(pace.waitMs(1_000), 59_100);
  assert.equal(pace.waitMs(60_100), 0);
  pace.take(60_100);
  assert.equal(pace.waitMs(60_101), Infinity, 'only one');
  assert.equal(pace.block(60_200, 60_100, undefined), 120_000);
  pace.take(180_200);
  assert.equal(pace.block(180_300, 180_200, 7_000), 7_000, 'what the firewall says is believed');
  pace.take(187_300);
  pace.answered(187_300);
  assert.equal(pace.isBlocked(), false);
  assert.equal(pace.waitMs(187_400), 0);
  assert.equal(pace.block(200_000, 199_000, undefined), 60_000, 'it begins small again');
});

test('blocks of the address double up to an hour; a trial that says nothing makes room for another', () => {
  const pace = new AddressPace(40);
  let nowMs = 0;
  const waits = Array.from({ length: 9 }, () => {
    pace.take(nowMs);
    const waitMs = pace.block(nowMs, nowMs, undefined);
    nowMs += waitMs;
    return waitMs / 60_000;
  });
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
  pace.take(nowMs);
  pace.unanswered();
  assert.ok(pace.waitMs(nowMs + 1_000) === 0);
});

test('an answer to what was sent before the block does not end it', () => {
  const pace = new AddressPace(40);
  pace.block(100, 50, undefined);
  pace.answered(60);
  assert.equal(pace.isBlocked(), true);
});

test('back-off is never shorter than 1, 2, 4 … 60 s, and a quarter longer at most', () => {
  for (const chance of [0, 0.999]) {
    const pace = new WebhookPace();
    const waits = Array.from({ length: 8 }, () => pace.failed(0, chance));
    for (const [index, leastMs] of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000].entries())
      assert.ok(waits[index]! >= leastMs && waits[index]! <= leastMs * 1.25, `${waits[index]}`);
    pace.served();
    assert.ok(pace.failed(0, chance) <= 1_250);
  }
});

test('limits are waited out, the longest of them, and at most a day', () => {
  const pace = new WebhookPace();
  pace.limited(0, 5_000);
  pace.limited(100, 1_000);
  assert.equal(pace.waitMs(1_000), 4_000);
  assert.equal(pace.waitMs(5_000), 0);
  pace.limited(0, 1e300);
  assert.equal(pace.waitMs(0), 24 * hourMs);
});

test('twenty 5xx in a row give a webhook up, when others were served between them, and not in an outage', () => {
  const alone = new WebhookPace();
  const verdicts = Array.from({ length: 20 }, (_, index) => alone.serverError(index));
  assert.deepEqual(verdicts.indexOf(true), 19);
  const outage = new WebhookPace();
  assert.ok(Array.from({ length: 100 }, () => outage.serverError(7)).every((isGivenUp) => !isGivenUp));
  const mended = new WebhookPace();
  for (let index = 0; index < 19; index++) mended.serverError(index);
  mended.served();
  assert.equal(mended.serverError(20), false);
});

test('a parked webhook is looked at after 1 h, 6 h, then every 24 h', () => {
  let parked = park('wh_1', '404', 0);
  const looks: number[] = [];
  for (let index = 0; index < 4; index++) {
    looks.push(parked.probeAtMs / hourMs);
    parked = probed(parked, parked.probeAtMs, '404');
  }
  assert.deepEqual(looks, [1, 7, 31, 55]);
});

test('an edit has a parked webhook looked at, at once and at most every ten seconds; a look that says nothing is repeated', () => {
  const parked = park('wh_1', '404', 0);
  const edited = hurried(parked, 5_000);
  assert.equal(edited.probeAtMs, 5_000);
  const looked = probed(edited, 5_000, '404');
  assert.equal(looked.probeAtMs, hourMs, 'what was scheduled before stands');
  assert.equal(hurried(looked, 6_000).probeAtMs, 15_000);
  assert.equal(hurried(looked, hourMs).probeAtMs, hourMs);
  assert.equal(postponed(looked, 7_000).probeAtMs, 67_000);
});

test('a revival that came to nothing does not begin anew', () => {
  const looked = probed(park('wh_1', '403', 0), hourMs, '403');
  const again = park('wh_1', '403', hourMs + 1_000, looked);
  assert.deepEqual([again.sinceMs, again.probes, again.probeAtMs], [0, 1, 7 * hourMs + 1_000]);
});

test('what waits for its first try is due at once; when that is refused it is parked for the reason, as any other', () => {
  const heldBack = holdBack('wh_1', 5_000);
  assert.equal(heldBack.probeAtMs, 5_000);
  assert.ok(isHeldBack(heldBack));
  assert.ok(isHeldBack(postponed(heldBack, 6_000)), 'a probe that said nothing is no try');
  const refused = probed(heldBack, 60_000, '401 Invalid Webhook Token');
  assert.deepEqual(
    [refused.reason, refused.probes, refused.probeAtMs],
    ['401 Invalid Webhook Token', 0, 60_000 + hourMs],
  );
  assert.ok(!isHeldBack(refused));
});
