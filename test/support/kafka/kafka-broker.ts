// A real Kafka for tests: KRaft, from Maven's jars in .cache/kafka (pom.xml, scripts/setup.mjs), on random ports of the
// loopback, with its data in a temporary folder. Every process is ended by its pid. A watchdog, a shell that waits for a
// pipe from the test process to close, ends the broker and removes its folder when the test process dies first.
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pauseProcess } from '../pause-process.ts';

const folder = dirname(fileURLToPath(import.meta.url));
const classPath = join(folder, '../../../.cache/kafka', '*');
const host = '127.0.0.1';
const startTimeoutMs = 60_000;
const toolTimeoutMs = 60_000;
/** Quick to start rather than fast later: a test's broker lives for seconds. */
const jvmFlags = ['-Xmx512m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto'];

export interface KafkaOptions {
  /** What clients are told to connect to, when it is not the broker itself: a proxy before it. */
  readonly advertisedPort?: number;
  /** More listeners, whose protocols `properties` must tell (listener.security.protocol.map). `ports`: one for each broker. */
  readonly extraListeners?: readonly { readonly name: string; readonly ports: readonly number[] }[];
  /** More lines for server.properties, or other values for its lines. */
  readonly properties?: Readonly<Record<string, string>>;
}

export interface Kafka {
  /** Where clients connect: host:port. */
  readonly bootstrap: string;
  /** The broker's own port, also when another one is advertised. */
  readonly port: number;
  /** What the broker has printed, for failures. */
  output(): string;
  /** A clean shutdown; removes the data. */
  stop(): Promise<void>;
  /** SIGKILL: as a crash. The data stays. */
  kill(): Promise<void>;
  /** Starts it again on the same data and ports, killing it first when it runs. Resolves when it answers. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing is answered. */
  pause(): void;
  resume(): void;
}

/** One broker that is its own controller. Resolves when it answers. */
export async function startKafka(options: KafkaOptions = {}): Promise<Kafka> {
  const [only] = await startCluster(1, options);
  return only!;
}

/** Brokers that are controllers too, in one quorum. Resolves when all answer. */
export async function startCluster(size: number, options: KafkaOptions = {}): Promise<Kafka[]> {
  const ports = await freePorts(size * 2);
  const voters = Array.from({ length: size }, (_, i) => `${i + 1}@${host}:${ports[size + i]}`).join(',');
  // Not beginning with a dash, which Kafka's tool would take for an option.
  const clusterId = `S${randomBytes(16).toString('base64url').slice(1)}`;
  const nodes = Array.from({ length: size }, (_, i) => {
    return new Broker({
      id: i + 1,
      port: ports[i]!,
      controllerPort: ports[size + i]!,
      voters,
      replication: Math.min(3, size),
      options,
    });
  });
  try {
    await Promise.all(nodes.map((node) => node.format(clusterId)));
    await Promise.all(nodes.map((node) => node.restart()));
  } catch (error) {
    await Promise.all(nodes.map((node) => node.stop()));
    throw error;
  }
  return nodes;
}

interface NodeSettings {
  readonly id: number;
  readonly port: number;
  readonly controllerPort: number;
  readonly voters: string;
  readonly replication: number;
  readonly options: KafkaOptions;
}

function serverProperties(node: NodeSettings, dataFolder: string): string {
  const replication = String(node.replication);
  const { extraListeners = [] } = node.options;
  const extra = extraListeners.map(({ name, ports }) => `,${name}://${host}:${ports[node.id - 1]}`).join('');
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': String(node.id),
    'controller.quorum.voters': node.voters,
    listeners: `PLAINTEXT://${host}:${node.port},CONTROLLER://${host}:${node.controllerPort}${extra}`,
    'advertised.listeners': `PLAINTEXT://${host}:${node.options.advertisedPort ?? node.port}${extra}`,
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': dataFolder,
    'auto.create.topics.enable': 'false',
    'offsets.topic.replication.factor': replication,
    'offsets.topic.num.partitions': '5',
    'transaction.state.log.replication.factor': replication,
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '5',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    // A killed broker may come back only after the session of its predecessor: nine seconds by default.
    'broker.session.timeout.ms': '2000',
    'broker.heartbeat.interval.ms': '200',
    'log.cleaner.dedupe.buffer.size': '16777216',
    ...node.options.properties,
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value.replaceAll('\n', '\\n')}\n`)
    .join('');
}

class Broker implements Kafka {
  readonly bootstrap: string;
  readonly port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'ssrms-kafka-'));
  readonly #properties = join(this.#folder, 'server.properties');
  readonly #log = join(this.#folder, 'broker.log');
  #process: ChildProcess | undefined;

  constructor(settings: NodeSettings) {
    this.port = settings.port;
    this.bootstrap = `${host}:${settings.options.advertisedPort ?? settings.port}`;
    writeFileSync(this.#properties, serverProperties(settings, join(this.#folder, 'data')));
  }

  async format(clusterId: string): Promise<void> {
    await runTool('kafka.tools.StorageTool', ['format', '-t', clusterId, '-c', this.#properties]);
  }

  async restart(): Promise<void> {
    await this.kill();
    const output = openSync(this.#log, 'a');
    const flags = [...jvmFlags, '-cp', classPath, 'kafka.Kafka', this.#properties];
    this.#process = spawn('java', flags, { stdio: ['ignore', output, output], cwd: this.#folder });
    closeSync(output);
    watch(this.#process, this.#folder);
    const deadline = performance.now() + startTimeoutMs;
    while (!(await answers(this.port))) {
      if (this.#process.exitCode !== null || performance.now() > deadline) {
        throw new Error(`Kafka did not start:\n${this.output().slice(-4000)}`);
      }
      await sleep(50);
    }
  }

  async stop(): Promise<void> {
    await end(this.#process, 'SIGTERM');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async kill(): Promise<void> {
    await end(this.#process, 'SIGKILL');
  }

  pause(): void {
    if (this.#process?.pid !== undefined) pauseProcess(this.#process.pid);
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  output(): string {
    return readFileSync(this.#log, 'utf8');
  }
}

/** Runs a class of Kafka's jars (kafka.tools.…, org.apache.kafka.tools.…) to its end, with `input` on its standard input. */
export function runTool(className: string, args: readonly string[], input = ''): Promise<string> {
  return runJava([...jvmFlags, '-cp', classPath, className, ...args], input);
}

/** Runs a Java source file of this folder, with Kafka's jars in its class path. */
export function runJavaFile(fileName: string, args: readonly string[], input = ''): Promise<string> {
  return runJava([...jvmFlags, '-cp', classPath, join(folder, fileName), ...args], input);
}

/** Resolves to its standard output; rejects when it fails or takes too long. */
async function runJava(args: readonly string[], input: string): Promise<string> {
  const child = spawn('java', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  watch(child);
  const texts = { out: '', error: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (texts.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (texts.error += text));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const timer = setTimeout(() => child.kill('SIGKILL'), toolTimeoutMs);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  }).finally(() => clearTimeout(timer));
  if (code !== 0) throw new Error(`java ended with ${code}:\n${texts.error.slice(-4000)}${texts.out.slice(-1000)}`);
  return texts.out;
}

/** Ends a child when this process dies, however it dies. The pipe's end closes with us, and only then does the shell go on. */
function watch(child: ChildProcess, folderToRemove = ''): void {
  const script = 'cat >/dev/null; kill -9 "$1"; [ -z "$2" ] || { sleep 1; rm -rf "$2"; }';
  const watchdog = spawn('sh', ['-c', script, 'watchdog', String(child.pid), folderToRemove], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watchdog.stdin.on('error', () => {});
  watchdog.unref();
  child.once('exit', () => watchdog.kill('SIGKILL'));
}

async function end(child: ChildProcess | undefined, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGCONT');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await exited;
  clearTimeout(timer);
}

export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      return new Promise<ReturnType<typeof createServer>>((resolve) => {
        const server = createServer().listen(0, host, () => resolve(server));
      });
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** An ApiVersions request, version 0: the one request that every broker answers in every state. */
const apiVersionsRequest = Buffer.from('0000000a0012000000000001ffff', 'hex');

/** Whether something at the port answers as Kafka does. Connecting is no proof: the kernel accepts before the broker does. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    const finish = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(1000, () => finish(false));
    socket.once('error', () => finish(false));
    socket.once('close', () => resolve(false));
    socket.once('connect', () => socket.write(apiVersionsRequest));
    socket.once('data', () => finish(true));
  });
}
