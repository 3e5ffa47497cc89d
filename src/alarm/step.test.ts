import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { operators } from '../rule/comparison.ts';
import type { Rule } from '../rule/rule.ts';
import type { AlarmEvent } from './alarm-event.ts';
import { ok, sendable, type AlarmState, type Firing } from './alarm-state.ts';
import { isCooldownOver, isCooldownOverByClock } from './cooldown.ts';
import { waitsForCooldown, type Due } from './due.ts';
import { notificationId } from './identity.ts';
import { judge, type Judgement } from './judgement.ts';
import { forgottenAtMs, send, step } from './step.ts';
import {
  alarm,
  conditionOf,
  deferred,
  firing,
  last,
  noDataAt,
  sampleAt,
  subjectOf,
  summary,
  unheard,
  type Expected,
  type Fields,
} from './testing/alarms-of-tests.ts';

const states = {
  ok,
  pending: { state: 'pending', sinceMs: 100 },
  firing,
  firingDeferred: { ...unheard, deferred },
  firingDeferredAgain: { ...firing, deferred },
  clear: { ...firing, clearSinceMs: 9_000 },
  clearDeferred: { ...unheard, clearSinceMs: 9_000, deferred },
  silent: { ...firing, silentSinceMs: 5_000 },
  silentClear: { ...firing, clearSinceMs: 4_000, silentSinceMs: 5_000 },
  silentDeferred: { ...firing, silentSinceMs: 5_000, deferred: { ...deferred, kind: 'no_data' } },
  silentUnheard: { ...unheard, silentSinceMs: 5_000, deferred: { ...deferred, kind: 'no_data' } },
  noData: { ...firing, cause: 'no_data' },
  noDataDeferred: { ...unheard, cause: 'no_data', deferred: { ...deferred, kind: 'no_data' } },
} as const satisfies Record<string, AlarmState>;

const events = {
  breach: sampleAt(10_000, 508),
  between: sampleAt(10_000, 495),
  clear: sampleAt(10_000, 480),
  data: { kind: 'data', timeMs: 10_000, sample: { partition: 3, offset: 9, timestampMs: 10_000 } },
  noData: noDataAt(10_000),
  remind: { kind: 'remind', timeMs: 10_000, x: 501, sample: last, ordinal: 1 },
  stopped: { kind: 'stopped', timeMs: 10_000, sample: last },
  forgotten: { kind: 'forgotten', timeMs: 10_000, sample: last },
} as const satisfies Record<string, AlarmEvent>;

type Row = Record<keyof typeof events, Expected>;
type Table = Record<keyof typeof states, Row>;

const nothing = ['nothing_to_do'] as const;
const calmEnds = { stopped: ['ok', '', 'stopped'], forgotten: ['ok', '', 'forgotten'] } as const;
const heardEnds = { stopped: ['ok', '(ended)', 'stopped'], forgotten: ['ok', '(ended)', 'forgotten'] } as const;

// A rule with a resolve threshold of 490 that is notified of the end.
const table: Table = {
  ok: {
    breach: ['firing fired', '', 'fired'],
    between: ['ok', '', ...nothing],
    clear: ['ok', '', ...nothing],
    data: ['ok', '', ...nothing],
    noData: ['no data no_data', '', 'fired'],
    remind: ['ok', '', ...nothing],
    ...calmEnds,
  },
  pending: {
    breach: ['firing fired', '', 'fired'],
    between: ['ok', '', 'breach_ended_in_time'],
    clear: ['ok', '', 'breach_ended_in_time'],
    data: ['pending', '', ...nothing],
    noData: ['no data no_data', '', 'fired'],
    remind: ['pending', '', ...nothing],
    ...calmEnds,
  },
  firing: {
    breach: ['firing', '', 'still_firing'],
    between: ['firing', '', 'still_firing'],
    clear: ['ok', 'resolved', 'resolved'],
    data: ['firing', '', ...nothing],
    noData: ['silent no_data', '', 'silence_began'],
    remind: ['firing reminder', '', 'due_again'],
    ...heardEnds,
  },
  firingDeferred: {
    breach: ['firing fired', '', 'still_firing'],
    between: ['firing fired', '', 'still_firing'],
    clear: ['ok', '', 'resolved'],
    data: ['firing fired', '', ...nothing],
    noData: ['silent no_data', '', 'silence_began'],
    remind: ['firing fired', '', ...nothing],
    ...calmEnds,
  },
  firingDeferredAgain: {
    breach: ['firing fired', '', 'still_firing'],
    between: ['firing fired', '', 'still_firing'],
    clear: ['ok', 'resolved', 'resolved'],
    data: ['firing fired', '', ...nothing],
    noData: ['silent no_data', '', 'silence_began'],
    remind: ['firing fired', '', ...nothing],
    ...heardEnds,
  },
  clear: {
    breach: ['firing', '', 'clear_ended_in_time'],
    between: ['firing', '', 'clear_ended_in_time'],
    clear: ['ok', 'resolved', 'resolved'],
    data: ['clear', '', ...nothing],
    noData: ['silent clear no_data', '', 'silence_began'],
    remind: ['clear reminder', '', 'due_again'],
    ...heardEnds,
  },
  clearDeferred: {
    breach: ['firing fired', '', 'clear_ended_in_time'],
    between: ['firing fired', '', 'clear_ended_in_time'],
    clear: ['ok', '', 'resolved'],
    data: ['clear fired', '', ...nothing],
    noData: ['silent clear no_data', '', 'silence_began'],
    remind: ['clear fired', '', ...nothing],
    ...calmEnds,
  },
  silentClear: {
    breach: ['firing', '(data_again)', 'silence_ended'],
    between: ['firing', '(data_again)', 'silence_ended'],
    clear: ['ok', 'resolved', 'resolved'],
    data: ['silent clear', '', ...nothing],
    noData: ['silent clear', '', 'still_firing'],
    remind: ['silent clear reminder', '', 'due_again'],
    ...heardEnds,
  },
  silent: {
    breach: ['firing', '(data_again)', 'silence_ended'],
    between: ['firing', '(data_again)', 'silence_ended'],
    clear: ['ok', 'resolved', 'resolved'],
    data: ['silent', '', ...nothing],
    noData: ['silent', '', 'still_firing'],
    remind: ['silent reminder', '', 'due_again'],
    ...heardEnds,
  },
  silentDeferred: {
    breach: ['firing', '(data_again)', 'silence_ended'],
    between: ['firing', '(data_again)', 'silence_ended'],
    clear: ['ok', 'resolved', 'resolved'],
    data: ['silent no_data', '', ...nothing],
    noData: ['silent no_data', '', 'still_firing'],
    remind: ['silent no_data', '', ...nothing],
    ...heardEnds,
  },
  silentUnheard: {
    breach: ['firing fired', '', 'silence_ended'],
    between: ['firing fired', '', 'silence_ended'],
    clear: ['ok', '', 'resolved'],
    data: ['silent no_data', '', ...nothing],
    noData: ['silent no_data', '', 'still_firing'],
    remind: ['silent no_data', '', ...nothing],
    ...calmEnds,
  },
  noData: {
    breach: ['firing fired', 'resolved', 'fired'],
    between: ['ok', 'resolved', 'resolved'],
    clear: ['ok', 'resolved', 'resolved'],
    data: ['ok', 'resolved', 'resolved'],
    noData: ['no data', '', 'still_firing'],
    remind: ['no data reminder', '', 'due_again'],
    ...heardEnds,
  },
  noDataDeferred: {
    breach: ['firing fired', '', 'fired'],
    between: ['ok', '', 'resolved'],
    clear: ['ok', '', 'resolved'],
    data: ['ok', '', 'resolved'],
    noData: ['no data no_data', '', 'still_firing'],
    remind: ['no data no_data', '', ...nothing],
    ...calmEnds,
  },
};

// every_sample: a breach that goes on is due again.
const everySampleTable: Table = {
  ...table,
  firing: { ...table.firing, breach: ['firing fired', '', 'due_again'] },
  silent: { ...table.silent, breach: ['firing fired', '(data_again)', 'silence_ended'] },
  silentDeferred: { ...table.silentDeferred, breach: ['firing fired', '(data_again)', 'silence_ended'] },
  silentClear: { ...table.silentClear, breach: ['firing fired', '(data_again)', 'silence_ended'] },
  clear: { ...table.clear, breach: ['firing fired', '', 'due_again'] },
};

// A reminder is due after 60 s, and 9.9 s have passed; then with 9 s.
const remindTable: Table = {
  ...table,
  firing: {
    ...table.firing,
    breach: ['firing reminder', '', 'due_again'],
    between: ['firing reminder', '', 'due_again'],
  },
  clear: {
    ...table.clear,
    breach: ['firing reminder', '', 'due_again'],
    between: ['firing reminder', '', 'due_again'],
  },
};

// The value must be clear for longer than the events last, or since 1 s before it.
const resolveForTable: Table = {
  ...table,
  firing: { ...table.firing, clear: ['clear', '', 'clear_began'] },
  firingDeferred: { ...table.firingDeferred, clear: ['clear fired', '', 'clear_began'] },
  firingDeferredAgain: { ...table.firingDeferredAgain, clear: ['clear fired', '', 'clear_began'] },
  silent: { ...table.silent, clear: ['clear', '(data_again)', 'silence_ended'] },
  silentDeferred: { ...table.silentDeferred, clear: ['clear', '(data_again)', 'silence_ended'] },
  silentUnheard: { ...table.silentUnheard, clear: ['clear fired', '', 'silence_ended'] },
};
const resolveLaterTable: Table = {
  ...resolveForTable,
  clear: { ...table.clear, clear: ['clear', '', 'still_firing'] },
  clearDeferred: { ...table.clearDeferred, clear: ['clear fired', '', 'still_firing'] },
  silentClear: { ...table.silentClear, clear: ['clear', '(data_again)', 'silence_ended'] },
};

// A rule about absence alone: whatever was in breach by a version before is clear.
const absenceTable: Table = Object.fromEntries(
  Object.entries(withoutForgetting(table)).map(([name, row]) => [
    name,
    { ...row, breach: row.clear, between: row.clear },
  ]),
) as Table;

// A series that is missing ends what it has.
const goneTable = Object.fromEntries(
  Object.entries(table).map(([name, row]) => {
    const isHeard = row.stopped[1] === '(ended)';
    const isOver: Expected = ['ok', isHeard ? 'resolved' : '', 'resolved_without_data'];
    return [name, { ...row, noData: name === 'ok' ? (['ok', '', ...nothing] as const) : isOver }];
  }),
) as Table;

function withoutForgetting(given: Table): Table {
  const stays = (row: Row, name: string): Row => {
    const [next] = row.noData;
    const isFiring = name !== 'ok' && name !== 'pending';
    if (!isFiring) return row;
    const state = name.startsWith('firing') || name.startsWith('clear') ? row.data[0] : next;
    return { ...row, forgotten: [state, '', 'still_firing'] };
  };
  return Object.fromEntries(Object.entries(given).map(([name, row]) => [name, stays(row, name)])) as Table;
}

const hysteresis = { resolve_threshold: 490, notify_on_resolve: true };
const settings: [string, Fields, Table][] = [
  ['of a plain rule', hysteresis, table],
  ['whatever the cooldown', { ...hysteresis, cooldown_seconds: 60 }, table],
  ['with every_sample', { ...hysteresis, trigger: 'every_sample' }, everySampleTable],
  ['before a reminder is due', { ...hysteresis, remind_seconds: 60 }, table],
  ['when a reminder is due', { ...hysteresis, remind_seconds: 9.9 }, remindTable],
  ['when it must be clear for a second', { ...hysteresis, resolve_for_seconds: 1 }, resolveForTable],
  ['when it must be clear for longer', { ...hysteresis, resolve_for_seconds: 6.001 }, resolveLaterTable],
  ['of a rule that resolves without data', { ...hysteresis, resolve_without_data_seconds: 60 }, goneTable],
  [
    'of a rule about absence alone',
    { threshold: undefined, no_data_seconds: 60, notify_on_resolve: true },
    absenceTable,
  ],
  ['of a rule that watches for silence', { ...hysteresis, no_data_seconds: 60 }, withoutForgetting(table)],
];

for (const [name, fields, expectedTable] of settings) {
  test(`A2-A14: every state meets every event ${name}`, () => {
    for (const [stateName, row] of Object.entries(expectedTable)) {
      for (const [eventName, expected] of Object.entries(row)) {
        const state = states[stateName as keyof typeof states];
        const result = step(subjectOf(fields), state, events[eventName as keyof typeof events]);
        assert.deepEqual(summary(result), expected, `${stateName} on ${eventName}`);
        const isSame = JSON.stringify(result.next) === JSON.stringify(state);
        assert.equal(result.changed, !isSame, `A11: ${stateName} on ${eventName}`);
      }
    }
  });
}

test('A10: without notify_on_resolve the end of a notified alarm is appended without a message', () => {
  const result = step(subjectOf(), firing, sampleAt(10_000, 480));
  assert.deepEqual(summary(result), ['ok', '(resolved)', 'resolved']);
});

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

test('A1: >= and <= are in breach at the threshold, == and != exactly there and everywhere else', () => {
  const judged = (fields: Partial<Rule>, values: readonly number[]): Judgement[] =>
    values.map((x) => judge(conditionOf(fields), x));
  assert.deepEqual(judged({ operator: '>=' }, [500, 499.9]), ['breach', 'clear']);
  assert.deepEqual(judged({ operator: '>=', resolve_threshold: 490 }, [500, 499.9, 490]), [
    'breach',
    'between',
    'clear',
  ]);
  assert.deepEqual(judged({ operator: '<=' }, [500, 500.1]), ['breach', 'clear']);
  assert.deepEqual(judged({ operator: '<=', resolve_threshold: 510 }, [500, 500.1, 510]), [
    'breach',
    'between',
    'clear',
  ]);
  assert.deepEqual(judged({ operator: '==' }, [499.9, 500, 500.1]), ['clear', 'breach', 'clear']);
  assert.deepEqual(judged({ operator: '!=' }, [499.9, 500, 500.1]), ['breach', 'clear', 'breach']);
});

test('A1: a computed value counts as equal to a threshold within 1e-9 of it, and a sample does not', () => {
  const window = { type: 'window_average', window_duration_seconds: 60 } as const;
  const [near, far] = [500 * (1 + 5e-10), 500 * (1 + 2e-9)];
  const judged = (fields: Partial<Rule>): Judgement[] => [near, far].map((x) => judge(conditionOf(fields), x));
  assert.deepEqual(judged({}), ['breach', 'breach']);
  assert.deepEqual(judged(window), ['clear', 'breach']);
  assert.deepEqual(judged({ ...window, operator: '==' }), ['breach', 'clear']);
  assert.deepEqual(judged({ operator: '==' }), ['clear', 'clear']);
  const resolve = { ...window, threshold: 600, resolve_threshold: 500 };
  assert.deepEqual(
    [judged(resolve), judged({ ...resolve, type: 'instantaneous' })],
    [
      ['clear', 'between'],
      ['between', 'between'],
    ],
  );
});

test('A3: a breach must last for_seconds, to the millisecond, and fires since it began', () => {
  const subject = subjectOf({ for_seconds: 2.007 });
  const began = step(subject, ok, sampleAt(1_000, 508));
  assert.deepEqual(began.next, { state: 'pending', sinceMs: 1_000 });
  const early = step(subject, began.next, sampleAt(3_006, 508));
  assert.equal(early.changed, false);
  assert.equal(early.reason, 'breach_goes_on');
  const late = step(subject, early.next, sampleAt(3_007, 508)).next as Firing;
  assert.equal(late.sinceMs, 1_000);
  assert.equal(late.deferred?.timeMs, 3_007);
});

test('A4: a value must be clear for resolve_for_seconds, to the millisecond, and begins again after one that is not', () => {
  const subject = subjectOf({ resolve_threshold: 490, resolve_for_seconds: 2.007 });
  const stateAfter = (...samples: readonly (readonly [timeMs: number, x: number])[]): AlarmState =>
    samples.reduce<AlarmState>((state, [timeMs, x]) => step(subject, state, sampleAt(timeMs, x)).next, firing);
  assert.equal((stateAfter([1_000, 480]) as Firing).clearSinceMs, 1_000);
  assert.equal(stateAfter([1_000, 480], [3_006, 470]).state, 'firing');
  assert.equal(stateAfter([1_000, 480], [3_007, 480]).state, 'ok');
  assert.equal((stateAfter([1_000, 480], [2_000, 495], [3_007, 480]) as Firing).clearSinceMs, 3_007);
});

const twoOfThree = { for_samples: { breaches: 2, of: 3 }, resolve_threshold: 490, notify_on_resolve: true };
const samples = { b: 508, m: 495, c: 480 };

/** The state after each value of b(reach), m (between) and c(lear), a second apart; and what was appended. */
function afterEach(fields: Fields, values: string, from: AlarmState = ok): string[] {
  let state = from;
  return values.split('').map((value, index) => {
    const result = step(
      subjectOf(fields),
      state,
      sampleAt((index + 1) * 1_000, samples[value as keyof typeof samples]),
    );
    assert.equal(result.changed, JSON.stringify(result.next) !== JSON.stringify(state), `A11: ${values} at ${index}`);
    state = result.next;
    const recent = state.state === 'ok' ? [] : (state.recent ?? []);
    const due = result.due.map(({ kind }) => kind);
    return [state.state, recent.map((isBreach) => (isBreach ? 'b' : '-')).join(''), ...due].filter(Boolean).join(' ');
  });
}

test('A3: with for_samples the alarm fires at the value that makes n of the last m in breach', () => {
  assert.deepEqual(afterEach(twoOfThree, 'cbccb'), ['ok', 'pending b', 'pending b-', 'pending b--', 'pending b']);
  assert.deepEqual(afterEach(twoOfThree, 'bcb'), ['pending b', 'pending b-', 'firing b-b']);
  assert.deepEqual(afterEach(twoOfThree, 'bccc'), ['pending b', 'pending b-', 'pending b--', 'ok']);
  const fired = step(
    subjectOf(twoOfThree),
    { state: 'pending', sinceMs: 1, recent: [true] },
    sampleAt(9_000, 508),
  ).next;
  assert.deepEqual([(fired as Firing).sinceMs, (fired as Firing).deferred?.timeMs], [9_000, 9_000], 'since T');
  assert.deepEqual(afterEach({ for_samples: { breaches: 1, of: 1 } }, 'bc'), ['firing b', 'ok']);
});

test('A4: with for_samples it resolves at a clear value when fewer than n are', () => {
  assert.deepEqual(afterEach(twoOfThree, 'bbcmc').slice(1), ['firing bb', 'firing bb-', 'firing b--', 'ok']);
  assert.deepEqual(afterEach(twoOfThree, 'bbccb').slice(1), ['firing bb', 'firing bb-', 'pending b--', 'pending b']);
  const inTime = afterEach({ ...twoOfThree, resolve_for_seconds: 2 }, 'bbcccc').slice(2);
  assert.deepEqual(inTime, ['firing bb-', 'firing b--', 'ok', 'ok']);
});

test('A5: a new version counts the values that were kept, and fires by none that is not in breach', () => {
  const pending: AlarmState = { state: 'pending', sinceMs: 100, recent: [true, true, false, true] };
  assert.deepEqual(afterEach(twoOfThree, 'cb', pending), ['pending b-', 'firing b-b']);
  assert.deepEqual(afterEach({ for_samples: { breaches: 2, of: 9 } }, 'cb', pending), [
    'pending bb-b-',
    'firing bb-b-b',
  ]);
  assert.deepEqual(afterEach({ for_seconds: 60 }, 'b', pending), ['pending']);
  assert.deepEqual(afterEach({ for_samples: { breaches: 2, of: 2 } }, 'bc', firing), [
    'firing b',
    'pending b- resolved',
  ]);
});

test('A13: the sample that ends a silence is the first one that counts', () => {
  assert.deepEqual(afterEach(twoOfThree, 'bb', states.noData), ['pending b resolved', 'firing bb']);
});

test('A14: without data a pending or firing alarm resolves, as of the time when data was expected', () => {
  const subject = subjectOf({ resolve_without_data_seconds: 60, notify_on_resolve: true });
  const { next, due } = step(subject, firing, noDataAt(61_000));
  assert.deepEqual([next, due[0]?.kind, due[0]?.timeMs, due[0]?.x], [ok, 'resolved', 61_000, undefined]);
  assert.deepEqual(step(subject, states.pending, noDataAt(61_000)).next, ok);
});

test('A9: what is deferred waits while the value is clear, and a silence is sent all the same', () => {
  const stateNames = Object.keys(states).filter((name) => sendable(states[name as keyof typeof states]) !== undefined);
  const deferredNames = ['firingDeferred', 'firingDeferredAgain', 'silentDeferred', 'silentUnheard', 'noDataDeferred'];
  assert.deepEqual(stateNames, deferredNames);
  const silent = step(subjectOf({ resolve_for_seconds: 60 }), states.clearDeferred, noDataAt(10_000)).next;
  assert.equal(sendable(silent)?.kind, 'no_data');
});

test('A5: a new condition meets the old state, and only the next sample decides', () => {
  const fired = send(step(subjectOf(), ok, sampleAt(1_000, 508)).next as Firing, { ...now, sentMs: 1_000 }).next;
  const stillHolds = step(subjectOf({ threshold: 400 }), fired, sampleAt(2_000, 508));
  assert.deepEqual(summary(stillHolds), ['firing', '', 'still_firing']);
  const noLonger = step(subjectOf({ threshold: 600 }), fired, sampleAt(2_000, 508));
  assert.deepEqual(summary(noLonger), ['ok', '(resolved)', 'resolved']);
  const shortened = step(subjectOf(), states.pending, sampleAt(200, 508));
  assert.equal(shortened.reason, 'fired');
});

test('A6: a silent series is forgotten after a day, or four times no_data_seconds', () => {
  assert.equal(forgottenAtMs(conditionOf(), 1_000), 86_401_000);
  assert.equal(forgottenAtMs(conditionOf({ no_data_seconds: 86_400 }), 1_000), 4 * 86_400_000 + 1_000);
});

test('A8: a cooldown is counted in rule time, or by the monotonic clock with a second more', () => {
  const condition = conditionOf({ cooldown_seconds: 9 });
  assert.equal(isCooldownOver(condition, 1_000, undefined), true, 'before the first message');
  assert.equal(isCooldownOver(condition, 10_000, 1_000), true, 'at its very end');
  assert.equal(isCooldownOver(condition, 10_000, 1_001), false, 'a millisecond before');
  assert.equal(isCooldownOver(conditionOf(), 1_000, 6_000), true, 'without one, also when M lies behind');
  assert.equal(isCooldownOverByClock(condition, 9_999), false);
  assert.equal(isCooldownOverByClock(condition, 10_000), true);
});

const now = { own: undefined, isDelayed: false, sentMs: 11_000 };

test('A9: what is sent at another sample says the value and time that made it due, at its own sample the present one', () => {
  const later = send(states.firingDeferred, { own: undefined, isDelayed: true, sentMs: 11_000 });
  assert.deepEqual([later.due.x, later.due.timeMs, later.due.isPast, later.due.deferred], [505, 4_000, true, true]);
  const own = send(states.firingDeferred, { own: sampleAt(10_000, 520), isDelayed: true, sentMs: 10_000 });
  assert.deepEqual([own.due.x, own.due.timeMs, own.due.isPast, own.due.deferred], [520, 10_000, false, true]);
  // Whenever it is sent, and by whatever, it is the same notification.
  assert.equal(notificationId(later.due), notificationId(own.due));
  assert.deepEqual(own.next, { ...firing, messagedMs: 10_000 });
});

test('A13: the sample that ends a silence may both resolve it and fire, with two alarms’ ids', () => {
  const subject = subjectOf({ no_data_seconds: 60, notify_on_resolve: true });
  const missing = send(step(subject, ok, noDataAt(61_000)).next as Firing, { ...now, sentMs: 61_000 });
  const again = step(subject, missing.next, sampleAt(90_000, 508));
  assert.deepEqual(
    again.due.map((due) => [due.kind, due.cause]),
    [['resolved', 'no_data']],
  );
  assert.equal(missing.due.x, undefined);
  assert.equal(again.due[0]?.alarmId, missing.due.alarmId);
  assert.notEqual((again.next as Firing).alarmId, missing.due.alarmId);
});

test('A14: the silence of a firing alarm says when it was last received, and the last value', () => {
  const silent = step(subjectOf({ no_data_seconds: 60 }), firing, noDataAt(61_000)).next as Firing;
  assert.deepEqual([silent.silentSinceMs, silent.deferred?.x, silent.deferred?.timeMs], [1_000, 2, 61_000]);
});

test('A15: what a clock makes due a second time at a sample has another id', () => {
  const [first, second] = [0, 1].map((ordinal) => step(subjectOf(), ok, noDataAt(61_000, ordinal)).next as Firing);
  assert.notEqual(first!.alarmId, second!.alarmId);
  const kinds = ['no_data', 'reminder'] as const;
  const ids = kinds.flatMap((kind) =>
    [0, 1].map((ordinal) => notificationId({ alarmId: alarm, kind, sample: last, ordinal })),
  );
  assert.equal(new Set(ids).size, 4);
});

// --- runs of one series, its rule alone, as a caller plays them ---

interface Run {
  readonly fields: Partial<Rule>;
  readonly moves: readonly { readonly gapMs: number; readonly x: number }[];
}

const runs: fc.Arbitrary<Run> = fc.record({
  fields: fc.record({
    operator: fc.constantFrom(...operators),
    cooldown_seconds: fc.constantFrom(0, 2, 5),
    for_seconds: fc.constantFrom(0, 1, 3),
    trigger: fc.constantFrom('crossing' as const, 'every_sample' as const),
    notify_on_resolve: fc.boolean(),
    no_data_seconds: fc.constantFrom(4, 1_000),
    remind_seconds: fc.constantFrom(3, 1_000),
  }),
  moves: fc.array(fc.record({ gapMs: fc.integer({ min: 0, max: 6_000 }), x: fc.integer({ min: 498, max: 502 }) }), {
    maxLength: 60,
  }),
});

interface Played {
  readonly due: Due[];
  /** After each event: the state, and whether the cooldown was over. */
  readonly states: { readonly state: AlarmState; readonly isOver: boolean }[];
}

/** Runs samples through the step, the clock telling of missing data in between, and sends when the cooldown is over. */
function played(run: Run): Played {
  const subject = subjectOf(run.fields);
  const result: Played = { due: [], states: [] };
  let state: AlarmState = ok;
  let lastSentMs: number | undefined;
  let timeMs = 1_000_000;
  const take = (event: AlarmEvent): void => {
    const taken = step(subject, state, event);
    state = taken.next;
    result.due.push(...taken.due);
    const isOver = isCooldownOver(subject.condition, event.timeMs, lastSentMs);
    if (isOver && state.state === 'firing' && state.deferred !== undefined) {
      const own = event.kind === 'sample' ? event : undefined;
      const sent = send(state, { own, isDelayed: false, sentMs: event.timeMs });
      state = sent.next;
      lastSentMs = event.timeMs;
      result.due.push(sent.due);
    }
    result.states.push({ state, isOver });
  };
  run.moves.forEach(({ gapMs, x }, offset) => {
    const expectedMs = timeMs + subject.condition.noDataMs!;
    if (offset > 0 && timeMs + gapMs > expectedMs) {
      const sample = { partition: 3, offset: offset - 1, timestampMs: timeMs };
      take({ kind: 'no_data', timeMs: expectedMs, heardMs: timeMs, x, sample, ordinal: 0 });
    }
    timeMs += gapMs;
    take(sampleAt(timeMs, x, offset));
  });
  return result;
}

test('A16: no two notifications of a run have the same id, and a run repeated gives the same ids (A15)', () => {
  fc.assert(
    fc.property(runs, (run) => {
      const ids = played(run).due.map((due) => notificationId(due));
      assert.equal(new Set(ids).size, ids.length);
      assert.deepEqual(
        played(run).due.map((due) => notificationId(due)),
        ids,
      );
    }),
  );
});

test('A10: resolved comes once after its firing was notified, and never otherwise', () => {
  fc.assert(
    fc.property(runs, (run) => {
      const notified = new Set<string>();
      for (const due of played(run).due) {
        if (waitsForCooldown(due.kind)) notified.add(due.alarmId);
        else if (due.kind === 'resolved') assert.ok(notified.delete(due.alarmId));
        else assert.ok(notified.has(due.alarmId));
      }
    }),
  );
});

test('A9: a breach that lasts longer than the cooldown is never hidden', () => {
  fc.assert(
    fc.property(runs, (run) => {
      for (const { state, isOver } of played(run).states) {
        if (isOver && state.state === 'firing') assert.equal(state.deferred, undefined);
        if (state.state === 'firing' && state.deferred === undefined) assert.ok(state.notified);
      }
    }),
  );
});
