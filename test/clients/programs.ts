// Programs that the tests of clients start: found on the PATH, or where scripts/setup.mjs unpacked them. What is missing is
// named by the test that is skipped; with CI=true it is not skipped, and fails.
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const cache = join(root, '.cache/clients');

const places: Record<string, readonly string[]> = {
  prometheus: ['/usr/bin/prometheus', join(cache, 'debian/usr/bin/prometheus')],
  promtool: ['/usr/bin/promtool', join(cache, 'debian/usr/bin/promtool')],
  vmagent: ['/usr/bin/vmagent', join(cache, 'debian/usr/bin/vmagent')],
  python: [join(cache, 'python/bin/python')],
  'prw2-sender': [join(cache, 'prw2-sender')],
  curl: ['/usr/bin/curl'],
  openssl: ['/usr/bin/openssl'],
  nginx: ['/usr/sbin/nginx', join(cache, 'debian/usr/sbin/nginx')],
  caddy: ['/usr/bin/caddy', join(cache, 'debian/usr/bin/caddy')],
};

function programAt(name: string): string | undefined {
  return places[name]?.find((path) => existsSync(path) && spawnSync(path, ['--version']).error === undefined);
}

/** As `programAt`; throws when it is missing, for tests that are not skipped (CI). */
export function demandProgram(name: string): string {
  const path = programAt(name);
  assert.ok(path !== undefined, `${name} is missing: "npm test" said why at its start`);
  return path;
}

/** Options for a test that needs a program: skipped, by name, when it is missing. */
export function needs(name: string): { skip?: string } {
  return skippedUnless(programAt(name) !== undefined, name);
}

const javaJars = join(cache, 'java');

/** As `needs`, for `javaCommand`. */
export function needsJavaClients(): { skip?: string } {
  const found = existsSync(javaJars) && spawnSync('java', ['-version'], { stdio: 'ignore' }).status === 0;
  return skippedUnless(found, 'Java, or a jar of its clients,');
}

function skippedUnless(found: boolean, name: string): { skip?: string } {
  return found || process.env.CI === 'true' ? {} : { skip: `${name} is missing` };
}

/** How to run a Java source file with the clients' jars beside it. */
export function javaCommand(file: string): [command: string, ...args: string[]] {
  return ['java', '-XX:TieredStopAtLevel=1', '-cp', join(javaJars, '*'), file];
}

export interface Program {
  output(): string;
  stop(): Promise<void>;
}

/** Starts a program; it ends with this process at the latest. */
export function startProgram(command: string, args: readonly string[], env: Record<string, string> = {}): Program {
  const child: ChildProcess = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    cwd: root,
  });
  let output = '';
  child.stdout!.on('data', (text: Buffer) => (output += text.toString()));
  child.stderr!.on('data', (text: Buffer) => (output += text.toString()));
  child.on('error', (error) => (output += String(error)));
  const kill = (): void => void child.kill('SIGKILL');
  process.on('exit', kill);
  const ended = once(child, 'close').catch(() => {});
  void ended.then(() => process.off('exit', kill));
  return {
    output: () => output,
    async stop() {
      child.kill('SIGTERM');
      const impatience = setTimeout(kill, 5_000);
      await ended;
      clearTimeout(impatience);
    },
  };
}

/** Runs a program to its end, and returns what it printed. Rejects when it fails. */
export async function runProgram(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    cwd: root,
  });
  let output = '';
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  child.stderr.on('data', (text: Buffer) => (output += text.toString()));
  const impatience = setTimeout(() => child.kill('SIGKILL'), 60_000);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(impatience);
  if (code !== 0) throw new Error(`${command} ended with ${code}:\n${output}`);
  return output;
}
