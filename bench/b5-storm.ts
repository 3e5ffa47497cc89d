// B5: a hundred thousand rules fire within a second, a hundred for each of a thousand webhooks, at a Discord with its true limits;
// beside them bystanders, whose alarms come at an even pace before and meanwhile.
import { parseNotification, type Notification } from '../src/alarm/notification.ts';
import { recordsOf } from '../src/log/batch.ts';
import type { Log } from '../src/log/log.ts';
import { packDiscord } from '../src/receiver/discord/message.ts';
import { topics } from '../src/topics.ts';
import { alertmanagerStorm, hasAlertmanager } from './support/alertmanager.ts';
import { withSubject } from './support/detection-run.ts';
import { forgetWhatWasWritten, prepareRules, withBroker, withLog } from './support/metrics-load.ts';
import { pairsOf, type Options } from './support/options.ts';
import { runPairs } from './support/pairs.ts';
import { nodeCommand } from './support/processes.ts';
import type { Result } from './support/result.ts';
import { quantile } from './support/quantiles.ts';
import { median, type Interval } from './support/statistics.ts';
import {
  bystanders,
  storm,
  throughTheLog,
  webhookOf,
  withStormDiscord,
  type StormDiscord,
  type StormFigures,
  type StormShape,
} from './support/storm.ts';

/** What Discord allows an address in a second, and what ours takes of it by default: others may be behind the same address. */
const [allowedPerSecond, takenPerSecond] = [50, 40];
/** A peer that has not drained in twice the time that ours needs is not waited for. */
const peerMsMax = 240_000;

type Subject = 'ours' | 'naive' | 'alertmanager';
interface Round extends StormFigures {
  /** The fewest messages that carry the alarms that ours was due, as it merges them. Of peers 0. */
  readonly messagesLeast: number;
  /** From a bystander's notification in the log to Discord: delivery alone, whatever its sample waited for. Of peers 0. */
  readonly notifiedQuietP99Ms: number;
  readonly notifiedStormP99Ms: number;
}

export async function stormOfAlarms(options: Options): Promise<Result[]> {
  return withBroker(async ({ bootstrap }) => {
    const [webhooks, alarmsOfEach] = options.isShort ? [20, 100] : [1_000, 100];
    const shape = {
      bootstrap,
      webhooks,
      alarmsOfEach,
      quietMs: options.isShort ? 3_000 : 60_000,
      stormMsMax: peerMsMax,
    };
    const names = webhooks * alarmsOfEach + bystanders;
    await withLog(bootstrap, (log) =>
      prepareRules(log, names, (index) => ({ discord_webhook_url: webhookOf(index, shape) })),
    );
    const short = { ...shape, stormMsMax: options.isShort ? 15_000 : peerMsMax };
    const subjects: Partial<Record<Subject, () => Promise<Round>>> = {
      ours: () => withStormDiscord((discord) => ours(shape, discord)),
      naive: () => withStormDiscord((discord) => naive(short, discord, names)),
    };
    if (hasAlertmanager())
      subjects.alertmanager = () => withStormDiscord(async (discord) => peer(await alertmanagerStorm(short, discord)));
    const plan = {
      scenario: 'B5',
      pairs: pairsOf(options, 2),
      subjects: subjects as Record<Subject, () => Promise<Round>>,
      describe,
    };
    const rounds = await runPairs(plan, options);
    return [
      ...oursRows(rounds.ours),
      ...peerRows('naive sender', rounds.naive),
      ...peerRows('Alertmanager', rounds.alertmanager),
    ];
  });
}

async function ours(shape: StormShape, discord: StormDiscord): Promise<Round> {
  const { bootstrap } = shape;
  await forgetWhatWasWritten(bootstrap, 'next');
  return withSubject(nodeCommand('subjects/alarms-service.ts', bootstrap, discord.apiBase), async () => {
    const figures = await throughTheLog(bootstrap, (fire) => storm(shape, discord, fire));
    return withLog(bootstrap, async (log) => ({
      ...figures,
      messagesLeast: await leastMessages(log, shape),
      ...(await delivery(log, shape, figures)),
    }));
  });
}

function naive(shape: StormShape, discord: StormDiscord, names: number): Promise<Round> {
  const { bootstrap, webhooks, alarmsOfEach } = shape;
  const args = [bootstrap, topics.metrics.name, names, discord.apiBase, webhooks, webhooks * alarmsOfEach];
  return withSubject(nodeCommand('peers/naive-sender.ts', ...args), async () =>
    peer(await throughTheLog(bootstrap, (fire) => storm(shape, discord, fire))),
  );
}

const peer = (figures: StormFigures): Round => ({
  ...figures,
  messagesLeast: 0,
  notifiedQuietP99Ms: 0,
  notifiedStormP99Ms: 0,
});

/** What the storm's alarms need when all of a webhook's are due at once, and nothing but them. */
async function leastMessages(log: Log, { webhooks }: StormShape): Promise<number> {
  const due = new Map<number, Notification[]>();
  for await (const { number, notification } of notifications(log))
    if (number < webhooks) due.set(number, [...(due.get(number) ?? []), notification]);
  let messages = 0;
  for (const all of due.values()) {
    let shownBefore: number | undefined;
    for (let left = all; left.length > 0; messages++) {
      const { carried, shown, storm: before } = packDiscord(left, { storm: shownBefore }, 'full');
      shownBefore = before === undefined ? undefined : before + shown;
      const sent = new Set(carried);
      left = left.filter((one) => !sent.has(one));
    }
  }
  return messages;
}

/** What bystanders' notifications waited for, from when they stood in the log. Those of one webhook come in their order. */
async function delivery(
  log: Log,
  { webhooks, alarmsOfEach }: StormShape,
  { beganMs, heardMs }: StormFigures,
): Promise<Pick<Round, 'notifiedQuietP99Ms' | 'notifiedStormP99Ms'>> {
  const seen = new Map<number, number>();
  const [quiet, stormy]: [number[], number[]] = [[], []];
  for await (const { number, notification, appendedMs } of notifications(log)) {
    if (number < webhooks || notification.kind !== 'fired') continue;
    const nth = seen.get(number) ?? 0;
    seen.set(number, nth + 1);
    const heard = heardMs.get(number - webhooks + webhooks * alarmsOfEach)?.[nth];
    if (heard !== undefined) (appendedMs < beganMs ? quiet : stormy).push(heard - appendedMs);
  }
  return { notifiedQuietP99Ms: quantile(quiet, 0.99), notifiedStormP99Ms: quantile(stormy, 0.99) };
}

/** All that is due, with the number of its webhook. */
async function* notifications(
  log: Log,
): AsyncGenerator<{ readonly number: number; readonly notification: Notification; readonly appendedMs: number }> {
  for (let partition = 0; partition < topics.notifications.partitions; partition++) {
    for await (const chunk of log.read(topics.notifications.name, partition, { from: { offset: 0 } })) {
      for (const { key, value, timestampMs } of recordsOf(chunk)) {
        const notification = parseNotification(value!);
        if ('problem' in notification) throw new Error(notification.problem);
        if (!notification.message) continue;
        const number = Number(BigInt(Buffer.from(key!).toString()) - 1_100_000_000_000_000_000n);
        yield { number, notification, appendedMs: timestampMs };
      }
    }
  }
}

/** Of few rounds: the worst and the best. */
function spread(values: readonly number[]): Interval {
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) };
}

function oursRows(rounds: readonly Round[]): Result[] {
  const row = (what: string, of: (round: Round) => number, unit: string, atMost?: number): Result => {
    const result = { scenario: 'B5', what: `ours: ${what}`, value: spread(rounds.map(of)), unit };
    return atMost === undefined ? result : { ...result, goal: { atMost } };
  };
  const optimumMs = ({ messagesLeast, amidst }: Round, perSecond: number): number =>
    ((messagesLeast + amidst) / perSecond) * 1_000;
  return [
    row('messages', ({ messages }) => messages, ''),
    row('fewest messages that carry the storm', ({ messagesLeast }) => messagesLeast, ''),
    row('bystanders’ messages meanwhile', ({ amidst }) => amidst, ''),
    row('drain', ({ drainMs }) => drainMs / 1_000, 's'),
    row(
      `drain / optimum at ${takenPerSecond} requests/s (GLOBAL_RPS)`,
      (round) => round.drainMs / optimumMs(round, takenPerSecond),
      'x',
      1.05,
    ),
    row(
      `drain / optimum at ${allowedPerSecond} requests/s, with nobody else behind the address`,
      (round) => round.drainMs / optimumMs(round, allowedPerSecond),
      'x',
    ),
    row('lost', ({ lost }) => lost, '', 0),
    row('doubled', ({ doubled }) => doubled, '', 0),
    row('429s', ({ limited }) => limited, '', 0),
    row('bystanders before the storm, from sample to Discord, p99', ({ quietP99Ms }) => quietP99Ms, 'ms'),
    row('bystanders in the storm, from sample to Discord, p99', ({ stormP99Ms }) => stormP99Ms, 'ms'),
    row('bystanders, in the storm / before', ({ quietP99Ms, stormP99Ms }) => stormP99Ms / quietP99Ms, 'x', 1.2),
    row('bystanders before the storm, from notification to Discord, p99', (round) => round.notifiedQuietP99Ms, 'ms'),
    row('bystanders in the storm, from notification to Discord, p99', (round) => round.notifiedStormP99Ms, 'ms'),
  ];
}

function peerRows(name: string, rounds: readonly Round[] = []): Result[] {
  if (rounds.length === 0) return [];
  const row = (what: string, of: (round: Round) => number, unit: string): Result => {
    return { scenario: 'B5', what: `${name}: ${what}`, value: spread(rounds.map(of)), unit };
  };
  return [
    row(`not arrived when it was drained, or after ${peerMsMax / 1_000} s`, ({ lost }) => lost, ''),
    row('drain, as far as it came', ({ drainMs }) => drainMs / 1_000, 's'),
    row('429s', ({ limited }) => limited, ''),
    row('of them as a ban of the address', ({ banned }) => banned, ''),
    row('bystanders in the storm, p99 of those that arrived', ({ stormP99Ms }) => stormP99Ms, 'ms'),
  ];
}

function describe({ drainMs, lost, messages, messagesLeast, limited, quietP99Ms, stormP99Ms }: Round): string {
  const seconds = (drainMs / 1_000).toFixed(1);
  return `${messages} messages (${messagesLeast} at the least) in ${seconds} s, ${lost} lost, ${limited} 429s, bystanders ${quietP99Ms.toFixed()} -> ${stormP99Ms.toFixed()} ms`;
}
