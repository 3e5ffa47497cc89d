import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { waitForValue } from '../../../test/support/wait-until.ts';
import { systemClock, type Clock } from '../../base/clock.ts';
import { healthOf } from '../../http/testing/health-of.ts';
import { fastClock } from '../../base/testing/fast-clock.ts';
import { formatInstanceRecord, noSkew, type InstanceRecord } from '../../instance/instance-record.ts';
import { partitionOf } from '../../log/murmur2.ts';
import { topics } from '../../topics.ts';
import type { SystemView } from '../../wire/system.ts';
import { startConsoleSystem, type ConsoleSystem } from '../testing/console-system.ts';

const json = { 'content-type': 'application/json' };
const webhook = `https://discord.com/api/webhooks/123456789012345678/${'t'.repeat(68)}`;

interface System {
  readonly samples_per_second: number;
  readonly lag: number | null;
  readonly latency_p99_ms: number | null;
  readonly samples: Readonly<Record<string, number>>;
  readonly instances: readonly {
    readonly id: string;
    readonly state: string;
    readonly partitions: readonly number[];
    readonly samples_per_second: number | null;
  }[];
  readonly partitions: readonly {
    readonly partition: number;
    readonly head: number;
    readonly position: number | null;
    readonly lag: number | null;
    readonly instance: string | null;
  }[];
}

let console: ConsoleSystem;
before(async () => {
  console = await startConsoleSystem({ evaluates: true });
});
after(() => console.stop());

async function system(): Promise<System> {
  const answer = await fetch(`${console.url}/api/v1/system`);
  assert.equal(answer.status, 200);
  return (await answer.json()) as System;
}

async function tell(more: Partial<InstanceRecord>): Promise<void> {
  const record: InstanceRecord = {
    id: '00000000-0000-4000-8000-000000000001',
    name: 'other:1',
    parts: ['alarms'],
    version: '0.0.1',
    startedMs: Date.now() - 60_000,
    atMs: Date.now(),
    everyMs: 2_000,
    ended: false,
    rules: [0, 0, 0],
    health: undefined,
    evaluate: {
      partitions: [],
      series: 1,
      samples: {},
      misrouted: 0,
      ahead: noSkew,
      behind: noSkew,
      refusedWindows: [],
    },
    notify: undefined,
    ...more,
  };
  const value = Buffer.from(formatInstanceRecord(record));
  await console.storage.log.append(topics.instances.name, [
    { key: Buffer.from(record.id), value, timestampMs: record.atMs },
  ]);
}

test('one process owns every partition, and tells what became of samples', async () => {
  await fetch(`${console.url}/api/v1/metrics`, { method: 'POST', headers: json, body: '{"name":"cpu","value":1}' });
  await console.storage.log.append(topics.metrics.name, [
    { key: Buffer.from('cpu'), value: Buffer.from('no'), timestampMs: Date.now() },
  ]);
  const seen = await waitForValue(
    'samples are counted',
    system,
    ({ samples }) => samples['evaluated'] === 1 && samples['bad_json'] === 1,
  );
  assert.equal(seen.instances.length, 1);
  assert.equal(seen.instances[0]!.state, 'live');
  assert.equal(seen.partitions.length, topics.metrics.partitions);
  for (const { instance } of seen.partitions) assert.equal(instance, seen.instances[0]!.id);
  const { position, head, lag } = seen.partitions[partitionOf(Buffer.from('cpu'), topics.metrics.partitions)]!;
  assert.deepEqual({ position, head, lag }, { position: 2, head: 2, lag: 0 });
  assert.deepEqual([seen.lag, seen.instances[0]!.partitions.length], [0, topics.metrics.partitions]);
  assert.equal(seen.latency_p99_ms, null, 'no message was sent');
  const status = async () =>
    (await (await fetch(`${console.url}/api/v1/status`)).json()) as { lag: number | null; waiting: number };
  await waitForValue('the status', status, (now) => now.lag === 0 && now.waiting === 0);
});

test('who has never heard how far samples are judged calls the lag unknown, and then it grows while nobody judges', async () => {
  const quiet = await startConsoleSystem({ clock: fastClock(10) });
  try {
    const lags = async (): Promise<(number | null)[]> => {
      const told = ['status', 'system'].map(async (path) => (await fetch(`${quiet.url}/api/v1/${path}`)).json());
      return ((await Promise.all(told)) as { lag: number | null }[]).map(({ lag }) => lag);
    };
    const send = (): Promise<Response> =>
      fetch(`${quiet.url}/api/v1/metrics`, { method: 'POST', headers: json, body: '{"name":"cpu","value":1}' });
    await waitForValue('the lag', lags, (told) => told.every((lag) => lag === 0));
    await send();
    await waitForValue('the lag', lags, (told) => told.every((lag) => lag === null));
    const judging = await startConsoleSystem({ evaluates: true, storage: quiet.storage });
    await waitForValue('the lag', lags, (told) => told.every((lag) => lag === 0));
    await judging.stop();
    await send();
    await send();
    await waitForValue('the lag', lags, (told) => told.every((lag) => lag === 2));
    const unowned = async (): Promise<number> =>
      ((await (await fetch(`${quiet.url}/api/v1/status`)).json()) as { unowned: number }).unowned;
    await waitForValue('partitions without an owner', unowned, (count) => count === topics.metrics.partitions);
    const next = await startConsoleSystem({ evaluates: true, storage: quiet.storage });
    await waitForValue('partitions without an owner', unowned, (count) => count === 0);
    await next.stop();
  } finally {
    await quiet.stop();
  }
});

test('what is wrong with a process is told of it, and nothing of one that does not say', async () => {
  const problems = ['log: the right Write on topic metrics is missing. Repair: kafka-acls.sh …'];
  await tell({ id: '00000000-0000-4000-8000-000000000002', name: 'ill:1', health: { status: 'fail', problems } });
  await tell({ id: '00000000-0000-4000-8000-000000000003', name: 'older:1' });
  const { instances } = (await system()) as unknown as SystemView;
  const health = (name: string): unknown => {
    const found = instances.find((instance) => instance.name === name);
    return found && [found.health, found.problems];
  };
  assert.deepEqual([health('ill:1'), health('older:1')], [['fail', problems], [null, []]]); // prettier-ignore
});

test('series with a wrong clock are named while it is wrong: API, health and figures', async () => {
  const every: Clock['every'] = (everyMs, act) => systemClock.every(everyMs / 20, act);
  const named = await startConsoleSystem({ evaluates: true, clock: { ...systemClock, every } });
  const append = (name: string, aheadMs: number) =>
    named.storage.log.append(topics.metrics.name, [
      { key: Buffer.from(name), value: Buffer.from('{"value":1}'), timestampMs: Date.now() + aheadMs },
    ]);
  const skewed = async () => {
    const { series_ahead: ahead, series_behind: behind } = (await (
      await fetch(`${named.url}/api/v1/system`)
    ).json()) as SystemView;
    return [ahead, behind];
  };
  const evaluateHealth = async () => {
    const { evaluate } = (await healthOf(named.url)).checks;
    assert.ok(evaluate);
    return evaluate;
  };
  const timer = setInterval(() => void append('late', -300_000), 20);
  try {
    await waitForValue('all partitions are evaluated', skewed, () => true);
    await append('early', 12_000);
    const told = await waitForValue('both are named', skewed, (each) => each.every(({ count }) => count === 1));
    assert.deepEqual(
      told.map(({ first }) => first[0]!.series),
      ['early', 'late'],
    );
    assert.ok(Math.abs(told[1]!.first[0]!.seconds - 300) <= 20);
    const { status, message: detail } = await evaluateHealth();
    assert.equal(status, 'warn');
    assert.match(detail, /; 1 series is ahead of this server's clock: early by \d+ s/);
    assert.match(detail, /; 1 series arrives late: late by \d+ s/);
    const figures = await (await fetch(`${named.url}/metrics`)).text();
    assert.match(figures, /^ssrms_evaluate_series_ahead 1$/m);
    assert.match(figures, /^ssrms_evaluate_series_behind 1$/m);
    clearInterval(timer);
    await append('late', 0);
    await waitForValue('none is named', skewed, (each) => each.every(({ count }) => count === 0));
    assert.equal((await evaluateHealth()).status, 'pass');
  } finally {
    clearInterval(timer);
    await named.stop();
  }
});

test('a rule is in force on those that have applied its version', async () => {
  const answer = await fetch(`${console.url}/rules`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ metric_name: 'cpu', threshold: 5, discord_webhook_url: webhook }),
  });
  const { id } = (await answer.json()) as { id: string };
  const inForce = async (): Promise<{
    in_force: number;
    of: number;
    windows_refused?: number;
    version: { partition: number };
  }> => (await (await fetch(`${console.url}/api/v1/rules/${id}/in-force`)).json()) as never;
  const { version } = await waitForValue('the rule is in force', inForce, (now) => now.in_force === 1 && now.of === 1);
  await tell({});
  await waitForValue('the rule is in force', inForce, (now) => now.in_force === 1 && now.of === 2);
  await tell({ rules: [0, 0, 0].with(version.partition, 1_000) });
  await waitForValue('the rule is in force', inForce, (now) => now.in_force === 2 && now.of === 2);
  await tell({ ended: true });
  await waitForValue('the rule is in force', inForce, (now) => now.in_force === 1 && now.of === 1);
  const change = { metric_name: 'cpu', threshold: 5, discord_webhook_url: webhook, type: 'window_max' };
  await fetch(`${console.url}/rules/${id}`, {
    method: 'PUT',
    headers: json,
    body: JSON.stringify({ ...change, window_duration_seconds: 60 }),
  });
  const refusedWindows = [['cpu', 'window_max 60000', 3], ['cpu', 'window_max 90000', 4], ['mem', 'window_max 60000', 5]] as const; // prettier-ignore
  const evaluate = { partitions: [], series: 1, samples: {}, misrouted: 0, ahead: noSkew, behind: noSkew };
  await tell({ evaluate: { ...evaluate, refusedWindows } });
  await waitForValue('the refused windows are told', inForce, (now) => now.windows_refused === 3);
  await tell({ ended: true });
  assert.equal((await fetch(`${console.url}/api/v1/rules/nobody/in-force`)).status, 404);
});

test('rates are measured between two records; who is silent owns nothing, and what it left shows as lag', async () => {
  const id = '00000000-0000-4000-8000-000000000002';
  const nowMs = Date.now();
  const vitals = (samples: number, partitions: [number, number, number][]) => ({
    partitions,
    series: 1,
    samples: { evaluated: samples },
    misrouted: 0,
    ahead: noSkew,
    behind: noSkew,
    refusedWindows: [],
  });
  await tell({ id, atMs: nowMs - 2_000, evaluate: vitals(100, []) });
  await tell({ id, atMs: nowMs, evaluate: vitals(300, [[0, 0, 0]]) });
  const other = async () => (await system()).instances.find((instance) => instance.id === id);
  assert.deepEqual(
    (await waitForValue('the other instance', other, (found) => found !== undefined))!.samples_per_second,
    100,
  );
  await tell({ id, atMs: nowMs - 60_000, evaluate: vitals(300, [[0, 0, 0]]) });
  const silent = await waitForValue('the other instance', other, (found) => found?.state === 'silent');
  assert.deepEqual([silent!.partitions, silent!.samples_per_second], [[], null]);
  const status = async () => (await (await fetch(`${console.url}/api/v1/status`)).json()) as { lag: number | null };
  // It speaks last, whatever the process that owns the partition says meanwhile.
  const behind = { id: '00000000-0000-4000-8000-000000000003', atMs: nowMs + 60_000 };
  await tell({ ...behind, evaluate: vitals(1, [[0, 0, 4_711]]) });
  await waitForValue('the status', status, ({ lag }) => lag === 4_711);
  await tell({ ...behind, ended: true });
  await waitForValue('the status', status, ({ lag }) => lag === 0);
  await tell({ id, atMs: nowMs - 1_000_000 });
  await waitForValue('the other instance', other, (found) => found === undefined);
});
