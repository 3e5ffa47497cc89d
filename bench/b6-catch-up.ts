// B6: millions of records behind after a kill -9, with alarms in them: how fast an instance catches up, and whether any alarm is missed
// or doubled. Against the same load read by an instance that nobody killed.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  consumers,
  describeConsumed,
  nsPerRecord,
  rate,
  type Consumed,
  type ConsumedLoad,
} from './support/consumers.ts';
import { onSubjectCore } from './support/host.ts';
import type { Moment } from './support/measured-span.ts';
import { forgetWhatWasWritten, prepareLoad, withBroker } from './support/metrics-load.ts';
import { pairsOf, type Options } from './support/options.ts';
import { ratios, runPairs } from './support/pairs.ts';
import { nodeCommand, start } from './support/processes.ts';
import type { Result } from './support/result.ts';
import { bootstrap } from './support/statistics.ts';

export async function catchUp(options: Options): Promise<Result[]> {
  const sizes = options.isShort
    ? { records: 500_000, from: 200_000, until: 450_000, killAt: 50_000 }
    : { records: 10_000_000, from: 3_000_000, until: 9_000_000, killAt: 1_000_000 };
  return withBroker(async (kafka) => {
    const load: ConsumedLoad = { bootstrap: kafka.bootstrap, rules: 10_000, ...sizes };
    await prepareLoad(load);
    const subjects = {
      unharmed: async () => {
        await forgetWhatWasWritten(load.bootstrap);
        return consumers.ours(load);
      },
      killed: async () => {
        await forgetWhatWasWritten(load.bootstrap);
        await killAt(load.bootstrap, sizes.killAt);
        return consumers.ours(load);
      },
    };
    const describe = (found: Consumed): string =>
      `${describeConsumed(found)}, ${found.fired} alarms, ${found.copies ?? 0} copies`;
    const runs = await runPairs({ scenario: 'B6', pairs: pairsOf(options, 5), subjects, describe }, options);
    return results(runs);
  });
}

/** An instance gets so far, with notifications and states under way, and is gone. Its successor waits for its session to end. */
async function killAt(servers: string, records: number): Promise<void> {
  const victim = start(onSubjectCore(nodeCommand('subjects/evaluate-instance.ts', servers)));
  try {
    await victim.next();
    victim.tell('go');
    for (let done = 0; done < records;) {
      await sleep(5);
      victim.tell('take');
      done = (await victim.next<Moment>()).records;
    }
  } finally {
    await victim.end('SIGKILL');
  }
}

function results({ unharmed, killed }: Record<'unharmed' | 'killed', readonly Consumed[]>): Result[] {
  const { fired, places } = unharmed[0]!;
  assert.ok(fired > 0, 'nothing fired: there was no work');
  for (const found of unharmed)
    assert.deepEqual({ fired: found.fired, places: found.places }, { fired, places }, 'the unharmed differ');
  const worst = (what: string, of: (found: Consumed) => number): Result => {
    const value = Math.max(...killed.map(of));
    return { scenario: 'B6', what, value: { median: value, low: 0, high: value }, unit: '', goal: { atMost: 0 } };
  };
  // Equal counts of distinct ids, but at other places, would be one missed and one doubled.
  const displaced = (found: Consumed): number => (found.fired === fired && found.places !== places ? 1 : 0);
  return [
    { scenario: 'B6', what: 'after kill -9, by the wall clock', value: bootstrap(killed.map(rate)), unit: 'M/s' },
    {
      scenario: 'B6',
      what: 'after kill -9 / unharmed, by the wall clock',
      value: bootstrap(ratios(killed.map(rate), unharmed.map(rate))),
      unit: 'x',
      goal: { atLeast: 0.95 },
    },
    { scenario: 'B6', what: 'after kill -9, CPU a record', value: bootstrap(killed.map(nsPerRecord)), unit: 'ns' },
    worst('alarms missed, worst round', (found) => Math.max(0, fired - found.fired) + displaced(found)),
    worst('alarms doubled, worst round', (found) => Math.max(0, found.fired - fired) + displaced(found)),
    {
      scenario: 'B6',
      what: 'copies with the same id, which the notifier drops',
      value: bootstrap(killed.map(({ copies }) => copies ?? 0)),
      unit: '',
    },
  ];
}
