// Stand-ins, under their real names without the digests, for the images that Dockerfile and compose.kafka.yaml name: made from Debian's, npm's and
// Maven's packages, for machines that cannot pull images. Each is kept until what it is made of changes.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const debianPackages = 'ca-certificates,openjdk-17-jre-headless';
/** As compose.kafka.yaml has it. */
export const [kafkaImage] = /apache\/kafka:[\d.]+/.exec(readFileSync('compose.kafka.yaml', 'utf8'));
const fingerprintLabel = 'ssrms.fingerprint';

export function buildBaseImages({ podman }) {
  const debian = 'localhost/ssrms-debian';
  const release = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  once(podman, debian, [release, debianPackages], (label) => importDebian({ podman, debian, release, label }));

  const npm = dirname(dirname(realpathSync(npmCommand())));
  const registry = npmSetting('registry');
  const node = 'node_modules/node/bin';
  const nodeParts = [readFileSync('test/containers/node.Dockerfile'), readFileSync('node_modules/node/package.json')];
  const npmParts = [readFileSync(join(npm, 'package.json')), registry, readFileSync(authoritiesFile())];
  once(podman, 'docker.io/library/node:24-slim', [...nodeParts, ...npmParts], (label) => {
    const certificates = mkdtempSync(join(tmpdir(), 'ssrms-certificates-'));
    cpSync(authoritiesFile(), join(certificates, 'authorities.pem'), { dereference: true });
    const contexts = { node, npm, certificates };
    build(podman, { name: 'docker.io/library/node:24-slim', file: 'node', contexts, label, registry });
    rmSync(certificates, { recursive: true });
  });

  const scripts = globSync('test/containers/kafka*').sort();
  once(
    podman,
    `docker.io/${kafkaImage}`,
    [...scripts.map((file) => readFileSync(file)), jarsFingerprint()],
    (label) => {
      const contexts = { jars: realpathSync('.cache/kafka') };
      build(podman, { name: `docker.io/${kafkaImage}`, file: 'kafka', contexts, label });
    },
  );
}

/** What .cache/kafka was made from (scripts/setup.mjs). */
const jarsFingerprint = () => readFileSync('.cache/kafka-jars');

/** Makes an image unless there is one with the same fingerprint. Its maker gets the label that it must have. */
function once(podman, name, parts, make) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  const fingerprint = hash.digest('hex');
  const filter = `label=${fingerprintLabel}=${fingerprint}`;
  if (podman('images', '--quiet', '--filter', `reference=${name}`, '--filter', filter) !== '') return;
  console.log(`  making ${name}`);
  make(`${fingerprintLabel}=${fingerprint}`);
}

function importDebian({ podman, debian, release, label }) {
  const folder = mkdtempSync(join(tmpdir(), 'ssrms-debian-'));
  const root = join(folder, 'root');
  const archive = join(folder, 'root.tar');
  mkdirSync(root);
  try {
    run('debootstrap', '--variant=minbase', `--include=${debianPackages}`, release, root);
    run('tar', '-C', root, '-cf', archive, '.');
    podman('import', '--change', `LABEL ${label}`, archive, debian);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function build(podman, { name, file, contexts, label, registry }) {
  const flags = Object.entries(contexts).flatMap(([context, folder]) => ['--build-context', `${context}=${folder}`]);
  if (registry !== undefined) flags.push('--build-arg', `registry=${registry}`);
  const from = ['--pull=never', '--file', `test/containers/${file}.Dockerfile`, 'test/containers'];
  podman('build', '--quiet', '--tag', name, '--label', label, ...flags, ...from);
}

/** The certificate authorities that this machine trusts, which a container must trust to reach the same registries. */
function authoritiesFile() {
  const { NODE_EXTRA_CA_CERTS, SSL_CERT_FILE } = process.env;
  return (
    [npmSetting('cafile'), NODE_EXTRA_CA_CERTS, SSL_CERT_FILE].find(Boolean) ?? '/etc/ssl/certs/ca-certificates.crt'
  );
}

function npmSetting(name) {
  const value = run('npm', 'config', 'get', name).trim();
  return value === 'null' ? undefined : value;
}

function npmCommand() {
  return run('sh', '-c', 'command -v npm').trim();
}

function run(command, ...args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1e8 });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr || stdout}`);
  return stdout;
}
