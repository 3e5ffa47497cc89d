import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { logLevels, type LogLevel } from './base/logger.ts';

/** What a process was told by its environment and flags, parsed once. */
export interface Config {
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
  /** Requests a second to Discord that all instances behind one address make together. */
  readonly globalRps: number;
  /** The page's public address, for links in messages. */
  readonly consoleUrl: string | undefined;
  readonly jwtSecret: string | undefined;
  readonly jwksUrl: string | undefined;
  readonly jwtIssuer: string | undefined;
  readonly jwtAudience: string | undefined;
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
  /** Lets clients of Influx' first API send their token as the password of Basic. */
  readonly influxBasicAuth: boolean;
  /** Series that one alarms instance may hold. */
  readonly seriesMax: number;
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
  readonly sasl:
    | { readonly mechanism: SaslMechanism; readonly username: string; readonly password: string }
    | undefined;
}

const saslMechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;
type SaslMechanism = (typeof saslMechanisms)[number];

const revealWebhookUrls = ['all', 'writers', 'never'] as const;
type RevealWebhookUrl = (typeof revealWebhookUrls)[number];

/** One setting: an environment variable, and a flag of the same name. */
export interface Setting {
  readonly env: string;
  readonly help: string;
  /** Shown after the flag in help; absent for a switch. */
  readonly placeholder?: string;
}

/** Every setting there is. HOST is also --host, SSRMS_JWT_SECRET also --ssrms-jwt-secret, and so on. */
export const settings = {
  host: { env: 'HOST', placeholder: 'address', help: 'address to listen on (default 127.0.0.1)' },
  port: { env: 'PORT', placeholder: 'number', help: 'port to listen on; 0 takes a free one' },
  publish: {
    env: 'PUBLISH',
    placeholder: 'address',
    help: "in a container: the host's address that its port is published at; decides, instead of HOST, whether tokens are needed",
  },
  dataDir: { env: 'DATA_DIR', placeholder: 'folder', help: 'folder of the embedded log (default ./data)' },
  broker: {
    env: 'BROKER',
    placeholder: 'servers',
    help: 'Kafka bootstrap servers, host:port, several with commas; none: the embedded log',
  },
  brokerTls: { env: 'BROKER_TLS', help: 'speak TLS with Kafka' },
  brokerTlsCa: { env: 'BROKER_TLS_CA', placeholder: 'file', help: "PEM file of the broker's certificate authority" },
  brokerSasl: { env: 'BROKER_SASL', placeholder: 'mechanism', help: `log in to Kafka: ${saslMechanisms.join(', ')}` },
  brokerUsername: { env: 'BROKER_USERNAME', placeholder: 'name', help: 'user name for Kafka' },
  brokerPassword: {
    env: 'BROKER_PASSWORD',
    placeholder: 'secret',
    help: 'password for Kafka (better by environment: flags are seen by all users of a machine)',
  },
  discordApiBase: {
    env: 'DISCORD_API_BASE',
    placeholder: 'url',
    help: 'post webhooks there instead of https://discord.com/api/v10',
  },
  globalRps: {
    env: 'GLOBAL_RPS',
    placeholder: 'number',
    help: 'requests a second to Discord of all instances behind one address; 1 to 48, since Discord allows 50 (default 40)',
  },
  consoleUrl: { env: 'CONSOLE_URL', placeholder: 'url', help: 'public address of the page, for links in messages' },
  jwtSecret: {
    env: 'SSRMS_JWT_SECRET',
    placeholder: 'secret',
    help: 'HS256 secret of the tokens, at least 32 bytes (better by environment)',
  },
  jwksUrl: { env: 'SSRMS_JWKS_URL', placeholder: 'url', help: 'https address of the public keys of the tokens (JWKS)' },
  jwtIssuer: { env: 'SSRMS_JWT_ISSUER', placeholder: 'name', help: 'the issuer (iss) that tokens must have' },
  jwtAudience: { env: 'SSRMS_JWT_AUDIENCE', placeholder: 'name', help: 'the audience (aud) that tokens must have' },
  oidcClientId: {
    env: 'OIDC_CLIENT_ID',
    placeholder: 'id',
    help: 'lets people sign in to the page at SSRMS_JWT_ISSUER (OpenID Connect), where the page is this client',
  },
  oidcClientSecret: {
    env: 'OIDC_CLIENT_SECRET',
    placeholder: 'secret',
    help: 'secret of that client, if it has one (better by environment)',
  },
  oidcScope: {
    env: 'OIDC_SCOPE',
    placeholder: 'scopes',
    help: 'what the page asks of the issuer, with blanks (default "openid rules:read rules:write alarms:read")',
  },
  seriesMax: {
    env: 'SERIES_MAX',
    placeholder: 'number',
    help: 'series an alarms instance may hold; samples of further ones are refused and counted (default 1000000)',
  },
  timestampPast: {
    env: 'TIMESTAMP_PAST_SECONDS',
    placeholder: 'seconds',
    help: 'how old a sample may be that is posted to ingest (default 3600)',
  },
  timestampFuture: {
    env: 'TIMESTAMP_FUTURE_SECONDS',
    placeholder: 'seconds',
    help: 'how far ahead of our clock it may be, to be dated now (default 600; 3000 at the most, for Kafka)',
  },
  quotaSamples: {
    env: 'QUOTA_SAMPLES',
    placeholder: 'number',
    help: "samples a second that one token's subject may post (default: no limit)",
  },
  quotaBytes: {
    env: 'QUOTA_BYTES',
    placeholder: 'number',
    help: "bytes a second, unpacked, that one token's subject may post (default: no limit)",
  },
  quotaSeries: {
    env: 'QUOTA_SERIES',
    placeholder: 'number',
    help: "series an hour that one token's subject may post (default: no limit)",
  },
  influxBasicAuth: {
    env: 'INFLUX_BASIC_AUTH',
    help: "let clients of Influx' first API send their token as the password of Basic",
  },
  noAuth: {
    env: 'NO_AUTH',
    help: 'listen on a public address without tokens: everybody who reaches it may change rules',
  },
  readOnly: {
    env: 'READ_ONLY',
    help: 'refuse every change over HTTP, whoever asks for it: a console to look at',
  },
  revealWebhookUrl: {
    env: 'REVEAL_WEBHOOK_URL',
    placeholder: 'who',
    help: 'who is shown the webhook URL of a rule: all who may read rules, writers alone, or never (default all)',
  },
  hostNames: {
    env: 'HOST_NAMES',
    placeholder: 'names',
    help: 'names that requests may call this host, with commas (default: loopback and the address)',
  },
  logLevel: { env: 'LOG_LEVEL', placeholder: 'level', help: `${logLevels.join(', ')} (default info)` },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;

/** A setting that cannot be used. The message names the variable, the value (never a secret's) and what is allowed. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

export type Flags = Partial<Record<SettingName, string | boolean>>;

/** `SSRMS_JWT_SECRET` is the flag `--ssrms-jwt-secret`. */
export function flagOf(setting: Setting): string {
  return `--${setting.env.toLowerCase().replaceAll('_', '-')}`;
}

/**
 * Reads all settings, a flag before the environment, an empty text as absent. Throws ConfigError.
 */
export function readConfig(env: NodeJS.ProcessEnv, flags: Flags, defaultPort: number): Config {
  const text = (name: SettingName): string | undefined => {
    const flag = flags[name];
    const value = typeof flag === 'string' ? flag : env[settings[name].env];
    return value === undefined || value.trim() === '' ? undefined : value.trim();
  };
  const switched = (name: SettingName): boolean => flags[name] === true || truth(settings[name], text(name));
  const quota = (name: 'quotaSamples' | 'quotaBytes' | 'quotaSeries'): number | undefined => {
    const given = text(name);
    return given === undefined ? undefined : wholeNumber(settings[name], given, 999_999_999, 1);
  };
  const config: Config = {
    host: text('host') ?? '127.0.0.1',
    port: wholeNumber(settings.port, text('port') ?? String(defaultPort), 65_535),
    publish: hostAddress(settings.publish, text('publish')),
    dataDir: text('dataDir') ?? './data',
    broker: brokers(text('broker')),
    brokerSecurity: brokerSecurity(text, switched),
    discordApiBase: webAddress(settings.discordApiBase, text('discordApiBase'))?.replace(/\/+$/, ''),
    globalRps: wholeNumber(settings.globalRps, text('globalRps') ?? '40', 48, 1),
    consoleUrl: consoleAddress(webAddress(settings.consoleUrl, text('consoleUrl'))),
    jwtSecret: text('jwtSecret'),
    jwksUrl: webAddress(settings.jwksUrl, text('jwksUrl')),
    jwtIssuer: text('jwtIssuer'),
    jwtAudience: text('jwtAudience'),
    oidc: oidc(text),
    seriesMax: wholeNumber(settings.seriesMax, text('seriesMax') ?? '1000000', 100_000_000),
    timestampPastMs: 1_000 * wholeNumber(settings.timestampPast, text('timestampPast') ?? '3600', 86_400),
    timestampFutureMs: 1_000 * wholeNumber(settings.timestampFuture, text('timestampFuture') ?? '600', 3_000),
    quotaSamples: quota('quotaSamples'),
    quotaBytes: quota('quotaBytes'),
    quotaSeries: quota('quotaSeries'),
    influxBasicAuth: switched('influxBasicAuth'),
    noAuth: switched('noAuth'),
    readOnly: switched('readOnly'),
    revealWebhookUrl: oneOf(settings.revealWebhookUrl, text('revealWebhookUrl') ?? 'all', revealWebhookUrls),
    hostNames: (text('hostNames') ?? '')
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
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

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function refuseContradictions(config: Config): void {
  if (config.jwtSecret !== undefined && config.jwksUrl !== undefined) {
    throw new ConfigError(
      'SSRMS_JWT_SECRET and SSRMS_JWKS_URL are both set: tokens have one source of keys, set one of them',
    );
  }
  if (config.jwtSecret !== undefined && Buffer.byteLength(config.jwtSecret) < 32) {
    throw new ConfigError(
      `SSRMS_JWT_SECRET has ${Buffer.byteLength(config.jwtSecret)} bytes, and at least 32 are needed: make one with "openssl rand -base64 48"`,
    );
  }
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
  const scope = text('oidcScope') ?? 'openid rules:read rules:write alarms:read';
  return { issuer, clientId, clientSecret: text('oidcClientSecret'), scope };
}

function brokerSecurity(
  text: (name: SettingName) => string | undefined,
  switched: (name: SettingName) => boolean,
): BrokerSecurity {
  const caFile = text('brokerTlsCa');
  const mechanism = text('brokerSasl');
  const [username, password] = [text('brokerUsername'), text('brokerPassword')];
  if (mechanism !== undefined && (username === undefined || password === undefined)) {
    throw new ConfigError('BROKER_SASL is set, and needs BROKER_USERNAME and BROKER_PASSWORD too');
  }
  return {
    tls: switched('brokerTls') || caFile !== undefined,
    tlsCa: caFile === undefined ? undefined : fileText(settings.brokerTlsCa, caFile),
    sasl:
      mechanism === undefined
        ? undefined
        : {
            mechanism: oneOf(settings.brokerSasl, mechanism, saslMechanisms),
            username: username ?? '',
            password: password ?? '',
          },
  };
}

function fileText(setting: Setting, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(
      `${setting.env} is ${file}, which cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`,
    );
  }
}

function truth(setting: Setting, value: string | undefined): boolean {
  if (value === undefined || value === 'false' || value === '0') return false;
  if (value === 'true' || value === '1') return true;
  throw new ConfigError(`${setting.env} is ${value}, and may be true or false`);
}

function wholeNumber(setting: Setting, value: string, max: number, min = 0): number {
  if (!/^\d{1,9}$/.test(value) || Number(value) > max || Number(value) < min) {
    throw new ConfigError(`${setting.env} is ${value}, and may be a whole number from ${min} to ${max}`);
  }
  return Number(value);
}

function oneOf<Value extends string>(setting: Setting, value: string, allowed: readonly Value[]): Value {
  const found = allowed.find((option) => option === value);
  if (found === undefined) throw new ConfigError(`${setting.env} is ${value}, and may be one of ${allowed.join(', ')}`);
  return found;
}

/** As Compose writes it in a port: an IPv6 address may have brackets. */
function hostAddress(setting: Setting, value: string | undefined): string | undefined {
  const address = value?.replace(/^\[(.*)\]$/, '$1');
  if (address !== undefined && isIP(address) === 0) {
    throw new ConfigError(
      `${setting.env} is ${value}, and may be an IP address of the host, such as 127.0.0.1 or 0.0.0.0`,
    );
  }
  return address;
}

function webAddress(setting: Setting, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new ConfigError(`${setting.env} is ${value}, and may be an http or https address`);
  }
  return value;
}

/** A link in each embed of a message must leave room for the alarm itself. */
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

function brokers(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const wrong = value.split(',').find((server) => !/^(\[[0-9a-f:]+\]|[\w.-]+):\d{1,5}$/i.test(server.trim()));
  if (wrong !== undefined)
    throw new ConfigError(`BROKER has ${wrong.trim()}, and each server is written host:port, such as kafka-1:9092`);
  return value;
}
