// B2: matching alone, from record batches in memory: what an event costs among 1,000 to a million rules, with 1, 4 and 16 different sets
// of tag names in the rules of a metric; one event in a thousand is a hit.
import assert from 'node:assert/strict';
import { createWriteStream, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { once as onceEmitted } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { matchThreshold, ruleOn, writeEvents, type Matched } from './support/match-load.ts';
import { pairsOf, type Options } from './support/options.ts';
import { ratios, runPairs } from './support/pairs.ts';
import { javaCommand, nodeCommand, peerJar, runSubject } from './support/processes.ts';
import type { Result } from './support/result.ts';
import { bootstrap } from './support/statistics.ts';

interface Sizes {
  /** Rules and sets of tag names that ours is measured with. */
  readonly ours: readonly (readonly [rules: number, sets: number])[];
  readonly events: number;
  /** Rules, and the first events that there is time for. */
  readonly ruler: readonly (readonly [rules: number, events: number])[];
  readonly scan: readonly (readonly [rules: number, events: number])[];
}

const full: Sizes = {
  ours: [
    [1_000, 1],
    [10_000, 1],
    [100_000, 1],
    [1_000_000, 1],
    [1_000_000, 4],
    [1_000_000, 16],
  ],
  events: 1_000_000,
  ruler: [
    [10_000, 200_000],
    [100_000, 200_000],
  ],
  scan: [
    [1_000, 50_000],
    [10_000, 5_000],
  ],
};
const short: Sizes = {
  ours: [
    [1_000, 1],
    [1_000, 16],
  ],
  events: 50_000,
  ruler: [[1_000, 20_000]],
  scan: [[1_000, 5_000]],
};

export async function matching(options: Options): Promise<Result[]> {
  const sizes = options.isShort ? short : full;
  const folder = mkdtempSync(join(tmpdir(), 'ssrms-match-'));
  try {
    const eventsOf = (rules: number): string => join(folder, `events-${rules}.tsv`);
    for (const rules of new Set(sizes.ours.map(([count]) => count)))
      await writeEvents(eventsOf(rules), rules, sizes.events);
    const subjects: Record<string, () => Promise<Matched>> = {};
    for (const [rules, sets] of sizes.ours) {
      subjects[oursName(rules, sets)] = () =>
        runSubject(nodeCommand('subjects/match.ts', rules, sets, eventsOf(rules)));
    }
    for (const [rules, events] of hasRuler() ? sizes.ruler : []) {
      const file = join(folder, `ruler-${rules}.ndjson`);
      await writeRulerRules(file, rules);
      subjects[rulerName(rules)] = () => runSubject(javaCommand('EventRuler', file, eventsOf(rules), events));
    }
    for (const [rules, events] of sizes.scan) {
      subjects[scanName(rules)] = () =>
        runSubject(nodeCommand('peers/array-scan.ts', rules, 1, eventsOf(rules), events));
    }
    const describe = (one: Matched): string =>
      `${one.nsPerEvent.toFixed(0)} ns/event, built in ${one.buildMs.toFixed(0)} ms, ${one.bytesPerRule.toFixed(0)} B/rule`;
    const runs = await runPairs({ scenario: 'B2', pairs: pairsOf(options, 3), subjects, describe }, options);
    equalWork(sizes, runs);
    return results(sizes, runs);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const oursName = (rules: number, sets: number): string => `ours, ${rules} rules, S = ${sets}`;
const rulerName = (rules: number): string => `event-ruler, ${rules} rules, S = 1`;
const scanName = (rules: number): string => `array scan, ${rules} rules, S = 1`;

function hasRuler(): boolean {
  return existsSync(peerJar('event-ruler-2.1.0.jar'));
}

async function writeRulerRules(file: string, rules: number): Promise<void> {
  const out = createWriteStream(file);
  for (let series = 0; series < rules; series++) {
    const { metric, tags } = ruleOn(series, 1);
    const wanted = Object.fromEntries(Object.entries(tags).map(([name, value]) => [name, [value]]));
    out.write(`${JSON.stringify({ metric: [metric], tags: wanted, value: [{ numeric: ['>', matchThreshold] }] })}\n`);
  }
  out.end();
  await onceEmitted(out, 'finish');
}

/** The same events match for all. Ours has looked at more of them than its peers, and knows what it had found by then. */
function equalWork(sizes: Sizes, runs: Readonly<Record<string, readonly Matched[]>>): void {
  for (const [peers, nameOf] of [
    [sizes.ruler, rulerName],
    [sizes.scan, scanName],
  ] as const) {
    for (const [rules, events] of peers) {
      const ours = runs[oursName(rules, 1)]![0]!.found[events]!;
      assert.ok(ours.matched > 0, 'nothing matched: there was no work');
      for (const peer of runs[nameOf(rules)] ?? [])
        assert.deepEqual(peer.found[events], ours, `${nameOf(rules)} found something else than ours`);
    }
  }
  for (const [rules, sets] of sizes.ours) {
    const alone = runs[oursName(rules, 1)]![0]!.found;
    for (const ours of runs[oursName(rules, sets)]!) assert.deepEqual(ours.found, alone, 'ours found something else');
  }
}

function results(sizes: Sizes, runs: Readonly<Record<string, readonly Matched[]>>): Result[] {
  const of = (name: string, figure: (one: Matched) => number): number[] => (runs[name] ?? []).map(figure);
  const ns = (name: string): number[] => of(name, (one) => one.nsPerEvent);
  const row = (what: string, values: readonly number[], unit: string, goal?: Result['goal']): Result[] =>
    values.length === 0 ? [] : [{ scenario: 'B2', what, value: bootstrap(values), unit, ...(goal && { goal }) }];
  const million = oursName(1_000_000, 1);
  const hundredThousand = oursName(100_000, 1);
  const rows = Object.keys(runs).flatMap((name) => {
    const isMillion = name === million;
    return [
      ...row(name, ns(name), 'ns/event', name === hundredThousand ? { atMost: 240 } : undefined),
      ...row(
        `${name}, build`,
        of(name, (one) => one.buildMs),
        'ms',
      ),
      ...row(
        `${name}, held`,
        of(name, (one) => one.bytesPerRule),
        'B/rule',
        isMillion ? { atMost: 250 } : undefined,
      ),
    ];
  });
  const ratio = (above: string, below: string, goal?: Result['goal']): Result[] =>
    ns(above).length === 0 || ns(below).length === 0
      ? []
      : row(`${above} / ${below}`, ratios(ns(above), ns(below)), 'x', goal);
  return [
    ...rows,
    ...sizes.ruler.flatMap(([rules]) =>
      ratio(rulerName(rules), oursName(rules, 1), rules === 100_000 ? { atLeast: 60 } : undefined),
    ),
    ...sizes.scan.flatMap(([rules]) => ratio(scanName(rules), oursName(rules, 1))),
    ...ratio(million, oursName(1_000, 1), { atMost: 2.5 }),
    ...ratio(oursName(1_000_000, 16), million, { atMost: 8 }),
  ];
}
