import { Option, type Command } from 'commander';
import type { Flags } from '../setting-values.ts';
import { fileVariableOf, flagOf, settings, type Setting, type SettingName } from '../settings.ts';
import type { Part } from '../topic-uses.ts';

/** Adds the flags of these settings to a command, each naming its environment variable. */
export function addSettings(command: Command, names: readonly SettingName[]): Command {
  for (const name of names) {
    const setting: Setting = settings[name];
    const flag = setting.placeholder === undefined ? flagOf(setting) : `${flagOf(setting)} <${setting.placeholder}>`;
    command.addOption(new Option(flag, `${setting.help} ${variablesOf(setting)}`));
  }
  return command;
}

/** What a command's flags say, by setting. Commander names --data-dir `dataDir`, and --no-auth is `auth: false`. */
export function flagsOf(command: Command, names: readonly SettingName[]): Flags {
  const options = command.opts<Record<string, string | boolean | undefined>>();
  const flags: Flags = {};
  for (const name of names) {
    const setting: Setting = settings[name];
    const key = setting.env.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    const value = name === 'noAuth' ? (options.auth === false ? true : undefined) : options[key];
    if (value !== undefined) flags[name] = value;
  }
  return flags;
}

export const logSettings: readonly SettingName[] = [
  'broker',
  'brokerTls',
  'brokerTlsCa',
  'brokerTlsCert',
  'brokerTlsKey',
  'brokerSasl',
  'brokerUsername',
  'brokerPassword',
  'brokerPlainWithoutTls',
  'dataDir',
  'logLevel',
];

const serviceSettings: readonly SettingName[] = [
  'host',
  'port',
  'publish',
  ...logSettings,
  'discordApiBase',
  'webhookAllow',
  'globalRps',
  'consoleUrl',
  'opsReceiver',
  'heartbeatUrl',
  'jwtSecret',
  'jwtSecretPrevious',
  'jwtRevoked',
  'jwksUrl',
  'jwtIssuer',
  'jwtAudience',
  'oidcClientId',
  'oidcClientSecret',
  'oidcScope',
  'seriesMax',
  'windowMemory',
  'timestampPast',
  'timestampFuture',
  'quotaSamples',
  'quotaBytes',
  'quotaSeries',
  'quotaNewSeries',
  'quotaChanges',
  'influxBasicAuth',
  'noAuth',
  'readOnly',
  'revealWebhookUrl',
  'hostNames',
];

/** Settings that some parts alone use. All others concern every service. */
const usersOf: Partial<Record<SettingName, readonly Part[]>> = {
  discordApiBase: ['rules', 'alarms'],
  webhookAllow: ['rules', 'alarms'],
  revealWebhookUrl: ['rules'],
  globalRps: ['alarms'],
  seriesMax: ['alarms'],
  windowMemory: ['alarms'],
  timestampPast: ['ingest'],
  quotaSamples: ['ingest'],
  quotaBytes: ['ingest'],
  quotaSeries: ['ingest'],
  quotaNewSeries: ['ingest'],
  quotaChanges: ['rules'],
  influxBasicAuth: ['ingest'],
  oidcClientId: ['console'],
  oidcClientSecret: ['console'],
  oidcScope: ['console'],
};

/** The settings of a process with these parts. */
export function settingsOf(parts: readonly Part[]): readonly SettingName[] {
  return serviceSettings.filter((name) => usersOf[name]?.some((part) => parts.includes(part)) ?? true);
}

export const publishSettings: readonly SettingName[] = logSettings.filter((name) => name !== 'dataDir');

function variablesOf(setting: Setting): string {
  return setting.mayBeInFile === true
    ? `[${setting.env}], or in a file [${fileVariableOf(setting)}]`
    : `[${setting.env}]`;
}
