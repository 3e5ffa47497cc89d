// Podman with images, containers and networks of its own, so that nothing else on the machine is touched, and Docker Compose
// speaking to it over Docker's API.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../../test/support/wait-until.ts';

const serviceStartMsMax = 20_000;
const healthCheckPeriodMs = 1_000;

/**
 * Starts the engine. Tagged images are kept in `folder` between runs; all else that this or a former run made is removed. Stop it.
 */
export async function startEngine(folder) {
  const run = '/run/ssrms-containers';
  for (const path of [folder, run]) mkdirSync(path, { recursive: true });
  const settings = { containers: join(folder, 'containers.conf'), storage: join(folder, 'storage.conf') };
  // Without systemd: control groups by file, no limits that this process may not raise. The runtime crun needs more than that.
  writeFileSync(
    settings.containers,
    `[containers]
default_ulimits = []
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
tmp_dir = "${run}/libpod"
[network]
network_backend = "netavark"
network_config_dir = "${folder}/networks"
`,
  );
  writeFileSync(
    settings.storage,
    `[storage]\ndriver = "overlay"\ngraphroot = "${folder}/storage"\nrunroot = "${run}/storage"\n`,
  );
  const env = { ...process.env, CONTAINERS_CONF: settings.containers, CONTAINERS_STORAGE_CONF: settings.storage };
  const podman = (...args) => succeeded(spawnSync('podman', args, { env, encoding: 'utf8', maxBuffer: 1e8 }), args);

  const removeAll = () => {
    podman('rm', '--all', '--force', '--volumes', '--time', '0');
    // What a build had under way when it was ended.
    for (const id of podman('ps', '--all', '--external', '--quiet').split('\n').filter(Boolean))
      podman('rm', '--force', id);
    podman('volume', 'prune', '--force');
    podman('network', 'prune', '--force');
    // The layers of builds come to gigabytes.
    podman('image', 'prune', '--force');
  };
  removeAll();
  const socket = join(run, 'podman.sock');
  rmSync(socket, { force: true });
  const service = spawn('podman', ['system', 'service', '--time', '0', `unix://${socket}`], { env, stdio: 'ignore' });
  const ended = once(service, 'exit');
  process.once('exit', () => service.kill());
  await waitUntil('podman listens', () => existsSync(socket), { msMax: serviceStartMsMax });

  return {
    /** What a client of Docker needs to know. */
    dockerEnvironment: { DOCKER_HOST: `unix://${socket}`, DOCKER_BUILDKIT: '0' },
    /** Runs podman to its end, and gives its standard output. */
    podman,
    /** Does what systemd would: without it nobody checks the health of containers. */
    async checkHealthUntil(signal) {
      while (!signal.aborted) {
        for (const id of podman('ps', '--quiet', '--filter', 'health=starting').split('\n').filter(Boolean))
          await once(spawn('podman', ['healthcheck', 'run', id], { env, stdio: 'ignore' }), 'exit');
        await sleep(healthCheckPeriodMs);
      }
    },
    async stop() {
      removeAll();
      service.kill();
      await ended;
      rmSync(run, { recursive: true, force: true });
    },
  };
}

function succeeded({ status, stdout, stderr }, args) {
  if (status !== 0) throw new Error(`podman ${args.join(' ')} ended with ${status}: ${stderr}`);
  return stdout.trim();
}
