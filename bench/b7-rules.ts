// B7: many rules, and many edits. A million rules from the topic into an empty process; and, beside samples that are judged, edits at a high
// rate: when one is in force after its answer, and what the samples notice of it.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { topics } from '../src/topics.ts';
import { detect, type Detected } from './support/detection-run.ts';
import { onSubjectCore } from './support/host.ts';
import { forgetWhatWasWritten, prepareRules, withBroker, withLog } from './support/metrics-load.ts';
import { pairsOf, type Options } from './support/options.ts';
import { ratios, runPairs } from './support/pairs.ts';
import { nodeCommand, runSubject, runToEnd, start, type BenchProcess } from './support/processes.ts';
import { quantile, quantileRows } from './support/quantiles.ts';
import type { Result } from './support/result.ts';
import { probePrefix, type Edited, type InForce } from './support/rule-edits.ts';
import { bootstrap } from './support/statistics.ts';

const names = 10_000;
const catchUpMsMax = 60_000;

interface Churned extends Detected {
  /** From the answer to an edit until the evaluator's book had it; below zero when it had it before. */
  readonly inForceMs: readonly number[];
  readonly edits: number;
}

export async function rulesAndEdits(options: Options): Promise<Result[]> {
  const churned = await withBroker((kafka) => churn(kafka.bootstrap, options));
  return [...churned, ...(await withBroker((kafka) => coldStart(kafka.bootstrap, options)))];
}

async function churn(servers: string, options: Options): Promise<Result[]> {
  const editsPerSecond = options.isShort ? 1_000 : 10_000;
  const shape = {
    bootstrap: servers,
    names,
    perSecond: 5_000,
    alarmsPerSecond: 50,
    seconds: options.isShort ? 3 : 12,
  };
  await withLog(servers, (log) => prepareRules(log, names));
  const measure = (isEdited: boolean) => async (): Promise<Churned> => {
    await forgetWhatWasWritten(servers, 'next');
    const ears = start(nodeCommand('subjects/notification-ears.ts', servers));
    const subject = start(onSubjectCore(nodeCommand('subjects/evaluate-instance.ts', servers)));
    try {
      await Promise.all([ears.next(), subject.next()]);
      subject.tell('go');
      await sleep(2_000);
      let edited: Edited | undefined;
      const found = await detect(shape, ears, async () => {
        if (!isEdited) return;
        const probe = `${probePrefix}-${Date.now()}`;
        const seconds = shape.seconds + 2;
        edited = await runToEnd<Edited>(
          nodeCommand('subjects/rule-editor.ts', servers, editsPerSecond, seconds, names, probe),
        );
      });
      const answered = edited?.answered ?? [];
      const heardNs = await heardOf(subject, answered.length);
      assert.ok(
        answered.every(([probe]) => heardNs.has(probe)),
        'an edit that was answered never came into force',
      );
      const inForceMs = answered.map(([probe, answeredNs]) => (heardNs.get(probe)! - answeredNs) / 1e6);
      return { ...found, inForceMs, edits: edited?.edits ?? 0 };
    } finally {
      await subject.end();
      await ears.end('SIGKILL');
    }
  };
  const p99 = (found: Detected): number => quantile(found.latenciesMs, 0.99);
  const describe = (found: Churned): string =>
    `${found.edits} edits, evaluation p99 ${p99(found).toFixed(1)} ms, in force p99 ${quantile(found.inForceMs, 0.99).toFixed(1)} ms`;
  const subjects = { edited: measure(true), quiet: measure(false) };
  const runs = await runPairs({ scenario: 'B7', pairs: pairsOf(options, 4), subjects, describe }, options);
  for (const { missing } of [...runs.edited, ...runs.quiet]) assert.equal(missing, 0, 'alarms are missing');
  const what = `${editsPerSecond} rule edits/s beside ${shape.perSecond} samples/s`;
  return [
    ...quantileRows(
      'B7',
      `${what}: answer to in force`,
      runs.edited.flatMap((one) => [...one.inForceMs]),
    ),
    {
      scenario: 'B7',
      what: `${what}: answer to in force, p99`,
      value: bootstrap(runs.edited.map((one) => quantile(one.inForceMs, 0.99))),
      unit: 'ms',
      goal: { atMost: 50 },
    },
    {
      scenario: 'B7',
      what: `${what}: p99 from sample due to notification, with edits / without`,
      value: bootstrap(ratios(runs.edited.map(p99), runs.quiet.map(p99))),
      unit: 'x',
      goal: { atMost: 1.1 },
    },
  ];
}

/** When each edit that can be told was in force: an instance that fell behind is given time to come to the last one. */
async function heardOf(subject: BenchProcess, count: number): Promise<ReadonlyMap<string, number>> {
  const deadlineMs = performance.now() + catchUpMsMax;
  for (;;) {
    subject.tell('edits');
    const { inForce } = await subject.next<InForce>();
    if (inForce.length >= count || performance.now() > deadlineMs) return new Map(inForce);
    await sleep(500);
  }
}

interface ColdStart {
  readonly size: number;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly bytesPerRule: number;
}

async function coldStart(servers: string, options: Options): Promise<Result[]> {
  const rules = options.isShort ? 10_000 : 1_000_000;
  await withLog(servers, (log) => prepareRules(log, rules));
  const describe = (one: ColdStart): string =>
    `${one.size} rules in ${one.wallMs.toFixed(0)} ms, ${one.bytesPerRule.toFixed(0)} B/rule`;
  const subjects = {
    ours: () => runSubject<ColdStart>(nodeCommand('subjects/rules-cold-start.ts', servers)),
  };
  const { ours } = await runPairs({ scenario: 'B7 cold', pairs: pairsOf(options, 3), subjects, describe }, options);
  for (const { size } of ours) assert.equal(size, rules, `not all records of ${topics.rules.name} are in the book`);
  const isFull = !options.isShort;
  const what = `cold start of ${rules} rules from the topic`;
  return [
    {
      scenario: 'B7',
      what: `${what}, until all are in force`,
      value: bootstrap(ours.map(({ wallMs }) => wallMs / 1_000)),
      unit: 's',
      ...(isFull && { goal: { atMost: 5 } }),
    },
    { scenario: 'B7', what: `${what}, CPU`, value: bootstrap(ours.map(({ cpuMs }) => cpuMs / 1_000)), unit: 's' },
    { scenario: 'B7', what: `${what}, held`, value: bootstrap(ours.map((one) => one.bytesPerRule)), unit: 'B/rule' },
  ];
}
