// The rules and events that B2 matches. A series has five tags, of which `machine_id` is its own; 16 series share a metric. A rule
// is for one series: it names its machine and some of the other tags, so that there are S different sets of names.
import { createReadStream, createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { metricName } from './metric-name.ts';
import { randomNumbers } from './random.ts';
import { assertRandomKeys } from './random-keys.ts';

export const seriesPerMetric = 16;
export const matchThreshold = 90;
const hitShare = 0.001;
const otherTags = ['zone', 'rack', 'team', 'tier'] as const;

function tagsOf(series: number, names: readonly string[]): Record<string, string> {
  const tags: Record<string, string> = { machine_id: `m-${series}` };
  for (const name of names) tags[name] = `${name[0]}${(series * 7 + name.length) % 10}`;
  return tags;
}

/** The rule on a series: its metric, and the tags that it names when there are `sets` different sets of names. */
export function ruleOn(series: number, sets: number): { metric: string; tags: Record<string, string> } {
  const set = series % sets;
  const names = otherTags.filter((_, bit) => (set & (1 << bit)) !== 0);
  return { metric: metricName(Math.floor(series / seriesPerMetric)), tags: tagsOf(series, names) };
}

export interface MatchEvent {
  readonly key: string;
  readonly value: string;
}

function eventOn(series: number, value: number): MatchEvent {
  const key = metricName(Math.floor(series / seriesPerMetric));
  return { key, value: `{"value": ${value}, "tags": ${JSON.stringify(tagsOf(series, otherTags))}}` };
}

/** Each series once, none of them a hit: what a subject must have seen before it is warm. */
export function* eachSeries(rules: number): Generator<MatchEvent> {
  for (let series = 0; series < rules; series++) yield eventOn(series, 50);
}

/** Writes events on random series as lines of key, tab, value. One in a thousand is above the rule's threshold. */
export async function writeEvents(file: string, rules: number, count: number): Promise<void> {
  const chance = randomNumbers(11);
  const out = createWriteStream(file);
  const drawn: string[] = [];
  for (let event = 0; event < count; event++) {
    const series = Math.floor(chance() * rules);
    if (rules <= 2_000) drawn.push(String(series));
    const value = chance() < hitShare ? 95 : Math.floor(chance() * 9_000) / 100;
    const { key, value: json } = eventOn(series, value);
    if (!out.write(`${key}\t${json}\n`)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
  // Of more names than these so few events do not tell; they are drawn in the same way.
  if (drawn.length > 0) assertRandomKeys(drawn);
}

export async function readEvents(file: string): Promise<MatchEvent[]> {
  const events: MatchEvent[] = [];
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const tab = line.indexOf('\t');
    events.push({ key: line.slice(0, tab), value: line.slice(tab + 1) });
  }
  return events;
}

/** After so many events it is noted what was found: the peers look at fewer of them than ours. */
export const lookedAt: readonly number[] = [5_000, 20_000, 50_000, 200_000, 1_000_000];

/** What a matcher found: how many events matched a rule, and the sum of their numbers. */
export interface Matches {
  readonly matched: number;
  readonly places: number;
}

export interface Matched {
  readonly nsPerEvent: number;
  readonly buildMs: number;
  readonly bytesPerRule: number;
  /** By the number of events they are of. */
  readonly found: Readonly<Record<string, Matches>>;
}
