// Where the commands that ask a running SSRMS find it. One rule for all of them: the flag, else SSRMS_URL, else Kafka itself
// where BROKER names one, else this machine, at the port that `ssrms up` takes.
import { Option, type Command } from 'commander';
import { ConfigError } from '../setting-values.ts';
import { defaultPortOf } from './default-ports.ts';

interface AddressFlags {
  readonly ssrmsUrl?: string;
  readonly token?: string;
  /** Only of commands that can be told of Kafka by flags. */
  readonly broker?: string;
}

/** Where to ask: at an address, or on the log itself. */
export type Target = { readonly kind: 'http'; readonly url: string } | { readonly kind: 'log' };

const localUrl = `http://127.0.0.1:${defaultPortOf.up}`;

/** Adds the address of the system and the token for it. `flag` is what the address is called beside `--ssrms-url`. */
export function addAddress(command: Command, flag: '--url' | '--ingest', help: string): Command {
  const fallback = `default: ${localUrl} or the port in PORT, or Kafka itself with BROKER`;
  return command
    .addOption(new Option(`${flag}, --ssrms-url <url>`, `${help} [SSRMS_URL] (${fallback})`))
    .option('--token <token>', 'token for it [SSRMS_TOKEN]');
}

/** Throws ConfigError when what is set is no address. */
export function targetOf(command: Command, env: NodeJS.ProcessEnv = process.env): Target {
  const { ssrmsUrl: flag, broker } = command.opts<AddressFlags>();
  if (flag !== undefined) return { kind: 'http', url: webAddress(nameOfFlag(command), flag) };
  if (broker !== undefined) return { kind: 'log' };
  const [url, envBroker] = [textOf(env, 'SSRMS_URL'), textOf(env, 'BROKER')];
  if (url !== undefined) return { kind: 'http', url: webAddress('SSRMS_URL', url) };
  return envBroker === undefined ? { kind: 'http', url: urlOfThisMachine(env) } : { kind: 'log' };
}

export const tokenOf = (command: Command): string | undefined =>
  command.opts<AddressFlags>().token ?? textOf(process.env, 'SSRMS_TOKEN');

/** The flag that leads a source to this address, with a blank before it; empty where it is the default. */
export function ingestFlag(url: string): string {
  return url === localUrl ? '' : ` --ingest ${url}`;
}

/** As it is written first in help: `--url`, or `--ingest` of a source. */
function nameOfFlag(command: Command): string {
  return command.options.find((option) => option.attributeName() === 'ssrmsUrl')?.short ?? '--ssrms-url';
}

function urlOfThisMachine(env: NodeJS.ProcessEnv): string {
  const port = textOf(env, 'PORT');
  // With 0 a service takes any free port, which only its output tells.
  if (port === undefined || port === '0') return localUrl;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    throw new ConfigError(`PORT is ${port}, and may be a whole number from 0 to 65535`);
  return `http://127.0.0.1:${port}`;
}

function textOf(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const text = env[name]?.trim();
  return text === '' ? undefined : text;
}

function webAddress(name: string, text: string): string {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw new ConfigError(`${name} is ${text}, and must be an http or https address such as ${localUrl}`);
  return text;
}
