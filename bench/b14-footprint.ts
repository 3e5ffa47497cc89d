// B14: what the alarms service takes when nothing happens, with a million rules, and what its collector does under load.
import { setTimeout as sleep } from 'node:timers/promises';
import { readFileSync } from 'node:fs';
import { generate, withSubject } from './support/detection-run.ts';
import { forgetWhatWasWritten, prepareRules, withBroker, withLog } from './support/metrics-load.ts';
import { pairsOf, type Options } from './support/options.ts';
import { runPairs } from './support/pairs.ts';
import { nodeCommand, runSubject, start, type BenchProcess } from './support/processes.ts';
import { quantile } from './support/quantiles.ts';
import type { Result } from './support/result.ts';
import { bootstrap } from './support/statistics.ts';

interface Footprint {
  readonly rssMegabytes: number;
  /** Of one core, in percent, while nothing comes. */
  readonly idlePercent: number;
  /** Under load, in milliseconds; empty where there was none. */
  readonly pausesMs: readonly number[];
}

const names = 10_000;

export async function footprint(options: Options): Promise<Result[]> {
  const discord = start(nodeCommand('subjects/fake-discord.ts'));
  try {
    const { url } = await discord.next<{ url: string }>();
    const many = options.isShort ? 20_000 : 1_000_000;
    const few = await withBroker(({ bootstrap: servers }) => measure(servers, { url, rules: names }, options));
    const withMany = options.isShort
      ? []
      : await withBroker(({ bootstrap: servers }) => measure(servers, { url, rules: many }, options));
    return [...rows(`${names} rules`, few), ...rows(`${many} rules`, withMany), ...(await allocation(options))];
  } finally {
    await discord.end();
  }
}

async function measure(
  servers: string,
  { url, rules }: { url: string; rules: number },
  options: Options,
): Promise<Footprint[]> {
  await withLog(servers, (log) => prepareRules(log, rules));
  const idleMs = options.isShort ? 1_000 : 15_000;
  const ours = async (): Promise<Footprint> => {
    await forgetWhatWasWritten(servers, 'next');
    return withSubject(nodeCommand('subjects/alarms-service.ts', servers, url), async (subject) => {
      await sleep(idleMs / 3);
      const beforeNs = cpuNsOf(subject);
      await sleep(idleMs);
      const idlePercent = (cpuNsOf(subject) - beforeNs) / (idleMs * 1e4);
      subject.tell('take');
      await subject.next();
      const seconds = options.isShort ? 2 : 20;
      await generate({ bootstrap: servers, names, perSecond: 5_000, alarmsPerSecond: 5, seconds });
      const rssMegabytes = rssBytesOf(subject) / 1e6;
      subject.tell('take');
      return { rssMegabytes, idlePercent, ...(await subject.next<{ pausesMs: number[] }>()) };
    });
  };
  const describe = ({ rssMegabytes, idlePercent, pausesMs }: Footprint): string =>
    `${rssMegabytes.toFixed(0)} MB, ${idlePercent.toFixed(2)} % idle, ${pausesMs.length} collections, longest ${Math.max(0, ...pausesMs).toFixed(1)} ms`;
  const plan = { scenario: `B14 ${rules} rules`, pairs: pairsOf(options, 2), subjects: { ours }, describe };
  return (await runPairs(plan, options)).ours;
}

function rows(what: string, found: readonly Footprint[]): Result[] {
  if (found.length === 0) return [];
  const row = (figure: string, value: (one: Footprint) => number, unit: string, atMost: number): Result => ({
    scenario: 'B14',
    what: `${what}: ${figure}`,
    value: bootstrap(found.map(value)),
    unit,
    goal: { atMost },
  });
  return [
    row('alarms service, resident', ({ rssMegabytes }) => rssMegabytes, 'MB', 500),
    row('alarms service, idle, of one core', ({ idlePercent }) => idlePercent, '%', 1),
    row('pauses of the collector at 5,000 samples/s, p99.9', ({ pausesMs }) => quantile(pausesMs, 0.999), 'ms', 5),
  ];
}

async function allocation(options: Options): Promise<Result[]> {
  const [node, ...rest] = nodeCommand('subjects/steady-evaluation.ts');
  const command = [node!, '--min-semi-space-size=512', '--max-semi-space-size=512', ...rest];
  const subjects = { ours: () => runSubject<{ bytesPerRecord: number }>(command) };
  const describe = ({ bytesPerRecord }: { bytesPerRecord: number }): string => `${bytesPerRecord.toFixed(3)} B/record`;
  const plan = { scenario: 'B14 allocation', pairs: pairsOf(options, 3), subjects, describe };
  const { ours } = await runPairs(plan, options);
  const value = bootstrap(ours.map(({ bytesPerRecord }) => bytesPerRecord));
  // The clock of a benchmark allocates too: less than a byte a record is none.
  return [{ scenario: 'B14', what: 'judging, steady: allocated', value, unit: 'B/record', goal: { atMost: 1 } }];
}

/** Processor time of all threads so far; proc(5), /proc/pid/stat, in hundredths of a second. */
function cpuNsOf({ pid }: BenchProcess): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 1e7;
}

function rssBytesOf({ pid }: BenchProcess): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1] ?? NaN) * 1_024;
}
