// Everything that the page needs, in one process with its own log: the rules API, ingest and the console.
import { systemClock, type Clock } from '../../base/clock.ts';
import assert from 'node:assert/strict';
import { Health } from '../../base/health.ts';
import { Meter } from '../../base/meter.ts';
import { formatAlarmRecord, keyOfAlarmRecord, type AlarmRecord } from '../../alarm/alarm-record.ts';
import type { AlarmState, Firing } from '../../alarm/alarm-state.ts';
import { alarmId } from '../../alarm/identity.ts';
import { createEvaluate } from '../../evaluate/evaluate.ts';
import type { Auth } from '../../http/auth.ts';
import type { Oidc } from '../../http/oidc.ts';
import { listeningServer, testAuth, testLogger, type TestServer } from '../../http/testing/test-server.ts';
import { openTestLog, type TestLog } from '../../http/testing/test-log.ts';
import { createIngest } from '../../ingest/ingest.ts';
import type { Log } from '../../log/log.ts';
import type { NewRecord } from '../../log/record.ts';
import { partitionOf } from '../../log/murmur2.ts';
import { noTags, type Tags } from '../../metric/sample.ts';
import { seriesKey } from '../../metric/series.ts';
import type { Vitals } from '../../instance/instance-record.ts';
import { createNotify } from '../../notify/notify.ts';
import { createPresence } from '../../presence/presence.ts';
import { createRules } from '../../rules/rules.ts';
import { topics } from '../../topics.ts';
import { createConsole } from '../console.ts';

export interface ConsoleSystem extends TestServer {
  readonly storage: TestLog;
  /** Ingests values of a series, one for each of the last seconds. */
  publish(metric: string, values: readonly number[], tags?: Tags): Promise<void>;
  stop(): Promise<void>;
}

interface ConsoleSystemOptions {
  /** Whether tokens are required, or what checks them. */
  readonly auth?: boolean | Auth;
  readonly oidc?: Oidc;
  readonly pageDir?: string;
  /** Whether samples are evaluated as well. */
  readonly evaluates?: boolean;
  /** Whether it refuses every change. */
  readonly isReadOnly?: boolean;
  /** The log of another system, which removes it when it stops: replicas share nothing else. */
  readonly storage?: TestLog;
  /** The page's public address, for links in messages. */
  readonly consoleUrl?: string;
  /** A faster clock for the console and the evaluator. */
  readonly clock?: Clock;
  /** A fake Discord, to which alarms are sent. */
  readonly discordApiBase?: string;
}

export async function startConsoleSystem(options: ConsoleSystemOptions = {}): Promise<ConsoleSystem> {
  const storage = options.storage ?? (await openTestLog());
  const [health, meter, stop] = [new Health(), new Meter(), new AbortController()];
  const common = {
    log: storage.log,
    health,
    meter,
    logger: testLogger,
    version: '0.0.0',
    discordApiBase: options.discordApiBase,
    consoleUrl: options.consoleUrl,
  };
  const rules = createRules(common);
  const ingest = createIngest(common);
  const vitals: Vitals = {};
  const pages = createConsole({
    ...common,
    clock: options.clock ?? systemClock,
    rules: rules.feed,
    isReadOnly: options.isReadOnly === true,
    takesSamples: true,
    consoleUrl: () => options.consoleUrl,
    oidc: options.oidc,
    ...(options.pageDir !== undefined && { pageDir: options.pageDir }),
  });
  const services = [rules.service, pages.service];
  if (options.evaluates === true)
    services.push(createEvaluate({ ...common, clock: options.clock ?? systemClock, rules: rules.feed, vitals }));
  if (options.discordApiBase !== undefined)
    services.push(createNotify({ ...common, rules: rules.feed, receivers: rules.receivers, vitals }));
  const presence = { ...common, parts: ['up'], vitals, rules: rules.feed, rulePositions: rules.positions };
  services.push(createPresence(presence));
  const running = services.map((service) => service.run(stop.signal));
  const auth = options.auth === true ? testAuth() : options.auth || undefined;
  const it = await listeningServer([rules.routes, ingest.routes, pages.routes], {
    health,
    meter,
    auth,
    isReadOnly: options.isReadOnly === true,
  });
  while (health.starting().length > 0) await new Promise((resolve) => setTimeout(resolve, 2));
  return {
    ...it,
    storage,
    async publish(name, values, tags = noTags) {
      const nowMs = Date.now();
      const samples = values.map((value, index) => ({
        name,
        value,
        tags,
        timestamp: nowMs - (values.length - index) * 1_000,
      }));
      const answer = await fetch(`${it.url}/api/v1/metrics`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(samples),
      });
      assert.ok(answer.ok, await answer.text());
    },
    async stop() {
      await it.server.close();
      stop.abort();
      await Promise.all(running);
      if (options.storage === undefined) await storage.remove();
    },
  };
}

export interface AlarmGiven {
  readonly ruleId: string;
  readonly metric: string;
  readonly tags?: Tags;
  /** Derives the alarm id from the sample, as the evaluator does. */
  readonly state: AlarmState;
  /** Whether the state was written before: then it keeps its alarm id. */
  readonly isRepeat?: boolean;
  readonly x?: number | undefined;
  readonly offset: number;
  readonly timeMs?: number;
}

/** Appends the state of an alarm to `alarms`, as an evaluator does. */
export async function appendAlarm(log: Log, given: AlarmGiven): Promise<AlarmRecord> {
  const { record, written } = alarmRecordOf(given);
  await log.append(topics.alarms.name, [written]);
  return record;
}

export function alarmRecordOf(given: AlarmGiven): { readonly record: AlarmRecord; readonly written: NewRecord } {
  const partition = partitionOf(Buffer.from(given.metric), topics.metrics.partitions);
  const timeMs = given.timeMs ?? Date.now();
  const series = { name: given.metric, tags: given.tags ?? noTags };
  const sample = { partition, offset: given.offset, timestampMs: timeMs };
  const { state, ruleId } = given;
  const isNamed = state.state === 'firing' && given.isRepeat !== true;
  const record: AlarmRecord = {
    ruleId,
    ruleVersion: { partition: 0, offset: 0 },
    series,
    state: isNamed
      ? { ...state, alarmId: alarmId(ruleId, seriesKey(series.name, series.tags), sample, state.cause) }
      : state,
    ruleMemory: { lastSentMs: undefined, lastSentOffset: undefined, sentCount: 0, ruleTimeMs: undefined },
    revision: 0,
    deferredAfter: 0,
    clockDues: 0,
    x: given.x,
    timeMs,
    sample,
  };
  const [key, value] = [Buffer.from(keyOfAlarmRecord(record)), Buffer.from(formatAlarmRecord(record))];
  return { record, written: { key, value, timestampMs: timeMs, partition } };
}

/** Firing since a time, with an alarm id that appendAlarm replaces. */
export function firingSince(sinceMs: number, cause: 'breach' | 'no_data' = 'breach'): Firing {
  return { state: 'firing', sinceMs, alarmId: '', cause, notified: true };
}
