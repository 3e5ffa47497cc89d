// Prometheus' own evaluation of alerting rules over series that are given: promtool runs its rule manager, query engine and storage, with
// the time as an argument, so that hours take a second and a run is the same again. The states are read back from the series ALERTS, which
// a test of promtool prints when it expects nothing.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demandProgram } from '../clients/programs.ts';
import { scrapeIntervalMs, stepMs, type Series } from './histories.ts';
import { subjectKeyOf, Timelines } from './timelines.ts';

/** Labels of ALERTS that are not of the series. */
const ownLabels = ['__name__', 'alertname', 'alertstate', 'severity'];

/** When each alert fired, evaluated at each interval from `offsetMs` on. */
export function firingInPrometheus(
  rules: string,
  series: readonly Series[],
  { durationMs, offsetMs }: { readonly durationMs: number; readonly offsetMs: number },
): Timelines {
  const folder = mkdtempSync(join(tmpdir(), 'ssrms-promtool-'));
  try {
    writeFileSync(join(folder, 'rules.yml'), rules);
    const evaluations: number[] = [];
    for (let timeMs = 0; timeMs + offsetMs <= durationMs; timeMs += scrapeIntervalMs) evaluations.push(timeMs);
    const test = {
      interval: `${stepMs}ms`,
      // promtool evaluates at multiples of the interval: to evaluate later is to store earlier.
      input_series: series.map((each) => ({ series: selectorOf(each), values: valuesOf(each, offsetMs) })),
      promql_expr_test: evaluations.map((timeMs) => ({
        expr: 'ALERTS{alertstate="firing"}',
        eval_time: `${timeMs}ms`,
      })),
    };
    const file = { rule_files: ['rules.yml'], evaluation_interval: `${scrapeIntervalMs}ms`, tests: [test] };
    writeFileSync(join(folder, 'test.json'), JSON.stringify(file));
    const { stdout, stderr, error } = spawnSync(demandProgram('promtool'), ['test', 'rules', 'test.json'], {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
      timeout: 120_000,
    });
    if (error !== undefined) throw error;
    return timelinesOf(`${stdout}${stderr}`, evaluations, offsetMs);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function selectorOf({ name, labels }: Series): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return `${name}{${pairs.join(',')}}`;
}

/** In promtool's notation: `_x29` are 29 steps without a sample. */
function valuesOf({ stored }: Series, offsetMs: number): string {
  const words: string[] = [];
  let next = 0;
  for (const { timeMs, value } of stored) {
    const step = (timeMs - offsetMs) / stepMs;
    if (step < 0) continue;
    if (step > next) words.push(`_x${step - next}`);
    words.push(String(value));
    next = step + 1;
  }
  return words.join(' ');
}

const failure = /^ {4}expr: .*, time: (\S+),\n {8}exp: nil\n {8}got: (.*)$/gm;
const sample = /\{([^}]*)\} 1E\+00/g;

function timelinesOf(output: string, evaluations: readonly number[], offsetMs: number): Timelines {
  const printed = [...output.matchAll(failure)].map(([, , got]) => firingOf(got!));
  const times = [...output.matchAll(failure)].map(([, time]) => millisecondsOf(time!));
  if (printed.length === 0) throw new Error(`promtool printed no alert:\n${output.slice(0, 2_000)}`);
  const firing = new Map(times.map((timeMs, index) => [timeMs, printed[index]!]));
  const timelines = new Timelines();
  for (const timeMs of evaluations) timelines.replace(timeMs + offsetMs, firing.get(timeMs) ?? []);
  return timelines;
}

function firingOf(got: string): string[] {
  return [...got.matchAll(sample)].map(([, labels]) => {
    const pairs = [...labels!.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
      ([, label, value]) => [label!, value!] as const,
    );
    const alert = pairs.find(([label]) => label === 'alertname')![1];
    return subjectKeyOf(alert, Object.fromEntries(pairs.filter(([label]) => !ownLabels.includes(label))));
  });
}

const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

function millisecondsOf(text: string): number {
  return [...text.matchAll(/(\d+)(ms|[hms])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * units[unit!]!,
    0,
  );
}
