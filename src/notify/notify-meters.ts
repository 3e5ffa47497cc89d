import type { Clock } from '../base/clock.ts';
import type { HealthReport } from '../base/health.ts';
import type { Meter } from '../base/meter.ts';
import type { NotifyVitals } from '../instance/instance-record.ts';
import type { DeliveryOutcome } from '../notice/delivery-record.ts';
import type { Action } from '../receiver/receiver.ts';
import { isHeldBack, type Parked } from './schedule/parking.ts';
import type { SendGate } from './send-gate.ts';
import type { SendGates } from './send-gates.ts';
import type { TargetTrouble } from './troubles.ts';

/** Counts what happens. */
export interface NotifyCount {
  readonly ended: (outcome: DeliveryOutcome, delayMs: number) => void;
  readonly answered: (action: Action['kind']) => void;
  readonly limited: (waitMs: number) => void;
  readonly unreadable: () => void;
}

const troublesNamedMax = 5;
/** Targets with figures of their own: each is a series in the scraper. */
const troublesMeasuredMax = 50;
const delayBucketsSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3_600];
const waitBucketsSeconds = [0.1, 0.5, 1, 2, 5, 15, 60, 300, 3_600];

/** The figures of one partition. */
interface PartitionVitals {
  readonly waiting: number;
  readonly oldestMs: number | undefined;
  parked(): Parked[];
  troubles(): TargetTrouble[];
}

type Gates = Pick<SendGates, 'waiting' | 'shared'>;

/** The partitions of this process, by number. */
type Partitions = ReadonlyMap<number, PartitionVitals>;

const waitingIn = (partitions: Partitions): number =>
  [...partitions.values()].reduce((sum, { waiting }) => sum + waiting, 0);
const parkedIn = (partitions: Partitions) => [...partitions.values()].flatMap((partition) => partition.parked());
const troublesIn = (partitions: Partitions) => [...partitions.values()].flatMap((partition) => partition.troubles());

/** The notifier's figures for /metrics. */
export function countNotify(meter: Meter, partitions: Partitions, gates: Gates, clock: Clock): NotifyCount {
  const ended = meter.counter('notify_notifications_total', 'Notifications that came to an end, by outcome', [
    'outcome',
  ]);
  const answers = meter.counter('notify_answers_total', "Discord's answers, by what followed", ['action']);
  const unreadable = meter.counter('notify_unreadable_total', 'Records of notifications that could not be read');
  const delay = meter.histogram(
    'notify_delay_seconds',
    'From the append of a notification to its delivery',
    delayBucketsSeconds,
  );
  const limited = meter.histogram(
    'notify_limit_wait_seconds',
    'Waits of webhooks for their limits at Discord',
    waitBucketsSeconds,
  );
  gaugeNotify(meter, partitions, gates, clock);
  return {
    ended(outcome, delayMs) {
      ended.inc({ outcome });
      if (outcome === 'delivered' || outcome === 'merged') delay.observe(Math.max(0, delayMs) / 1_000);
    },
    answered: (action) => answers.inc({ action }),
    limited: (waitMs) => limited.observe(waitMs / 1_000),
    unreadable: () => unreadable.inc(),
  };
}

function gaugeNotify(meter: Meter, partitions: Partitions, gates: Gates, clock: Clock): void {
  meter.gauge('notify_waiting', 'Notifications in memory that have not ended', [], (gauge) =>
    gauge.set(waitingIn(partitions)),
  );
  meter.gauge('notify_gate_waiting', "Webhooks that wait for the address's own rate or block", [], (gauge) =>
    gauge.set(gates.waiting),
  );
  meter.gauge('notify_parked_webhooks', 'Webhooks that are parked because they are broken', [], (gauge) =>
    gauge.set(parkedIn(partitions).length),
  );
  meter.gauge('notify_held_back_targets', 'Parked targets that only wait for their first try', [], (gauge) =>
    gauge.set(parkedIn(partitions).filter(isHeldBack).length),
  );
  meter.gauge('notify_invalid_answers', 'Answers of the last 10 min of which too many bring a ban', [], (gauge) =>
    gauge.set(gates.shared.budget?.count(clock.monotonicMs()) ?? 0),
  );
  meter.gauge('notify_invalid_answers_max', "This process's part of the invalid answers in 10 min", [], (gauge) =>
    gauge.set(gates.shared.budget?.most ?? 0),
  );
  gaugeTargets(meter, partitions, clock);
  meter.gauge(
    'notify_oldest_seconds',
    'Age of the oldest notification that is not delivered yet, parked ones included',
    [],
    (gauge) => {
      const oldest = Math.min(...[...partitions.values()].map(({ oldestMs }) => oldestMs ?? Infinity));
      gauge.set(Number.isFinite(oldest) ? Math.max(0, clock.wallMs() - oldest) / 1_000 : 0);
    },
  );
}

/** What is wrong with each target, as far as it has figures of its own. */
function gaugeTargets(meter: Meter, partitions: Partitions, clock: Clock): void {
  meter.gauge('notify_failing_targets', 'Targets whose last requests failed, and are made again', [], (gauge) =>
    gauge.set(troublesIn(partitions).length),
  );
  meter.gauge(
    'notify_target_tries',
    'Requests to a failing target since it fails; of the fifty that fail longest',
    ['webhook_id', 'target'],
    (gauge) => {
      gauge.reset();
      for (const { webhookId, webhook, tries } of longestFailing(partitions))
        gauge.set({ webhook_id: webhookId, target: webhook }, tries);
    },
  );
  meter.gauge(
    'notify_target_failing_seconds',
    'For how long a target has been failing; of the fifty that fail longest',
    ['webhook_id', 'target'],
    (gauge) => {
      gauge.reset();
      for (const { webhookId, webhook, sinceMs } of longestFailing(partitions))
        gauge.set({ webhook_id: webhookId, target: webhook }, Math.max(0, clock.wallMs() - sinceMs) / 1_000);
    },
  );
}

/** What this notifier publishes of itself for the console. */
export function notifyVitals(partitions: Partitions, gate: SendGate): NotifyVitals {
  return {
    partitions: [...partitions.keys()],
    waiting: waitingIn(partitions),
    parked: parkedIn(partitions).length,
    failing: troublesIn(partitions).length,
    heldBackMs: Math.max(0, Math.round(gate.closedMs())),
  };
}

/** The detail of health: each failing webhook by its hash, with the reason, since when, the attempts and the next one. */
export function reportNotify(partitions: Partitions, gate: SendGate, nowMs: number): HealthReport {
  const parts = [`${waitingIn(partitions)} notifications waiting`];
  const closedMs = gate.closedMs();
  if (closedMs > 0) {
    const why = gate.pace.isBlocked() ? 'Discord blocks this address' : 'Discord limits this address';
    parts.unshift(`${why} for ${Math.ceil(closedMs / 1_000)} s more`);
  }
  const parked = parkedIn(partitions);
  const broken = parked.filter((one) => !isHeldBack(one));
  const heldBack = parked.length - broken.length;
  if (broken.length > 0) parts.push(`parked webhooks: ${named(broken)}`);
  if (heldBack > 0) parts.push(`${heldBack} webhooks not tried yet: ${gate.refusedLately()}`);
  const troubles = troublesIn(partitions);
  if (troubles.length > 0) parts.push(`failing webhooks: ${named(troubles.map((one) => shownTrouble(one, nowMs)))}`);
  const isWell = closedMs === 0 && parked.length === 0 && troubles.length === 0;
  return { status: isWell ? 'pass' : 'warn', detail: parts.join('; ') };
}

function shownTrouble({ webhook, reason, sinceMs, tries, nextTryMs }: TargetTrouble, nowMs: number): TargetReason {
  const seconds = Math.max(0, Math.ceil((nextTryMs - nowMs) / 1_000));
  const next = seconds === 0 ? 'tried now' : `next try in ${seconds} s`;
  const since = new Date(sinceMs).toISOString().slice(0, 19);
  return { webhook, reason: `${reason} (since ${since}Z, ${tries} ${tries === 1 ? 'try' : 'tries'}, ${next})` };
}

function longestFailing(partitions: Partitions): TargetTrouble[] {
  return troublesIn(partitions)
    .sort((one, other) => one.sinceMs - other.sinceMs)
    .slice(0, troublesMeasuredMax);
}

interface TargetReason {
  readonly webhook: string;
  readonly reason: string;
}

function named(webhooks: readonly TargetReason[]): string {
  const shown = webhooks.slice(0, troublesNamedMax).map(({ webhook, reason }) => `${webhook}: ${reason}`);
  const more = webhooks.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? `, and ${more} more` : ''}`;
}
