// What really happened against what a backtest says would have: a system runs live with random rules, and each of them is then
// backtested over the same samples.
import { systemClock } from '../base/clock.ts';
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../../test/support/sim-log/random.ts';
import { parseAlarmRecord, type AlarmRecord } from '../alarm/alarm-record.ts';
import { parseNotification, type Notice, type Notification } from '../alarm/notification.ts';
import type { AlarmState } from '../alarm/alarm-state.ts';
import { Health } from '../base/health.ts';
import { Meter } from '../base/meter.ts';
import { createEvaluate } from '../evaluate/evaluate.ts';
import { listeningServer, testLogger } from '../http/testing/test-server.ts';
import { openTestLog, type TestLog } from '../http/testing/test-log.ts';
import { needsParameter, windowTypes } from '../measure/measures.ts';
import { formatSampleValue } from '../metric/sample-value.ts';
import { operators } from '../rule/comparison.ts';
import type { Rule } from '../rule/rule.ts';
import { createRules } from '../rules/rules.ts';
import { topics } from '../topics.ts';
import { backtestRoutes } from './backtest-routes.ts';
import { MetricPasts } from './metric-pasts.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

const webhook = `https://discord.com/api/webhooks/123456789012345678/${'t'.repeat(68)}`;

interface Live {
  readonly url: string;
  readonly storage: TestLog;
  make(fields: object): Promise<Rule>;
  backtest(order: object): Promise<Answer>;
  lines(order: object): Promise<Answer[]>;
  stop(): Promise<void>;
}

interface Transition {
  readonly tags?: Record<string, string>;
  readonly state: string;
  readonly offset: number;
  readonly value: number | null;
  readonly time_ms: number;
}
interface Answer {
  readonly complete: boolean;
  readonly cut_short: string | null;
  readonly samples: number;
  readonly records: number;
  readonly fired: number;
  readonly firing_now: number;
  readonly deferred: number;
  readonly notifications: number;
  readonly longest_ms: number;
  readonly fired_for_no_data: number;
  readonly transitions: readonly Transition[];
  readonly due: readonly { id: string; kind: string; offset: number; time_ms: number }[];
  readonly firings: readonly { since_ms: number; ended_ms: number | null; offset: number }[];
}

async function live(): Promise<Live> {
  const storage = await openTestLog();
  const { log } = storage;
  const [health, meter, stop] = [new Health(), new Meter(), new AbortController()];
  const common = { log, health, meter, logger: testLogger };
  const rules = createRules(common);
  const evaluate = createEvaluate({ ...common, clock: systemClock, rules: rules.feed });
  const running = [rules.service, evaluate].map((service) => service.run(stop.signal));
  const routes = backtestRoutes({ log, pasts: new MetricPasts(log), clock: systemClock });
  const { url, server } = await listeningServer([rules.routes, routes], { health, meter });
  await rules.feed.caughtUp;
  const post = (path: string, body: object, accept = '*/*'): Promise<Response> =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept },
      body: JSON.stringify(body),
    });
  const read = async (answer: Response): Promise<string> => {
    const text = await answer.text();
    assert.ok(answer.ok, text);
    return text;
  };
  return {
    url,
    storage,
    make: async (fields) =>
      JSON.parse(await read(await post('/rules', { discord_webhook_url: webhook, ...fields }))) as Rule,
    backtest: async (order) => JSON.parse(await read(await post('/api/v1/rules/backtest', order))) as Answer,
    lines: async (order) =>
      (await read(await post('/api/v1/rules/backtest', order, 'application/x-ndjson')))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Answer),
    async stop() {
      await server.close();
      stop.abort();
      await Promise.all(running);
      await storage.remove();
    },
  };
}

async function withLive(body: (it: Live) => Promise<void>): Promise<void> {
  const it = await live();
  try {
    await body(it);
  } finally {
    await it.stop();
  }
}

const metrics = ['cpu', 'queue', 'errors'];
const sentinel = 1e12;

function randomRule(random: Random): object {
  const threshold = random.below(100);
  const operator = random.pick(operators);
  const side = { '>': -10, '>=': -10, '<': 10, '<=': 10, '==': undefined, '!=': undefined }[operator];
  const type = random.pick(windowTypes);
  const isMean = random.chance(0.4);
  const isLeveled = side !== undefined && random.chance(0.3);
  const further = { threshold: threshold - (side ?? 0), for_seconds: random.below(20), severity: 'critical' };
  return {
    metric_name: random.pick(metrics),
    ...(isLeveled ? { levels: [{ threshold }, further] } : { threshold }),
    operator,
    ...(random.chance(0.4) && { tags: { host: random.pick(['a', 'b', 'é"']) } }),
    ...(isMean && { type, window_duration_seconds: 1 + random.below(90) }),
    ...(isMean && needsParameter(type, 'percentile') && { percentile: random.below(101) }),
    ...(random.chance(0.4) && { cooldown_seconds: random.below(120) }),
    ...(random.chance(0.3) && { trigger: 'every_sample' }),
    ...(random.chance(0.3)
      ? { for_seconds: random.below(40) }
      : random.chance(0.3) &&
        !isLeveled && { for_samples: { breaches: 1 + random.below(3), of: 3 + random.below(4) } }),
    ...(random.chance(0.3) && { resolve_for_seconds: random.below(20) }),
    ...(random.chance(0.3) && side !== undefined && !isLeveled && { resolve_threshold: threshold + side }),
    ...(random.chance(0.5) && { notify_on_resolve: true }),
  };
}

async function appendSamples(
  { log }: TestLog,
  samples: readonly { name: string; value: number; tags?: Record<string, string>; timestampMs: number }[],
): Promise<void> {
  const records = samples.map(({ name, value, tags, timestampMs }) => ({
    key: Buffer.from(name),
    value: Buffer.from(formatSampleValue(value, tags)),
    timestampMs,
  }));
  for (let at = 0; at < records.length; at += 100) await log.append(topics.metrics.name, records.slice(at, at + 100));
}

function randomSamples(random: Random, fromMs: number, count: number) {
  let timestampMs = fromMs;
  return Array.from({ length: count }, () => {
    timestampMs += random.below(400);
    const lateMs = random.chance(0.1) ? random.below(100_000) : 0;
    const host = random.pick([undefined, 'a', 'b', 'é"']);
    return {
      name: random.pick(metrics),
      value: random.below(1_000) / 10,
      ...(host !== undefined && { tags: { host, zone: 'z' } }),
      timestampMs: timestampMs - lateMs,
    };
  });
}

async function parsed<Value>(
  storage: TestLog,
  topic: string,
  parse: (text: string) => Value | { problem: string },
): Promise<Value[]> {
  const records = (await storage.records(topic)).filter(({ value }) => value !== null);
  return records.map(({ value }) => {
    const record = parse(value!);
    assert.ok(!(typeof record === 'object' && record !== null && 'problem' in record));
    return record;
  });
}

/** What the evaluator wrote of one rule, without what it writes again of what has not changed. */
function transitionsOf(records: readonly AlarmRecord[], ruleId: string): object[] {
  // As a backtest counts them: a message that is sent again is no other state.
  const states = new Map<string, string>();
  const textOf = (state: AlarmState): string =>
    state.state === 'firing'
      ? JSON.stringify([state.alarmId, state.notified, state.deferred !== undefined])
      : state.state;
  return records
    .filter((record) => record.ruleId === ruleId)
    .filter(({ series, state }) => {
      const key = JSON.stringify(series);
      if ((states.get(key) ?? 'ok') === textOf(state)) return false;
      states.set(key, textOf(state));
      return true;
    })
    .map(({ series, state, timeMs, sample, x }) => ({
      ...(Object.keys(series.tags).length > 0 && { tags: series.tags }),
      state: state.state,
      value: x ?? null,
      time_ms: timeMs,
      offset: sample.offset,
    }));
}

test('a backtest says of random rules what the alarms service did, offset for offset', async (context) => {
  context.diagnostic(`SEED=${seed}`);
  const random = new Random(seed);
  await withLive(async (it) => {
    const rules = await Promise.all(Array.from({ length: 60 }, () => it.make(randomRule(random))));
    const sentinels = await Promise.all(metrics.map((name) => it.make({ metric_name: name, threshold: sentinel / 2 })));
    await appendSamples(it.storage, randomSamples(random, Date.now() - 480_000, 2_000));
    const last = metrics.map((name) => ({ name, value: sentinel, timestampMs: Date.now() }));
    await appendSamples(it.storage, last);
    let states: AlarmRecord[] = [];
    do {
      await sleep(20);
      states = await parsed<AlarmRecord>(it.storage, topics.alarms.name, parseAlarmRecord);
    } while (!sentinels.every(({ id }) => states.some(({ ruleId }) => ruleId === id)));
    const all = await parsed<Notification | Notice>(it.storage, topics.notifications.name, parseNotification);
    const sent = all.filter(({ message }) => message);
    let compared = 0;
    for (const rule of rules) {
      const said = await it.backtest({ rule, from_ms: 0, limit: 10_000 });
      const which = JSON.stringify(rule);
      assert.equal(said.complete, true);
      const due = said.due.map(({ id, kind, offset, time_ms }) => ({ id, kind, offset, time_ms }));
      const really = sent
        .filter(({ ruleId }) => ruleId === rule.id)
        .map(({ id, kind, sample, timeMs }) => ({ id, kind, offset: sample.offset, time_ms: timeMs }));
      assert.deepEqual(due, really, which);
      const transitions = said.transitions.map(({ tags, state, value, time_ms, offset }) => ({
        ...(tags !== undefined && { tags }),
        state,
        value,
        time_ms,
        offset,
      }));
      const shown = transitionsOf(states, rule.id);
      assert.deepEqual(transitions, shown, which);
      compared += due.length + transitions.length;
    }
    assert.ok(compared > 1_000, `only ${compared} were compared`);
  });
});

const spikes = (fromMs: number, values: readonly number[], everyMs = 1_000) =>
  values.map((value, index) => ({ name: 'cpu', value, timestampMs: fromMs + index * everyMs }));

test('it counts firings, what the cooldown withholds, and the longest', async () => {
  await withLive(async (it) => {
    const fromMs = Date.now() - 60_000;
    await appendSamples(it.storage, spikes(fromMs, [1, 9, 9, 9, 1, 9, 1, 1, 9]));
    const said = await it.backtest({ rule: { metric_name: 'cpu', threshold: 5, cooldown_seconds: 60 } });
    assert.deepEqual(
      [said.fired, said.notifications, said.deferred, said.firing_now, said.longest_ms, said.samples],
      [3, 1, 2, 1, 3_000, 9],
    );
    assert.deepEqual(
      said.firings.map(({ offset, ended_ms }) => [offset, ended_ms]),
      [
        [1, fromMs + 4_000],
        [5, fromMs + 6_000],
        [8, null],
      ],
    );
  });
});

test('what comes later is in the next answer, and another threshold needs no other reading', async () => {
  await withLive(async (it) => {
    const fromMs = Date.now() - 60_000;
    await appendSamples(it.storage, spikes(fromMs, [1, 9, 1]));
    const order = (threshold: number) => ({ rule: { metric_name: 'cpu', threshold } });
    assert.equal((await it.backtest(order(5))).fired, 1);
    await appendSamples(it.storage, spikes(fromMs + 3_000, [9, 1, 7]));
    assert.equal((await it.backtest(order(5))).fired, 3);
    assert.equal((await it.backtest(order(8))).fired, 2);
    assert.equal((await it.backtest(order(9))).fired, 0);
  });
});

test('a window at the beginning of the range is filled from before it', async () => {
  await withLive(async (it) => {
    const fromMs = Date.now() - 100_000;
    await appendSamples(it.storage, spikes(fromMs, [0, 0, 0, 100, 0], 10_000));
    const rule = { metric_name: 'cpu', threshold: 40, type: 'window_average', window_duration_seconds: 60 };
    const said = await it.backtest({ rule, from_ms: fromMs + 30_000 });
    assert.deepEqual([said.samples, said.fired], [2, 0]);
    const short = await it.backtest({ rule: { ...rule, window_duration_seconds: 15 }, from_ms: fromMs + 30_000 });
    assert.equal(short.fired, 1);
  });
});

/** A JSON text of this text in which characters are escaped as chance has it, as far as JSON allows. */
function writtenAnyhow(text: string, chance: () => number): string {
  const units = Array.from({ length: text.length }, (_, at) => text.charAt(at));
  const written = units.map((unit) => {
    if (chance() < 0.1) return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
    if (unit === '/' && chance() < 0.5) return '\\/';
    return JSON.stringify(unit).slice(1, -1);
  });
  return `"${written.join('')}"`;
}

test('a tag is found however its writer escaped it', async (context) => {
  context.diagnostic(`SEED=${seed}`);
  await withLive(async (it) => {
    const timestampMs = Date.now() - 1_000;
    const random = new Random(seed);
    const hosts = ['a', '/', '/var/log', 'a/b', 'say "hi"', 'back\\slash', 'tab\there', 'ünï', 'plain-web-1', ''];
    const copies = 8;
    for (let copy = 0; copy < copies; copy++)
      for (const host of hosts) {
        const value = `{"value": 9, "tags": {"host": ${writtenAnyhow(host, () => random.next())}}}`;
        // A batch of its own, in which nothing else lets it be found.
        await it.storage.log.append(topics.metrics.name, [
          { key: Buffer.from('cpu'), value: Buffer.from(value), timestampMs },
        ]);
      }
    for (const host of hosts) {
      const said = await it.backtest({ rule: { metric_name: 'cpu', threshold: 5, tags: { host } } });
      assert.equal(said.samples, copies, JSON.stringify(host));
    }
  });
});

test('silence is measured by the timestamps alone', async () => {
  await withLive(async (it) => {
    const fromMs = Date.now() - 600_000;
    await appendSamples(it.storage, [
      { name: 'cpu', value: 1, timestampMs: fromMs },
      { name: 'cpu', value: 1, timestampMs: fromMs + 30_000 },
      { name: 'cpu', value: 1, timestampMs: fromMs + 200_000 },
    ]);
    const said = await it.backtest({ rule: { metric_name: 'cpu', threshold: 5, no_data_seconds: 60 } });
    assert.deepEqual([said.fired, said.fired_for_no_data, said.firing_now], [1, 1, 0]);
    assert.deepEqual(
      said.firings.map(({ since_ms, ended_ms }) => [since_ms - fromMs, ended_ms! - fromMs]),
      [[90_000, 200_000]],
    );
  });
});

test('an alarm that resolves without data does so by the timestamps alone, when data was expected', async () => {
  await withLive(async (it) => {
    const fromMs = Date.now() - 600_000;
    const samples = [0, 30_000, 200_000].map((atMs) => ({ name: 'cpu', value: 9, timestampMs: fromMs + atMs }));
    const other = { name: 'cpu', value: 1, tags: { host: 'other' }, timestampMs: fromMs + 500_000 };
    await appendSamples(it.storage, [...samples, other]);
    const rule = { metric_name: 'cpu', threshold: 5, resolve_without_data_seconds: 60, notify_on_resolve: true };
    const said = await it.backtest({ rule });
    assert.deepEqual(
      said.firings.map(({ since_ms, ended_ms }) => [since_ms - fromMs, ended_ms! - fromMs]),
      [
        [0, 90_000],
        [200_000, 260_000],
      ],
    );
    assert.deepEqual([said.fired_for_no_data, said.longest_ms], [0, 90_000]);
  });
});

test('a long range is told of slice by slice, the newest first, and the last line is all', async () => {
  await withLive(async (it) => {
    const fromMs = Date.now() - 3_000_000;
    const many = Array.from({ length: 230_000 }, (_, index) => ({
      name: 'cpu',
      value: index % 1_000 === 0 ? 9 : 1,
      timestampMs: fromMs + index * 10,
    }));
    for (let at = 0; at < many.length; at += 20_000) {
      const records = many.slice(at, at + 20_000).map(({ name, value, timestampMs }) => ({
        key: Buffer.from(name),
        value: Buffer.from(formatSampleValue(value)),
        timestampMs,
      }));
      await it.storage.log.append(topics.metrics.name, records);
    }
    const lines = await it.lines({ rule: { metric_name: 'cpu', threshold: 5 }, from_ms: 0 });
    assert.deepEqual(
      lines.map(({ complete, samples, fired }) => [complete, samples, fired]),
      [
        [false, 100_000, 100],
        [false, 200_000, 200],
        [true, 230_000, 230],
      ],
    );
    const again = await it.lines({ rule: { metric_name: 'cpu', threshold: 0.5 }, from_ms: 0 });
    assert.deepEqual(
      again.map(({ complete, fired }) => [complete, fired]),
      [[true, 1]],
    );
  });
});

test('a caller that goes ends the reading', async () => {
  await withLive(async (it) => {
    await appendSamples(it.storage, spikes(Date.now() - 60_000, [1, 9]));
    const stop = new AbortController();
    const body = JSON.stringify({ rule: { metric_name: 'cpu', threshold: 5 } });
    const headers = { 'content-type': 'application/json' };
    const all = Array.from({ length: 4 }, () =>
      fetch(`${it.url}/api/v1/rules/backtest`, { method: 'POST', headers, body, signal: stop.signal }),
    );
    stop.abort();
    await Promise.allSettled(all);
    assert.equal((await it.backtest({ rule: { metric_name: 'cpu', threshold: 5 } })).fired, 1);
  });
});

test('what is wrong with the rule or the range is named', async () => {
  await withLive(async (it) => {
    const refused = async (body: unknown): Promise<string[]> => {
      const answer = await fetch(`${it.url}/api/v1/rules/backtest`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      assert.equal(answer.status, 400);
      const { errors } = (await answer.json()) as { errors?: { field: string }[] };
      return (errors ?? []).map(({ field }) => field);
    };
    assert.deepEqual(await refused({ rule: { threshold: 'x' } }), ['metric_name', 'threshold']);
    assert.deepEqual(await refused({ rule: { metric_name: 'cpu', threshold: 1 }, from_ms: 'x' }), ['from_ms']);
    assert.deepEqual(await refused({ rule: { metric_name: 'cpu', threshold: 1 }, form: 1 }), ['form']);
    assert.deepEqual(await refused({}), ['rule']);
    assert.deepEqual(await refused([]), []);
  });
});
