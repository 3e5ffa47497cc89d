// Alarms, samples and rules for the tests of the step.
import { seriesKey } from '../../metric/series.ts';
import { compileRule, type Condition } from '../../rule/condition.ts';
import type { Rule } from '../../rule/rule.ts';
import type { AlarmEvent, SampleEvent, Subject } from '../alarm-event.ts';
import { isClear as isClearState, type AlarmState, type Deferred, type Firing } from '../alarm-state.ts';
import type { Reason, Step } from '../step-result.ts';

export const ruleId = '21433034-8078-4f1a-bb8d-1ac996db395d';
export const key = seriesKey('received-packages', {});

export type Fields = { readonly [Field in keyof Rule]?: Rule[Field] | undefined };

export function conditionOf(fields: Fields = {}): Condition {
  return compileRule({
    id: ruleId,
    metric_name: 'received-packages',
    threshold: 500,
    discord_webhook_url: '',
    ...fields,
  } as Rule);
}

export function subjectOf(fields: Fields = {}): Subject {
  return { condition: conditionOf(fields), subjectKey: key };
}

export function sampleAt(timeMs: number, x: number, offset = timeMs): SampleEvent {
  return { kind: 'sample', x, timeMs, sample: { partition: 3, offset, timestampMs: timeMs } };
}

export const last = { partition: 3, offset: 7, timestampMs: 4_000 };

export function noDataAt(timeMs: number, ordinal = 0): AlarmEvent {
  return { kind: 'no_data', timeMs, heardMs: timeMs - 60_000, x: 2, sample: last, ordinal };
}

export const alarm = 'a6c2b1f0-0000-5000-8000-000000000001';
export const deferred: Deferred = { kind: 'fired', sample: last, ordinal: 0, x: 505, timeMs: 4_000 };
export const firing: Firing = {
  state: 'firing',
  sinceMs: 100,
  alarmId: alarm,
  cause: 'breach',
  notified: true,
  messagedMs: 100,
};
export const unheard: Firing = { ...firing, notified: false, messagedMs: undefined };

/** The next state with the kind that is deferred, what is appended at once (in brackets without a message), and the reason. */
export type Expected = readonly [next: string, due: string, reason: Reason];
export function nameOf(next: AlarmState): string {
  if (next.state !== 'firing') return next.state;
  const isClear = next.cause === 'breach' && isClearState(next);
  const silent = isClear ? 'silent clear' : 'silent';
  const name =
    next.cause === 'no_data' ? 'no data' : next.silentSinceMs !== undefined ? silent : isClear ? 'clear' : 'firing';
  return next.deferred === undefined ? name : `${name} ${next.deferred.kind}`;
}

export function summary({ next, due, reason }: Step): Expected {
  return [nameOf(next), due.map(({ kind, message }) => (message ? kind : `(${kind})`)).join(' '), reason];
}
