/**
 * The state of one process of SSRMS: a record of the topic `instances`, with its id as key, every few seconds and when
 * it ends. The newest record of an id holds. All counts are since the process began. Public JSON:
 *
 *   {"id": …, "name": "web-1:4711", "parts": ["alarms"], "version": …, "started_ms": …, "at_ms": …, "every_ms": 2000,
 *    "rules": [12, 9, 14], "health": {"status": "warn", "problems": ["topics: …"]}, "evaluate": {…}, "notify": {…}}
 */
import { orProblem, recordJson, RecordReader } from '../alarm/record-reader.ts';

export interface InstanceRecord {
  readonly id: string;
  /** Host and process, for people. */
  readonly name: string;
  readonly parts: readonly string[];
  readonly version: string;
  readonly startedMs: number;
  readonly atMs: number;
  /** How often it writes a record: an instance without one for several times as long is gone. */
  readonly everyMs: number;
  /** True in the last record of a process that ended in good order. */
  readonly ended: boolean;
  /** By partition of `rules`: the first offset that it has not applied. */
  readonly rules: readonly number[];
  /** undefined when an older version wrote the record. */
  readonly health: InstanceHealth | undefined;
  readonly evaluate: EvaluateVitals | undefined;
  readonly notify: NotifyVitals | undefined;
}

export interface InstanceHealth {
  readonly status: HealthStatus;
  /** What is wrong and what to do, each with the name of its check; the most severe first. */
  readonly problems: readonly string[];
}

const healthStatuses = ['pass', 'warn', 'fail'] as const;
type HealthStatus = (typeof healthStatuses)[number];

/** A partition of `metrics` that it owns: the first offset that it has not evaluated, and how many records there were from there on. */
export type EvaluatedPartition = readonly [partition: number, position: number, lag: number];

export interface EvaluateVitals {
  readonly partitions: readonly EvaluatedPartition[];
  /** Series held. */
  readonly series: number;
  /** Samples read, by outcome. */
  readonly samples: Readonly<Record<string, number>>;
  /** Metrics seen in a partition that their name does not lead to. */
  readonly misrouted: number;
  /** Series whose time is ahead of this instance's clock. */
  readonly ahead: SkewedSeries;
  /** Series whose samples arrive late. */
  readonly behind: SkewedSeries;
  /** Series without a window, because the memory for windows is used up: by metric and measure, those with most series first. */
  readonly refusedWindows: readonly RefusedWindow[];
}

/** `measure`: the measure of a rule, by its `measureKey`. */
export type RefusedWindow = readonly [metricName: string, measure: string, series: number];

/** Metrics and measures that are named. */
export const refusedWindowsMax = 100;

/** How many series have a clock that is wrong, and those that differ most, by how many seconds, the largest first. */
export interface SkewedSeries {
  readonly count: number;
  readonly first: readonly (readonly [series: string, seconds: number])[];
}

/** Series that are named. */
export const skewedNamesMax = 10;

export const noSkew: SkewedSeries = { count: 0, first: [] };

/** Those of several partitions or instances as one. */
export function allSkewed(parts: readonly SkewedSeries[]): SkewedSeries {
  return {
    count: parts.reduce((sum, { count }) => sum + count, 0),
    first: parts
      .flatMap(({ first }) => first)
      .toSorted(([, one], [, other]) => other - one)
      .slice(0, skewedNamesMax),
  };
}

export interface NotifyVitals {
  /** The partitions of `notifications` that it owns. */
  readonly partitions: readonly number[];
  /** Notifications in memory that have not ended. */
  readonly waiting: number;
  /** Targets that are parked. */
  readonly parked: number;
  /** Targets whose last requests failed, and are made again. */
  readonly failing: number;
  /** For how long it holds all requests back, because Discord limits or blocks its address; 0 when it does not. */
  readonly heldBackMs: number;
}

/** Collects what the parts of a process report. */
export interface Vitals {
  evaluate?: () => EvaluateVitals;
  notify?: () => NotifyVitals;
}

export function formatInstanceRecord(record: InstanceRecord): string {
  const { startedMs, atMs, everyMs, ended, evaluate, notify, ...rest } = record;
  const times = { started_ms: startedMs, at_ms: atMs, every_ms: everyMs };
  return JSON.stringify({
    ...rest,
    ...times,
    ...(ended && { ended }),
    ...(evaluate && { evaluate: evaluateJson(evaluate) }),
    ...(notify && {
      notify: {
        partitions: notify.partitions,
        waiting: notify.waiting,
        parked: notify.parked,
        failing: notify.failing,
        held_back_ms: notify.heldBackMs,
      },
    }),
  });
}

/** Mostly there are none, and nothing is written of them. */
function evaluateJson({ ahead, behind, refusedWindows, ...rest }: EvaluateVitals): object {
  return {
    ...rest,
    ...(ahead.count > 0 && { ahead }),
    ...(behind.count > 0 && { behind }),
    ...(refusedWindows.length > 0 && { refused_windows: refusedWindows }),
  };
}

/** Parses a record of the topic `instances`, or returns the problem. */
export function parseInstanceRecord(value: Uint8Array | string): InstanceRecord | { readonly problem: string } {
  return orProblem((): InstanceRecord => {
    const reader = new RecordReader(recordJson(value));
    return {
      id: reader.text('id'),
      name: reader.text('name'),
      parts: textsOf(reader.raw('parts')),
      version: reader.text('version'),
      startedMs: reader.number('started_ms'),
      atMs: reader.number('at_ms'),
      everyMs: reader.number('every_ms'),
      ended: reader.optional('ended', (field) => reader.flag(field)) ?? false,
      rules: numbersOf(reader.raw('rules')),
      health: healthOf(reader.raw('health')),
      evaluate: reader.optional('evaluate', (field) => evaluateOf(reader.object(field))),
      notify: reader.optional('notify', (field) => notifyOf(reader.object(field))),
    };
  });
}

function evaluateOf(reader: RecordReader): EvaluateVitals {
  const samples: [string, number][] = Object.entries(reader.raw('samples') ?? {}).filter(isCount);
  return {
    partitions: partitionsOf(reader.raw('partitions')),
    series: reader.place('series'),
    samples: Object.fromEntries(samples),
    misrouted: reader.place('misrouted'),
    ahead: skewedOf(reader.raw('ahead')),
    behind: skewedOf(reader.raw('behind')),
    refusedWindows: listOf(reader.raw('refused_windows')).filter(isRefusedWindow),
  };
}

function notifyOf(reader: RecordReader): NotifyVitals {
  return {
    partitions: numbersOf(reader.raw('partitions')),
    waiting: reader.place('waiting'),
    parked: reader.place('parked'),
    failing: reader.optional('failing', (field) => reader.place(field)) ?? 0,
    heldBackMs: reader.number('held_back_ms'),
  };
}

// What another version writes differently is left out, and never a reason to know nothing of an instance.

function healthOf(value: unknown): InstanceHealth | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { status, problems } = value as { status?: unknown; problems?: unknown };
  const known = healthStatuses.find((each) => each === status);
  return known && { status: known, problems: textsOf(problems) };
}

function skewedOf(value: unknown): SkewedSeries {
  if (typeof value !== 'object' || value === null) return noSkew;
  const { count, first } = value as { count?: unknown; first?: unknown };
  if (typeof count !== 'number') return noSkew;
  const isNamed = (item: unknown): item is [string, number] =>
    Array.isArray(item) && typeof item[0] === 'string' && typeof item[1] === 'number';
  return { count, first: listOf(first).filter(isNamed) };
}

function isRefusedWindow(item: unknown): item is RefusedWindow {
  if (!Array.isArray(item)) return false;
  return typeof item[0] === 'string' && typeof item[1] === 'string' && typeof item[2] === 'number';
}

function isCount(pair: [string, unknown]): pair is [string, number] {
  return typeof pair[1] === 'number';
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textsOf(value: unknown): string[] {
  return listOf(value).filter((item) => typeof item === 'string');
}

function numbersOf(value: unknown): number[] {
  return listOf(value).filter((item) => typeof item === 'number');
}

function partitionsOf(value: unknown): EvaluatedPartition[] {
  return listOf(value)
    .map(numbersOf)
    .filter((numbers): numbers is [number, number, number] => numbers.length >= 3);
}
