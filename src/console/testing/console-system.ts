// Everything that the page needs, in one process on a log of its own: the rules API, ingest and the console.
import { Health } from '../../base/health.ts';
import { Meter } from '../../base/meter.ts';
import { formatAlarmRecord, keyOfAlarmRecord, type AlarmRecord } from '../../alarm/alarm-record.ts';
import type { AlarmState } from '../../alarm/alarm-state.ts';
import { createEvaluate } from '../../evaluate/evaluate.ts';
import { listeningServer, testAuth, testLogger, type TestServer } from '../../http/testing/test-server.ts';
import { openTestLog, type TestLog } from '../../http/testing/test-log.ts';
import { createIngest } from '../../ingest/ingest.ts';
import { partitionOf } from '../../log/murmur2.ts';
import { noTags, type Tags } from '../../metric/sample.ts';
import { createNotify } from '../../notify/notify.ts';
import { createRules } from '../../rules/rules.ts';
import { topics } from '../../topics.ts';
import { createConsole } from '../console.ts';

export interface ConsoleSystem extends TestServer {
  readonly storage: TestLog;
  stop(): Promise<void>;
}

interface ConsoleSystemOptions {
  readonly auth?: boolean;
  readonly pageDir?: string;
  /** Whether samples are judged, too. */
  readonly evaluates?: boolean;
  /** A stand-in for Discord, which alarms are then sent to. */
  readonly discordApiBase?: string;
}

export async function startConsoleSystem(options: ConsoleSystemOptions = {}): Promise<ConsoleSystem> {
  const storage = await openTestLog();
  const [health, meter, stop] = [new Health(), new Meter(), new AbortController()];
  const common = {
    log: storage.log,
    health,
    meter,
    logger: testLogger,
    version: '0.0.0',
    discordApiBase: options.discordApiBase,
  };
  const rules = createRules(common);
  const ingest = createIngest(common);
  const pages = createConsole({
    ...common,
    rules: rules.feed,
    ...(options.pageDir !== undefined && { pageDir: options.pageDir }),
  });
  const services = [rules.service, pages.service];
  if (options.evaluates === true) services.push(createEvaluate({ ...common, rules: rules.feed }));
  if (options.discordApiBase !== undefined) services.push(createNotify({ ...common, rules: rules.feed }));
  const running = services.map((service) => service.run(stop.signal));
  const auth = options.auth === true ? testAuth() : undefined;
  const it = await listeningServer([rules.routes, ingest.routes, pages.routes], { health, meter, auth });
  while (health.starting().length > 0) await new Promise((resolve) => setTimeout(resolve, 2));
  return {
    ...it,
    storage,
    async stop() {
      await it.server.close();
      stop.abort();
      await Promise.all(running);
      await storage.remove();
    },
  };
}

export interface AlarmGiven {
  readonly ruleId: string;
  readonly metric: string;
  readonly tags?: Tags;
  readonly state: AlarmState;
  readonly x?: number | undefined;
  readonly offset: number;
}

/** Appends the state of an alarm to `alarms`, as an evaluator does. */
export async function appendAlarm(storage: TestLog, given: AlarmGiven): Promise<void> {
  const partition = partitionOf(Buffer.from(given.metric), topics.metrics.partitions);
  const nowMs = Date.now();
  const record: AlarmRecord = {
    ruleId: given.ruleId,
    ruleVersion: { partition: 0, offset: 0 },
    series: { name: given.metric, tags: given.tags ?? noTags },
    state: given.state,
    lastSentMs: undefined,
    sentCount: 0,
    revision: 0,
    x: given.x,
    timeMs: nowMs,
    sample: { partition, offset: given.offset, timestampMs: nowMs },
  };
  const [key, value] = [Buffer.from(keyOfAlarmRecord(record)), Buffer.from(formatAlarmRecord(record))];
  await storage.log.append(topics.alarms.name, [{ key, value, timestampMs: nowMs, partition }]);
}

export function firingSince(sinceMs: number, cause: 'breach' | 'no_data' = 'breach'): AlarmState {
  return {
    state: 'firing',
    sinceMs,
    alarmId: '33333333-3333-5333-8333-333333333333',
    cause,
    notified: true,
    owed: false,
  };
}
