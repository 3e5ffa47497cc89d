// B4: how long after a sample was due its alarm's request comes to Discord. An open loop at three loads, against the bare two hops
// of the same client over the same load, and against the service that one writes first.
import assert from 'node:assert/strict';
import { topics } from '../src/topics.ts';
import { detect, withSubject, type Detected, type LoadShape } from './support/detection-run.ts';
import { forgetWhatWasWritten, prepareRules, withBroker, withLog } from './support/metrics-load.ts';
import { pairsOf, type Options } from './support/options.ts';
import { runPairs } from './support/pairs.ts';
import { nodeCommand, start, type BenchProcess } from './support/processes.ts';
import { prometheusDetection } from './support/prometheus.ts';
import { quantile, quantileRatio, quantileRows } from './support/quantiles.ts';
import { once, type Result } from './support/result.ts';

const names = 10_000;
/** Discord takes 50 requests a second in all, and ours sends fewer: more alarms would measure that, and not detection. */
const alarmsPerSecond = 10;
/** Where the search for the knee ends: more than this the generator and the broker, on one core, do not honestly give. */
const loadMax = 80_000;
const loadFirst = 10_000;
/** Past the knee. */
const p99MsMax = 100;
const shares = [0.1, 0.5, 0.8] as const;

type Subject = 'ours' | 'probe' | 'kafkajs';
/** By load. */
type Rounds = readonly Detected[];

export async function detection(options: Options): Promise<Result[]> {
  return withBroker(async (kafka) => {
    const { bootstrap } = kafka;
    const discord = start(nodeCommand('subjects/fake-discord.ts'));
    try {
      const { url } = await discord.next<{ url: string }>();
      await withLog(bootstrap, (log) => prepareRules(log, names, ownWebhook));
      const commands = {
        ours: nodeCommand('subjects/alarms-service.ts', bootstrap, url),
        probe: nodeCommand('subjects/two-hop-probe.ts', bootstrap),
        kafkajs: nodeCommand('peers/kafkajs-alarms.ts', bootstrap, topics.metrics.name, names, url),
      };
      const shape = { bootstrap, names, alarmsPerSecond, seconds: options.isShort ? 2 : 18 };
      const knee = options.isShort ? loadFirst : await findKnee(commands.ours, { ...shape, seconds: 4 }, discord);
      const loads = (options.isShort ? shares.slice(1, 2) : shares).map((share) => Math.round(share * knee));
      const measure = (subject: Subject) => async () => {
        if (subject === 'ours') await forgetWhatWasWritten(bootstrap, 'next');
        return withSubject(commands[subject], async (running) => {
          const ears = subject === 'probe' ? running : discord;
          const found: Detected[] = [];
          for (const perSecond of loads) found.push(await detect({ ...shape, perSecond }, ears));
          return found;
        });
      };
      const subjects = { ours: measure('ours'), probe: measure('probe'), kafkajs: measure('kafkajs') };
      const pairs = pairsOf(options, 4);
      const rounds = await runPairs({ scenario: 'B4', pairs, subjects, describe }, options);
      equalWork(rounds);
      return [
        kneeRow(knee),
        ...loads.flatMap((load, at) => rowsAt(load, at, rounds)),
        ...(await prometheusDetection(discord, url, options)),
      ];
    } finally {
      await discord.end();
    }
  });
}

/** A webhook for each rule: one's own pace, which Discord orders, must not be in the way. */
function ownWebhook(index: number): Record<string, unknown> {
  const id = 1_100_000_000_000_000_000n + BigInt(index);
  return { discord_webhook_url: `https://discord.com/api/webhooks/${id}/${'a'.repeat(68)}` };
}

/** The greatest load, doubled from one to the next, that the generator keeps to and ours detects in time. */
async function findKnee(
  ours: readonly string[],
  shape: Omit<LoadShape, 'perSecond'>,
  discord: BenchProcess,
): Promise<number> {
  await forgetWhatWasWritten(shape.bootstrap, 'next');
  return withSubject(ours, async () => {
    let knee = loadFirst;
    for (let perSecond = loadFirst; perSecond <= loadMax; perSecond *= 2) {
      const found = await detect({ ...shape, perSecond }, discord);
      console.error(`B4 looking for the knee: ${perSecond} records/s, ${describeOne(found)}`);
      if (!found.isValid || found.missing > 0 || quantile(found.latenciesMs, 0.99) > p99MsMax) break;
      knee = perSecond;
    }
    return knee;
  });
}

/** Each alarm is heard of, and by ours once. */
function equalWork(rounds: Record<Subject, readonly Rounds[]>): void {
  for (const [subject, all] of Object.entries(rounds)) {
    for (const { missing, doubled, latenciesMs } of all.flat()) {
      assert.ok(latenciesMs.length > 0, `${subject} heard of no alarm`);
      assert.deepEqual({ missing, doubled }, { missing: 0, doubled: 0 }, `${subject} lost alarms, or doubled them`);
    }
  }
}

function kneeRow(knee: number): Result {
  const what = `knee: records/s, found up to ${loadMax}, with ${alarmsPerSecond} alarms/s`;
  return { scenario: 'B4', what, value: once(knee), unit: '/s' };
}

function rowsAt(load: number, at: number, rounds: Record<Subject, readonly Rounds[]>): Result[] {
  const of = (subject: Subject): (readonly number[])[] => rounds[subject].map((found) => found[at]!.latenciesMs);
  const all = Object.values(rounds).flatMap((subject) => subject.map((found) => found[at]!));
  const isVoid = all.some((found) => !found.isValid);
  const label = (subject: string): string => `${subject} at ${load} records/s`;
  // A run whose generator was late shows nothing: it meets no goal, and misses none.
  const voidText = isVoid ? ' (VOID: the generator was late)' : '';
  return [
    ...quantileRows('B4', label('ours'), of('ours').flat()),
    ...quantileRows('B4', label('two-hop probe'), of('probe').flat()),
    ...quantileRows('B4', label('KafkaJS service'), of('kafkajs').flat()),
    ...([0.5, 0.99] as const).map((share): Result => {
      const value = quantileRatio(of('ours'), of('probe'), share);
      return {
        scenario: 'B4',
        what: `${label('ours / probe')}, p${share * 100}${voidText}`,
        value,
        unit: 'x',
        ...(!isVoid && { goal: { atMost: 2 } }),
      };
    }),
    {
      scenario: 'B4',
      what: `generator at ${load} records/s, p99.9 behind its schedule, worst round`,
      value: once(Math.max(...all.map((found) => found.lateP999Ms))),
      unit: 'ms',
    },
  ];
}

function describe(rounds: Rounds): string {
  return rounds.map(describeOne).join('; ');
}

function describeOne({ latenciesMs, missing, lateP999Ms, lateMaxMs }: Detected): string {
  const [p50, p99] = [quantile(latenciesMs, 0.5), quantile(latenciesMs, 0.99)];
  const late = `generator p99.9 ${lateP999Ms.toFixed(2)} ms, max ${lateMaxMs.toFixed(1)} ms late`;
  return `p50 ${p50.toFixed(1)} p99 ${p99.toFixed(1)} ms of ${latenciesMs.length}, ${missing} missing, ${late}`;
}
