// One round of B5: bystanders' alarms at an even pace, into which a storm breaks; and what came to Discord of both.
import { setTimeout as sleep } from 'node:timers/promises';
import type { NewRecord } from '../../src/log/record.ts';
import { topics } from '../../src/topics.ts';
import { metricName } from './metric-name.ts';
import { withLog } from './metrics-load.ts';
import { nodeCommand, start, type BenchProcess } from './processes.ts';
import { quantile } from './quantiles.ts';

/** What the storm's Discord says. Alarms are known by the number of their rule. */
export interface StormTaken {
  readonly arrivals: readonly (readonly [alarm: number, atMs: number])[];
  readonly messages: number;
  readonly limited: number;
  readonly whileEmpty: number;
  readonly banned: number;
}

export interface StormShape {
  readonly bootstrap: string;
  readonly webhooks: number;
  readonly alarmsOfEach: number;
  readonly quietMs: number;
  /** When a round is over though not all have arrived. */
  readonly stormMsMax: number;
}

export interface StormFigures {
  readonly drainMs: number;
  readonly lost: number;
  readonly doubled: number;
  readonly messages: number;
  /** Bystanders' messages between the storm's first sample and its last message: they take their share of the rate. */
  readonly amidst: number;
  readonly limited: number;
  readonly whileEmpty: number;
  readonly banned: number;
  /** From a bystander's sample to Discord. */
  readonly quietP99Ms: number;
  readonly stormP99Ms: number;
  readonly beganMs: number;
  /** By bystander: when each of its alarms came to Discord. */
  readonly heardMs: ReadonlyMap<number, readonly number[]>;
}

export const bystanders = 20;
const bystanderEveryMs = 250;
const stormParts = 20;
const stormMs = 1_000;
const lookEveryMs = 500;
const settleMs = 2_000;

/** The storm's alarms come first, then the bystanders', each with a webhook of its own. */
export function webhookOf(
  index: number,
  { webhooks, alarmsOfEach }: Pick<StormShape, 'webhooks' | 'alarmsOfEach'>,
): string {
  const count = webhooks * alarmsOfEach;
  const number = index < count ? index % webhooks : webhooks + index - count;
  const id = 1_100_000_000_000_000_000n + BigInt(number);
  return `https://discord.com/api/webhooks/${id}/${'a'.repeat(68)}`;
}

export interface StormDiscord extends BenchProcess {
  readonly apiBase: string;
}

/** Each round has a Discord of its own, which has seen nothing. */
export async function withStormDiscord<Value>(work: (discord: StormDiscord) => Promise<Value>): Promise<Value> {
  const running = start(nodeCommand('subjects/storm-discord.ts'));
  try {
    const { apiBase } = await running.next<{ apiBase: string }>();
    return await work({ ...running, apiBase });
  } finally {
    await running.end();
  }
}

type Fire = (indices: readonly number[], value: number) => Promise<void>;

/** By samples in `metrics`: 100 fires, 0 ends. */
export async function throughTheLog(
  bootstrap: string,
  work: (fire: Fire) => Promise<StormFigures>,
): Promise<StormFigures> {
  return withLog(bootstrap, (log) =>
    work(async (indices, value) => {
      const timestampMs = Date.now();
      const records = indices.map((index): NewRecord => {
        return { key: Buffer.from(metricName(index)), value: Buffer.from(JSON.stringify({ value })), timestampMs };
      });
      await log.append(topics.metrics.name, records);
    }),
  );
}

export async function storm(shape: StormShape, discord: StormDiscord, fire: Fire): Promise<StormFigures> {
  const count = shape.webhooks * shape.alarmsOfEach;
  const sentMs: [index: number, atMs: number][] = [];
  let sends = 0;
  const bystander = setInterval(() => {
    const index = count + (sends % bystanders);
    // Half a round later it is calm again.
    const calm = count + ((sends + bystanders / 2) % bystanders);
    sends++;
    sentMs.push([index, Date.now()]);
    void fire([index], 100).then(() => fire([calm], 0));
  }, bystanderEveryMs);
  await sleep(shape.quietMs);
  const beganMs = Date.now();
  const parts = Array.from({ length: stormParts }, (_, part) =>
    Array.from({ length: count / stormParts }, (_unused, at) => part * (count / stormParts) + at),
  );
  await Promise.all(parts.map((part, at) => sleep((at * stormMs) / stormParts).then(() => fire(part, 100))));
  await untilArrived(discord, count, shape.stormMsMax);
  clearInterval(bystander);
  await sleep(settleMs);
  discord.tell('take');
  return figuresOf(await discord.next<StormTaken>(), { count, beganMs, sentMs });
}

async function untilArrived(discord: StormDiscord, count: number, msMax: number): Promise<void> {
  for (const deadline = performance.now() + msMax; performance.now() < deadline; await sleep(lookEveryMs)) {
    discord.tell('sum');
    // Bystanders count as well: when the last of the storm is in, so are some of theirs.
    if ((await discord.next<{ alarms: number }>()).alarms >= count + bystanders) return;
  }
}

function figuresOf(
  taken: StormTaken,
  { count, beganMs, sentMs }: { count: number; beganMs: number; sentMs: readonly (readonly [number, number])[] },
): StormFigures {
  const { arrivals, ...more } = taken;
  const ofStorm = arrivals.filter(([index]) => index < count);
  const arrived = new Set(ofStorm.map(([index]) => index));
  const heardMs = Map.groupBy(arrivals, ([index]) => index);
  const seen = new Map<number, number>();
  const [quiet, stormy]: [number[], number[]] = [[], []];
  for (const [index, atMs] of sentMs) {
    // The alarms of one rule come in their order.
    const nth = seen.get(index) ?? 0;
    seen.set(index, nth + 1);
    const heard = heardMs.get(index)?.[nth]?.[1];
    if (heard !== undefined) (atMs < beganMs ? quiet : stormy).push(heard - atMs);
  }
  const endedMs = ofStorm.reduce((latest, [, atMs]) => Math.max(latest, atMs), beganMs);
  return {
    drainMs: endedMs - beganMs,
    amidst: arrivals.filter(([index, atMs]) => index >= count && atMs >= beganMs && atMs <= endedMs).length,
    lost: count - arrived.size,
    doubled: ofStorm.length - arrived.size,
    quietP99Ms: quantile(quiet, 0.99),
    stormP99Ms: quantile(stormy, 0.99),
    beganMs,
    heardMs: new Map(
      [...heardMs].filter(([index]) => index >= count).map(([index, all]) => [index, all.map(([, atMs]) => atMs)]),
    ),
    ...more,
  };
}
