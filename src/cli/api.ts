import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { ApiReply, ApiRequest } from '../app.ts';
import { createLogger } from '../base/logger.ts';
import { readConfig } from '../config.ts';
import { addAddress, targetOf, tokenOf } from './address.ts';
import { askOverHttp, refusal } from './ask.ts';
import { flagsOf, publishSettings } from './settings-options.ts';

interface Flags {
  readonly json?: boolean;
}

/** Adds where to ask, and --json. */
export function addApiOptions(command: Command): Command {
  return addAddress(command.option('--json', 'JSON, for programs'), '--url', 'where SSRMS runs');
}

interface ApiAnswer<Body> {
  readonly body: Body;
  /** The version of the rule that was read or written. */
  readonly etag: string | undefined;
}

/** Asks the running system, or the log itself. Rejects with an Error that is fit to be shown. */
export async function askApi<Answer>(command: Command, request: ApiRequest): Promise<ApiAnswer<Answer>> {
  const answer = await ask(command, request);
  if (answer.status >= 400) throw refusal(answer);
  return { body: JSON.parse(answer.body) as Answer, etag: answer.etag };
}

async function ask(command: Command, request: ApiRequest): Promise<ApiReply> {
  const target = targetOf(command);
  if (target.kind === 'http') return askOverHttp(target.url, tokenOf(command), request);
  const config = readConfig(process.env, flagsOf(command, publishSettings), 0);
  // Loaded only here: commands that ask over HTTP start at once without all services.
  const { askLog } = await import('../app.ts');
  return askLog(config, createLogger(config.logLevel, 'command'), request);
}

export const isJson = (command: Command): boolean => command.opts<Flags>().json === true;

/** A file, or standard input for `-`, as JSON. */
export async function readJson(file: string): Promise<unknown> {
  const text = file === '-' ? await readStandardInput() : await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) throw new Error(`${file} cannot be read`);
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, and a webhook's token may stand in it.
    throw new Error(`${file === '-' ? 'standard input' : file} is not JSON`);
  }
}

/** As readJson; of a YAML file its `rules`. */
export async function readRules(file: string): Promise<unknown> {
  if (!/\.ya?ml$/.test(file)) return readJson(file);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) throw new Error(`${file} cannot be read`);
  const { parse } = await import('yaml');
  let document: unknown;
  try {
    document = parse(text);
  } catch {
    throw new Error(`${file} is not YAML`);
  }
  const rules = typeof document === 'object' && document !== null && 'rules' in document ? document.rules : undefined;
  if (!Array.isArray(rules)) throw new Error(`${file} has no list of rules, under "rules"`);
  return rules;
}

async function readStandardInput(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) text += String(chunk);
  return text;
}
