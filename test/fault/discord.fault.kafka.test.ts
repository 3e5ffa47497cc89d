// F19 to F24 of GUARANTEES.md: Discord limits, fails, stalls, floods, refuses and bans, and real instances go on in order.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BanKind } from '../support/fake-discord/answer.ts';
import type { Fault } from '../support/fake-discord/fault.ts';
import { discordRateLimits } from '../support/fake-discord/rate-limits.ts';
import { lastOutcomes, readDeliveryTopics } from './deliveries.ts';
import { isLong, withFleet, type Fleet } from './fleet.ts';
import { Letters, p99 } from './letters.ts';

const many = { count: 1_000_000, windowMs: 1_000 };
const withoutHiddenLimit = { ...discordRateLimits, channel: many };
const minuteMs = 60_000;
/** What a healthy webhook may wait while others are in trouble. */
const healthyMsMax = 1_000;
/** Of all instances behind one address, by default. */
const requestsPerSecond = 40;

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);
const timed = (durationMs: number): AbortSignal => AbortSignal.timeout(durationMs);

function checkHealthy(letters: Letters, indices: readonly number[]): number {
  const delays = letters.delaysMs(indices);
  assert.ok(delays.length > 50, `${delays.length} letters prove little`);
  assert.ok(p99(delays) < healthyMsMax, `I14: p99 of healthy webhooks is ${p99(delays)} ms`);
  return p99(delays);
}

test('F19: a storm of 50 alarms for each of 100 webhooks drains as fast as the limits allow, and loses nothing', async (t) => {
  // Twenty of the webhooks share a channel, whose hidden limit no header tells of.
  const channel = { count: 30, windowMs: isLong ? 60_000 : 10_000 };
  const [webhooks, alarms, together] = [100, 50, 20];
  await withFleet(t, { fake: { limits: { ...discordRateLimits, channel } }, instances: 2 }, async (fleet) => {
    const letters = new Letters(fleet);
    await letters.begin(webhooks - together);
    await letters.begin(together, { channelId: '1100000000000000099' });
    for (let round = 0; round < (isLong ? 5 : 1); round++) {
      const before = fleet.fake.ledger.entries.length;
      const beganMs = Date.now();
      await Promise.all(Array.from({ length: alarms }, () => letters.send()));
      const inChannel = letters.recipients.slice(-together).map(({ webhook }) => webhook.id);
      await fleet.until('all arrive', () => letters.missing().length === 0, 5 * minuteMs);
      const accepted = fleet.fake.ledger.entries.slice(before).filter(({ outcome }) => outcome === 'accepted');
      const messages = accepted.filter(({ webhookId }) => inChannel.includes(webhookId)).length;
      const windows = Math.ceil(messages / channel.count) - 1;
      // Whichever takes longer: the address, or the shared channel.
      const boundMs = Math.max((accepted.length / requestsPerSecond) * 1_000, windows * channel.windowMs);
      const drainMs = accepted.at(-1)!.atMs - beganMs;
      t.diagnostic(`${accepted.length} messages in ${drainMs} ms, bound ${Math.round(boundMs)} ms`);
      // The samples are appended and evaluated before, in a time of their own. Only the long form has the machine to itself.
      if (isLong) assert.ok(drainMs <= 1.1 * boundMs + 3_000, `${drainMs} ms, and the limits allow ${boundMs}`);
      assert.ok(accepted.length <= webhooks * 6, `${accepted.length} messages for ${webhooks * alarms} alarms`);
      await sleep(channel.windowMs);
    }
    await fleet.checkDeliveries(letters, { copiesMax: 0 });
  });
});

test('F20: Discord answers 5xx: it is asked ever more rarely, and healthy webhooks wait for nobody', async (t) => {
  await withFleet(t, { fake: { limits: withoutHiddenLimit }, instances: 2 }, async (fleet) => {
    const letters = new Letters(fleet);
    await letters.begin();
    const [sick, healthy] = [range(0, 8), range(8, 20)];
    for (const index of sick)
      fleet.fake.faults.add([{ kind: 'html_status', status: 502, webhookId: letters.recipients[index]!.webhook.id }]);
    await letters.keepSending(timed(isLong ? 5 * minuteMs : 14_000), 700);
    const beforeMs = Date.now();
    for (const index of sick) {
      const times = fleet.fake.ledger.entries
        .filter(({ webhookId }) => webhookId === letters.recipients[index]!.webhook.id)
        .map(({ atMs }) => atMs);
      const pauses = times.slice(1).map((atMs, at) => atMs - times[at]!);
      assert.ok(pauses.length >= 3, `${pauses.length} repeats`);
      for (const [at, pauseMs] of pauses.entries())
        assert.ok(pauseMs >= Math.min(60_000, 1_000 * 2 ** at) - 5, `back-off: ${pauses.join(', ')}`);
    }
    t.diagnostic(`p99 of the healthy ones ${checkHealthy(letters, healthy)} ms`);
    fleet.fake.control({ clearFaults: true, faults: [{ kind: 'status', status: 503, chance: 0.1 }] });
    await letters.keepSending(timed(isLong ? minuteMs : 5_000), 700);
    fleet.fake.control({ clearFaults: true });
    // No waiting longer than a back-off, and no burst beyond the buckets: the fake would have said so.
    await fleet.checkDeliveries(letters, { copiesMax: 0 }, isLong ? 3 * minuteMs : minuteMs);
    assert.equal(fleet.fake.ledger.entries.filter(({ atMs, status }) => atMs > beforeMs && status === 429).length, 0);
  });
});

test('F21: answers are lost after and before Discord takes a message: a copy for each that was taken, none for others', async (t) => {
  const faults: Fault[] = [
    { kind: 'accepted_reset', chance: 0.06 },
    { kind: 'accepted_close', chance: 0.06 },
    { kind: 'accepted_500', chance: 0.06 },
    { kind: 'accepted_timeout', times: 4, chance: 0.1 },
    { kind: 'reset', chance: 0.05 },
    { kind: 'close_reused', chance: 0.05 },
  ];
  await withFleet(t, { fake: { limits: withoutHiddenLimit, faults }, instances: 2 }, async (fleet) => {
    const letters = new Letters(fleet);
    await letters.begin();
    for (let round = 0; round < (isLong ? 10 : 1); round++) {
      await letters.keepSending(timed(12_000), 800);
      // Connections that never come to a request are tried again, without a mark.
      await fleet.fake.door.set('refused');
      await letters.send();
      await sleep(1_500);
      await fleet.fake.door.set('open');
    }
    fleet.fake.control({ clearFaults: true });
    const isLost = ({ outcome, fault }: { outcome: string; fault: string }): boolean =>
      outcome === 'accepted' && fault !== '';
    await fleet.until('all arrive', () => letters.missing().length === 0, minuteMs);
    // What was taken and not known to be is sent once more, the last of it after a deadline and a back-off.
    await sleep(20_000);
    const lost = fleet.fake.ledger.entries.filter(isLost).length;
    // Where the connection was cut by the refusing door the answer was lost, too.
    await fleet.checkDeliveries(letters, { copiesMax: lost + 20 * (isLong ? 10 : 1) });
    t.diagnostic(`${lost} answers lost`);
    assert.ok(lost > 10);
  });
});

const residentMb = (fleet: Fleet, index: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${fleet.instance(index).pid}/status`, 'utf8'))?.[1]) / 1_024;
/** Twenty of them for what is read of an answer, the rest for what a process of Node gains by itself when it is busy. */
const residentMbMax = 40;

test('F22: answers that trickle, or are huge, or hide a bomb: memory and time are bounded, nobody else waits', async (t) => {
  const kinds = ['accepted_slow_body', 'accepted_huge_body', 'accepted_huge_headers', 'accepted_gzip_bomb'] as const;
  await withFleet(t, { fake: { limits: withoutHiddenLimit }, instances: 1 }, async (fleet) => {
    const letters = new Letters(fleet);
    await letters.begin();
    await letters.keepSending(timed(4_000), 700);
    const beforeMb = residentMb(fleet, 0);
    for (const [index, kind] of kinds.entries())
      fleet.fake.faults.add([{ kind, webhookId: letters.recipients[index]!.webhook.id }]);
    let mostMb = 0;
    const watch = setInterval(() => (mostMb = Math.max(mostMb, residentMb(fleet, 0))), 20);
    await letters.keepSending(timed(isLong ? 3 * minuteMs : 12_000), 700);
    clearInterval(watch);
    const healthy = checkHealthy(letters, range(kinds.length, 20));
    t.diagnostic(`from ${beforeMb.toFixed()} to ${mostMb.toFixed()} MB resident, p99 of the others ${healthy} ms`);
    assert.ok(mostMb - beforeMb <= residentMbMax, `I12: from ${beforeMb} to ${mostMb} MB resident`);
    fleet.fake.control({ clearFaults: true });
    // Headers that are too many leave it open whether the message was taken.
    const ambiguous = fleet.fake.ledger.entries.filter(({ fault }) => fault === 'accepted_huge_headers').length;
    await fleet.checkDeliveries(letters, { copiesMax: ambiguous });
  });
});

test('F23: dead webhooks are asked once, shown as parked, over a restart too, and served again after an edit', async (t) => {
  await withFleet(t, { fake: { limits: withoutHiddenLimit }, instances: 2 }, async (fleet) => {
    const letters = new Letters(fleet);
    await letters.begin();
    const dead = range(0, 6);
    const webhookOf = (index: number): string => letters.recipients[index]!.webhook.id;
    for (const index of dead) {
      const kind = index % 2 === 0 ? 'unknown_webhook' : 'wrong_token';
      fleet.fake.faults.add([{ kind, webhookId: webhookOf(index), method: '*' }]);
    }
    await letters.keepSending(timed(isLong ? 2 * minuteMs : 5_000), 700);
    const requests = (): number[] =>
      dead.map((index) => fleet.fake.ledger.entries.filter(({ webhookId }) => webhookId === webhookOf(index)).length);
    assert.deepEqual(requests(), Array(dead.length).fill(1), 'each is asked once');
    const health = async (): Promise<string> =>
      (
        await Promise.all(
          fleet.running().map(async (index) => (await fetch(`${fleet.instance(index).url}/health`)).text()),
        )
      ).join();
    assert.match(await health(), /parked webhooks: wh_[0-9a-f]{12}: 40[14] \w+/);
    const ended = lastOutcomes((await readDeliveryTopics(fleet.log)).records);
    assert.ok([...ended.values()].includes('parked'));

    for (const index of fleet.running()) await fleet.terminate(index);
    for (const index of [0, 1]) await fleet.start(index);
    await letters.keepSending(timed(4_000), 700);
    assert.deepEqual(requests(), Array(dead.length).fill(1), 'a restart asks nobody again');
    assert.match(await health(), /parked webhooks/);
    checkHealthy(letters, range(dead.length, 20));

    fleet.fake.control({ clearFaults: true });
    await fleet.publish(dead.map((index) => ({ ...letters.recipients[index]!.rule, description: 'mended' })));
    await fleet.until('what was parked arrives', () => letters.missing().length === 0, minuteMs);
    await fleet.checkDeliveries(letters, { copiesMax: 0 });
  });
});

const bans: readonly BanKind[] = isLong ? ['ban_html', 'ban_code_0', 'ban_40333', 'ban_403_html'] : ['ban_html'];

for (const banKind of bans) {
  test(`F24: banned by the firewall (${banKind}): hardly a request while it lasts, and all is delivered after`, async (t) => {
    const banMs = isLong ? 5 * minuteMs : 12_000;
    await withFleet(t, { fake: { limits: withoutHiddenLimit, banKind }, instances: 1 }, async (fleet) => {
      const letters = new Letters(fleet);
      await letters.begin();
      await letters.send();
      await fleet.until('all arrive', () => letters.missing().length === 0);
      fleet.fake.control({ banMs });
      const bannedMs = Date.now();
      // The first one meets the ban; what comes after it waits at the gate.
      await letters.send([0]);
      await sleep(500);
      await letters.keepSending(timed(banMs - 2_000), 900);
      const meanwhile = fleet.fake.ledger.entries.filter(({ atMs }) => atMs > bannedMs && atMs < bannedMs + banMs);
      t.diagnostic(`${meanwhile.length} requests while banned`);
      assert.ok(meanwhile.length >= 1 && meanwhile.length <= 6, `I7: ${meanwhile.length} requests while banned`);
      assert.match(await (await fetch(`${fleet.instance(0).url}/health`)).text(), /Discord blocks this address/);
      // A ban that does not say how long it lasts is asked about ever more rarely.
      await fleet.checkDeliveries(letters, { copiesMax: 0, tooEarlyMax: 6 }, isLong ? 10 * minuteMs : minuteMs);
    });
  });
}
