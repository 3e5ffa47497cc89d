// A rule with levels: warning above 500, critical above 600.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AlarmEvent } from './alarm-event.ts';
import { ok, sendable, type AlarmState, type Firing, type LevelState } from './alarm-state.ts';
import { levelOf } from './level-states.ts';
import { send, step } from './step.ts';
import {
  deferred,
  firing,
  last,
  noDataAt,
  nameOf,
  sampleAt,
  subjectOf,
  summary,
  unheard,
  type Expected,
  type Fields,
} from './testing/alarms-of-tests.ts';

const nothing = ['nothing_to_do'] as const;

const twoLevels: Fields = {
  threshold: undefined,
  levels: [{ threshold: 500 }, { threshold: 600 }],
  notify_on_resolve: true,
};

const levelStatesOf = (...levels: readonly LevelState[]): readonly LevelState[] => levels;
const fires: LevelState = { state: 'firing', sinceMs: 100 };
const told: LevelState = { ...fires, notified: true };
const clears: LevelState = { ...told, clearSinceMs: 9_000 };

const leveledStates = {
  ok,
  pending: {
    state: 'pending',
    sinceMs: 100,
    levels: levelStatesOf({ state: 'pending', sinceMs: 100 }, { state: 'ok' }),
  },
  warning: { ...firing, levels: levelStatesOf(told, { state: 'ok' }) },
  warningDeferred: { ...unheard, deferred, levels: levelStatesOf(fires, { state: 'ok' }) },
  critical: { ...firing, levels: levelStatesOf(told, told) },
  /** It was critical, and is a warning again. */
  lowered: { ...firing, levels: levelStatesOf(told, { state: 'ok', notified: true }) },
  criticalAlone: { ...firing, levels: levelStatesOf({ state: 'pending', sinceMs: 8_000 }, told) },
  clear: { ...firing, levels: levelStatesOf(clears, { state: 'ok' }) },
  silent: { ...firing, silentSinceMs: 5_000, levels: levelStatesOf(told, { state: 'ok' }) },
  noData: { ...firing, cause: 'no_data' },
} as const satisfies Record<string, AlarmState>;

const leveledEvents = {
  high: sampleAt(10_000, 608),
  low: sampleAt(10_000, 508),
  clear: sampleAt(10_000, 480),
  data: { kind: 'data', timeMs: 10_000, sample: { partition: 3, offset: 9, timestampMs: 10_000 } },
  noData: noDataAt(10_000),
  stopped: { kind: 'stopped', timeMs: 10_000, sample: last },
} as const satisfies Record<string, AlarmEvent>;

type LeveledTable = Record<keyof typeof leveledStates, Record<keyof typeof leveledEvents, Expected>>;

/** The state with the level, and what is deferred. */
function leveledName(next: AlarmState): string {
  if (next.state !== 'firing') return next.state;
  const level = levelOf(next);
  return level === undefined ? nameOf(next) : `${level} ${nameOf(next)}`;
}

const leveledTable: LeveledTable = {
  ok: {
    high: ['2 firing fired', '', 'fired'],
    low: ['1 firing fired', '', 'fired'],
    clear: ['ok', '', ...nothing],
    data: ['ok', '', ...nothing],
    noData: ['no data no_data', '', 'fired'],
    stopped: ['ok', '', 'stopped'],
  },
  pending: {
    high: ['2 firing fired', '', 'fired'],
    low: ['1 firing fired', '', 'fired'],
    clear: ['ok', '', 'breach_ended_in_time'],
    data: ['pending', '', ...nothing],
    noData: ['no data no_data', '', 'fired'],
    stopped: ['ok', '', 'stopped'],
  },
  warning: {
    high: ['2 firing raised!', '', 'raised'],
    low: ['1 firing', '', 'still_firing'],
    clear: ['ok', 'resolved', 'resolved'],
    data: ['1 firing', '', ...nothing],
    noData: ['1 silent no_data', '', 'silence_began'],
    stopped: ['ok', '(ended)', 'stopped'],
  },
  warningDeferred: {
    high: ['2 firing raised!', '', 'raised'],
    low: ['1 firing fired', '', 'still_firing'],
    clear: ['ok', '', 'resolved'],
    data: ['1 firing fired', '', ...nothing],
    noData: ['1 silent no_data', '', 'silence_began'],
    stopped: ['ok', '', 'stopped'],
  },
  critical: {
    high: ['2 firing', '', 'still_firing'],
    low: ['1 firing', '(lowered)', 'lowered'],
    clear: ['ok', 'resolved', 'resolved'],
    data: ['2 firing', '', ...nothing],
    noData: ['2 silent no_data', '', 'silence_began'],
    stopped: ['ok', '(ended)', 'stopped'],
  },
  lowered: {
    high: ['2 firing', '(raised)', 'raised'],
    low: ['1 firing', '', 'still_firing'],
    clear: ['ok', 'resolved', 'resolved'],
    data: ['1 firing', '', ...nothing],
    noData: ['1 silent no_data', '', 'silence_began'],
    stopped: ['ok', '(ended)', 'stopped'],
  },
  criticalAlone: {
    high: ['2 firing', '', 'still_firing'],
    // The first level fires now, too.
    low: ['1 firing', '(lowered)', 'lowered'],
    clear: ['ok', 'resolved', 'resolved'],
    data: ['2 firing', '', ...nothing],
    noData: ['2 silent no_data', '', 'silence_began'],
    stopped: ['ok', '(ended)', 'stopped'],
  },
  clear: {
    high: ['2 firing raised!', '', 'raised'],
    low: ['1 firing', '', 'still_firing'],
    clear: ['ok', 'resolved', 'resolved'],
    data: ['1 clear', '', ...nothing],
    noData: ['1 silent clear no_data', '', 'silence_began'],
    stopped: ['ok', '(ended)', 'stopped'],
  },
  silent: {
    high: ['2 firing raised!', '(data_again)', 'raised'],
    low: ['1 firing', '(data_again)', 'silence_ended'],
    clear: ['ok', 'resolved', 'resolved'],
    data: ['1 silent', '', ...nothing],
    noData: ['1 silent', '', 'still_firing'],
    stopped: ['ok', '(ended)', 'stopped'],
  },
  noData: {
    high: ['2 firing fired', 'resolved', 'fired'],
    low: ['1 firing fired', 'resolved', 'fired'],
    clear: ['ok', 'resolved', 'resolved'],
    data: ['ok', 'resolved', 'resolved'],
    noData: ['no data', '', 'still_firing'],
    stopped: ['ok', '(ended)', 'stopped'],
  },
};

// every_sample: a breach that goes on is due again, and so is a later rise.
const leveledEverySample: LeveledTable = {
  ...leveledTable,
  warning: { ...leveledTable.warning, low: ['1 firing fired', '', 'due_again'] },
  critical: {
    ...leveledTable.critical,
    high: ['2 firing fired', '', 'due_again'],
    low: ['1 firing fired', '(lowered)', 'lowered'],
  },
  lowered: {
    ...leveledTable.lowered,
    high: ['2 firing raised', '', 'raised'],
    low: ['1 firing fired', '', 'due_again'],
  },
  criticalAlone: {
    ...leveledTable.criticalAlone,
    high: ['2 firing fired', '', 'due_again'],
    low: ['1 firing fired', '(lowered)', 'lowered'],
  },
  clear: { ...leveledTable.clear, low: ['1 firing fired', '', 'due_again'] },
  silent: { ...leveledTable.silent, low: ['1 firing fired', '(data_again)', 'silence_ended'] },
};

const leveledSettings: [string, Fields, LeveledTable][] = [
  ['once', {}, leveledTable],
  ['once, whatever the cooldown', { cooldown_seconds: 60 }, leveledTable],
  ['on every sample', { trigger: 'every_sample' }, leveledEverySample],
];

for (const [name, fields, expectedTable] of leveledSettings) {
  test(`A32, A33: every state of a rule with levels that notifies ${name} meets every event`, () => {
    for (const [stateName, row] of Object.entries(expectedTable)) {
      for (const [eventName, expected] of Object.entries(row)) {
        const state = leveledStates[stateName as keyof typeof leveledStates];
        const event = leveledEvents[eventName as keyof typeof leveledEvents];
        const result = step(subjectOf({ ...twoLevels, ...fields }), state, event);
        const [, due, reason] = summary(result);
        const shown = [`${leveledName(result.next)}${result.isUrgent === true ? '!' : ''}`, due, reason];
        assert.deepEqual(shown, expected, `${stateName} on ${eventName}`);
        const isSame = JSON.stringify(result.next) === JSON.stringify(state);
        assert.equal(result.changed, !isSame, `A11: ${stateName} on ${eventName}`);
      }
    }
  });
}

test('A32: each level pends, fires and clears by itself, and the alarm fires since the earliest', () => {
  const subject = subjectOf({
    ...twoLevels,
    for_seconds: 5,
    levels: [{ threshold: 500 }, { threshold: 600, for_seconds: 2 }],
  });
  const statesAfter = (values: readonly number[]): string[] => {
    let state: AlarmState = ok;
    return values.map((x, index) => {
      state = step(subject, state, sampleAt(index * 1_000, x)).next;
      const levels = state.state === 'ok' ? [] : (state.levels ?? []);
      return `${leveledName(state)}: ${levels.map((level) => level.state).join(' ')}`;
    });
  };
  assert.deepEqual(statesAfter([508, 608, 608, 608, 508, 508]), [
    'pending: pending ok',
    'pending: pending pending',
    'pending: pending pending',
    '2 firing fired: pending firing',
    // The higher one ends, and the lower one does not fire yet: the alarm resolves.
    'pending: pending ok',
    '1 firing fired: firing ok',
  ]);
  const alone = step(
    subject,
    {
      state: 'pending',
      sinceMs: 0,
      levels: levelStatesOf({ state: 'pending', sinceMs: 0 }, { state: 'pending', sinceMs: 3_000 }),
    },
    sampleAt(5_000, 608),
  );
  assert.deepEqual([levelOf(alone.next as Firing), (alone.next as Firing).sinceMs], [2, 0]);
});

test('A33: a message is of the level of its moment, and its end is for all levels that were notified', () => {
  const subject = subjectOf(twoLevels);
  const at = { own: undefined, isDelayed: true, sentMs: 11_000 };
  const lowered = step(subject, step(subject, ok, sampleAt(1_000, 608)).next, sampleAt(2_000, 508)).next as Firing;
  const sent = send(lowered, at);
  assert.deepEqual([sent.due.kind, sent.due.level, sent.due.forLevels], ['fired', 1, [1]]);
  const raised = step(subject, sent.next, sampleAt(3_000, 608));
  assert.equal(raised.isUrgent, true, 'the firing was never notified as critical');
  const notified = send(raised.next as Firing, at).next;
  const end = step(subject, notified, sampleAt(4_000, 480)).due[0]!;
  assert.deepEqual([end.kind, end.level, end.forLevels], ['resolved', 2, [1, 2]]);
});

test('A5: levels are matched by position, and an alarm without them is the first', () => {
  const three = [{ threshold: 400 }, { threshold: 500 }, { threshold: 600 }];
  const toThree = step(subjectOf({ ...twoLevels, levels: three }), leveledStates.critical, sampleAt(10_000, 508));
  assert.deepEqual([leveledName(toThree.next), toThree.due], ['2 firing', []]);
  const fromOne = step(subjectOf(twoLevels), firing, sampleAt(10_000, 508));
  assert.deepEqual([leveledName(fromOne.next), fromOne.due.length, fromOne.changed], ['1 firing', 0, true]);
  assert.equal(step(subjectOf(twoLevels), firing, sampleAt(10_000, 608)).isUrgent, true);
  const toOne = step(subjectOf({ threshold: 500 }), leveledStates.critical, sampleAt(10_000, 508));
  assert.deepEqual(
    [toOne.next, toOne.due],
    [{ ...firing, levels: undefined, recent: undefined, clearSinceMs: undefined }, []],
  );
});

test('A9: with levels the value is clear when it is clear of each that fires', () => {
  const heldBack: Firing = { ...unheard, deferred, levels: levelStatesOf(clears, { state: 'ok' }) };
  assert.equal(sendable(heldBack), undefined);
  assert.equal(sendable({ ...heldBack, levels: levelStatesOf(fires, clears) }), deferred);
  assert.equal(sendable({ ...heldBack, levels: levelStatesOf({ state: 'pending', sinceMs: 1 }, clears) }), undefined);
});
