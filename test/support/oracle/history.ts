/**
 * Random histories of one partition: samples, rules that change, the time told now and then, restarts. A history is first
 * drawn as a draft, which says little and shrinks well, and then made out in full.
 */
import * as fc from 'fast-check';
import { minute, hour, type HistoryShape } from './history-shapes.ts';
import { oracleTypes, type OracleType } from './oracle-measures.ts';
import type { OracleOperator, OracleRule } from './oracle-rule.ts';
import { poisonRecords, sampleForms, type Pairs } from './sample-forms.ts';

export type Step =
  | {
      readonly kind: 'record';
      readonly key: Uint8Array | null;
      readonly value: Uint8Array | null;
      readonly timestampMs: number;
    }
  | { readonly kind: 'rule'; readonly rule: OracleRule }
  | { readonly kind: 'deletion'; readonly ruleId: string }
  /** The clock is read; the one that only goes on has gone on by `passedMs` since it was read last. */
  | { readonly kind: 'clock'; readonly clockMs: number; readonly passedMs: number }
  | { readonly kind: 'restart' };

export const ruleIds = [
  '21433034-8078-4f1a-bb8d-1ac996db395d',
  '5c1f0a52-5b0e-4e7c-9d53-1f2d8a9f6b01',
  '9e8d7c6b-5a49-4838-a716-05f4e3d2c1b0',
  'f0000000-0000-4000-8000-00000000000f',
] as const;

const metricNames = ['received-packages', 'größe 📦'] as const;
const tagSets: readonly Pairs[] = [
  [],
  [['host', 'a']],
  [['host', 'b']],
  [
    ['host', 'a'],
    ['zone', '1'],
  ],
  [
    ['zone', '1'],
    ['__proto__', '"'],
  ],
];
const ruleTags: readonly OracleRule['tags'][] = [
  undefined,
  undefined,
  {},
  { host: 'a' },
  { zone: '1' },
  { host: 'a', zone: '1' },
  { host: 'c' },
  { host: ['c', 'a'] },
  { host: { like: '*' }, zone: { exists: false } },
  { host: { not: 'a' } },
  { zone: { not: { like: '1*' } } },
];
const thresholds = [10, 10, 10, 5.5, -3.25];
/** How far a resolve threshold lies from the threshold. */
const resolveSteps = [0, 1, 2.5];
/** Where something may happen: at the thresholds themselves, and as near to them as a computed value that counts as equal. */
const edges = thresholds.flatMap((threshold) => [
  ...resolveSteps.flatMap((by) => [threshold - by, threshold + by]),
  threshold * (1 + 4e-10),
]);

interface SampleDraft {
  readonly kind: 'sample';
  readonly metric: number;
  readonly tags: number;
  readonly value: number;
  readonly form: number;
  readonly paceMs: number;
  readonly lateMs: number;
}

type Draft =
  | SampleDraft
  | { readonly kind: 'poison'; readonly which: number; readonly paceMs: number }
  | { readonly kind: 'rule'; readonly slot: number; readonly fields: RuleFields }
  | { readonly kind: 'toggle'; readonly slot: number }
  | { readonly kind: 'deletion'; readonly slot: number }
  | { readonly kind: 'clock'; readonly aheadMs: number }
  | { readonly kind: 'restart' };

interface RuleFields {
  readonly metric: number;
  readonly threshold: number;
  /** A rule that watches for silence does so alone. */
  readonly isAbsence: boolean;
  readonly levels: readonly LevelFields[] | undefined;
  readonly operator: OracleOperator | undefined;
  readonly resolveBy: number | undefined;
  readonly resolveForSeconds: number | undefined;
  readonly tags: OracleRule['tags'];
  readonly windowSeconds: number | undefined;
  readonly windowType: OracleType;
  readonly percentile: number;
  readonly cooldownSeconds: number | undefined;
  readonly remindSeconds: number | undefined;
  readonly everySample: boolean | undefined;
  readonly forSeconds: number | undefined;
  readonly forSamples: OracleRule['for_samples'] | undefined;
  readonly notifyOnResolve: boolean | undefined;
  readonly noDataSeconds: number | undefined;
  /** Of a rule that does not watch for silence. */
  readonly resolveWithoutSeconds: number | undefined;
  readonly enabled: boolean | undefined;
  readonly description: string | undefined;
  readonly notify: readonly string[] | undefined;
  readonly group: GroupFields | undefined;
}

type GroupFields = Pick<
  OracleRule,
  'group_by' | 'aggregate' | 'aggregate_where' | 'min_series' | 'stale_seconds' | 'divide_by'
>;

const maybe = <Value>(values: readonly Value[]): fc.Arbitrary<Value | undefined> =>
  values.length === 0 ? fc.constant(undefined) : fc.option(fc.constantFrom(...values), { nil: undefined });

function ruleFields(shape: HistoryShape, enabled: readonly (boolean | undefined)[]): fc.Arbitrary<RuleFields> {
  return fc.record({
    metric: fc.constantFrom(0, 0, 0, 1),
    threshold: fc.constantFrom(...thresholds),
    isAbsence: fc.constantFrom(true, false, false, false),
    levels: fc.option(fc.array(levelFields, { minLength: 2, maxLength: 4 }), { nil: undefined, freq: 2 }),
    operator: maybe(['>', '<', '>=', '<=', '==', '!='] as const),
    resolveBy: maybe(resolveSteps),
    resolveForSeconds: maybe([0, 0.001, 5, 30, 600]),
    tags: fc.constantFrom(...ruleTags),
    windowSeconds: maybe(shape.windowSeconds),
    windowType: fc.constantFrom(...oracleTypes),
    percentile: fc.constantFrom(0, 50, 95, 100),
    cooldownSeconds: maybe(shape.cooldownSeconds),
    remindSeconds: maybe(shape.remindSeconds),
    everySample: maybe([true, false]),
    forSeconds: maybe([0, 0.001, 5, 30, 600]),
    forSamples: fc.option(forSamples, { nil: undefined, freq: 2 }),
    notifyOnResolve: maybe([true, true, false]),
    noDataSeconds: maybe(shape.noDataSeconds),
    resolveWithoutSeconds: maybe(shape.noDataSeconds),
    enabled: fc.constantFrom(...enabled),
    description: maybe(['too many', '']),
    notify: maybe([['ops'], ['ops', 'payments']]),
    group: fc.option(groupFields(shape), { nil: undefined, freq: 2 }),
  });
}

interface LevelFields {
  /** How far its threshold is from the level before; of the first from the rule's. */
  readonly by: number;
  readonly for_seconds: number | undefined;
  readonly notify: readonly string[] | undefined;
  readonly severity: string | undefined;
}

const levelFields: fc.Arbitrary<LevelFields> = fc.record({
  by: fc.constantFrom(1, 1.5, 2.5),
  for_seconds: maybe([0, 5, 30]),
  notify: maybe([['ops'], ['oncall'], ['oncall', 'ops']]),
  severity: maybe(['warning', 'critical']),
});

const forSamples = fc
  .constantFrom(1, 2, 2, 3, 4, 20)
  .chain((of) => fc.record({ breaches: fc.integer({ min: 1, max: Math.min(of, 4) }), of: fc.constant(of) }));

function groupFields(shape: HistoryShape): fc.Arbitrary<GroupFields> {
  const wheres = [5.5, 10].flatMap((threshold) => (['>', '<'] as const).map((operator) => ({ operator, threshold })));
  const plain = fc.constantFrom('sum' as const, 'average' as const, 'min' as const, 'max' as const, 'count' as const);
  const common = {
    group_by: fc.constantFrom<string[]>(...(shape.awaitsFirst ? [[], []] : []), ['host'], ['zone', 'host'], ['rack']),
    min_series: maybe([1, 2]),
    stale_seconds: maybe(shape.staleSeconds),
  };
  const windowOf = (seconds: number | undefined) =>
    seconds === undefined ? {} : { type: 'window_average' as const, window_duration_seconds: seconds };
  const second = fc
    .record({ tags: maybe([{}, { host: 'a' }]), window: maybe(shape.windowSeconds), min: maybe([-3, 8]) })
    .map(({ tags, window, min }) => ({ ...given({ tags, min_value: min }), ...windowOf(window) }));
  return fc
    .oneof(
      fc.record({ ...common, aggregate: plain }),
      fc.record({
        ...common,
        aggregate: fc.constantFrom('count_where' as const, 'share_where' as const),
        aggregate_where: fc.constantFrom(...wheres),
      }),
      fc.record({ ...common, aggregate: plain, divide_by: second }),
    )
    .map(given);
}

/** Without the fields that are undefined. */
function given(fields: object): GroupFields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function ruleOf(id: string, fields: RuleFields): OracleRule {
  const { operator, resolveBy, windowSeconds, everySample, description } = fields;
  const away = { '>': -1, '>=': -1, '<': 1, '<=': 1, '==': undefined, '!=': undefined }[operator ?? '>'];
  const levels = away === undefined ? undefined : levelsOf(fields, -away);
  const isAbsence = fields.isAbsence && fields.noDataSeconds !== undefined && levels === undefined;
  const threshold = isAbsence || levels !== undefined ? undefined : fields.threshold;
  const webhook = `1${String(ruleIds.indexOf(id as (typeof ruleIds)[number])).repeat(17)}`;
  const all = {
    id,
    metric_name: metricNames[fields.metric]!,
    threshold,
    discord_webhook_url:
      fields.notify?.length === 2 ? undefined : `https://discord.com/api/webhooks/${webhook}/${'t'.repeat(68)}`,
    operator,
    tags: fields.tags,
    type: windowSeconds === undefined ? undefined : fields.windowType,
    window_duration_seconds: windowSeconds,
    percentile:
      windowSeconds === undefined || fields.windowType !== 'window_percentile' ? undefined : fields.percentile,
    cooldown_seconds: fields.cooldownSeconds,
    remind_seconds: fields.remindSeconds,
    trigger: everySample === undefined ? undefined : everySample ? 'every_sample' : 'crossing',
    for_seconds: fields.forSamples === undefined || levels !== undefined ? fields.forSeconds : undefined,
    for_samples: levels === undefined ? fields.forSamples : undefined,
    levels,
    resolve_threshold:
      resolveBy === undefined || away === undefined || threshold === undefined
        ? undefined
        : threshold + away * resolveBy,
    resolve_for_seconds: fields.resolveForSeconds,
    notify_on_resolve: fields.notifyOnResolve,
    no_data_seconds: fields.noDataSeconds,
    resolve_without_data_seconds: fields.noDataSeconds === undefined ? fields.resolveWithoutSeconds : undefined,
    enabled: fields.enabled,
    description,
    notify: fields.notify,
    ...(isAbsence ? withoutAggregate(fields.group) : fields.group),
  };
  return given(all) as OracleRule;
}

/** `onward`: 1 where they rise, -1 where they fall. */
function levelsOf({ levels, threshold }: RuleFields, onward: number): OracleRule['levels'] {
  let at = threshold;
  return levels?.map(({ by, ...fields }, index) => {
    at += index === 0 ? 0 : onward * by;
    return { threshold: at, ...(given(fields) as object) };
  });
}

/** A rule about absence alone need not say what is compared. */
function withoutAggregate(group: GroupFields | undefined): GroupFields | undefined {
  if (group === undefined || group.aggregate_where !== undefined || group.divide_by !== undefined) return group;
  const { aggregate: _aggregate, ...fields } = group;
  return fields;
}

function sampleDraft(shape: HistoryShape): fc.Arbitrary<SampleDraft> {
  const nearThresholds = fc.integer({ min: -20, max: 52 }).map((quarters) => quarters / 4);
  const anywhere = fc.double({ noNaN: true, noDefaultInfinity: true });
  return fc.record({
    kind: fc.constant('sample' as const),
    metric: fc.constantFrom(0, 0, 0, 1),
    tags: fc.constantFrom(...shape.tags),
    value: fc.oneof(
      { weight: 20, arbitrary: nearThresholds },
      { weight: 10, arbitrary: fc.constantFrom(...edges) },
      { weight: 1, arbitrary: anywhere },
    ),
    // Mostly in the form that is read fastest, once it was met.
    form: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(sampleForms.length - 1) }),
    paceMs: fc.constantFrom(...shape.paceMs),
    lateMs: fc.constantFrom(...shape.lateMs),
  });
}

function draftOf(shape: HistoryShape): fc.Arbitrary<Draft> {
  const slot = fc.nat(ruleIds.length - 1);
  const paceMs = fc.constantFrom(...shape.paceMs);
  const rule = fc.record({
    kind: fc.constant('rule' as const),
    slot,
    fields: ruleFields(shape, [undefined, undefined, true, false]),
  });
  const clock = { kind: fc.constant('clock' as const), aheadMs: fc.constantFrom(0, ...shape.clockMs) };
  return fc.oneof(
    { weight: 240, arbitrary: sampleDraft(shape) },
    { weight: 12, arbitrary: fc.record({ kind: fc.constant('poison' as const), which: fc.nat(200), paceMs }) },
    { weight: shape.edits * 3, arbitrary: rule },
    { weight: shape.edits * 2, arbitrary: fc.record({ kind: fc.constant('toggle' as const), slot }) },
    { weight: shape.edits, arbitrary: fc.record({ kind: fc.constant('deletion' as const), slot }) },
    { weight: shape.clockMs.length > 0 ? shape.edits * 6 : 0, arbitrary: fc.record(clock) },
    { weight: shape.restarts * 6, arbitrary: fc.constant({ kind: 'restart' as const }) },
  );
}

/** Histories of a shape: some rules first, then anything. */
export function histories(shape: HistoryShape): fc.Arbitrary<Step[]> {
  const first = fc.array(ruleFields(shape, [undefined]), { minLength: 1, maxLength: 3 });
  const length = { minLength: shape.stepsMin, maxLength: shape.stepsMax };
  const drafts = fc.array(draftOf(shape), { ...length, size: 'max' });
  return fc.tuple(first, drafts).map(([rules, rest]) => {
    const asDrafts = rules.map((fields, slot) => ({ kind: 'rule' as const, slot, fields }));
    const steps = new Scribe(shape).write([...asDrafts, ...rest]);
    return Object.assign(steps, { [fc.toStringMethod]: () => described(steps) });
  });
}

/** A history as text, one step a line, to be read by whoever looks for a fault. */
export function described(steps: readonly Step[]): string {
  const text = (bytes: Uint8Array | null): string =>
    bytes === null ? 'null' : Buffer.from(bytes).toString().slice(0, 200);
  let offset = 0;
  const lines = steps.map((step) => {
    if (step.kind === 'record') {
      return `${offset++}: ${text(step.key)} ${text(step.value)} at ${step.timestampMs - beginsMs}`;
    }
    if (step.kind === 'rule') {
      const { discord_webhook_url: _secret, ...fields } = step.rule;
      return `rule ${JSON.stringify(fields)}`;
    }
    if (step.kind === 'clock') return `clock ${step.clockMs - beginsMs}, ${step.passedMs} later`;
    return step.kind === 'deletion' ? `rule ${step.ruleId} deleted` : 'restart';
  });
  return `times from ${beginsMs} on\n${lines.join('\n')}`;
}

/** 2027, so that the wall clock of whoever runs the tests is not in the way. */
export const beginsMs = 1_800_000_000_000;
/** The clock is read at least this often: a silence is noticed before it is forgotten. */
const clockEveryMs = 5 * hour;

/** Makes a draft out in full. */
class Scribe {
  readonly #shape: HistoryShape;
  readonly #steps: Step[] = [];
  readonly #rules = new Map<number, RuleFields>();
  readonly #deleted = new Set<number>();
  #nowMs = beginsMs;
  #readMs = beginsMs;
  #isFirst = true;

  constructor(shape: HistoryShape) {
    this.#shape = shape;
  }

  write(drafts: readonly Draft[]): Step[] {
    for (const draft of drafts) this.#writeOne(draft);
    return this.#steps;
  }

  #writeOne(draft: Draft): void {
    switch (draft.kind) {
      case 'sample': {
        this.#goOn(draft.paceMs);
        this.#isFirst = false;
        const text = sampleForms[draft.form]!(draft.value, tagSets[draft.tags]!);
        const key = Buffer.from(metricNames[draft.metric]!);
        const timestampMs = this.#nowMs - draft.lateMs;
        this.#steps.push({ kind: 'record', key, value: Buffer.from(text), timestampMs });
        return;
      }
      case 'poison': {
        this.#goOn(draft.paceMs);
        const poison = poisonRecords(metricNames[draft.which % 2]!);
        this.#steps.push({ kind: 'record', ...poison[draft.which % poison.length]!, timestampMs: this.#nowMs });
        return;
      }
      case 'rule': {
        const before = this.#rules.get(draft.slot);
        if (this.#shape.clockMs.length > 0 && (before?.group ?? draft.fields.group) !== undefined) {
          // What is silent for a day is forgotten, and a group of it made anew: what that has sent is nobody's to know.
          if (before === undefined && !this.#isFirst) return;
          const { group, metric, tags, windowSeconds, windowType, percentile } = before ?? draft.fields;
          const { noDataSeconds, enabled } = before ?? draft.fields;
          const same = { group, metric, tags, windowSeconds, windowType, percentile, noDataSeconds, enabled };
          return this.#setRule(draft.slot, { ...draft.fields, ...same });
        }
        if (this.#shape.lateWatches || this.#isFirst) return this.#setRule(draft.slot, draft.fields);
        const watched = before ?? { ...draft.fields, noDataSeconds: undefined };
        const { metric, tags, noDataSeconds, enabled } = watched;
        const group = noDataSeconds === undefined ? draft.fields.group : watched.group;
        return this.#setRule(draft.slot, { ...draft.fields, metric, tags, noDataSeconds, enabled, group });
      }
      case 'toggle': {
        const fields = this.#rules.get(draft.slot);
        if (fields === undefined || (fields.noDataSeconds !== undefined && !this.#shape.lateWatches)) return;
        if (fields.group !== undefined && this.#shape.clockMs.length > 0) return;
        return this.#setRule(draft.slot, { ...fields, enabled: fields.enabled === false });
      }
      case 'deletion':
        this.#rules.delete(draft.slot);
        this.#deleted.add(draft.slot);
        this.#steps.push({ kind: 'deletion', ruleId: ruleIds[draft.slot]! });
        return;
      case 'clock':
        return this.#goOn(draft.aheadMs, true);
      case 'restart':
        // What is due was noticed: the clock is read four times a second.
        if (this.#shape.clockMs.length > 0) this.#readClock(Math.max(this.#nowMs, this.#readMs));
        this.#steps.push({ kind: 'restart' });
    }
  }

  #setRule(slot: number, fields: RuleFields): void {
    if (this.#deleted.has(slot) && !this.#shape.revivals) return;
    this.#rules.set(slot, fields);
    this.#steps.push({ kind: 'rule', rule: ruleOf(ruleIds[slot]!, fields) });
  }

  /** Time goes on, the clock being read on the way when that takes long. */
  #goOn(byMs: number, isRead = false): void {
    const untilMs = this.#nowMs + byMs;
    if (this.#shape.clockMs.length > 0) {
      while (untilMs - this.#readMs > clockEveryMs) this.#readClock(this.#readMs + clockEveryMs);
      if (isRead && untilMs - this.#readMs >= minute) this.#readClock(untilMs);
    }
    this.#nowMs = untilMs;
  }

  #readClock(clockMs: number): void {
    const passedMs = clockMs - this.#readMs;
    this.#readMs = clockMs;
    this.#steps.push({ kind: 'clock', clockMs, passedMs });
  }
}
