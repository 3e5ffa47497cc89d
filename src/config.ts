import { isIP } from 'node:net';
import { logLevels, type LogLevel } from './base/logger.ts';
import { parseNetworks, type Networks } from './receiver/networks.ts';
import { isReceiverName } from './rule/receiver-name.ts';
import {
  ConfigError,
  fileText,
  hostAddress,
  listOf,
  oneOf,
  settingReader,
  truth,
  webAddress,
  wholeNumber,
  type Flags,
} from './setting-values.ts';
import { saslMechanisms, settings, type SaslMechanism, type Setting, type SettingName } from './settings.ts';
import { tokenSettings, type TokenSettings } from './token-settings.ts';

/** What a process was told by its environment and flags, parsed once. */
export interface Config extends TokenSettings {
  readonly host: string;
  readonly port: number;
  /** The host's address that a container's port is published at; undefined outside of a container. */
  readonly publish: string | undefined;
  readonly dataDir: string;
  /** Bootstrap servers of Kafka; undefined: the embedded log in dataDir. */
  readonly broker: string | undefined;
  readonly brokerSecurity: BrokerSecurity;
  /** Where webhooks are posted: Discord, or what the operator set instead (tests, a proxy). */
  readonly discordApiBase: string | undefined;
  /** Hosts and networks that webhooks may lead to although they are not public, or not https. */
  readonly webhookAllow: Networks;
  /** Requests a second to Discord that all instances behind one address make together. */
  readonly globalRps: number;
  /** The page's public address, as it was set. */
  readonly consoleUrl: string | undefined;
  /** Requested while canaries pass through the system. A secret. */
  readonly heartbeatUrl: string | undefined;
  /** The receiver that hears of the health of this process. */
  readonly opsReceiver: string | undefined;
  /** People sign in at the issuer of the tokens, instead of bringing one; undefined: they bring one. */
  readonly oidc:
    | {
        readonly issuer: string;
        readonly clientId: string;
        readonly clientSecret: string | undefined;
        readonly scope: string;
      }
    | undefined;
  /** How old a sample may be, and how far ahead of our clock. */
  readonly timestampPastMs: number;
  readonly timestampFutureMs: number;
  /** What one subject may send to ingest; undefined: as much as it likes. */
  readonly quotaSamples: number | undefined;
  readonly quotaBytes: number | undefined;
  readonly quotaSeries: number | undefined;
  /** Series a minute that one subject may begin to send. */
  readonly quotaNewSeries: number;
  /** Changes a minute that one subject may make. */
  readonly quotaChanges: number;
  /** Lets clients of Influx' first API send their token as the password of Basic. */
  readonly influxBasicAuth: boolean;
  /** Series that one alarms instance may hold. */
  readonly seriesMax: number;
  /** Bytes that the windows of one alarms instance may take. */
  readonly windowBytesMax: number;
  readonly noAuth: boolean;
  readonly readOnly: boolean;
  readonly revealWebhookUrl: RevealWebhookUrl;
  /** Names that the Host header may have beside loopback's. */
  readonly hostNames: readonly string[];
  readonly logLevel: LogLevel;
}

export interface BrokerSecurity {
  readonly tls: boolean;
  /** PEM of the certificate authority, when it is not a public one. */
  readonly tlsCa: string | undefined;
  /** PEM of our own certificate and its key, for brokers that ask for one. */
  readonly tlsIdentity: { readonly cert: string; readonly key: string } | undefined;
  readonly sasl:
    | { readonly mechanism: SaslMechanism; readonly username: string; readonly password: string }
    | undefined;
}

const revealWebhookUrls = ['all', 'writers', 'never'] as const;
type RevealWebhookUrl = (typeof revealWebhookUrls)[number];

/**
 * Reads all settings, a flag before the environment, an empty text as absent. Throws ConfigError.
 */
export function readConfig(env: NodeJS.ProcessEnv, flags: Flags, defaultPort: number): Config {
  const text = settingReader(env, flags);
  const switched = (name: SettingName): boolean => flags[name] === true || truth(settings[name], text(name));
  const quota = (name: 'quotaSamples' | 'quotaBytes' | 'quotaSeries'): number | undefined => {
    const given = text(name);
    return given === undefined ? undefined : wholeNumber(settings[name], given, 999_999_999, 1);
  };
  // Before the tokens, of whose settings a sign-in needs more.
  const signIn = oidc(text);
  const config: Config = {
    host: text('host') ?? '127.0.0.1',
    port: wholeNumber(settings.port, text('port') ?? String(defaultPort), 65_535),
    publish: hostAddress(settings.publish, text('publish')),
    dataDir: text('dataDir') ?? './data',
    broker: brokers(text('broker')),
    brokerSecurity: brokerSecurity(text, switched),
    discordApiBase: webAddress(settings.discordApiBase, text('discordApiBase'))?.replace(/\/+$/, ''),
    webhookAllow: networks(settings.webhookAllow, text('webhookAllow') ?? ''),
    globalRps: wholeNumber(settings.globalRps, text('globalRps') ?? '40', 48, 1),
    heartbeatUrl: secretAddress(settings.heartbeatUrl, text('heartbeatUrl')),
    opsReceiver: receiverName(text('opsReceiver')),
    consoleUrl: consoleAddress(webAddress(settings.consoleUrl, text('consoleUrl'))),
    ...tokenSettings(text, env),
    oidc: signIn,
    seriesMax: wholeNumber(settings.seriesMax, text('seriesMax') ?? '1000000', 100_000_000),
    windowBytesMax: 2 ** 20 * wholeNumber(settings.windowMemory, text('windowMemory') ?? '256', 1_000_000, 1),
    timestampPastMs: 1_000 * wholeNumber(settings.timestampPast, text('timestampPast') ?? '3600', 86_400),
    timestampFutureMs: 1_000 * wholeNumber(settings.timestampFuture, text('timestampFuture') ?? '600', 3_000),
    quotaSamples: quota('quotaSamples'),
    quotaBytes: quota('quotaBytes'),
    quotaSeries: quota('quotaSeries'),
    quotaNewSeries: wholeNumber(settings.quotaNewSeries, text('quotaNewSeries') ?? '10000', 999_999_999, 1),
    quotaChanges: wholeNumber(settings.quotaChanges, text('quotaChanges') ?? '600', 999_999_999, 1),
    influxBasicAuth: switched('influxBasicAuth'),
    noAuth: switched('noAuth'),
    readOnly: switched('readOnly'),
    revealWebhookUrl: oneOf(settings.revealWebhookUrl, text('revealWebhookUrl') ?? 'writers', revealWebhookUrls),
    hostNames: listOf(text('hostNames')),
    logLevel: oneOf(settings.logLevel, text('logLevel') ?? 'info', logLevels),
  };
  refuseContradictions(config);
  return config;
}

/** Whether requests need tokens: a source of their keys is configured. */
export function needsTokens(config: Config): boolean {
  return config.jwtSecret !== undefined || config.jwksUrl !== undefined;
}

/** Whether only this machine can reach the service. In a container the published address decides, as HOST is always open. */
export function isLocalOnly(config: Config): boolean {
  return isLoopback(config.publish ?? config.host);
}

/**
 * Where messages link to: CONSOLE_URL, else the address at which this process itself serves the page. Undefined where no
 * address is known that people can open: on all addresses of a machine, unless HOST_NAMES has a name of it, and in a
 * container, whose published port only its host knows.
 */
export function pageUrlOf({ consoleUrl, host, publish, hostNames }: Config, listening: { port: number; url: string }) {
  if (consoleUrl !== undefined) return consoleUrl;
  if (publish !== undefined) return undefined;
  if (!['0.0.0.0', '::'].includes(host)) return listening.url;
  const [name] = hostNames;
  return name === undefined ? undefined : `http://${name}:${listening.port}`;
}

/** Whether a proxy serves others what only this machine can reach. */
export function isBehindProxy(config: Config): boolean {
  return config.consoleUrl !== undefined && !isLoopback(new URL(config.consoleUrl).hostname.replace(/^\[|\]$/g, ''));
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function refuseContradictions(config: Config): void {
  if (needsTokens(config) || isLocalOnly(config) || config.noAuth) return;
  if (config.publish !== undefined) {
    throw new ConfigError(
      `PUBLISH is ${config.publish}, which others can reach, and no tokens are configured: set SSRMS_JWT_SECRET or SSRMS_JWKS_URL, or leave PUBLISH out, so that only this machine is served, or set NO_AUTH=true, and everybody may change rules`,
    );
  }
  throw new ConfigError(
    `HOST is ${config.host}, which others can reach, and no tokens are configured: set SSRMS_JWT_SECRET or SSRMS_JWKS_URL, or say --no-auth; a container whose port is published on its own machine only is told so by PUBLISH=127.0.0.1`,
  );
}

function oidc(text: (name: SettingName) => string | undefined): Config['oidc'] {
  const [clientId, issuer] = [text('oidcClientId'), text('jwtIssuer')];
  if (clientId === undefined) return undefined;
  if (text('jwksUrl') === undefined || issuer === undefined) {
    throw new ConfigError(
      'OIDC_CLIENT_ID is set, and needs SSRMS_JWT_ISSUER, where people sign in, and SSRMS_JWKS_URL, the keys of its tokens',
    );
  }
  webAddress(settings.jwtIssuer, issuer);
  const scope = text('oidcScope') ?? 'openid rules:read rules:write receivers:read receivers:write alarms:read';
  return { issuer, clientId, clientSecret: text('oidcClientSecret'), scope };
}

function brokerSecurity(
  text: (name: SettingName) => string | undefined,
  switched: (name: SettingName) => boolean,
): BrokerSecurity {
  const caFile = text('brokerTlsCa');
  const given = text('brokerSasl');
  const mechanism = given === undefined ? undefined : oneOf(settings.brokerSasl, given, saslMechanisms);
  const [username, password] = [text('brokerUsername'), text('brokerPassword')];
  if (mechanism !== undefined && (username === undefined || password === undefined)) {
    throw new ConfigError('BROKER_SASL is set, and needs BROKER_USERNAME and BROKER_PASSWORD too');
  }
  const [certFile, keyFile] = [text('brokerTlsCert'), text('brokerTlsKey')];
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new ConfigError('BROKER_TLS_CERT and BROKER_TLS_KEY belong together, and one of them is not set');
  }
  const tls = switched('brokerTls') || caFile !== undefined || certFile !== undefined;
  const isExposed = mechanism === 'PLAIN' && !tls && !areOnThisMachine(text('broker'));
  if (isExposed && !switched('brokerPlainWithoutTls')) {
    throw new ConfigError(
      'BROKER_SASL is PLAIN, which sends the password in the clear without TLS: set BROKER_TLS=true, use SCRAM-SHA-512, or set BROKER_PLAIN_WITHOUT_TLS=true where nobody can read the network',
    );
  }
  return {
    tls,
    tlsIdentity:
      certFile === undefined || keyFile === undefined
        ? undefined
        : { cert: fileText(settings.brokerTlsCert, certFile), key: fileText(settings.brokerTlsKey, keyFile) },
    tlsCa: caFile === undefined ? undefined : fileText(settings.brokerTlsCa, caFile),
    sasl:
      mechanism === undefined
        ? undefined
        : {
            mechanism,
            username: username ?? '',
            password: password ?? '',
          },
  };
}

function networks(setting: Setting, value: string): Networks {
  const parsed = parseNetworks(value);
  if ('problem' in parsed) throw new ConfigError(`${setting.env} ${parsed.problem}`);
  return parsed;
}

/** A link in each embed of a message must leave room for the alarm itself. */
/** A web address that no message may show. */
function secretAddress(setting: Setting, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (URL.canParse(value) && ['http:', 'https:'].includes(new URL(value).protocol)) return value;
  throw new ConfigError(`${setting.env} is no http or https address`);
}

function receiverName(name: string | undefined): string | undefined {
  if (name === undefined || isReceiverName(name)) return name;
  throw new ConfigError(`${settings.opsReceiver.env} is ${String(name)}, and must be the name of a receiver`);
}

const consoleUrlCharactersMax = 200;

function consoleAddress(address: string | undefined): string | undefined {
  if (address === undefined) return undefined;
  if (address.length > consoleUrlCharactersMax || /[?#\s]/.test(address)) {
    throw new ConfigError(
      `${settings.consoleUrl.env} is ${address}, and may have ${consoleUrlCharactersMax} characters, no blank, query or fragment`,
    );
  }
  return address.replace(/\/+$/, '');
}

function areOnThisMachine(servers = ''): boolean {
  return servers.split(',').every((server) =>
    isLoopback(
      server
        .trim()
        .replace(/:\d+$/, '')
        .replace(/^\[|\]$/g, ''),
    ),
  );
}

function brokers(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const wrong = value.split(',').find((server) => !/^(\[[0-9a-f:]+\]|[\w.-]+):\d{1,5}$/i.test(server.trim()));
  if (wrong !== undefined)
    throw new ConfigError(`BROKER has ${wrong.trim()}, and each server is written host:port, such as kafka-1:9092`);
  return value;
}
