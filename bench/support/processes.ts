// The processes that are measured, and those that load them. Each tells what it found as lines of JSON on its standard
// output, and is ended by its pid, with us at the latest.
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onSubjectCore } from './host.ts';

const bench = fileURLToPath(new URL('..', import.meta.url));
const cache = fileURLToPath(new URL('../../.cache', import.meta.url));
const jars = join(cache, 'peers', '*');
/** Where a jar of the Java peers is, if it could be fetched. */
export const peerJar = (name: string): string => join(cache, 'peers', name);
const classes = join(cache, 'peers-classes');
const runMsMax = 300_000;
const endMsMax = 20_000;
const complaintsMax = 4_000;

type Argument = string | number;

export function nodeCommand(file: string, ...args: Argument[]): readonly string[] {
  return [process.execPath, '--expose-gc', join(bench, file), ...args.map(String)];
}

/** A class of bench/peers. They are compiled once: a source file that is run compiles itself on the subject's time. */
export function javaCommand(className: string, ...args: Argument[]): readonly string[] {
  compilePeers();
  return ['java', '-cp', `${classes}:${jars}`, className, ...args.map(String)];
}

function compilePeers(): void {
  const sources = globSync(join(bench, 'peers/*.java'));
  const newest = Math.max(...sources.map((file) => statSync(file).mtimeMs));
  const built = join(classes, 'Plain.class');
  if (existsSync(built) && statSync(built).mtimeMs >= newest) return;
  mkdirSync(classes, { recursive: true });
  execFileSync('javac', ['-cp', jars, '-d', classes, ...sources], { stdio: ['ignore', 2, 2] });
}

/** A program of bench/peers in C, built when it is not there; undefined where its library or gcc is missing. */
export function buildC(name: string, libraries: readonly string[]): string | undefined {
  const [source, built] = [join(bench, 'peers', `${name}.c`), join(classes, name)];
  if (existsSync(built) && statSync(built).mtimeMs >= statSync(source).mtimeMs) return built;
  mkdirSync(classes, { recursive: true });
  const { status } = spawnSync('gcc', ['-O2', '-o', built, source, ...libraries], { stdio: 'ignore' });
  return status === 0 ? built : undefined;
}

export interface BenchProcess {
  readonly pid: number;
  /** The next line of JSON it prints. Rejects when it ends without one, or takes too long. */
  next<Line>(): Promise<Line>;
  /** A line for its standard input. */
  tell(line: string): void;
  signal(name: NodeJS.Signals): void;
  /** Ends it if it has not ended, and waits for that. */
  end(name?: NodeJS.Signals): Promise<void>;
}

export function start(command: readonly string[]): BenchProcess {
  const [program, ...args] = command;
  const child = spawn(program!, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  // Shown only when it fails: the peers' libraries warn of this and that.
  let complaints = '';
  child.stderr.on('data', (text: Buffer) => (complaints = (complaints + text.toString()).slice(-complaintsMax)));
  endWithUs(child);
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.stdin.on('error', () => {});
  return {
    pid: child.pid!,
    async next<Line>() {
      const late = setTimeout(() => child.kill('SIGKILL'), runMsMax);
      try {
        for (;;) {
          const { value, done } = await lines.next();
          if (done === true)
            throw new Error(`ended before its line, or took too long: ${command.join(' ')}\n${complaints}`);
          if (value.startsWith('{')) return JSON.parse(value) as Line;
        }
      } finally {
        clearTimeout(late);
      }
    },
    tell: (line) => void child.stdin.write(`${line}\n`),
    signal: (name) => void child.kill(name),
    async end(name = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill(name);
      const impatience = setTimeout(() => child.kill('SIGKILL'), endMsMax);
      await exited.finally(() => clearTimeout(impatience));
    },
  };
}

/** Runs a subject on its core in a fresh process, to its end: the one line that it prints. */
export async function runSubject<Line>(command: readonly string[]): Promise<Line> {
  return runToEnd(onSubjectCore(command));
}

export async function runToEnd<Line>(command: readonly string[]): Promise<Line> {
  const running = start(command);
  try {
    return await running.next<Line>();
  } finally {
    await running.end();
  }
}

function endWithUs(child: ChildProcess): void {
  const kill = (): void => void child.kill('SIGKILL');
  process.on('exit', kill);
  child.once('exit', () => process.off('exit', kill));
}
