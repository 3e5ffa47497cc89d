// What is going on, told by the server as it happens. What cannot be renewed is shown as old, never as live.
//
// Only a tab that is looked at holds a stream, for a browser opens six connections to a host and no more; a hidden one looks
// now and then, so that its title stays true, and hears what it missed when it is looked at again.
import { batch, computed, signal } from '@preact/signals';
import { ApiError, api, signInWanted, token, type AlarmView, type StatusView } from './api.ts';
import { isPaused, isResting } from './pause.ts';
import { followStream, type StreamEvent } from './stream.ts';

const againMs = 1_000;
const everyHiddenMs = 5_000;
const staleMs = 1_500;
const alarmsMax = 200;
const historyMax = 60;

export const status = signal<StatusView | undefined>(undefined);
export const firing = signal<readonly AlarmView[]>([]);
export const pending = signal<readonly AlarmView[]>([]);
/** The last minute of `samples_per_second`, oldest first, for the small line. */
export const sampleHistory = signal<readonly number[]>([]);
/** What began and ended lately, newest first. */
export const changes = signal<readonly AlarmChange[]>([]);
/** The server's clock now, which durations are measured by. */
export const nowMs = signal(Date.now());
/** Why the last attempt failed, when it did for another reason than a lost connection. */
export const refusal = signal<string | undefined>(undefined);

export interface AlarmChange {
  /** Its place in the log. */
  readonly place: string;
  readonly atMs: number;
  readonly kind: 'began' | 'ended';
  readonly alarm: AlarmView;
}

const changesMax = 50;
const heardMs = signal<number | undefined>(undefined);
/** Since when the server has not been there. */
const lostMs = signal<number | undefined>(undefined);
const clock = signal(performance.now());

export type Connection =
  | { readonly state: 'starting' | 'live' | 'reconnecting' | 'signed-out' | 'paused' }
  | { readonly state: 'stale'; readonly seconds: number };

export const connection = computed((): Connection => {
  if (signInWanted.value !== 'no') return { state: 'signed-out' };
  if (isPaused.value) return { state: 'paused' };
  const [heard, lost] = [heardMs.value, lostMs.value];
  if (heard === undefined) return { state: lost === undefined ? 'starting' : 'reconnecting' };
  if (lost === undefined) return { state: 'live' };
  if (clock.value - lost <= staleMs) return { state: 'reconnecting' };
  return { state: 'stale', seconds: Math.floor((clock.value - heard) / 1000) };
});

/** What is shown cannot be renewed right now, so it is not shown as live. */
export const isStale = computed(() => ['stale', 'signed-out', 'paused'].includes(connection.value.state));

export const alarmKey = (alarm: AlarmView): string =>
  JSON.stringify([alarm.rule_id, alarm.metric_name, alarm.tags ?? {}]);

let clockAheadMs = 0;
let lastEventId: string | undefined;
let alarms = new Map<string, AlarmView>();

/** A transition as the server tells it. */
interface FeedTransition extends Omit<AlarmView, 'state'> {
  readonly kind: string;
  readonly place: string;
  readonly at_ms: number;
  readonly from?: AlarmView['state'];
  readonly to: AlarmView['state'];
}

interface StreamData {
  readonly time_ms: number;
  readonly status?: Partial<StatusView>;
  readonly alarms?: readonly AlarmView[];
  readonly gone?: readonly AlarmView[];
  readonly feed?: readonly FeedTransition[];
}

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
      show(data as StreamData, event === 'snapshot');
    }
  });
}

function show(told: StreamData, isWhole: boolean): void {
  clockAheadMs = told.time_ms - Date.now();
  if (told.status !== undefined) status.value = { ...status.value!, ...told.status, time_ms: told.time_ms };
  if (isWhole) alarms = new Map();
  for (const alarm of told.alarms ?? []) alarms.set(alarmKey(alarm), alarm);
  for (const alarm of told.gone ?? []) alarms.delete(alarmKey(alarm));
  if (isWhole || told.alarms !== undefined || told.gone !== undefined) {
    const sorted = [...alarms.values()].sort((one, other) => (one.since_ms ?? 0) - (other.since_ms ?? 0));
    firing.value = sorted.filter(({ state }) => state === 'firing');
    pending.value = sorted.filter(({ state }) => state === 'pending');
  }
  const news = (told.feed ?? []).flatMap(changesOf);
  if (news.length === 0) return;
  const known = new Set(changes.value.map(({ place }) => place));
  const fresh = news.filter(({ place }) => !known.has(place)).toReversed();
  changes.value = [...fresh, ...changes.value].slice(0, changesMax);
}

function changesOf(item: FeedTransition): AlarmChange[] {
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
    firing.value = nowFiring;
    pending.value = nowPending;
    hear();
  });
}

function hear(): void {
  heardMs.value = performance.now();
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
  void follow();
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
}
