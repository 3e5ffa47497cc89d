// A broker, a fake Discord and instances of `ssrms alarms` as real processes, with a load on them and somebody who watches.
// Everything is ended by its pid.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pauseProcess } from '../support/pause-process.ts';
import { waitUntil } from '../support/wait-until.ts';
import { createLogger } from '../../src/base/logger.ts';
import type { Failpoint } from '../../src/base/failpoint.ts';
import { openKafkaLog } from '../../src/log/kafka/kafka-log.ts';
import type { Log } from '../../src/log/log.ts';
import { topics } from '../../src/topics.ts';
import { startFakeDiscord, type FakeDiscord, type FakeDiscordOptions } from '../support/fake-discord/fake-discord.ts';
import { factsOf } from '../support/fake-discord/ledger-facts.ts';
import { startKafka, type Kafka, type KafkaOptions } from '../support/kafka/kafka-broker.ts';
import type { OracleRule } from '../support/oracle/oracle-rule.ts';
import { winners } from '../support/oracle/seen.ts';
import { Random } from '../support/sim-log/random.ts';
import { startSsrms, type SsrmsProcess } from '../support/ssrms-process.ts';
import { checkEvidence, type Summary } from './check.ts';
import {
  checkDeliveries,
  readDeliveryTopics,
  withoutOutcome,
  type DeliveryAllowance,
  type DeliverySummary,
} from './deliveries.ts';
import { gatherEvidence, type Evidence, type Published } from './evidence.ts';
import type { Letters } from './letters.ts';
import { discordUrlOf, Load, planLoad, type Extra, type LoadPlan } from './load.ts';
import { Positions } from './positions.ts';
import { isHeldWhileClear } from '../support/oracle/oracle.ts';

/** The long form of each test: SSRMS_FAULT=long. */
export const isLong = process.env.SSRMS_FAULT === 'long';
/** A member that is not heard of for so long has lost its partitions. */
export const groupTimeoutMs = 10_000;
/** CI machines are shared and slow: there the tests show that the fleet recovers, and `npm run fault` how fast. */
const slownessMax = process.env.CI === 'true' ? 4 : 1;
/** I9 and I14, and half a second between two observations. */
export const recoveryMsMax = groupTimeoutMs + (5_000 + 500) * slownessMax;
export const standstillMsMax = groupTimeoutMs + (10_000 + 500) * slownessMax;

const webhooksCount = 10;
const drainMsMax = 90_000;
const deliverMsMax = 60_000;

export interface FleetOptions {
  readonly instances?: number;
  readonly recordsPerSecond?: number;
  readonly extra?: Extra;
  readonly kafka?: KafkaOptions;
  /** How the tests reach the broker, when that is not as the instances do. */
  readonly directPort?: number;
  /** Told the broker's own port as soon as it is known. */
  readonly onKafka?: (port: number) => void;
  /** Environment of an instance at its start. */
  readonly environmentOf?: (index: number) => Record<string, string>;
  readonly fake?: FakeDiscordOptions;
}

interface Instance {
  readonly process: SsrmsProcess;
  /** Whether the test means to end it. */
  mayEnd: boolean;
}

/** Of a long run so many, evenly: each is held against every notification. */
const snapshotsMax = 2_500;
const some = <One>(all: readonly One[]): One[] => {
  const every = Math.max(1, Math.ceil(all.length / snapshotsMax));
  return all.filter((_, index) => index % every === 0);
};

/** Prints the seed, runs the test with a fleet under load's plan, and takes everything down again. */
export async function withFleet(
  t: TestContext,
  options: FleetOptions,
  run: (fleet: Fleet) => Promise<void>,
): Promise<void> {
  const seed = Number(process.env.SSRMS_FAULT_SEED ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`seed ${seed} (again: SSRMS_FAULT_SEED=${seed})`);
  const fleet = new Fleet(t, options, new Random(seed));
  try {
    await fleet.begin();
    await run(fleet);
  } catch (error) {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  } finally {
    await fleet.end();
  }
}

export class Fleet {
  readonly random: Random;
  readonly published: Published[] = [];
  readonly #t: TestContext;
  readonly #options: FleetOptions;
  readonly #instances = new Map<number, Instance>();
  readonly #outputs: (() => string)[] = [];
  kafka!: Kafka;
  fake!: FakeDiscord;
  log!: Log;
  load!: Load;
  plan!: LoadPlan;
  positions!: Positions;

  constructor(t: TestContext, options: FleetOptions, random: Random) {
    this.#t = t;
    this.#options = options;
    this.random = random;
  }

  async begin(): Promise<void> {
    const { kafka, directPort, instances = 3, recordsPerSecond = 600, extra } = this.#options;
    this.kafka = await startKafka(kafka);
    this.#options.onKafka?.(this.kafka.port);
    this.fake = await startFakeDiscord(this.#options.fake);
    const bootstrap = directPort === undefined ? this.kafka.bootstrap : `127.0.0.1:${directPort}`;
    this.log = await openKafkaLog({ bootstrap, clientId: 'fault-test', logger: createLogger('silent', 'test') });
    await this.log.ensureTopics(Object.values(topics));
    const urls = Array.from({ length: webhooksCount }, () => discordUrlOf(this.fake.addWebhook().webhook));
    this.plan = planLoad(this.random, urls);
    await this.publish(this.plan.rules);
    this.load = new Load({ log: this.log, plan: this.plan, random: this.random, recordsPerSecond, extra });
    this.positions = new Positions(bootstrap);
    for (let index = 0; index < instances; index++) {
      await this.start(index, this.#options.environmentOf?.(index));
    }
  }

  /** Writes rules, before any sample that they are about. */
  async publish(rules: readonly OracleRule[]): Promise<void> {
    const records = rules.map((rule) => {
      return { key: Buffer.from(rule.id), value: Buffer.from(JSON.stringify(rule)), timestampMs: Date.now() };
    });
    const places = await this.log.append('rules', records);
    this.published.push(...rules.map((rule, index) => ({ rule, version: places[index]! })));
  }

  get directPort(): number {
    return this.#options.directPort ?? this.kafka.port;
  }

  /** The load and the watch begin. */
  go(): void {
    this.positions.noteFault();
    this.positions.watch();
    this.load.start();
  }

  async end(): Promise<void> {
    await this.positions?.close();
    for (const [index] of this.#instances) await this.kill(index);
    this.kafka?.resume();
    await this.load?.stop();
    await this.log?.close();
    await this.fake?.close();
    await this.kafka?.stop();
  }

  // Instances.

  /** Starts an instance; `env` may hold a failpoint, at which it may end. */
  async start(index: number, env: Record<string, string> = {}): Promise<void> {
    assert.ok(!this.#instances.has(index), `instance ${index} runs already`);
    const process = await startSsrms(['alarms'], {
      env: { BROKER: this.kafka.bootstrap, DISCORD_API_BASE: this.fake.apiBase, LOG_LEVEL: 'info', ...env },
    });
    const mayEnd = 'SSRMS_FAILPOINT' in env && !env.SSRMS_FAILPOINT.endsWith(':stop');
    const instance: Instance = { process, mayEnd };
    this.#instances.set(index, instance);
    this.#outputs.push(() => process.output());
    process.ended.then(
      (code) => {
        if (this.#instances.get(index) === instance) this.#instances.delete(index);
        this.brokenOffMs.push(Date.now());
        // A signal leaves no code, and an end in order the code 0.
        if (!instance.mayEnd || (code !== null && code !== 0))
          this.unexpected.push(`instance ${index} ended with ${code}:\n${process.output().slice(-3_000)}`);
      },
      () => {},
    );
  }

  /** When instances ended, however they did, or were stopped at a failpoint: milliseconds since the epoch. */
  readonly brokenOffMs: number[] = [];
  /** Instances that ended by themselves. */
  readonly unexpected: string[] = [];

  startAt(index: number, point: Failpoint, times: number, what: 'kill' | 'stop' = 'kill'): Promise<void> {
    return this.start(index, { SSRMS_FAILPOINT: `${point}=${times}:${what}` });
  }

  running(): number[] {
    return [...this.#instances.keys()];
  }

  instance(index: number): SsrmsProcess {
    const instance = this.#instances.get(index);
    assert.ok(instance, `instance ${index} does not run`);
    return instance.process;
  }

  /** SIGKILL. */
  async kill(index: number): Promise<void> {
    const instance = this.#instances.get(index);
    if (instance === undefined) return;
    instance.mayEnd = true;
    this.positions.noteFault();
    await instance.process.kill();
    this.#instances.delete(index);
  }

  /** SIGTERM. */
  async terminate(index: number): Promise<number | null> {
    const instance = this.#instances.get(index)!;
    instance.mayEnd = true;
    this.positions.noteFault();
    const code = await instance.process.stop();
    this.#instances.delete(index);
    return code;
  }

  pause(index: number): void {
    this.positions.noteFault();
    pauseProcess(this.instance(index).pid);
  }

  resume(index: number): void {
    process.kill(this.instance(index).pid, 'SIGCONT');
  }

  /** Resolves when an instance has come to the failpoint that kills it. */
  async untilDead(index: number, timeoutMs = 40_000): Promise<void> {
    await this.until(`instance ${index} dies at its failpoint`, () => !this.#instances.has(index), timeoutMs);
    this.positions.noteFault();
  }

  /** Resolves when an instance has come to the failpoint that stops it. */
  async untilStopped(index: number, timeoutMs = 40_000): Promise<void> {
    const { pid } = this.instance(index);
    const isStopped = () => / T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/\(.*\)/, ''));
    await this.until(`instance ${index} stops at its failpoint`, isStopped, timeoutMs);
    this.brokenOffMs.push(Date.now());
    this.positions.noteFault();
  }

  async until(what: string, isTrue: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
    await waitUntil(what, isTrue, { msMax: timeoutMs, pollMs: 20 });
  }

  /** What all instances of the run have written to their logs. */
  output(): string {
    return this.#outputs.map((output) => output()).join('\n');
  }

  /** The sum of a counter over the instances that run, by its one label. */
  async counted(name: string): Promise<Map<string, number>> {
    const sums = new Map<string, number>();
    for (const index of this.running()) {
      const text = await (await fetch(`${this.instance(index).url}/metrics`)).text();
      for (const [, label = '', count] of text.matchAll(new RegExp(`^${name}(?:\\{\\w+="(\\w+)"\\})? (\\d+)$`, 'gm'))) {
        sums.set(label, (sums.get(label) ?? 0) + Number(count));
      }
    }
    return sums;
  }

  // The end of a run.

  /** No more load, and everything evaluated. */
  async drain(timeoutMs = drainMsMax): Promise<void> {
    await this.load.stop();
    await this.positions.drained(timeoutMs);
  }

  /** What stands in the log, once the clocks have ended the cooldowns that no sample ends any more. */
  async gather(): Promise<Evidence> {
    await this.until('nothing is deferred any more', async () => {
      const { states } = await gatherEvidence(this.log, this.published);
      // A record that is written ahead says so before it is sent.
      return [...winners(states).values()].every(
        ({ state, decidedAt }) =>
          decidedAt === undefined &&
          (state.state !== 'firing' || state.deferred === undefined || isHeldWhileClear(state)),
      );
    });
    // Read again: the last may have been sent while the topics were read one after the other.
    return gatherEvidence(this.log, this.published);
  }

  /**
   * Waits until every notification has an outcome and every letter has arrived, and holds the deliveries against Discord's
   * ledger.
   */
  async checkDeliveries(
    letters: Letters,
    allowance: DeliveryAllowance,
    timeoutMs = deliverMsMax,
  ): Promise<DeliverySummary> {
    await this.drain();
    const mayBeMissing = allowance.outcomes !== undefined;
    await this.until('all letters arrive', () => mayBeMissing || letters.missing().length === 0, timeoutMs).catch(
      () => {},
    );
    let read = await readDeliveryTopics(this.log);
    for (const deadline = performance.now() + timeoutMs; withoutOutcome(read).length > 0; await sleep(500)) {
      if (performance.now() > deadline) break;
      read = await readDeliveryTopics(this.log);
    }
    const said = new Map([...read.said, ['the log of the instances', this.output()], ...(await this.#figures())]);
    const tokens = this.fake.webhooks.all().map(({ token }) => token);
    const { entries } = this.fake.ledger;
    const letterWebhooks = new Set(letters.recipients.map(({ webhook }) => webhook.id));
    const all = this.fake.facts(letters.expected);
    const ofLetters = entries.filter(({ webhookId }) => letterWebhooks.has(webhookId));
    const { lost, doubled, unexpected, outOfOrder } = factsOf(ofLetters, letters.expected, all.invalidShare);
    const facts = { ...all, lost, doubled, unexpected, outOfOrder };
    const summary = checkDeliveries({ ...read, said, tokens, facts, letterWebhooks, ledger: entries }, allowance);
    this.#t.diagnostic(JSON.stringify({ letters: letters.expected.length, ...summary }));
    assert.deepEqual(this.unexpected, [], 'no instance ends by itself');
    assert.doesNotMatch(this.output(), /unhandledRejection|MaxListenersExceeded/i, 'I12');
    return summary;
  }

  /** What the instances show over HTTP. */
  async #figures(): Promise<[string, string][]> {
    const paths = this.running().flatMap((index) => ['/metrics', '/health'].map((path) => ({ index, path })));
    return Promise.all(
      paths.map(async ({ index, path }): Promise<[string, string]> => {
        return [`${path} of ${index}`, await (await fetch(`${this.instance(index).url}${path}`)).text()];
      }),
    );
  }

  /** Drains, and holds everything against the oracle. */
  async check(standstillMs = standstillMsMax): Promise<Summary> {
    await this.drain();
    const summary = checkEvidence(await this.gather(), some(this.positions.snapshots));
    const { longest, snapshots } = this.positions;
    this.#t.diagnostic(JSON.stringify({ ...summary, snapshots: snapshots.length, longestStandstill: longest }));
    assert.deepEqual(this.unexpected, [], 'no instance ends by itself');
    assert.ok(
      longest.forMs <= standstillMs,
      `I9, I14: partition ${longest.partition} stood still for ${longest.forMs} ms`,
    );
    assert.ok(summary.notifications > 100, `only ${summary.notifications} notifications prove little`);
    return summary;
  }
}
