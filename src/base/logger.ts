import { pino, type Logger as PinoLogger } from 'pino';

export type Logger = PinoLogger;

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** A slash may be escaped as in an address (%2F), in JSON (\/), or in a JSON pointer (~1). */
const webhookToken = /(webhooks(?:\\?\/|%2F|~1)\d{1,20}(?:\\?\/|%2F|~1))[\w-]+/gi;
const bearerToken = /\b((?:Bearer|Token)\s+)[\w.~+/=-]{8,}/gi;
const jwt = /\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g;

/** A user name and a password before the host of an address. */
const login = /(\/\/)[^\s/@]+@/g;

/** Replaces what looks like a webhook's token, a bearer token, a JWT or the login of an address. The last net: no secret should come this far. */
export function withoutSecrets(text: string): string {
  return text
    .replace(webhookToken, '$1****')
    .replace(bearerToken, '$1****')
    .replace(jwt, '****')
    .replace(login, '$1****@');
}

/** JSON lines on standard error: standard output belongs to what a command answers. */
export function createLogger(level: LogLevel, service: string): Logger {
  return pino(
    {
      level,
      base: { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: [
          'authorization',
          '*.authorization',
          'discord_webhook_url',
          '*.discord_webhook_url',
          'token',
          '*.token',
          'req.headers',
        ],
        censor: '****',
      },
      hooks: { streamWrite: withoutSecrets },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}
