// A process ends when it is asked to, whoever stands between it and the supervisor, and whatever it waits for.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openSqliteLog } from '../../src/log/sqlite/sqlite-log.ts';
import { createLogger } from '../../src/base/logger.ts';
import { waitUntil } from '../support/wait-until.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { PATH, HOME } = process.env;

let folder: string;
const started: ChildProcess[] = [];
before(() => void (folder = mkdtempSync(join(tmpdir(), 'ssrms-signals-'))));
after(() => {
  started.forEach(endGroup);
  rmSync(folder, { recursive: true, force: true });
});

interface Started {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

function start(command: string, args: readonly string[], env: Record<string, string>): Started {
  const child = spawn(command, args, {
    cwd: root,
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  child.stderr.on('data', (text: Buffer) => (output += text.toString()));
  started.push(child);
  const ended = once(child, 'exit').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
  }));
  return { child, output: () => output, ended };
}

/** Each process leads a group of its own: what it leaves behind ends with the test. */
function endGroup({ pid, stdout, stderr }: ChildProcess): void {
  try {
    process.kill(-pid!, 'SIGKILL');
  } catch {
    // Nothing is left of it.
  }
  stdout?.destroy();
  stderr?.destroy();
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

test('SIGTERM to the pid of "npm start" reaches the server, which ends in order and leaves port and folder free', async () => {
  const port = await freePort();
  const dataDir = join(folder, 'npm-start');
  const npm = start('npm', ['start'], { PORT: String(port), DATA_DIR: dataDir });
  await waitUntil('the server says where it listens', () => npm.output().includes(`http://127.0.0.1:${port}/`), {
    msMax: 120_000,
  });
  assert.ok(await isTaken(port));
  npm.child.kill('SIGTERM');
  await npm.ended;
  await waitUntil('the port is free', async () => !(await isTaken(port)), { msMax: 20_000 });
  await waitUntil('the server has ended in order', () => npm.output().includes('"msg":"ended"'));
  // Opens it as its only owner, or rejects.
  await waitUntil('the folder has no owner', async () => {
    const log = await openSqliteLog({ dataDir, logger: createLogger('silent', 'test') }).catch(() => undefined);
    await log?.close();
    return log !== undefined;
  });
});

test('SIGTERM ends a service that still waits for its broker', async () => {
  const broker = createServer();
  const port = await listening(broker);
  const asked = once(broker, 'connection');
  const service = start(process.execPath, ['bin/ssrms.js', 'rules'], { PORT: '0', BROKER: `127.0.0.1:${port}` });
  await asked;
  service.child.kill('SIGTERM');
  const late = setTimeout(() => service.child.kill('SIGKILL'), 5_000);
  const { code } = await service.ended;
  clearTimeout(late);
  broker.close();
  assert.equal(code, 143, service.output());
});
