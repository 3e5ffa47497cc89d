// Installs what is missing before `npm start`, `npm test` and other commands. Plain JavaScript for any Node from 20 on,
// and no dependency, since it is what installs them. Usage: node scripts/setup.mjs start|test|fault|bench|containers|check
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cache = join(root, '.cache');
const clients = join(cache, 'clients');
const goal = process.argv[2] ?? 'start';

const has = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;
const run = (command, ...args) => execFileSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
const hashOf = (file) =>
  createHash('sha256')
    .update(readFileSync(join(root, file)))
    .digest('hex');

/** Runs `work` unless `stamp` says that it was done for the same `fingerprint`. */
function once(stamp, fingerprint, work) {
  const file = join(cache, stamp);
  if (existsSync(file) && readFileSync(file, 'utf8') === fingerprint) return;
  work();
  mkdirSync(cache, { recursive: true });
  writeFileSync(file, fingerprint);
}

function installNodeModules() {
  if (!existsSync(join(root, 'node_modules/.bin/node'))) rmSync(join(cache, 'npm-packages'), { force: true });
  once('npm-packages', hashOf('package-lock.json'), () => {
    console.error('ssrms: installing npm packages …');
    run('npm', 'ci', '--no-audit', '--no-fund', '--loglevel=error');
  });
}

function buildPage() {
  // With the Node that was just installed: this one may be older than the build needs.
  run(join(root, 'node_modules/.bin/node'), 'scripts/build-page.mjs', '--if-older');
}

/** What the tests need beyond npm: a Debian package for each command. */
const machineNeeds = [
  { name: 'java', found: () => has('java', '-version'), debian: 'openjdk-17-jdk-headless' },
  { name: 'maven', found: () => has('mvn', '-version'), debian: 'maven' },
  { name: 'chromium', found: () => existsSync('/usr/bin/chromium'), debian: 'chromium' },
];

const [javaNeed, mavenNeed] = machineNeeds;

const goNeed = { name: 'go', found: () => has('go', 'version'), debian: 'golang-go' };

/** Where the clients come from that the tests send metrics with (test/clients). */
const clientNeeds = [
  { name: 'curl', found: () => has('curl', '--version'), debian: 'curl' },
  { name: 'openssl', found: () => has('openssl', 'version'), debian: 'openssl' },
  { name: 'python', found: () => has('python3', '-m', 'ensurepip', '--version'), debian: 'python3 python3-venv' },
  goNeed,
];

/** What the fault tests need beside that. */
const faultNeeds = [{ name: 'libfaketime', found: () => has('faketime', '--version'), debian: 'faketime' }];

/** What `npm run containers` needs: an engine, and what its images are made from. */
const containerNeeds = [
  javaNeed,
  mavenNeed,
  goNeed,
  {
    name: 'podman',
    found: () => ['podman', 'runc', 'debootstrap'].every((command) => has(command, '--version')),
    debian:
      'podman runc netavark aardvark-dns uidmap slirp4netns fuse-overlayfs containernetworking-plugins debootstrap',
  },
];

/**
 * What the benchmarks measure beside ours; without one of them its rows are left out. Debian starts some of them as servers of the
 * machine, on the port that we have too: these are only named, never installed.
 */
const peerNeeds = [
  { name: 'librdkafka', found: () => existsSync('/usr/include/librdkafka/rdkafka.h'), debian: 'librdkafka-dev' },
  { name: 'gcc', found: () => has('gcc', '--version'), debian: 'gcc libc6-dev' },
  { name: 'prometheus', found: () => has('prometheus', '--version'), debian: 'prometheus', isServer: true },
  { name: 'vmagent', found: () => has('vmagent', '--version'), debian: 'victoria-metrics', isServer: true },
  {
    name: 'alertmanager',
    found: () => has('prometheus-alertmanager', '--version'),
    debian: 'prometheus-alertmanager',
    isServer: true,
  },
];

function installMachineNeeds() {
  const more = { bench: peerNeeds, fault: faultNeeds, test: clientNeeds }[goal] ?? [];
  const needs = goal === 'containers' ? containerNeeds : [...machineNeeds, ...more];
  const optional = new Set(['chromium', 'libfaketime', ...[...peerNeeds, ...clientNeeds].map((need) => need.name)]);
  let missing = needs.filter((need) => !need.found());
  const debianRoot = process.getuid?.() === 0 && existsSync('/etc/debian_version') && has('apt-get', '--version');
  const wanted = missing.filter((need) => need.isServer !== true).flatMap((need) => need.debian.split(' '));
  if (wanted.length > 0 && debianRoot) {
    console.error(`ssrms: installing for the ${goal === 'bench' ? 'benchmarks' : 'tests'}: ${wanted.join(' ')} …`);
    const quiet = {
      cwd: root,
      stdio: ['ignore', 'ignore', 2],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    };
    spawnSync('apt-get', ['update', '-qq'], quiet);
    spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...wanted], quiet);
    missing = missing.filter((need) => !need.found());
  }
  for (const need of missing) {
    const what = goal === 'bench' ? 'benchmarks' : 'tests';
    console.error(
      `ssrms: ${need.name} is missing: ${what} that need it are skipped. On Debian: apt-get install ${need.debian}`,
    );
  }
  if (missing.some((need) => !optional.has(need.name))) return;
  fetchJars('test/support/kafka/pom.xml', 'kafka', 'Kafka for the tests');
  if (goal === 'bench') fetchJars('bench/peers/pom.xml', 'peers', 'the Java peers of the benchmarks');
}

function fetchJars(pom, folder, what) {
  once(`${folder}-jars`, hashOf(pom), () => {
    console.error(`ssrms: fetching ${what} …`);
    // Jars of versions that the pom no longer names would stand in the class path beside the others.
    rmSync(join(cache, folder), { recursive: true, force: true });
    const maven = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${join(cache, folder)}`];
    // A registry that fails once mostly answers the second time.
    if (spawnSync('mvn', maven, { cwd: root, stdio: ['ignore', 2, 2] }).status !== 0) run('mvn', ...maven);
  });
}

/** Debian packages by what they hold. */
const debianClients = {
  prometheus: '/usr/bin/prometheus',
  'victoria-metrics': '/usr/bin/vmagent',
  nginx: '/usr/sbin/nginx',
  caddy: '/usr/bin/caddy',
};

/** Unpacked where the tests find them, since installing such a package would start a server. */
function unpackDebianClients() {
  const missing = Object.entries(debianClients).filter(
    ([, program]) => !existsSync(program) && !existsSync(join(clients, 'debian', program)),
  );
  if (missing.length === 0 || !has('apt-get', '--version')) return;
  const packages = missing.map(([name]) => name);
  console.error(`ssrms: unpacking for the tests: ${packages.join(' ')} …`);
  mkdirSync(clients, { recursive: true });
  const download = () => spawnSync('apt-get', ['download', '-qq', ...packages], { cwd: clients, stdio: 'ignore' });
  if (download().status !== 0) {
    spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore' });
    download();
  }
  for (const file of readdirSync(clients).filter((name) => name.endsWith('.deb'))) {
    spawnSync('dpkg-deb', ['-x', file, 'debian'], { cwd: clients, stdio: ['ignore', 'ignore', 2] });
    rmSync(join(clients, file));
  }
}

/** A client that cannot be had is named by the test that is skipped. */
function orNamed(what, work) {
  try {
    work();
  } catch {
    console.error(`ssrms: ${what} could not be installed: tests that need it are skipped`);
  }
}

/** The Go that a module asks for: the one that is there, or the toolchain of that version, which Go fetches as a module too. */
function goFor(folder) {
  const [, wanted] = /^go (\S+)$/m.exec(readFileSync(join(root, folder, 'go.mod'), 'utf8'));
  const env = { ...process.env, GOFLAGS: '-mod=mod' };
  const go = (...args) => execFileSync('go', args, { cwd: tmpdir(), env, encoding: 'utf8' }).trim();
  const numbers = (version) => version.replace(/^go/, '').split('.').map(Number);
  const [[major, minor], [wantedMajor, wantedMinor]] = [numbers(go('env', 'GOVERSION')), numbers(wanted)];
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return 'go';
  const toolchain = `golang.org/toolchain@v0.0.1-go${wanted}.${go('env', 'GOOS')}-${go('env', 'GOARCH')}`;
  const { Dir: there } = JSON.parse(go('mod', 'download', '-json', toolchain));
  // A module's files come without the right to be run.
  const tools = readdirSync(join(there, 'pkg/tool'), { recursive: true }).map((name) => join('pkg/tool', name));
  for (const name of ['bin/go', ...tools]) chmodSync(join(there, name), 0o755);
  return join(there, 'bin/go');
}

function installClients() {
  orNamed('Prometheus, vmagent, nginx and Caddy', unpackDebianClients);
  orNamed('the Python clients', () => {
    const requirements = 'test/clients/requirements.txt';
    once('python-clients', hashOf(requirements), () => {
      console.error('ssrms: installing Python clients for the tests …');
      run('python3', '-m', 'venv', join(clients, 'python'));
      run(join(clients, 'python/bin/pip'), 'install', '-q', '--disable-pip-version-check', '-r', requirements);
    });
  });
  orNamed('the Java clients', () => fetchJars('test/clients/pom.xml', 'clients/java', 'Java clients for the tests'));
  orNamed('the remote write 2 sender', () => {
    const folder = 'test/clients/prw2-sender';
    const fingerprint = hashOf(`${folder}/main.go`) + hashOf(`${folder}/go.sum`);
    once('prw2-sender', fingerprint, () => {
      console.error('ssrms: building the remote write 2 sender for the tests …');
      const build = ['build', '-o', join(clients, 'prw2-sender'), '.'];
      execFileSync(goFor(folder), build, { cwd: join(root, folder), stdio: ['ignore', 2, 2] });
    });
  });
}

/** Docker Compose itself, from Go's modules: it needs no more of Docker than an engine that speaks its API. */
function buildCompose() {
  const folder = 'test/containers/compose';
  once('docker-compose-built', hashOf(`${folder}/go.sum`), () => {
    console.error('ssrms: building Docker Compose (some minutes) …');
    const build = [
      'build',
      '-trimpath',
      '-ldflags=-s -w',
      '-o',
      join(cache, 'docker-compose'),
      'github.com/docker/compose/v2/cmd',
    ];
    const env = { ...process.env, CGO_ENABLED: '0' };
    execFileSync(goFor(folder), build, { cwd: join(root, folder), env, stdio: ['ignore', 2, 2] });
  });
}

installNodeModules();
if (goal !== 'check' && goal !== 'containers') buildPage();
if (goal !== 'start' && goal !== 'check') installMachineNeeds();
if (goal === 'test') installClients();
if (goal === 'containers') buildCompose();
