import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Setting } from './settings.ts';

/** A setting that cannot be used. The message names the variable, the value (never a secret's) and what is allowed. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

export function fileText(setting: Setting, file: string): string {
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
  return value;
}
