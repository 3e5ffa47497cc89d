// The live state, streamed by the server. What cannot be refreshed is shown as stale, never as live.
//
// Only a visible tab holds a stream, since a browser opens just six connections to a host. A hidden tab polls, so that its
// title stays true, and receives what it missed when it becomes visible.
import type { AlarmView } from '../../../wire/alarms.ts';
import type { StatusView } from '../../../wire/status.ts';
import type { StreamDelta, StreamSnapshot } from '../../../wire/stream.ts';
import type { NewsItem } from '../../../wire/timeline.ts';
import { batch, computed, signal, type Signal } from '@preact/signals';
import { ApiError, api, signInWanted, token } from './api.ts';
import { isPaused, isResting } from './pause.ts';
import type { StreamEvent } from './stream-frame.ts';
import { followStream } from './stream.ts';

const againMs = 1_000;
const everyHiddenMs = 5_000;
const staleMs = 1_500;
const alarmsMax = 200;
const historyMax = 60;

export const status = signal<StatusView | undefined>(undefined);
/** Firing alarms, longest first. */
export const firing = signal<readonly LiveAlarm[]>([]);
export const pending = signal<readonly LiveAlarm[]>([]);
/** The last minute of `samples_per_second`, oldest first, for the sparkline. */
export const sampleHistory = signal<readonly number[]>([]);
/** Alarms that fired or ended recently, newest first. */
export const changes = signal<readonly AlarmChange[]>([]);
/** The server's time, which durations are computed from. */
export const nowMs = signal(Date.now());
/** Why the last attempt failed, if it was not a lost connection. */
export const refusal = signal<string | undefined>(undefined);

/** One alarm while it is pending or firing. Its value is a signal of its own, so that a sample redraws nothing else. */
export interface LiveAlarm {
  readonly key: string;
  /** With the values from when the state began. */
  readonly view: Signal<AlarmView>;
  /** The compared value now, if known, otherwise the one from when the state began. */
  readonly value: Signal<number | null>;
  readonly isCurrent: Signal<boolean>;
}

export interface AlarmChange {
  /** Its position in the log. */
  readonly place: string;
  readonly atMs: number;
  readonly kind: 'began' | 'ended';
  readonly alarm: AlarmView;
}

const changesMax = 50;
const hasAnswered = signal(false);
/** When the last sign of the server arrived. */
let lastSignMs = 0;
/** Since when the server has been unreachable. */
const lostMs = signal<number | undefined>(undefined);
const clock = signal(performance.now());

export type Connection =
  | { readonly state: 'starting' | 'live' | 'reconnecting' | 'signed-out' | 'paused' }
  | { readonly state: 'stale'; readonly seconds: number };

export const connection = computed((): Connection => {
  if (signInWanted.value !== 'no') return { state: 'signed-out' };
  if (isPaused.value) return { state: 'paused' };
  const lost = lostMs.value;
  if (!hasAnswered.value) return { state: lost === undefined ? 'starting' : 'reconnecting' };
  if (lost === undefined) return { state: 'live' };
  if (clock.value - lost <= staleMs) return { state: 'reconnecting' };
  return { state: 'stale', seconds: Math.floor((clock.value - lastSignMs) / 1000) };
});

/** What is shown cannot be refreshed, so it must not look live. */
export const isStale = computed(() => ['stale', 'signed-out', 'paused'].includes(connection.value.state));

const alarmKey = (alarm: AlarmView): string => JSON.stringify([alarm.rule_id, alarm.metric_name, alarm.tags ?? {}]);

let clockAheadMs = 0;
let lastEventId: string | undefined;
let alarms = new Map<string, LiveAlarm>();

/** All events of one frame are shown together, so that a count never differs from the list beside it. */
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

function show(delta: StreamDelta, isWhole: boolean): void {
  clockAheadMs = delta.time_ms - Date.now();
  if (delta.status !== undefined)
    status.value = { ...status.value!, ...delta.status, time_ms: delta.time_ms } as StatusView;
  if (isWhole || delta.alarms !== undefined || delta.gone !== undefined)
    showAlarms(delta.alarms ?? [], isWhole ? undefined : (delta.gone ?? []));
  const added = (delta.feed ?? []).flatMap(changesOf);
  if (added.length === 0) return;
  const known = new Set(changes.value.map(({ place }) => place));
  const fresh = added.filter(({ place }) => !known.has(place)).toReversed();
  changes.value = [...fresh, ...changes.value].slice(0, changesMax);
}

/** Takes all alarms (`gone` undefined), or the changed ones with those that are gone. */
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

/** Compares two views of one alarm. */
function isSameButForValue(one: AlarmView, other: AlarmView): boolean {
  return (['state', 'since_ms', 'cause', 'deferred', 'silent_since_ms', 'level', 'alarm_id'] as const).every(
    (field) => one[field] === other[field],
  );
}

/** Keeps the list when it holds the same alarms in the same order. */
function renew(list: Signal<readonly LiveAlarm[]>, fresh: readonly LiveAlarm[]): void {
  const isSame = fresh.length === list.value.length && fresh.every((alarm, index) => alarm === list.value[index]);
  if (!isSame) list.value = fresh;
}

function changesOf(item: NewsItem): AlarmChange[] {
  if (item.kind !== 'transition' || (item.to !== 'firing' && item.from !== 'firing')) return [];
  const alarm: AlarmView = { ...item, state: item.to };
  return [{ place: item.place, atMs: item.at_ms, kind: item.to === 'firing' ? 'began' : 'ended', alarm }];
}

/** The poll of a hidden tab. */
async function poll(): Promise<void> {
  const fresh = await api.status();
  const [nowFiring, nowPending] = await Promise.all([
    fresh.alarms.firing > 0 ? api.alarms('firing', alarmsMax) : [],
    fresh.alarms.pending > 0 ? api.alarms('pending', alarmsMax) : [],
  ]);
  clockAheadMs = fresh.time_ms - Date.now();
  batch(() => {
    status.value = fresh;
    showAlarms([...nowFiring, ...nowPending], undefined);
    noteSign();
  });
}

function noteSign(): void {
  lastSignMs = performance.now();
  hasAnswered.value = true;
  lostMs.value = undefined;
  refusal.value = undefined;
}

/** Follows the server until the page is closed. `wake` ends a wait, and a stream that is no longer wanted. */
async function follow(): Promise<never> {
  for (;;) {
    const wasHidden = isResting();
    stop = new AbortController();
    try {
      // What a pause misses arrives with the next stream.
      if (wasHidden) await (isPaused.value || poll());
      else await followStream(lastEventId, { onSign: noteSign, onEvent: gather }, stop.signal);
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

/** Starts following. Called once. */
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
  // The browser notices a lost network at once, the stream only after a long silence.
  addEventListener('offline', () => {
    lostMs.value ??= performance.now();
    wake();
  });
  addEventListener('online', wake);
  token.subscribe(wake);
  isPaused.subscribe(wake);
  signInWanted.subscribe((wanted) => wanted === 'no' && wakeUp());
  // A new subscriber of a signal is called at once; before this line there is nothing to wake.
  void follow();
}
