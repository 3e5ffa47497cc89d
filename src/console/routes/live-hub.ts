import type { AlarmRecord } from '../../alarm/alarm-record.ts';
import type { Clock } from '../../base/clock.ts';
import type { AlarmView } from '../../wire/alarms.ts';
import { aborted } from '../../base/service.ts';
import type { Meter } from '../../base/meter.ts';
import type { StatusNumbers } from '../../wire/status.ts';
import type { StreamDelta, StreamSnapshot } from '../../wire/stream.ts';
import type { CurrentValue } from '../query/current-value.ts';
import { compareGravity } from '../query/rule-summary.ts';
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

/** Changes are gathered for so long: ten frames a second are as many as anybody sees. */
const gatherMs = 100;
/** What costs more than a look is looked at less often. */
const slowEveryMs = 1_000;
const slowAlarms = 2_000;
const heartbeatMs = 5_000;
/** Alarms of one state that are told of; of more only their number. */
const alarmsToldMax = 200;
/** What a client that begins is told of the past. */
const feedAtStart = 50;
/** What a client that comes back is told at the most; of more it hears that something is missing. */
const feedMissedMax = 5_000;
/** Who takes nothing for so long is let go, and may come back. */
const blockedMsMax = 15_000;

/**
 * Tells every client what changes, ten times a second: a snapshot, then what differs from it. What is sent to all is made once.
 *
 *   store ──> gathered items, alarms, numbers ──tick──> one frame ──> each client that has room
 *                                                                 └─> others: nothing now; when they have room again, a
 *                                                                     snapshot and the items since the last they were sent
 *
 * So nothing is held for a client but what its socket holds; a slow one misses values in between, and never a transition.
 */
export class LiveHub {
  readonly #options: LiveHubOptions;
  readonly #clients = new Set<StreamClient>();
  #gathered: FeedItem[] = [];
  #told: Told = { status: undefined, alarms: new Map() };
  #toldVersion = -1;
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

  /** Streams that a subject has open. */
  streamsOf(subject: string): number {
    return [...this.#clients].filter((client) => client.subject === subject).length;
  }

  /** Tells the client how things are, what it missed since these positions, and from then on what changes. */
  join(client: StreamClient, since: FeedPositions | undefined): void {
    // What others are still to be told this one finds in its snapshot.
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

  /** Tells all clients what was gathered. `isWhole`: also what costs more than a look, for somebody is to have a snapshot. */
  #flush(isWhole = false): void {
    const { live, clock } = this.#options;
    if (!live.isCaughtUp) return;
    const before = this.#told;
    this.#look(isWhole);
    const items = this.#gathered;
    this.#gathered = [];
    const changes: Omit<StreamDelta, 'feed'> = { time_ms: clock.wallMs(), ...difference(before, this.#told) };
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

  /** Looks at how things are. All clients must be told what differs from before. */
  #look(isWhole: boolean): void {
    const { live, status } = this.#options;
    const nowMs = this.#options.clock.monotonicMs();
    const isSlowDue = isWhole || nowMs - this.#slowMs >= slowEveryMs;
    const { counts, version } = live.alarms;
    const isLong = counts.firing + counts.pending > slowAlarms;
    const isChanged = version !== this.#toldVersion && (isSlowDue || !isLong);
    const alarms =
      isChanged || isSlowDue ? this.#alarmsNow(isChanged ? version : undefined, isSlowDue) : this.#told.alarms;
    const before = this.#told.status;
    const numbers = isSlowDue || before === undefined ? status() : { ...before, alarms: { ...counts } };
    if (isSlowDue) this.#slowMs = nowMs;
    this.#told = { status: numbers, alarms };
  }

  /** Of another version than was told, or of the same. Values are looked at anew of what is new, and else when that is due. */
  #alarmsNow(version: number | undefined, isValueDue: boolean): Told['alarms'] {
    const before = this.#told.alarms;
    const { current } = this.#options;
    const told = version === undefined ? [...before.values()].map(({ alarm }) => alarm) : this.#gravest(version);
    const now = new Map<string, ToldAlarm>();
    for (const alarm of told) {
      const [key, known] = [alarmKey(alarm), before.get(alarmKey(alarm))];
      const isSame = known?.alarm === alarm && !(isValueDue && known.value !== current(alarm));
      now.set(key, isSame ? known : { alarm, value: current(alarm) });
    }
    return version === undefined && [...now].every(([key, alarm]) => before.get(key) === alarm) ? before : now;
  }

  #gravest(version: number): AlarmRecord[] {
    this.#toldVersion = version;
    const sorted = [...this.#options.live.alarms.unquiet()].sort(compareGravity);
    const firing = sorted.filter(({ state }) => state.state === 'firing').slice(0, alarmsToldMax);
    const pending = sorted.filter(({ state }) => state.state === 'pending').slice(0, alarmsToldMax);
    return [...firing, ...pending];
  }

  #snapshot(client: StreamClient, since: FeedPositions | undefined): void {
    const { live, clock, status } = this.#options;
    const { positions } = live.feed;
    const { items, complete } = this.#itemsSince(client, since);
    const data: StreamSnapshot = {
      time_ms: clock.wallMs(),
      status: this.#told.status ?? status(),
      alarms: [...this.#told.alarms.values()].map(shownTold),
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

/** What clients have been told last. */
interface Told {
  readonly status: StatusNumbers | undefined;
  readonly alarms: ReadonlyMap<string, ToldAlarm>;
}

/** The same object as long as nothing of it is another. */
interface ToldAlarm {
  readonly alarm: AlarmRecord;
  /** What is compared now, as it was last looked at. */
  readonly value: number | undefined;
}

const shownTold = ({ alarm, value }: ToldAlarm): AlarmView => shownAlarm(alarm, value);

function difference(before: Told, now: Told): Omit<StreamDelta, 'time_ms' | 'feed'> {
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
      alarms: set.map(([, alarm]) => shownTold(alarm)),
      gone: gone.map(([, alarm]) => shownTold(alarm)),
    }),
  };
}

const alarmKey = ({ ruleId, series }: AlarmRecord): string => `${ruleId} ${JSON.stringify([series.name, series.tags])}`;
