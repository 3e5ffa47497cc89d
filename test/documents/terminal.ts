// A terminal as a reader has it: a folder in which the checkout's commands are found, and a shell that runs what is typed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitUntil } from '../support/wait-until.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const commandMsMax = 60_000;
const interruptMsMax = 20_000;

export interface Typed {
  readonly code: number | null;
  /** Of both streams, in the order in which it came. */
  readonly output: string;
}

interface TypeOptions {
  readonly env?: Record<string, string>;
  /** The terminal's own, unless said otherwise. */
  readonly folder?: string;
}

export interface Terminal {
  readonly folder: string;
  /** Runs lines to their end; stops at the first that fails. */
  type(lines: string, options?: TypeOptions): Promise<Typed>;
  /** Runs lines until the output matches. Rejects when they end before. */
  start(lines: string, until: RegExp, options?: TypeOptions): Promise<Started>;
  close(): void;
}

export interface Started {
  output(): string;
  /** Ctrl-C, and waits for the end. */
  interrupt(): Promise<void>;
}

export function openTerminal(env: Readonly<Record<string, string>>): Terminal {
  const own = mkdtempSync(join(tmpdir(), 'ssrms-terminal-'));
  // What the README's commands find in a checkout; and `ssrms` on the path, as its alias gives it to a terminal.
  const commands = join(own, 'node_modules/.bin');
  mkdirSync(commands, { recursive: true });
  symlinkSync(join(checkout, 'bin'), join(own, 'bin'));
  symlinkSync(join(checkout, 'bin/ssrms.js'), join(commands, 'ssrms'));
  symlinkSync(process.execPath, join(commands, 'node'));
  const { PATH, TMPDIR, LANG, NODE_COMPILE_CACHE } = process.env;
  const base = { PATH: [commands, PATH].join(delimiter), HOME: own, TMPDIR, LANG, NODE_COMPILE_CACHE };
  let scripts = 0;
  const run = (lines: string, { folder = own, env: more }: TypeOptions = {}): Shell => {
    const script = join(own, `typed-${++scripts}.sh`);
    writeFileSync(script, `${lines}\n`);
    return startShell(script, folder, { ...base, npm_config_update_notifier: 'false', ...env, ...more });
  };
  return {
    folder: own,
    async type(lines, options) {
      const shell = run(lines, options);
      const impatience = setTimeout(() => shell.signal('SIGKILL'), commandMsMax);
      const code = await shell.ended;
      clearTimeout(impatience);
      return { code, output: shell.output() };
    },
    async start(lines, until, options) {
      const shell = run(lines, options);
      const interrupt = async (): Promise<void> => {
        shell.signal('SIGINT');
        const impatience = setTimeout(() => shell.signal('SIGKILL'), interruptMsMax);
        await shell.ended;
        clearTimeout(impatience);
      };
      let isOver = false;
      void shell.ended.then(() => (isOver = true));
      try {
        const matches = (): boolean => isOver || until.test(shell.output());
        await waitUntil(`${lines} prints ${until}`, matches, { msMax: commandMsMax });
      } catch (cause) {
        await interrupt();
        throw new Error(`it printed:\n${shell.output()}`, { cause });
      }
      if (!until.test(shell.output())) throw new Error(`it ended before it printed ${until}:\n${shell.output()}`);
      return { output: () => shell.output(), interrupt };
    },
    close: () => rmSync(own, { recursive: true, force: true }),
  };
}

interface Shell {
  output(): string;
  /** To all processes that the lines started, as a terminal does it. */
  signal(signal: NodeJS.Signals): void;
  readonly ended: Promise<number | null>;
}

function startShell(script: string, cwd: string, env: NodeJS.ProcessEnv): Shell {
  const child = spawn('/bin/sh', ['-e', script], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let output = '';
  let isOver = false;
  const signal = (name: NodeJS.Signals): void => {
    if (isOver || child.pid === undefined) return;
    try {
      process.kill(-child.pid, name);
    } catch {
      // The whole group has ended meanwhile.
    }
  };
  const endWithUs = (): void => signal('SIGKILL');
  process.on('exit', endWithUs);
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  child.stderr.on('data', (text: Buffer) => (output += text.toString()));
  const ended = once(child, 'close').then(([code]) => {
    isOver = true;
    process.off('exit', endWithUs);
    return code as number | null;
  });
  return { output: () => output, signal, ended };
}
