import type { AlarmRecord } from '../../alarm/alarm-record.ts';
import type { Clock } from '../../base/clock.ts';
import type { AlarmView } from '../../wire/alarms.ts';
import { aborted } from '../../base/service.ts';
import type { Meter } from '../../base/meter.ts';
import type { StatusNumbers } from '../../wire/status.ts';
import type { StreamDelta, StreamSnapshot } from '../../wire/stream.ts';
import type { CurrentValue } from '../query/current-value.ts';
import { compareSeverity } from '../query/rule-summary.ts';
import { formatPositions, type FeedItem, type FeedPositions } from '../live/feed.ts';
import type { LiveStore } from '../live/live-store.ts';
import { shownAlarm } from '../query/shown-alarm.ts';
import { shownFeedItem } from '../query/shown-feed.ts';
import type { StreamClient } from './stream-client.ts';

export interface LiveHubOptions {
  readonly live: LiveStore;
  readonly status: () => StatusNumbers;
  readonly current: CurrentValue;
  readonly clock: Clock;
  readonly meter: Meter;
}

/** Batch interval: at most ten updates a second. */
const gatherMs = 100;
/** Interval of values that are expensive to compute. */
const slowEveryMs = 1_000;
const slowAlarms = 2_000;
const heartbeatMs = 5_000;
/** Alarms of one state that are sent; of further ones only their number. */
const alarmsSentMax = 200;
/** Past items that a new client gets. */
const feedAtStart = 50;
/** Replay limit of a client that reconnects; when it missed more, `is_complete` is false. */
const feedMissedMax = 5_000;
/** A client that reads nothing for this long is disconnected; it may reconnect. */
const blockedMsMax = 15_000;

/**
 * Sends changes to every client, ten times a second: a snapshot, then the differences. A frame for all clients is built once.
 *
 *   store ──> collected items, alarms, numbers ──tick──> one frame ──> each client that has room
 *                                                                  └─> others: nothing now; when they have room again, a
 *                                                                      snapshot and the items since the last one sent
 *
 * No queue is kept for a client beyond its socket's buffer: a slow one misses intermediate values, never a transition.
 */
export class LiveHub {
  readonly #options: LiveHubOptions;
  readonly #clients = new Set<StreamClient>();
  #gathered: FeedItem[] = [];
  #sent: SentState = { status: undefined, alarms: new Map() };
  #sentVersion = -1;
  #slowMs = 0;

  constructor(options: LiveHubOptions) {
    this.#options = options;
    options.meter.gauge('console_streams', 'Browsers that follow what happens', [], (gauge) =>
      gauge.set(this.#clients.size),
    );
    options.live.feed.subscribe((item) => {
      if (this.#clients.size === 0) return;
      this.#gathered.push(item);
    });
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  get isReady(): boolean {
    return this.#options.live.isCaughtUp;
  }

  /** Open streams of a subject. */
  streamsOf(subject: string): number {
    return [...this.#clients].filter((client) => client.subject === subject).length;
  }

  /** Sends the client a snapshot with the items since these positions, and changes from then on. */
  join(client: StreamClient, since: FeedPositions | undefined): void {
    // The snapshot contains changes that the other clients have yet to get.
    this.#flush(true);
    this.#clients.add(client);
    client.onRoom = () => this.#catchUp(client);
    client.onGone = () => this.#clients.delete(client);
    this.#snapshot(client, since);
  }

  async run(signal: AbortSignal): Promise<void> {
    const stop = this.#options.clock.every(gatherMs, () => this.#tick());
    await aborted(signal);
    stop();
    this.end();
  }

  /** Ends all streams. */
  end(): void {
    for (const client of [...this.#clients]) client.end();
  }

  #tick(): void {
    if (this.#clients.size === 0) {
      this.#gathered = [];
      return;
    }
    this.#flush();
    const nowMs = this.#options.clock.wallMs();
    for (const client of [...this.#clients]) {
      if (client.isOver(nowMs) || client.blockedMs() > blockedMsMax) client.end();
      else if (client.quietMs() >= heartbeatMs) client.send(': still here\n\n', undefined);
    }
  }

  /** Sends the collected changes to all clients. `isWhole`: with the expensive values, which a snapshot needs. */
  #flush(isWhole = false): void {
    const { live, clock } = this.#options;
    if (!live.isCaughtUp) return;
    const before = this.#sent;
    this.#look(isWhole);
    const items = this.#gathered;
    this.#gathered = [];
    const changes: Omit<StreamDelta, 'feed'> = { time_ms: clock.wallMs(), ...difference(before, this.#sent) };
    const isQuiet = items.length === 0 && Object.keys(changes).length === 1;
    if (isQuiet) return;
    const shown = items.map((item) => ({ kind: item.kind, json: JSON.stringify(shownFeedItem(item, live)) }));
    const { positions } = live.feed;
    const head = `event: delta\nid: ${formatPositions(positions)}\ndata: ${JSON.stringify(changes).slice(0, -1)}`;
    const frames = new Map<string, string>();
    for (const client of this.#clients) {
      const key = client.kinds.join();
      let frame = frames.get(key);
      if (frame === undefined) {
        const wanted = shown.filter(({ kind }) => client.kinds.includes(kind)).map(({ json }) => json);
        frame = `${head}${wanted.length > 0 ? `,"feed":[${wanted.join()}]` : ''}}\n\n`;
        frames.set(key, frame);
      }
      client.send(frame, positions);
    }
  }

  /** Reads the present state. Differences from the state before must be sent to all clients. */
  #look(isWhole: boolean): void {
    const { live, status } = this.#options;
    const nowMs = this.#options.clock.monotonicMs();
    const isSlowDue = isWhole || nowMs - this.#slowMs >= slowEveryMs;
    const { counts, version } = live.alarms;
    const isLong = counts.firing + counts.pending > slowAlarms;
    const isChanged = version !== this.#sentVersion && (isSlowDue || !isLong);
    const alarms =
      isChanged || isSlowDue ? this.#alarmsNow(isChanged ? version : undefined, isSlowDue) : this.#sent.alarms;
    const before = this.#sent.status;
    const numbers = isSlowDue || before === undefined ? status() : { ...before, alarms: { ...counts } };
    if (isSlowDue) this.#slowMs = nowMs;
    this.#sent = { status: numbers, alarms };
  }

  /** The alarms of a new version, or those sent before. Values are read again for new alarms, and for others when that is due. */
  #alarmsNow(version: number | undefined, isValueDue: boolean): SentState['alarms'] {
    const before = this.#sent.alarms;
    const { current } = this.#options;
    const alarms = version === undefined ? [...before.values()].map(({ alarm }) => alarm) : this.#mostSevere(version);
    const now = new Map<string, SentAlarm>();
    for (const alarm of alarms) {
      const [key, known] = [alarmKey(alarm), before.get(alarmKey(alarm))];
      const isSame = known?.alarm === alarm && !(isValueDue && known.value !== current(alarm));
      now.set(key, isSame ? known : { alarm, value: current(alarm) });
    }
    return version === undefined && [...now].every(([key, alarm]) => before.get(key) === alarm) ? before : now;
  }

  #mostSevere(version: number): AlarmRecord[] {
    this.#sentVersion = version;
    const sorted = [...this.#options.live.alarms.active()].sort(compareSeverity);
    const firing = sorted.filter(({ state }) => state.state === 'firing').slice(0, alarmsSentMax);
    const pending = sorted.filter(({ state }) => state.state === 'pending').slice(0, alarmsSentMax);
    return [...firing, ...pending];
  }

  #snapshot(client: StreamClient, since: FeedPositions | undefined): void {
    const { live, clock, status } = this.#options;
    const { positions } = live.feed;
    const { items, complete } = this.#itemsSince(client, since);
    const data: StreamSnapshot = {
      time_ms: clock.wallMs(),
      status: this.#sent.status ?? status(),
      alarms: [...this.#sent.alarms.values()].map(shownSent),
      feed: items.map((item) => shownFeedItem(item, live)),
      is_resumed: since !== undefined,
      is_complete: complete,
    };
    client.send(`event: snapshot\nid: ${formatPositions(positions)}\ndata: ${JSON.stringify(data)}\n\n`, positions);
  }

  #itemsSince(client: StreamClient, since: FeedPositions | undefined): { items: FeedItem[]; complete: boolean } {
    const { feed } = this.#options.live;
    const isWanted = ({ kind }: FeedItem): boolean => client.kinds.includes(kind);
    if (since === undefined) {
      const newest = Iterator.from(feed.newestFirst()).filter(isWanted).take(feedAtStart).toArray();
      return { items: newest.reverse(), complete: true };
    }
    const missed = feed.since(since);
    const items = missed.items.filter(isWanted);
    return { items: items.slice(-feedMissedMax), complete: missed.complete && items.length <= feedMissedMax };
  }

  /** A client that had no room has some again. */
  #catchUp(client: StreamClient): void {
    this.#flush(true);
    client.takeUp();
    this.#snapshot(client, client.positions);
  }
}

/** The state that clients were sent last. */
interface SentState {
  readonly status: StatusNumbers | undefined;
  readonly alarms: ReadonlyMap<string, SentAlarm>;
}

/** The same object until something in it changes. */
interface SentAlarm {
  readonly alarm: AlarmRecord;
  /** The compared value, as last read. */
  readonly value: number | undefined;
}

const shownSent = ({ alarm, value }: SentAlarm): AlarmView => shownAlarm(alarm, value);

function difference(before: SentState, now: SentState): Omit<StreamDelta, 'time_ms' | 'feed'> {
  const known: Readonly<Record<string, unknown>> = { ...before.status };
  const status = Object.entries({ ...now.status }).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(known[name]),
  );
  const isSame = before.alarms === now.alarms;
  const set = isSame ? [] : [...now.alarms].filter(([key, alarm]) => before.alarms.get(key) !== alarm);
  const gone = isSame ? [] : [...before.alarms].filter(([key]) => !now.alarms.has(key));
  return {
    ...(status.length > 0 && { status: Object.fromEntries(status) }),
    ...(set.length + gone.length > 0 && {
      alarms: set.map(([, alarm]) => shownSent(alarm)),
      gone: gone.map(([, alarm]) => shownSent(alarm)),
    }),
  };
}

const alarmKey = ({ ruleId, series }: AlarmRecord): string => `${ruleId} ${JSON.stringify([series.name, series.tags])}`;
