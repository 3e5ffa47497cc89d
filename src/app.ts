import { readFileSync } from 'node:fs';
import { systemClock, type Clock } from './base/clock.ts';
import { Failure } from './base/failure.ts';
import { Health } from './base/health.ts';
import { createLogger, type Logger } from './base/logger.ts';
import { Meter } from './base/meter.ts';
import { Closers, runTogether, type Service } from './base/service.ts';
import { steadyClock } from './base/steady-clock.ts';
import { pageUrlOf, type Config } from './config.ts';
import { createConsole, type Console } from './console/console.ts';
import { onDemand } from './console/on-demand.ts';
import { createEvaluate } from './evaluate/evaluate.ts';
import { createAuth, type Auth, type AuthOptions } from './http/auth.ts';
import { Oidc } from './http/oidc.ts';
import { createServer } from './http/server.ts';
import { createHeartbeat } from './heartbeat/heartbeat.ts';
import type { Vitals } from './instance/instance-record.ts';
import { createIngest, type IngestOptions } from './ingest/ingest.ts';
import type { Log, TopicDeviation } from './log/log.ts';
import { openSqliteLog } from './log/sqlite/sqlite-log.ts';
import { createLogCheck } from './log/log-check.ts';
import { createTopicCheck } from './log/topic-check.ts';
import { createNotify } from './notify/notify.ts';
import { createOperators } from './operators/operators.ts';
import { createPresence } from './presence/presence.ts';
import { withCanaries } from './rule/canary.ts';
import { createRules, type Rules } from './rules/rules.ts';
import { usesOf, type Part } from './topic-uses.ts';
import { topicSettings } from './topics.ts';

export interface AppOptions {
  readonly config: Config;
  /** The command, which names this process in its log. */
  readonly name: string;
  readonly parts: readonly Part[];
  /** Aborts when the process is to end. */
  readonly signal: AbortSignal;
  /** Called once the process listens: where, and where its messages link to. */
  readonly onListening: (url: string, pageUrl: string | undefined) => void;
}

/**
 * Wires the services of one process and runs them until the signal aborts or one of them fails. What is opened is closed in
 * the reverse order: first no more requests, then no more work, then the log.
 */
export async function runApp({ config, name, parts, signal, onListening }: AppOptions): Promise<void> {
  const logger = createLogger(config.logLevel, name);
  const [meter, health, version] = [new Meter(), new Health(), packageVersion()];
  meter.watchProcess();
  const closers = new Closers();
  try {
    const clock = steadyClock(systemClock, logger);
    closers.add('clock', clock.watch());
    const now = (): number => clock.wallMs();
    const log = await openLog(config, logger, now);
    closers.add('log', () => log.close());
    const settings = Object.values(topicSettings(config.timestampFutureMs));
    await log.ensureTopics(settings);
    refuseFatal(await log.topicDeviations(settings));

    const { discordApiBase } = config;
    const common: CommonParts = { log, health, meter, logger, clock, now, discordApiBase, version };
    const auth = authOf(config, common);
    const server = await createServer({
      auth,
      hostNames: config.hostNames,
      publicUrl: config.consoleUrl,
      isReadOnly: config.readOnly,
      changesPerMinute: config.quotaChanges,
      version,
      health,
      meter,
      logger,
    });
    // All services of a process share one follower of the rules.
    const rules = createRules({
      ...common,
      revealWebhookUrl: config.revealWebhookUrl,
      webhookAllow: config.webhookAllow,
    });
    const vitals: Vitals = {};
    const page: { url?: string | undefined } = {};
    const services: Service[] = [rules.service, ...watchersOf(config, { name, parts, common, rules })];
    if (parts.includes('rules')) await server.mount(rules.routes);
    if (parts.includes('ingest')) await server.mount(createIngest({ ...common, ...ingestSettings(config) }).routes);
    if (parts.includes('console')) {
      const oidc = oidcOf(config, auth, logger);
      const { readOnly: isReadOnly } = config;
      const takesSamples = parts.includes('ingest');
      const facts = { isReadOnly, takesSamples, consoleUrl: () => page.url, oidc };
      const console = createConsole({ ...common, rules: rules.feed, ...facts });
      services.push(console.service);
      await server.mount(console.routes);
    } else if (parts.includes('rules')) {
      // The command line asks one address for everything.
      const reads = readsOf({ common, rules, isReadOnly: config.readOnly, waitMsMax: readMsMax });
      services.push(reads.service);
      await server.mount(reads.routes);
    }

    services.push(createPresence({ ...common, parts, vitals, rules: rules.feed, rulePositions: rules.positions }));

    closers.add('http', () => server.close());
    const listening = await server.listen(config);
    const { url } = listening;
    // Messages link to the page, whose address is known only now.
    const isLinked = parts.includes('console') && parts.includes('alarms');
    page.url = isLinked ? pageUrlOf(config, listening) : config.consoleUrl;
    if (parts.includes('alarms')) services.push(...alarmsOf(config, { common, rules, vitals, consoleUrl: page.url }));
    logger.info({ url, parts, version }, 'started');
    onListening(url, page.url);
    await runTogether(services, signal);
  } finally {
    for (const failed of await closers.close())
      logger.error({ err: failed.error, name: failed.name }, 'closing failed');
    logger.info('ended');
  }
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With its query. */
  readonly path: string;
  readonly body?: object;
  /** The version of a rule that a change means. */
  readonly etag?: string | undefined;
}

export interface ApiReply {
  readonly status: number;
  readonly body: string;
  /** The version of the rule that was read or written. */
  readonly etag: string | undefined;
}

/**
 * Asks the API of this process, which listens nowhere: for a command that works on the log itself. Whoever may use the log
 * needs no token.
 */
export async function askLog(
  config: Config,
  logger: Logger,
  { method, path, body, etag }: ApiRequest,
): Promise<ApiReply> {
  const [meter, health, version, clock] = [new Meter(), new Health(), packageVersion(), systemClock];
  const { discordApiBase, webhookAllow } = config;
  const log = await openLog(config, logger);
  const stop = new AbortController();
  const common = { log, health, meter, logger, clock, now: () => clock.wallMs(), discordApiBase, version };
  const rules = createRules({ ...common, webhookAllow });
  const reads = readsOf({ common, rules, isReadOnly: false, waitMsMax: commandReadMsMax });
  const running = runTogether([rules.service, reads.service], stop.signal);
  try {
    const server = await createServer({ auth: undefined, version, health, meter, logger });
    await server.mount(rules.routes);
    await server.mount(reads.routes);
    await Promise.race([rules.caughtUp, running]);
    const answer = await server.app.inject({
      method,
      url: path,
      headers: { ...(etag !== undefined && { 'if-match': etag }) },
      ...(body !== undefined && { payload: body }),
    });
    await server.close();
    return { status: answer.statusCode, body: answer.body, etag: answer.headers.etag };
  } finally {
    stop.abort();
    try {
      await running;
    } finally {
      // Of a log that failed, too: its connections would keep the process.
      await log.close();
    }
  }
}

interface CommonParts {
  readonly log: Log;
  readonly health: Health;
  readonly meter: Meter;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly now: () => number;
  readonly discordApiBase: string | undefined;
  readonly version: string;
}

/**
 * What the page reads, without the page, in a process whose work is another one: it is followed from the first request on.
 * Health and metrics are of that work alone.
 */
function readsOf({ common, rules, isReadOnly, waitMsMax }: ReadsOptions): Console {
  const own = { health: new Health(), meter: new Meter(), servesPage: false, isReadOnly };
  const { clock } = common;
  return onDemand(createConsole({ ...common, ...own, rules: rules.feed }), { clock, waitMsMax });
}

interface ReadsOptions {
  readonly common: CommonParts;
  readonly rules: Rules;
  readonly isReadOnly: boolean;
  readonly waitMsMax: number;
}

/** How long a request waits for the log to be read, before it is asked to come again. */
const readMsMax = 10_000;
/** A command on the log itself would start from nothing. */
const commandReadMsMax = 300_000;

interface AlarmsParts {
  readonly common: CommonParts;
  readonly rules: Rules;
  readonly vitals: Vitals;
  readonly consoleUrl: string | undefined;
}

/** The health checks, and the messages to operators about them. */
function watchersOf(
  config: Config,
  { name, parts, common, rules }: Pick<AppOptions, 'name' | 'parts'> & Pick<ReadsOptions, 'common' | 'rules'>,
): Service[] {
  const { opsReceiver: receiver, webhookAllow, readOnly: isReadOnly, timestampFutureMs } = config;
  const { receivers } = rules;
  return [
    createTopicCheck({ ...common, topics: Object.values(topicSettings(timestampFutureMs)) }),
    createLogCheck({ ...common, uses: usesOf(parts, { isReadOnly }) }),
    ...(receiver === undefined
      ? []
      : [createOperators({ ...common, receiver, receivers, service: name, webhookAllow })]),
  ];
}

/** The two loops of an alarms instance, and the heartbeat that shows that they work. */
function alarmsOf(
  { seriesMax, windowBytesMax, webhookAllow, globalRps, heartbeatUrl: url }: Config,
  { common, rules, vitals, consoleUrl }: AlarmsParts,
): Service[] {
  const { feed, receivers } = rules;
  return [
    // Canaries are evaluated by the owners of their partitions, also if another process writes them.
    createEvaluate({ ...common, rules: { ...feed, book: withCanaries(feed.book) }, vitals, seriesMax, windowBytesMax }),
    createNotify({ ...common, rules: feed, receivers, vitals, webhookAllow, consoleUrl, globalRps }),
    ...(url === undefined ? [] : [createHeartbeat({ ...common, url })]),
  ];
}

/** Throws a Failure for topics that were created, or changed, so that records would be lost: with the commands that repair them. */
function refuseFatal(deviations: readonly TopicDeviation[]): void {
  const fatal = deviations.filter(({ isFatal }) => isFatal);
  if (fatal.length === 0) return;
  throw new Failure('conflict', fatal.map(({ detail, command }) => `${detail}. Repair: ${command}`).join('; '));
}

/**
 * Kafka when a broker is configured, otherwise the embedded log, whose retention goes by `now`. Rejects with LogUnavailable,
 * in a line fit to be shown.
 */
export async function openLog(config: Config, logger: Logger, now?: () => number): Promise<Log> {
  const { broker, brokerSecurity, dataDir } = config;
  if (broker === undefined) return openSqliteLog({ dataDir, logger, ...(now && { now }) });
  // Loaded only when it is needed: the embedded log starts without Kafka's client.
  const { openKafkaLog } = await import('./log/kafka/kafka-log.ts');
  const { tls, tlsCa, tlsIdentity, sasl } = brokerSecurity;
  return openKafkaLog({
    bootstrap: broker,
    clientId: 'ssrms',
    logger,
    ...(tls && { tls: { ...(tlsCa !== undefined && { ca: tlsCa }), ...tlsIdentity } }),
    ...(sasl !== undefined && { sasl }),
  });
}

function ingestSettings(config: Config): Pick<IngestOptions, 'timeBounds' | 'quotas' | 'influxBasic'> {
  return {
    timeBounds: { pastMsMax: config.timestampPastMs, futureMsMax: config.timestampFutureMs },
    quotas: {
      samplesPerSecond: config.quotaSamples,
      bytesPerSecond: config.quotaBytes,
      series: config.quotaSeries,
      newSeriesPerMinute: config.quotaNewSeries,
    },
    influxBasic: config.influxBasicAuth,
  };
}

function authOf(config: Config, common: Pick<AuthOptions, 'logger' | 'meter' | 'now'>): Auth | undefined {
  const { jwtSecret: secret, jwtSecretPrevious: previousSecret, jwksUrl } = config;
  const { jwtIssuer: issuer, jwtAudience: audience, jwtRevoked: revoked } = config;
  const { logger, meter, now } = common;
  const options = { issuer, audience, revoked, logger, meter, ...(now && { now }) };
  if (secret !== undefined) return createAuth({ keys: { secret, previousSecret }, ...options });
  if (jwksUrl !== undefined) return createAuth({ keys: { jwksUrl }, ...options });
  return undefined;
}

function oidcOf({ oidc, jwtAudience: audience }: Config, auth: Auth | undefined, logger: Logger): Oidc | undefined {
  return oidc === undefined || auth === undefined ? undefined : new Oidc({ ...oidc, audience, auth, logger });
}

function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
