// What is going on, told by the server as it happens. What cannot be renewed is shown as old, never as live.
//
// Only a tab that is looked at holds a stream, for a browser opens six connections to a host and no more; a hidden one looks
// now and then, so that its title stays true, and hears what it missed when it is looked at again.
import type { AlarmView } from '../../../wire/alarms.ts';
import type { StatusView } from '../../../wire/status.ts';
import type { StreamDelta, StreamSnapshot } from '../../../wire/stream.ts';
import type { TimelineItem } from '../../../wire/timeline.ts';
import { batch, computed, signal, type Signal } from '@preact/signals';
import { ApiError, api, signInWanted, token } from './api.ts';
import { isPaused, isResting } from './pause.ts';
import { followStream, type StreamEvent } from './stream.ts';

const againMs = 1_000;
const everyHiddenMs = 5_000;
const staleMs = 1_500;
const alarmsMax = 200;
const historyMax = 60;

export const status = signal<StatusView | undefined>(undefined);
/** What fires, longest first. */
export const firing = signal<readonly LiveAlarm[]>([]);
export const pending = signal<readonly LiveAlarm[]>([]);
/** The last minute of `samples_per_second`, oldest first, for the small line. */
export const sampleHistory = signal<readonly number[]>([]);
/** What began and ended lately, newest first. */
export const changes = signal<readonly AlarmChange[]>([]);
/** The server's clock now, which durations are measured by. */
export const nowMs = signal(Date.now());
/** Why the last attempt failed, when it did for another reason than a lost connection. */
export const refusal = signal<string | undefined>(undefined);

/** One alarm as long as it is told of. What of it changes with each sample stands apart, so that nothing else is drawn anew. */
export interface LiveAlarm {
  readonly key: string;
  /** Its values are those that this began with. */
  readonly view: Signal<AlarmView>;
  /** What is compared now, where that is known, or else what was when the state began. */
  readonly value: Signal<number | null>;
  readonly isCurrent: Signal<boolean>;
}

export interface AlarmChange {
  /** Its place in the log. */
  readonly place: string;
  readonly atMs: number;
  readonly kind: 'began' | 'ended';
  readonly alarm: AlarmView;
}

const changesMax = 50;
const isHeard = signal(false);
/** When the server was heard last. */
let heardMs = 0;
/** Since when the server has not been there. */
const lostMs = signal<number | undefined>(undefined);
const clock = signal(performance.now());

export type Connection =
  | { readonly state: 'starting' | 'live' | 'reconnecting' | 'signed-out' | 'paused' }
  | { readonly state: 'stale'; readonly seconds: number };

export const connection = computed((): Connection => {
  if (signInWanted.value !== 'no') return { state: 'signed-out' };
  if (isPaused.value) return { state: 'paused' };
  const lost = lostMs.value;
  if (!isHeard.value) return { state: lost === undefined ? 'starting' : 'reconnecting' };
  if (lost === undefined) return { state: 'live' };
  if (clock.value - lost <= staleMs) return { state: 'reconnecting' };
  return { state: 'stale', seconds: Math.floor((clock.value - heardMs) / 1000) };
});

/** What is shown cannot be renewed right now, so it is not shown as live. */
export const isStale = computed(() => ['stale', 'signed-out', 'paused'].includes(connection.value.state));

const alarmKey = (alarm: AlarmView): string => JSON.stringify([alarm.rule_id, alarm.metric_name, alarm.tags ?? {}]);

let clockAheadMs = 0;
let lastEventId: string | undefined;
let alarms = new Map<string, LiveAlarm>();

/** Events of one frame are shown together: nobody sees a count of one beside the list of another. */
let gathered: StreamEvent[] = [];

function gather(event: StreamEvent): void {
  gathered.push(event);
  if (gathered.length === 1) requestAnimationFrame(showGathered);
}

function showGathered(): void {
  const events = gathered;
  gathered = [];
  batch(() => {
    for (const { event, id, data } of events) {
      lastEventId = id;
      show(data as StreamSnapshot | StreamDelta, event === 'snapshot');
    }
  });
}

function show(told: StreamDelta, isWhole: boolean): void {
  clockAheadMs = told.time_ms - Date.now();
  if (told.status !== undefined)
    status.value = { ...status.value!, ...told.status, time_ms: told.time_ms } as StatusView;
  if (isWhole || told.alarms !== undefined || told.gone !== undefined)
    showAlarms(told.alarms ?? [], isWhole ? undefined : (told.gone ?? []));
  const news = (told.feed ?? []).flatMap(changesOf);
  if (news.length === 0) return;
  const known = new Set(changes.value.map(({ place }) => place));
  const fresh = news.filter(({ place }) => !known.has(place)).toReversed();
  changes.value = [...fresh, ...changes.value].slice(0, changesMax);
}

/** Of all alarms that there are, or of some, with those that are gone. */
function showAlarms(views: readonly AlarmView[], gone: readonly AlarmView[] | undefined): void {
  const before = alarms;
  if (gone === undefined) alarms = new Map();
  for (const view of views) {
    const key = alarmKey(view);
    const known = before.get(key);
    const { current_value: current, value: began } = view;
    const [value, isCurrent] = [current ?? began, current !== undefined];
    alarms.set(key, known ?? { key, view: signal(view), value: signal(value), isCurrent: signal(isCurrent) });
    if (known === undefined) continue;
    known.value.value = value;
    known.isCurrent.value = isCurrent;
    if (!isSameButForValue(known.view.peek(), view)) known.view.value = view;
  }
  for (const view of gone ?? []) alarms.delete(alarmKey(view));
  const sorted = [...alarms.values()].sort((one, other) => sinceMs(one) - sinceMs(other));
  renew(
    firing,
    sorted.filter(({ view }) => view.peek().state === 'firing'),
  );
  renew(
    pending,
    sorted.filter(({ view }) => view.peek().state === 'pending'),
  );
}

const sinceMs = ({ view }: LiveAlarm): number => view.peek().since_ms ?? 0;

/** Both are of one alarm. */
function isSameButForValue(one: AlarmView, other: AlarmView): boolean {
  return (['state', 'since_ms', 'cause', 'deferred', 'silent_since_ms', 'alarm_id'] as const).every(
    (field) => one[field] === other[field],
  );
}

/** A list of the same alarms in the same order stays as it is. */
function renew(list: Signal<readonly LiveAlarm[]>, fresh: readonly LiveAlarm[]): void {
  const isSame = fresh.length === list.value.length && fresh.every((alarm, index) => alarm === list.value[index]);
  if (!isSame) list.value = fresh;
}

function changesOf(item: TimelineItem): AlarmChange[] {
  if (item.kind !== 'transition' || (item.to !== 'firing' && item.from !== 'firing')) return [];
  const alarm: AlarmView = { ...item, state: item.to };
  return [{ place: item.place, atMs: item.at_ms, kind: item.to === 'firing' ? 'began' : 'ended', alarm }];
}

/** For a tab that nobody looks at. */
async function look(): Promise<void> {
  const fresh = await api.status();
  const [nowFiring, nowPending] = await Promise.all([
    fresh.alarms.firing > 0 ? api.alarms('firing', alarmsMax) : [],
    fresh.alarms.pending > 0 ? api.alarms('pending', alarmsMax) : [],
  ]);
  clockAheadMs = fresh.time_ms - Date.now();
  batch(() => {
    status.value = fresh;
    showAlarms([...nowFiring, ...nowPending], undefined);
    hear();
  });
}

function hear(): void {
  heardMs = performance.now();
  isHeard.value = true;
  lostMs.value = undefined;
  refusal.value = undefined;
}

/** Follows for ever. `wake` ends a wait, and a stream that is not wanted any more. */
async function follow(): Promise<never> {
  for (;;) {
    const wasHidden = isResting();
    stop = new AbortController();
    try {
      // What a pause misses comes with the stream that goes on after it.
      if (wasHidden) await (isPaused.value || look());
      else await followStream(lastEventId, { onSign: hear, onEvent: gather }, stop.signal);
      if (!wasHidden && !stop.signal.aborted) lostMs.value ??= performance.now();
    } catch (error) {
      if (!stop.signal.aborted) {
        lostMs.value ??= performance.now();
        refusal.value = error instanceof ApiError && error.status === 403 ? error.message : undefined;
      }
    }
    if (stop.signal.aborted) continue;
    await new Promise<void>((resolve) => {
      wakeUp = resolve;
      setTimeout(resolve, wasHidden ? everyHiddenMs : againMs);
    });
  }
}

let stop = new AbortController();
let wakeUp = (): void => {};

function wake(): void {
  stop.abort();
  wakeUp();
}

/** Begins to follow. Called once. */
export function startLive(): void {
  setInterval(() => {
    clock.value = performance.now();
    if (isStale.value) return;
    nowMs.value = Date.now() + clockAheadMs;
  }, 500);
  setInterval(() => {
    const samples = status.value?.samples_per_second;
    if (samples === undefined || isStale.value) return;
    sampleHistory.value = [...sampleHistory.value, samples ?? 0].slice(-historyMax);
  }, 1_000);
  document.addEventListener('visibilitychange', wake);
  // The browser knows at once, and the stream only when it has been silent for long.
  addEventListener('offline', () => {
    lostMs.value ??= performance.now();
    wake();
  });
  addEventListener('online', wake);
  token.subscribe(wake);
  isPaused.subscribe(wake);
  signInWanted.subscribe((wanted) => wanted === 'no' && wakeUp());
  // Who subscribes to a signal is called at once: before this there is nothing to wake.
  void follow();
}
