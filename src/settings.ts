import { logLevels } from './base/logger.ts';

export const saslMechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;
export type SaslMechanism = (typeof saslMechanisms)[number];

/** One setting: an environment variable, and a flag of the same name. */
export interface Setting {
  readonly env: string;
  readonly help: string;
  /** Shown after the flag in help; absent for a switch. */
  readonly placeholder?: string;
  /** Whether it may also be in a file that the variable with `_FILE` behind its name says. */
  readonly mayBeInFile?: true;
}

/** The variable that names the file in which a setting is. */
export function fileVariableOf(setting: Setting): string {
  return `${setting.env}_FILE`;
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
  dataDir: {
    env: 'DATA_DIR',
    placeholder: 'folder',
    help: 'folder of the embedded log, which serves without a broker (default ./data)',
  },
  broker: {
    env: 'BROKER',
    placeholder: 'servers',
    help: 'Kafka bootstrap servers, host:port, several with commas',
  },
  brokerTls: { env: 'BROKER_TLS', help: 'speak TLS with Kafka' },
  brokerTlsCa: { env: 'BROKER_TLS_CA', placeholder: 'file', help: "PEM file of the broker's certificate authority" },
  brokerTlsCert: { env: 'BROKER_TLS_CERT', placeholder: 'file', help: 'PEM file of the certificate to show to Kafka' },
  brokerTlsKey: { env: 'BROKER_TLS_KEY', placeholder: 'file', help: 'PEM file of the key of that certificate' },
  brokerSasl: { env: 'BROKER_SASL', placeholder: 'mechanism', help: `log in to Kafka: ${saslMechanisms.join(', ')}` },
  brokerUsername: { env: 'BROKER_USERNAME', placeholder: 'name', help: 'user name for Kafka' },
  brokerPassword: {
    env: 'BROKER_PASSWORD',
    placeholder: 'secret',
    help: 'password for Kafka (better by environment: flags are seen by all users of a machine)',
    mayBeInFile: true,
  },
  brokerPlainWithoutTls: {
    env: 'BROKER_PLAIN_WITHOUT_TLS',
    help: 'send the password of BROKER_SASL=PLAIN to Kafka without TLS, where the network lets nobody read it',
  },
  discordApiBase: {
    env: 'DISCORD_API_BASE',
    placeholder: 'url',
    help: 'post webhooks there instead of https://discord.com/api/v10',
  },
  webhookAllow: {
    env: 'WEBHOOK_ALLOW',
    placeholder: 'hosts',
    help: 'host names, IP addresses and networks (10.0.0.0/8), with commas, that webhook receivers may have although they are not public or not https',
  },
  globalRps: {
    env: 'GLOBAL_RPS',
    placeholder: 'number',
    help: 'requests a second to Discord of all instances behind one address; 1 to 48, since Discord allows 50 (default 40)',
  },
  heartbeatUrl: {
    env: 'HEARTBEAT_URL',
    placeholder: 'url',
    help: 'address that alarms requests every 30 s while canaries pass through the whole system (a secret)',
    mayBeInFile: true,
  },
  opsReceiver: {
    env: 'OPS_RECEIVER',
    placeholder: 'name',
    help: 'receiver that is told when the health of a service turns bad, and when it recovers',
  },
  consoleUrl: {
    env: 'CONSOLE_URL',
    placeholder: 'url',
    help: 'public address of the page: messages link to it, and its host may be called (default for links: where the page is served)',
  },
  jwtSecret: {
    env: 'SSRMS_JWT_SECRET',
    placeholder: 'secret',
    help: 'HS256 secret of the tokens, at least 32 bytes (better by environment)',
    mayBeInFile: true,
  },
  jwtSecretPrevious: {
    env: 'SSRMS_JWT_SECRET_PREVIOUS',
    placeholder: 'secret',
    help: 'the secret before it, whose tokens are accepted until it is taken out (better by environment)',
    mayBeInFile: true,
  },
  jwtRevoked: {
    env: 'SSRMS_JWT_REVOKED',
    placeholder: 'ids',
    help: 'ids (jti) of tokens that are refused, with commas; of a file changes are read while it runs',
    mayBeInFile: true,
  },
  jwksUrl: { env: 'SSRMS_JWKS_URL', placeholder: 'url', help: 'https address of the public keys of the tokens (JWKS)' },
  jwtIssuer: {
    env: 'SSRMS_JWT_ISSUER',
    placeholder: 'name',
    help: 'the issuer (iss) that tokens must have; needed with SSRMS_JWKS_URL, where * means any',
  },
  jwtAudience: {
    env: 'SSRMS_JWT_AUDIENCE',
    placeholder: 'name',
    help: 'the audience (aud) that tokens must have; needed with SSRMS_JWKS_URL, where * means any: tokens for other applications are accepted',
  },
  oidcClientId: {
    env: 'OIDC_CLIENT_ID',
    placeholder: 'id',
    help: 'lets people sign in to the page at SSRMS_JWT_ISSUER (OpenID Connect), where the page is this client',
  },
  oidcClientSecret: {
    env: 'OIDC_CLIENT_SECRET',
    placeholder: 'secret',
    help: 'secret of that client, if it has one (better by environment)',
    mayBeInFile: true,
  },
  oidcScope: {
    env: 'OIDC_SCOPE',
    placeholder: 'scopes',
    help: 'what the page asks of the issuer, with blanks (default "openid rules:read rules:write receivers:read receivers:write alarms:read")',
  },
  seriesMax: {
    env: 'SERIES_MAX',
    placeholder: 'number',
    help: 'series an alarms instance may hold; samples of new series are refused and counted (default 1000000)',
  },
  windowMemory: {
    env: 'WINDOW_MEMORY_MB',
    placeholder: 'megabytes',
    help: 'memory that the windows of an alarms instance may take; further windows are refused (default 256)',
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
  quotaNewSeries: {
    env: 'QUOTA_NEW_SERIES',
    placeholder: 'number',
    help: "series a minute that one token's subject, or without tokens all senders together, may begin to post; five times as many at once (default 10000)",
  },
  quotaChanges: {
    env: 'QUOTA_CHANGES',
    placeholder: 'number',
    help: "changes of rules and receivers a minute that one token's subject may make; ten rules of a bulk request or an import count as one (default 600)",
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
    help: 'who is shown the webhook URL of a rule: all who may read rules, writers alone, or never (default writers)',
  },
  hostNames: {
    env: 'HOST_NAMES',
    placeholder: 'names',
    help: 'names that requests may call this host, with commas (default: loopback and the address)',
  },
  logLevel: { env: 'LOG_LEVEL', placeholder: 'level', help: `${logLevels.join(', ')} (default info)` },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;

/** `SSRMS_JWT_SECRET` is the flag `--ssrms-jwt-secret`. */
export function flagOf(setting: Setting): string {
  return `--${setting.env.toLowerCase().replaceAll('_', '-')}`;
}
