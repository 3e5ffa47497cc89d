import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { withoutSecrets } from './base/logger.ts';
import { fileVariableOf, settings, type Setting, type SettingName } from './settings.ts';

/** A setting that cannot be used. The message names the variable, the value (never a secret's) and what is allowed. */
export class ConfigError extends Error {
  override name = 'ConfigError';

  constructor(message: string) {
    // A value may be a secret that was put into the wrong setting.
    super(withoutSecrets(message).replace(loginWithoutScheme, '****@'));
  }
}

const loginWithoutScheme = /[^\s/@]+:[^\s/@]+@/g;

export type Flags = Partial<Record<SettingName, string | boolean>>;
export type ReadSetting = (name: SettingName) => string | undefined;

/**
 * How a setting reads: a flag before the environment, an empty text as absent, and what may be a secret also from the file
 * that the variable with `_FILE` names. Throws ConfigError.
 */
export function settingReader(env: NodeJS.ProcessEnv, flags: Flags): ReadSetting {
  return (name) => {
    const setting: Setting = settings[name];
    const flag = flags[name];
    const value = filled(typeof flag === 'string' ? flag : env[setting.env]);
    const fileVariable = fileVariableOf(setting);
    const file = setting.mayBeInFile === true ? filled(env[fileVariable]) : undefined;
    if (file === undefined) return value;
    if (value !== undefined) throw new ConfigError(`${setting.env} and ${fileVariable} are both set: set one of them`);
    return filled(fileText({ env: fileVariable }, file));
  };
}

function filled(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text.trim();
}

/** The parts of a list with commas. */
export function listOf(text = ''): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

export function fileText(setting: Pick<Setting, 'env'>, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(
      `${setting.env} is ${file}, which cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`,
    );
  }
}

export function truth(setting: Setting, value: string | undefined): boolean {
  if (value === undefined || value === 'false' || value === '0') return false;
  if (value === 'true' || value === '1') return true;
  throw new ConfigError(`${setting.env} is ${value}, and may be true or false`);
}

export function wholeNumber(setting: Setting, value: string, max: number, min = 0): number {
  if (!/^\d{1,9}$/.test(value) || Number(value) > max || Number(value) < min) {
    throw new ConfigError(`${setting.env} is ${value}, and may be a whole number from ${min} to ${max}`);
  }
  return Number(value);
}

export function oneOf<Value extends string>(setting: Setting, value: string, allowed: readonly Value[]): Value {
  const found = allowed.find((option) => option === value);
  if (found === undefined) throw new ConfigError(`${setting.env} is ${value}, and may be one of ${allowed.join(', ')}`);
  return found;
}

/** As Compose writes it in a port: an IPv6 address may have brackets. */
export function hostAddress(setting: Setting, value: string | undefined): string | undefined {
  const address = value?.replace(/^\[(.*)\]$/, '$1');
  if (address !== undefined && isIP(address) === 0) {
    throw new ConfigError(
      `${setting.env} is ${value}, and may be an IP address of the host, such as 127.0.0.1 or 0.0.0.0`,
    );
  }
  return address;
}

export function webAddress(setting: Setting, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new ConfigError(`${setting.env} is ${value}, and may be an http or https address`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new ConfigError(`${setting.env} is an address with a user name or password, which it may not have`);
  }
  return value;
}
