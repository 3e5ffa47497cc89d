import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { seriesKey } from '../metric/series.ts';
import { compileRule, type Condition } from '../rule/condition.ts';
import type { Rule } from '../rule/rule.ts';
import { ok, type AlarmState, type Firing } from './alarm-state.ts';
import {
  forgottenAtMs,
  judge,
  noDataDueMs,
  step,
  type AlarmEvent,
  type Reason,
  type Step,
  type Subject,
} from './step.ts';

const ruleId = '21433034-8078-4f1a-bb8d-1ac996db395d';
const key = seriesKey('received-packages', {});

function conditionOf(fields: Partial<Rule> = {}): Condition {
  return compileRule({
    id: ruleId,
    metric_name: 'received-packages',
    threshold: 500,
    discord_webhook_url: '',
    ...fields,
  });
}

function subjectOf(fields: Partial<Rule> = {}): Subject {
  return { condition: conditionOf(fields), seriesKey: key };
}

function sampleAt(timeMs: number, x: number, offset = timeMs): AlarmEvent {
  return { kind: 'sample', x, timeMs, sample: { partition: 3, offset, timestampMs: timeMs } };
}

function noDataAt(timeMs: number): AlarmEvent {
  return { kind: 'no_data', timeMs, sample: { partition: 3, offset: 7, timestampMs: timeMs - 60_000 } };
}

const alarm = 'a6c2b1f0-0000-5000-8000-000000000001';
const firing: Firing = { state: 'firing', sinceMs: 100, alarmId: alarm, cause: 'breach', notified: true, owed: false };

const states = {
  ok,
  pending: { state: 'pending', sinceMs: 100 },
  firing,
  firingOwing: { ...firing, notified: false, owed: true },
  firingOwingAgain: { ...firing, notified: true, owed: true },
  noData: { ...firing, cause: 'no_data' },
  noDataOwing: { ...firing, cause: 'no_data', notified: false, owed: true },
} as const satisfies Record<string, AlarmState>;

const events = {
  breach: sampleAt(10_000, 508),
  between: sampleAt(10_000, 495),
  clear: sampleAt(10_000, 480),
  noData: noDataAt(10_000),
  stopped: { kind: 'stopped' },
  forgotten: { kind: 'forgotten' },
} as const satisfies Record<string, AlarmEvent>;

/** The next state (with `*` for a firing that owes), the kinds sent, and the reason. */
type Expected = readonly [next: string, due: string, reason: Reason];
type Table = Record<keyof typeof states, Record<keyof typeof events, Expected>>;

const stops = { stopped: ['ok', '', 'stopped'], forgotten: ['ok', '', 'forgotten'] } as const;

// A rule with a resolve threshold of 490 that is notified of the end, no cooldown standing in the way.
const freeTable: Table = {
  ok: {
    breach: ['firing', 'fired', 'fired'],
    between: ['ok', '', 'nothing_to_do'],
    clear: ['ok', '', 'nothing_to_do'],
    noData: ['no data', 'no_data', 'fired'],
    ...stops,
  },
  pending: {
    breach: ['firing', 'fired', 'fired'],
    between: ['ok', '', 'breach_ended_in_time'],
    clear: ['ok', '', 'breach_ended_in_time'],
    noData: ['no data', 'no_data', 'fired'],
    ...stops,
  },
  firing: {
    breach: ['firing', '', 'still_firing'],
    between: ['firing', '', 'still_firing'],
    clear: ['ok', 'resolved', 'resolved'],
    noData: ['firing', '', 'still_firing'],
    ...stops,
  },
  firingOwing: {
    breach: ['firing', 'fired', 'debt_paid'],
    between: ['firing', 'fired', 'debt_paid'],
    clear: ['ok', '', 'ended_silently'],
    noData: ['firing*', '', 'still_firing'],
    ...stops,
  },
  firingOwingAgain: {
    breach: ['firing', 'fired', 'debt_paid'],
    between: ['firing', 'fired', 'debt_paid'],
    clear: ['ok', 'resolved', 'resolved'],
    noData: ['firing*', '', 'still_firing'],
    ...stops,
  },
  noData: {
    breach: ['firing', 'resolved fired', 'fired'],
    between: ['ok', 'resolved', 'resolved'],
    clear: ['ok', 'resolved', 'resolved'],
    noData: ['no data', '', 'still_firing'],
    ...stops,
  },
  noDataOwing: {
    breach: ['firing', 'fired', 'fired'],
    between: ['ok', '', 'ended_silently'],
    clear: ['ok', '', 'ended_silently'],
    noData: ['no data*', '', 'still_firing'],
    ...stops,
  },
};

// The same, in the midst of a cooldown.
const coolingTable: Table = {
  ok: {
    ...freeTable.ok,
    breach: ['firing*', '', 'fired_but_withheld_by_cooldown'],
    noData: ['no data*', '', 'fired_but_withheld_by_cooldown'],
  },
  pending: {
    ...freeTable.pending,
    breach: ['firing*', '', 'fired_but_withheld_by_cooldown'],
    noData: ['no data*', '', 'fired_but_withheld_by_cooldown'],
  },
  firing: freeTable.firing,
  firingOwing: {
    ...freeTable.firingOwing,
    breach: ['firing*', '', 'debt_withheld_by_cooldown'],
    between: ['firing*', '', 'debt_withheld_by_cooldown'],
  },
  firingOwingAgain: {
    ...freeTable.firingOwingAgain,
    breach: ['firing*', '', 'debt_withheld_by_cooldown'],
    between: ['firing*', '', 'debt_withheld_by_cooldown'],
  },
  noData: { ...freeTable.noData, breach: ['firing*', 'resolved', 'fired_but_withheld_by_cooldown'] },
  noDataOwing: { ...freeTable.noDataOwing, breach: ['firing*', '', 'fired_but_withheld_by_cooldown'] },
};

// every_sample, no cooldown: only a breach that goes on differs.
const everySampleTable: Table = {
  ...freeTable,
  firing: { ...freeTable.firing, breach: ['firing', 'fired', 'repeated'] },
};

// every_sample in a cooldown: each withheld repeat is owed.
const everySampleCoolingTable: Table = {
  ...coolingTable,
  firing: { ...coolingTable.firing, breach: ['firing*', '', 'repeat_withheld_by_cooldown'] },
};

function summary(result: Step): Expected {
  const { next } = result;
  const name = next.state !== 'firing' ? next.state : next.cause === 'breach' ? 'firing' : 'no data';
  const star = next.state === 'firing' && next.owed ? '*' : '';
  return [name + star, result.due.map((due) => due.kind).join(' '), result.reason];
}

const hysteresis = { resolve_threshold: 490, notify_on_resolve: true };
const settings: [string, Partial<Rule>, number | undefined, Table][] = [
  ['with no cooldown', hysteresis, 9_999, freeTable],
  ['before the first notification of the rule', { ...hysteresis, cooldown_seconds: 60 }, undefined, freeTable],
  ['at the very end of the cooldown', { ...hysteresis, cooldown_seconds: 9 }, 1_000, freeTable],
  ['a millisecond before the end of the cooldown', { ...hysteresis, cooldown_seconds: 9 }, 1_001, coolingTable],
  ['with every_sample', { ...hysteresis, trigger: 'every_sample' }, 9_999, everySampleTable],
  [
    'with every_sample in a cooldown',
    { ...hysteresis, trigger: 'every_sample', cooldown_seconds: 60 },
    9_999,
    everySampleCoolingTable,
  ],
];

for (const [name, fields, lastSentMs, table] of settings) {
  test(`A2-A14: every state meets every event ${name}`, () => {
    for (const [stateName, row] of Object.entries(table)) {
      for (const [eventName, expected] of Object.entries(row)) {
        const state = states[stateName as keyof typeof states];
        const event = events[eventName as keyof typeof events];
        const result = step(subjectOf(fields), state, event, lastSentMs);
        assert.deepEqual(summary(result), expected, `${stateName} on ${eventName}`);
        const isSame = JSON.stringify(result.next) === JSON.stringify(state) && result.lastSentMs === lastSentMs;
        assert.equal(result.changed, !isSame, `A11: ${stateName} on ${eventName}`);
        const isCounted = result.due.some((due) => due.kind !== 'resolved');
        assert.equal(result.lastSentMs, isCounted ? 10_000 : lastSentMs, `A10: L after ${stateName} on ${eventName}`);
      }
    }
  });
}

test('A1: equal to the threshold is not in breach, equal to the resolve threshold is clear, and < mirrors >', () => {
  const above = conditionOf({ resolve_threshold: 490 });
  assert.deepEqual(
    [500.1, 500, 490.1, 490, 489].map((x) => judge(above, x)),
    ['breach', 'between', 'between', 'clear', 'clear'],
  );
  const below = conditionOf({ operator: '<', resolve_threshold: 510 });
  assert.deepEqual(
    [499.9, 500, 509.9, 510, 511].map((x) => judge(below, x)),
    ['breach', 'between', 'between', 'clear', 'clear'],
  );
  assert.deepEqual(
    [501, 500].map((x) => judge(conditionOf(), x)),
    ['breach', 'clear'],
  );
  assert.deepEqual(
    [499, 500].map((x) => judge(conditionOf({ operator: '<' }), x)),
    ['breach', 'clear'],
  );
});

test('A3: a breach must last for_seconds, to the millisecond, and fires since it began', () => {
  const subject = subjectOf({ for_seconds: 2.007 });
  const began = step(subject, ok, sampleAt(1_000, 508), undefined);
  assert.deepEqual(began.next, { state: 'pending', sinceMs: 1_000 });
  const early = step(subject, began.next, sampleAt(3_006, 508), undefined);
  assert.equal(early.changed, false);
  assert.equal(early.reason, 'breach_goes_on');
  const late = step(subject, early.next, sampleAt(3_007, 508), undefined);
  assert.equal(late.due[0]?.sinceMs, 1_000);
  assert.equal(late.due[0]?.timeMs, 3_007);
});

test('A8: without a cooldown nothing is withheld from a series whose time lies behind', () => {
  const result = step(subjectOf(), ok, sampleAt(1_000, 508), 6_000);
  assert.deepEqual(summary(result), ['firing', 'fired', 'fired']);
});

test('A8: the cooldown is the rule’s, across its series', () => {
  const subject = subjectOf({ cooldown_seconds: 10 });
  const other: Subject = { ...subject, seriesKey: seriesKey('received-packages', { host: 'b' }) };
  const first = step(subject, ok, sampleAt(1_000, 508), undefined);
  const second = step(other, ok, sampleAt(2_000, 508), first.lastSentMs);
  assert.deepEqual(summary(second), ['firing*', '', 'fired_but_withheld_by_cooldown']);
  const third = step(other, second.next, sampleAt(11_000, 509), second.lastSentMs);
  assert.equal(third.reason, 'debt_paid');
  assert.deepEqual([third.due[0]?.owed, third.due[0]?.sinceMs, third.due[0]?.x], [true, 2_000, 509]);
});

test('A11: a repeat at the same T is sent, and leaves nothing to be written down', () => {
  const subject = subjectOf({ trigger: 'every_sample' });
  const first = step(subject, ok, sampleAt(1_000, 508, 1), undefined);
  const second = step(subject, first.next, sampleAt(1_000, 509, 2), first.lastSentMs);
  assert.deepEqual([second.reason, second.due.length, second.changed], ['repeated', 1, false]);
  const third = step(subject, second.next, sampleAt(1_001, 509, 3), second.lastSentMs);
  assert.deepEqual([third.reason, third.changed, third.lastSentMs], ['repeated', true, 1_001]);
});

test('A5: a new condition meets the old state, and only the next sample decides', () => {
  const fired = step(subjectOf(), ok, sampleAt(1_000, 508), undefined);
  const stillHolds = step(subjectOf({ threshold: 400 }), fired.next, sampleAt(2_000, 508), fired.lastSentMs);
  assert.deepEqual(summary(stillHolds), ['firing', '', 'still_firing']);
  const noLonger = step(subjectOf({ threshold: 600 }), fired.next, sampleAt(2_000, 508), fired.lastSentMs);
  assert.deepEqual(summary(noLonger), ['ok', '', 'ended_silently']);
  const shortened = step(subjectOf(), states.pending, sampleAt(200, 508), undefined);
  assert.equal(shortened.reason, 'fired');
});

test('A12: a series owes its next sample by T + no_data_seconds, and is forgotten after a day, or four times that', () => {
  assert.equal(noDataDueMs(conditionOf(), 1_000), undefined);
  assert.equal(noDataDueMs(conditionOf({ no_data_seconds: 60 }), 1_000), 61_000);
  assert.equal(forgottenAtMs(conditionOf(), 1_000), 86_401_000);
  assert.equal(forgottenAtMs(conditionOf({ no_data_seconds: 86_400 }), 1_000), 4 * 86_400_000 + 1_000);
});

test('A13: the sample that ends a silence may both resolve it and fire, with two alarms’ ids', () => {
  const subject = subjectOf({ no_data_seconds: 60, notify_on_resolve: true });
  const silent = step(subject, ok, noDataAt(61_000), undefined);
  const again = step(subject, silent.next, sampleAt(90_000, 508), silent.lastSentMs);
  assert.deepEqual(
    again.due.map((due) => [due.kind, due.cause]),
    [
      ['resolved', 'no_data'],
      ['fired', 'breach'],
    ],
  );
  assert.equal(silent.due[0]?.x, undefined);
  assert.equal(again.due[0]?.alarmId, silent.due[0]?.alarmId);
  assert.notEqual(again.due[1]?.alarmId, silent.due[0]?.alarmId);
});

// --- the table as a slow model of its own, against which any run is held ---

interface Run {
  readonly fields: Partial<Rule>;
  readonly moves: readonly { readonly gapMs: number; readonly x: number }[];
}

const runs: fc.Arbitrary<Run> = fc.record({
  fields: fc.record({
    operator: fc.constantFrom('>' as const, '<' as const),
    cooldown_seconds: fc.constantFrom(0, 2, 5),
    for_seconds: fc.constantFrom(0, 1, 3),
    trigger: fc.constantFrom('crossing' as const, 'every_sample' as const),
    notify_on_resolve: fc.boolean(),
    no_data_seconds: fc.constantFrom(4, 1_000),
  }),
  moves: fc.array(fc.record({ gapMs: fc.integer({ min: 0, max: 6_000 }), x: fc.integer({ min: 498, max: 502 }) }), {
    maxLength: 60,
  }),
});

/** Runs samples through the step, the clock telling of missing data in between. */
function played(run: Run): { steps: Step[]; events: AlarmEvent[] } {
  const subject = subjectOf(run.fields);
  const result: { steps: Step[]; events: AlarmEvent[] } = { steps: [], events: [] };
  let state: AlarmState = ok;
  let lastSentMs: number | undefined;
  let timeMs = 1_000_000;
  const take = (event: AlarmEvent) => {
    const taken = step(subject, state, event, lastSentMs);
    ({ next: state, lastSentMs } = taken);
    result.steps.push(taken);
    result.events.push(event);
  };
  run.moves.forEach(({ gapMs, x }, offset) => {
    const dueMs = noDataDueMs(subject.condition, timeMs) as number;
    if (offset > 0 && timeMs + gapMs > dueMs) {
      take({ kind: 'no_data', timeMs: dueMs, sample: { partition: 3, offset: offset - 1, timestampMs: timeMs } });
    }
    timeMs += gapMs;
    take(sampleAt(timeMs, x, offset));
  });
  return result;
}

test('A16: no two notifications of a run have the same id, and a run repeated gives the same ids (A15)', () => {
  fc.assert(
    fc.property(runs, (run) => {
      const ids = played(run).steps.flatMap((taken) => taken.due.map((due) => due.id));
      assert.equal(new Set(ids).size, ids.length);
      assert.deepEqual(
        played(run).steps.flatMap((taken) => taken.due.map((due) => due.id)),
        ids,
      );
    }),
  );
});

test('A8: two notifications of a rule, resolved ones aside, are never closer than its cooldown', () => {
  fc.assert(
    fc.property(runs, (run) => {
      const sent = played(run).steps.flatMap((taken) => taken.due.filter((due) => due.kind !== 'resolved'));
      for (const [index, due] of sent.entries()) {
        const before = sent[index - 1];
        if (before) assert.ok(due.timeMs - before.timeMs >= (run.fields.cooldown_seconds as number) * 1_000);
      }
    }),
  );
});

test('A10: resolved comes once after its firing was notified, and never otherwise', () => {
  fc.assert(
    fc.property(runs, (run) => {
      const notified = new Set<string>();
      for (const due of played(run).steps.flatMap((taken) => taken.due)) {
        if (due.kind === 'resolved') assert.ok(run.fields.notify_on_resolve && notified.delete(due.alarmId));
        else notified.add(due.alarmId);
      }
    }),
  );
});

test('A9: a breach that lasts longer than the cooldown is never hidden', () => {
  fc.assert(
    fc.property(runs, (run) => {
      const { steps, events: seen } = played(run);
      for (const [index, taken] of steps.entries()) {
        const before = steps[index - 1]?.next;
        if (before?.state !== 'firing' || !before.owed || taken.next.state !== 'firing') continue;
        if (taken.next.alarmId !== before.alarmId) continue;
        const event = seen[index];
        if (event?.kind !== 'sample') continue;
        const cooldownMs = (run.fields.cooldown_seconds as number) * 1_000;
        const isOver = event.timeMs - (steps[index - 1]?.lastSentMs ?? -Infinity) >= cooldownMs;
        assert.equal(taken.due.length, isOver ? 1 : 0);
      }
    }),
  );
});
