// Brings up compose.yaml for real, as the README says, on podman with images made here (test/containers), and sees that alarms
// arrive at a stand-in for Discord. Usage: npm run containers. Takes everything down, also after a failure or Ctrl-C.
// Needs root, and what scripts/setup.mjs installs. The first run takes some five minutes, since
// it makes images, which are kept in .cache/containers.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { buildBaseImages, kafkaImage } from './containers/base-images.mjs';
import { startEngine } from './containers/engine.mjs';
import { runScenario } from './containers/scenario.mjs';
import { waitUntil } from '../test/support/wait-until.ts';

const startMsMax = 60_000;

if (process.getuid?.() !== 0) throw new Error('npm run containers needs root, for networks and images of its own');
process.chdir(resolve(import.meta.dirname, '..'));
const stop = new AbortController();
const stopped = once(stop.signal, 'abort').then(() => Promise.reject(new Error('told to stop')));
stopped.catch(() => {});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort());

const engine = await startEngine(resolve('.cache/containers'));
try {
  await step('stand-ins for the base images are there', () => buildBaseImages(engine));
  await step('docker compose up -d --build', composeUp);
  await step('the services say that only this machine can reach them', async () => {
    for (const service of ['rules', 'ingest', 'console', 'alarms'])
      await waitUntil(`${service} says who can reach it`, () => saysWhoCanReach(service), { msMax: startMsMax });
  });
  await runScenario({ step, alarms: { kill: killOneOfAlarms, publish: publishFromAlarms } });
  console.log('compose.yaml works.');
} catch (error) {
  process.exitCode = 1;
  console.error(`FAILED: ${error.stack}`);
  if (!stop.signal.aborted) await compose('logs', '--tail', '40').then(console.error, console.error);
} finally {
  await engine.stop();
  console.log('Everything is taken down.');
}

/** Runs a step, and says how long it took and what it gives to be said. Rejects at once when this process is told to stop. */
async function step(what, work) {
  const start = performance.now();
  const result = await Promise.race([work(), stopped]);
  const said = typeof result === 'string' ? ` (${result})` : '';
  console.log(`${what}${said}: ${((performance.now() - start) / 1_000).toFixed(1)} s`);
  return result;
}

async function saysWhoCanReach(service) {
  const log = await compose('logs', '--no-log-prefix', service);
  return log.includes('only this machine can reach it (PUBLISH is 127.0.0.1)');
}

async function composeUp() {
  const isUp = new AbortController();
  const checks = engine.checkHealthUntil(isUp.signal);
  try {
    await compose('up', '-d', '--build');
  } finally {
    isUp.abort();
    await checks;
  }
}

/** Runs docker compose to its end, without what a .env file or this shell would set, and gives its output. */
async function compose(...args) {
  const { PATH, HOME } = process.env;
  const child = spawn(resolve('.cache/docker-compose'), args, {
    signal: stop.signal,
    env: {
      PATH,
      HOME,
      ...engine.dockerEnvironment,
      COMPOSE_DISABLE_ENV_FILE: 'true',
      KAFKA_IMAGE: kafkaImage,
      COMPOSE_FILE: 'compose.yaml:test/containers/fake-discord.yaml',
      // The services have one image. Without BuildKit it is built for each: one after the other the first build is reused.
      COMPOSE_PARALLEL_LIMIT: '1',
      COMPOSE_PROGRESS: 'plain',
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`docker compose ${args.join(' ')} ended with ${code}:\n${output.slice(-8_000)}`);
  return output;
}

function oneOfAlarms() {
  return engine.podman('ps', '--quiet', '--filter', 'name=alarms').split('\n')[0];
}

/** As a crash: told to the process, not to the engine, which is to start it again by itself. */
function killOneOfAlarms() {
  process.kill(Number(engine.podman('inspect', '--format', '{{.State.Pid}}', oneOfAlarms())), 'SIGKILL');
}

/** Writes a sample to the topic, as a device with a Kafka client does. */
function publishFromAlarms(metric, value) {
  const source = ['node', 'bin/ssrms.js', 'source', 'constant', metric, String(value), '60'];
  engine.podman('exec', oneOfAlarms(), 'timeout', '--preserve-status', '8', ...source);
}
