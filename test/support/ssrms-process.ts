import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('../../bin/ssrms.js', import.meta.url));
const startMsMax = 90_000;
const stopMsMax = 20_000;

export interface SsrmsProcess {
  readonly pid: number;
  /** Where it listens; empty for a process that does not. */
  readonly url: string;
  /** Everything it wrote to both streams so far. */
  output(): string;
  /** SIGTERM, and waits for the end. Resolves to the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
  /** Resolves to the exit code when it ends by itself. */
  readonly ended: Promise<number | null>;
}

export interface StartOptions {
  readonly env?: Record<string, string>;
  /** Resolve once the output matches; default: when it says where it listens. */
  readonly until?: RegExp;
}

/**
 * Starts the real program as a child process, as a user would, on a free port of loopback. Rejects when it ends before it
 * is ready. It is ended with this process, by its pid.
 */
export async function startSsrms(args: readonly string[], options: StartOptions = {}): Promise<SsrmsProcess> {
  const child = spawn(process.execPath, [entry, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...cleanEnvironment(), HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'info', ...options.env },
  });
  let output = '';
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  endWithUs(child, ended);
  const until = options.until ?? /(http:\/\/127\.0\.0\.1:\d+)/;
  const ready = new Promise<RegExpExecArray>((resolve, reject) => {
    const heard = (text: Buffer): void => {
      output += text.toString();
      const match = until.exec(output);
      if (match) resolve(match);
    };
    child.stdout.on('data', heard);
    child.stderr.on('data', heard);
    const timer = setTimeout(
      () => reject(new Error(`${args.join(' ')} was not ready in ${startMsMax} ms:\n${output}`)),
      startMsMax,
    );
    timer.unref();
    ended.then(
      (code) => reject(new Error(`${args.join(' ')} ended with ${code} before it was ready:\n${output}`)),
      reject,
    );
  });
  const match = await ready;
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    const impatience = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
    return ended.finally(() => clearTimeout(impatience));
  };
  return {
    pid: child.pid!,
    url: match[1] ?? '',
    output: () => output,
    ended,
    stop: () => end('SIGTERM'),
    async kill() {
      await end('SIGKILL');
    },
  };
}

/** Runs a command to its end: exit code and output. */
export async function runSsrms(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [entry, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...cleanEnvironment(), ...env },
  });
  let output = '';
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  child.stderr.on('data', (text: Buffer) => (output += text.toString()));
  const closed = once(child, 'close');
  const impatience = setTimeout(() => child.kill('SIGKILL'), startMsMax);
  const [code] = (await closed) as [number | null];
  clearTimeout(impatience);
  return { code, output };
}

/** What the person running the tests has set must not steer the processes under test. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR, LANG, NODE_COMPILE_CACHE } = process.env;
  return { PATH, HOME, TMPDIR, LANG, NODE_COMPILE_CACHE };
}

function endWithUs(child: ChildProcess, ended: Promise<unknown>): void {
  const kill = (): void => void child.kill('SIGKILL');
  process.on('exit', kill);
  void ended.then(() => process.off('exit', kill));
}
