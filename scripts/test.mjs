// Runs the tests with node's runner. Usage: node scripts/test.mjs [--unit] [file …]
// A suffix says what a test needs (.kafka.test.ts: Java and Kafka's jars; .browser.test.ts: Chromium). Where that is
// missing the file is skipped by name, and with CI=true a skip is a failure.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync } from 'node:fs';
import { resolve } from 'node:path';

const args = process.argv.slice(2);
const unit = args.includes('--unit');
const named = args.filter((arg) => !arg.startsWith('--'));
const all = globSync(['src/**/*.test.ts', 'test/**/*.test.ts']).sort();
/** Beside src/, what the unit tests include. */
const quick = new Set(['test/documents/blocks.test.ts']);
const needy = /\.(kafka|browser)\.test\.ts$/;
// The fault tests take many minutes and want the machine to themselves: `npm run fault`.
let files = named.length > 0 ? named : all.filter((file) => !file.includes('.fault.'));
if (unit && named.length === 0)
  files = files.filter((file) => (file.startsWith('src/') || quick.has(file)) && !needy.test(file));

const missing = {
  kafka:
    existsSync('.cache/kafka-jars') && spawnSync('java', ['-version'], { stdio: 'ignore' }).status === 0
      ? ''
      : 'Java 17 and Kafka',
  browser: existsSync('/usr/bin/chromium') ? '' : 'Chromium',
};
const skipped = files.filter((file) =>
  Object.keys(missing).some((need) => missing[need] && file.includes(`.${need}.`)),
);
files = files.filter((file) => !skipped.includes(file));
for (const file of skipped) {
  const need = Object.keys(missing).find((name) => missing[name] && file.includes(`.${name}.`));
  console.error(`skipped: ${file} (${missing[need]} missing)`);
}
if (skipped.length > 0 && process.env.CI === 'true') {
  console.error('With CI=true a skipped test is a failure.');
  process.exit(1);
}
if (files.length === 0) process.exit(0);
// Once for all browsers, which would build it at the same time.
if (files.some((file) => file.includes('.browser.')))
  execFileSync(process.execPath, ['scripts/build-page.mjs', '--if-older'], { stdio: ['ignore', 2, 2] });
// Four files at once on two cores: most tests wait for brokers, browsers and timers, so two at once leave the cores idle.
const flags = [
  '--test',
  '--test-reporter=spec',
  '--test-concurrency=4',
  '--test-timeout=240000',
  '--disable-warning=ExperimentalWarning',
];
// Hundreds of processes load the same sources: what Node compiles is kept, which halves the time they take to start.
const env = { NODE_COMPILE_CACHE: resolve('.cache/compiled'), ...process.env };
let browser;
if (files.filter((file) => file.includes('.browser.')).length > 1) {
  const { browserVariable, startSharedBrowser } = await import('../test/support/test-browser.ts');
  browser = await startSharedBrowser();
  env[browserVariable] = browser.wsEndpoint();
}
const given = args.filter((arg) => arg.startsWith('--test-'));
const tests = spawn(process.execPath, [...flags, ...given, ...files], { stdio: 'inherit', env });
const [status] = await once(tests, 'exit');
await browser?.close();
process.exit(status ?? 1);
