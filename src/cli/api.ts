import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { ApiRequest } from '../app.ts';
import { askOverHttp, refusal } from './ask.ts';
import { localIngest } from './source-command.ts';

interface Flags {
  readonly url?: string;
  readonly token?: string;
  readonly json?: boolean;
}

/** Adds where to ask, and --json. */
export function addApiOptions(command: Command): Command {
  return command
    .option('--json', 'JSON, for programs')
    .option('--url <url>', `where SSRMS runs (default: ${localIngest})`)
    .option('--token <token>', 'token for it [SSRMS_TOKEN]');
}

interface ApiAnswer<Body> {
  readonly body: Body;
  /** The version of the rule that was read or written. */
  readonly etag: string | undefined;
}

/** Asks the running system. Rejects with an Error that is fit to be shown. */
export async function askApi<Answer>(command: Command, request: ApiRequest): Promise<ApiAnswer<Answer>> {
  const { url, token } = command.opts<Flags>();
  const answer = await askOverHttp(url ?? localIngest, token ?? process.env.SSRMS_TOKEN, request);
  if (answer.status >= 400) throw refusal(answer);
  return { body: JSON.parse(answer.body) as Answer, etag: answer.etag };
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

async function readStandardInput(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) text += String(chunk);
  return text;
}
