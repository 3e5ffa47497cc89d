// Runs Prometheus' compliance suite for receivers of remote write 2.0 against this tree. Usage: npm run compliance
// The suite is not part of the project: fetch it first, with the command that is printed where it is missing. Needs Go.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const checkout = '.cache/compliance';
const suite = join(checkout, 'remotewrite', 'receiver');
const startMsMax = 60_000;
const suiteMsMax = 15 * 60_000;

if (!existsSync(suite)) {
  console.error(
    `The suite is missing. Fetch it:\n\n  git clone https://github.com/prometheus/compliance ${checkout}\n`,
  );
  process.exit(2);
}
if (spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0) {
  console.error('Go is missing: https://go.dev/doc/install');
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'ssrms-compliance-'));
const server = spawn(process.execPath, ['bin/ssrms.js', 'up'], {
  stdio: ['ignore', 'pipe', 'inherit'],
  env: { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'error', DATA_DIR: join(folder, 'data') },
});
let code = 1;
try {
  const url = await listening(server);
  const config = join(folder, 'config.yml');
  writeFileSync(config, `remote_write:\n  - name: ssrms\n    url: ${url}/api/v1/write\n`);
  const tests = spawnSync('go', ['test', '-count=1', '-json', './...'], {
    cwd: suite,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    timeout: suiteMsMax,
    env: { ...process.env, PROMETHEUS_RW2_COMPLIANCE_CONFIG_FILE: resolve(config) },
  });
  code = report(tests);
} finally {
  server.kill('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
}
process.exit(code);

/** Resolves to where the server listens. */
function listening(child) {
  return new Promise((done, failed) => {
    let output = '';
    const timer = setTimeout(() => failed(new Error(`not ready in ${startMsMax} ms:\n${output}`)), startMsMax);
    child.once('exit', (status) => failed(new Error(`ended with ${status} before it was ready:\n${output}`)));
    child.stdout.on('data', (bytes) => {
      output += bytes;
      const match = /http:\/\/127\.0\.0\.1:\d+/.exec(output);
      if (match === null) return;
      clearTimeout(timer);
      done(match[0]);
    });
  });
}

/** Prints what failed, with its output, and the totals of the tests that have no tests inside them. */
function report({ stdout, stderr, status }) {
  const [results, outputs] = [new Map(), new Map()];
  for (const line of stdout.split('\n')) {
    if (!line.startsWith('{')) continue;
    const { Action, Test, Output } = JSON.parse(line);
    if (Test === undefined) continue;
    if (Action === 'output') outputs.set(Test, (outputs.get(Test) ?? '') + Output);
    if (['pass', 'fail', 'skip'].includes(Action)) results.set(Test, Action);
  }
  const parents = new Set(
    [...results.keys()].flatMap((name) => name.split('/').map((_, i, all) => all.slice(0, i).join('/'))),
  );
  const leaves = [...results].filter(([name]) => !parents.has(name));
  const failed = leaves.filter(([, result]) => result === 'fail');
  for (const [name] of failed) console.log(`FAILED ${name}\n${outputs.get(name) ?? ''}`);
  const passed = leaves.filter(([, result]) => result === 'pass').length;
  console.log(`${passed} of ${leaves.length} cases pass`);
  if (leaves.length === 0) console.error(stderr);
  return status === 0 && leaves.length > 0 ? 0 : 1;
}
