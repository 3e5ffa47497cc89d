// What is going on, asked for once a second. What cannot be renewed is shown as old, never as live.
import { batch, computed, signal } from '@preact/signals';
import { ApiError, api, signInWanted, token, type AlarmView, type StatusView } from './api.ts';

const everyMs = 1_000;
/** Nobody looks: only the tab's title must stay true. */
const everyHiddenMs = 5_000;
const staleMs = 5_000;
const alarmsMax = 200;
const historyMax = 60;

export const status = signal<StatusView | undefined>(undefined);
export const firing = signal<readonly AlarmView[]>([]);
export const pending = signal<readonly AlarmView[]>([]);
/** The last minute of `samples_last_minute`, oldest first, for the small line. */
export const sampleHistory = signal<readonly number[]>([]);
/** What began and ended while this page was open, newest first. */
export const changes = signal<readonly AlarmChange[]>([]);
/** The server's clock now, which durations are measured by. */
export const nowMs = signal(Date.now());
/** Why the last attempt failed, when it did for another reason than a lost connection. */
export const refusal = signal<string | undefined>(undefined);

export interface AlarmChange {
  readonly atMs: number;
  readonly kind: 'began' | 'ended';
  readonly alarm: AlarmView;
}

const changesMax = 20;
const lastSuccessMs = signal<number | undefined>(undefined);
const failed = signal(false);
const clock = signal(performance.now());

export type Connection =
  | { readonly state: 'starting' | 'live' | 'reconnecting' | 'signed-out' }
  | { readonly state: 'stale'; readonly seconds: number };

export const connection = computed((): Connection => {
  if (signInWanted.value !== 'no') return { state: 'signed-out' };
  if (lastSuccessMs.value === undefined) return { state: failed.value ? 'reconnecting' : 'starting' };
  const ageMs = clock.value - lastSuccessMs.value;
  if (ageMs > staleMs) return { state: 'stale', seconds: Math.floor(ageMs / 1000) };
  return { state: failed.value ? 'reconnecting' : 'live' };
});

/** What is shown cannot be renewed right now, so it is not shown as live. */
export const isStale = computed(() => ['stale', 'signed-out'].includes(connection.value.state));

export const alarmKey = (alarm: AlarmView): string =>
  JSON.stringify([alarm.rule_id, alarm.metric_name, alarm.tags ?? {}]);

let clockAheadMs = 0;

async function ask(): Promise<void> {
  const fresh = await api.status();
  const [nowFiring, nowPending] = await Promise.all([
    fresh.alarms.firing > 0 ? api.alarms('firing', alarmsMax) : [],
    fresh.alarms.pending > 0 ? api.alarms('pending', alarmsMax) : [],
  ]);
  clockAheadMs = fresh.time_ms - Date.now();
  // At once, so that nobody sees a count of one answer beside the list of another.
  batch(() => {
    // What fires when the page opens did not begin then.
    if (status.value !== undefined) noteChanges(nowFiring, fresh.time_ms);
    status.value = fresh;
    firing.value = nowFiring;
    pending.value = nowPending;
    sampleHistory.value = [...sampleHistory.value, fresh.samples_last_minute ?? 0].slice(-historyMax);
    lastSuccessMs.value = performance.now();
  });
}

function noteChanges(nowFiring: readonly AlarmView[], atMs: number): void {
  const [before, now] = [new Set(firing.value.map(alarmKey)), new Set(nowFiring.map(alarmKey))];
  // A list that is cut at its limit says nothing of what is beyond.
  if (before.size >= alarmsMax || now.size >= alarmsMax) return;
  const began = nowFiring.filter((alarm) => !before.has(alarmKey(alarm)));
  const ended = firing.value.filter((alarm) => !now.has(alarmKey(alarm)));
  if (began.length + ended.length === 0) return;
  const noted = [
    ...began.map((alarm): AlarmChange => ({ atMs, kind: 'began', alarm })),
    ...ended.map((alarm): AlarmChange => ({ atMs, kind: 'ended', alarm })),
  ];
  changes.value = [...noted, ...changes.value].slice(0, changesMax);
}

/** Asks for ever. A signal of `wake` ends a wait early. */
async function follow(): Promise<never> {
  for (;;) {
    try {
      await ask();
      failed.value = false;
      refusal.value = undefined;
    } catch (error) {
      failed.value = true;
      refusal.value = error instanceof ApiError && error.status === 403 ? error.message : undefined;
    }
    await new Promise<void>((resolve) => {
      wake = resolve;
      setTimeout(resolve, document.hidden ? everyHiddenMs : everyMs);
    });
  }
}

let wake = (): void => {};

/** Begins to follow. Called once. */
export function startLive(): void {
  void follow();
  setInterval(() => {
    clock.value = performance.now();
    if (!isStale.value) nowMs.value = Date.now() + clockAheadMs;
  }, 500);
  document.addEventListener('visibilitychange', () => wake());
  token.subscribe(() => wake());
  signInWanted.subscribe((wanted) => wanted === 'no' && wake());
}
