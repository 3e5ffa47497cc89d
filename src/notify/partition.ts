import { failpoint } from '../base/failpoint.ts';
import { aborted } from '../base/service.ts';
import { ClaimLost, type Claim } from '../log/log.ts';
import type { ReceiverChange } from '../receiver/receiver-book.ts';
import { receiverKey, targetKeysOf } from '../receiver/receiver-config.ts';
import type { RuleChange } from '../rule/rule-book.ts';
import { topics } from '../topics.ts';
import { DeliveryWriter, type RestoredParking } from './delivery-writer.ts';
import { rememberedMs } from './fate.ts';
import { NotificationQueues } from './notification-queues.ts';
import { NotificationReader } from './notification-reader.ts';
import type { NotifyContext } from './notify-context.ts';
import { inProbeOrder, Parking, probeTarget } from './parking.ts';
import type { PartitionContext } from './partition-context.ts';
import type { Parked } from './schedule/parking.ts';
import { Senders } from './senders.ts';
import { Troubles, type TargetTrouble } from './troubles.ts';

const commitEveryMs = 250;
const parkingEveryMs = 1_000;
/** Parked notifications expire in batches: they are read again once the oldest is so much older than a day. */
const expirySlackMs = 10 * 60_000;

/**
 * One partition of `notifications`: what is read goes to the sender of its key, as far as there is room.
 *
 *   notifications ──reader──> queues ──senders──> receivers        attempts, outcomes ──> deliveries
 *        ^    └── left in the log ──reader──> queues (when they have room, or a parked target is alive again)
 *        └ position: the oldest record without an outcome, wherever it is
 *
 * The position passes a record only when its outcome is in `deliveries`: after a crash each is found again, from the position
 * on or, when it was parked, by what `deliveries` says. A target that waits holds the position, and neither the reader nor
 * another target; a parked one not even that.
 */
export class NotificationPartition {
  readonly #context: PartitionContext;
  readonly #reader: NotificationReader;
  readonly #senders: Senders;
  readonly #stop = new AbortController();
  #committed: number | undefined;
  /** What the former owner left paused. */
  #restored: readonly RestoredParking[] = [];

  constructor(claim: Claim, shared: NotifyContext) {
    const deliveries = new DeliveryWriter(claim, shared.clock, shared.count);
    const [parking, queues, troubles] = [new Parking(), new NotificationQueues(claim.start), new Troubles()];
    this.#context = { ...shared, claim, signal: this.#stop.signal, deliveries, parking, queues, troubles };
    this.#senders = new Senders(this.#context);
    this.#reader = new NotificationReader(this.#context, this.#senders);
  }

  /** Notifications in memory. */
  get waiting(): number {
    return this.#context.queues.waiting;
  }

  /** When the oldest was appended that is in memory or parked; undefined when there is none. */
  get oldestMs(): number | undefined {
    const times = [...this.#context.queues.oldestTimes(), ...this.#context.parking.oldestTimes()];
    return times.length === 0 ? undefined : times.reduce((least, time) => Math.min(least, time));
  }

  troubles(): TargetTrouble[] {
    return this.#context.troubles.list();
  }

  parked(): Parked[] {
    return this.#context.parking.states();
  }

  /** Sends until the claim's signal aborts; then waits for the requests under way, and commits. */
  async run(): Promise<void> {
    const { claim, receivers, rules } = this.#context;
    const stop = (): void => this.#stop.abort();
    claim.signal.addEventListener('abort', stop, { once: true });
    if (claim.signal.aborted) stop();
    const unsubscribe = [
      rules.subscribe((change) => this.#noteRule(change)),
      receivers?.subscribe((change) => this.#noteReceiver(change)),
    ];
    try {
      await this.#work();
    } finally {
      for (const stopListening of unsubscribe) stopListening?.();
      claim.signal.removeEventListener('abort', stop);
      stop();
      await this.#senders.settled();
    }
    if (this.#senders.error !== undefined) throw this.#senders.error;
    await this.#commit().catch((error: unknown) => {
      // Losing the partition is normal: everything done is in `deliveries`.
      if (!(error instanceof ClaimLost)) throw error;
    });
  }

  /** Resolves when the partition is to be given up; rejects with the first failure. */
  async #work(): Promise<void> {
    const { signal } = this.#stop;
    await this.#restore();
    const sorted = this.#reader.sortRestored(this.#restored);
    const loops = [sorted, this.#reader.readDeferred(), this.#keepCommitting(), this.#lookAfterParked()];
    const failures = [this.#senders.failure, ...loops.map(neverEnding)];
    await Promise.race([this.#reader.readAll(), aborted(signal), ...failures]);
    this.#stop.abort();
    await Promise.all(loops);
  }

  /** Reads what former owners did, and where to continue. */
  async #restore(): Promise<void> {
    const { claim, clock, deliveries, log, logger, parking, queues, troubles } = this.#context;
    const { partition } = claim;
    const { first, next } = await log.bounds(topics.notifications.name, partition);
    const position = queues.readTo;
    if (position > next) logger.error({ partition, position, next }, 'the log of notifications was rewound');
    queues.readTo = Math.min(Math.max(position, first), next);
    queues.takenTo = queues.readTo;
    queues.headAtStart = next;
    this.#restored = await deliveries.restore(log);
    for (const left of this.#restored) {
      parking.restore(left, clock.wallMs());
      troubles.restore(left.key, left.failing);
    }
    this.#restoreBudget();
  }

  /** What former owners were answered counts: which targets were served lately, and which were refused just now. */
  #restoreBudget(): void {
    const { clock, deliveries, gates } = this.#context;
    const { budget } = gates.shared;
    const sinceMs = clock.wallMs() - clock.monotonicMs();
    for (const { key, name, atMs } of deliveries.served.values()) budget?.noteServed({ key, name }, atMs - sinceMs);
    for (const { key, paused } of this.#restored)
      for (const [name, target] of paused)
        if (!this.#context.parking.isHeldBack(key, name)) budget?.noteRefused({ key }, target.sinceMs - sinceMs);
  }

  async #keepCommitting(): Promise<void> {
    while (await this.#context.clock.pause(commitEveryMs, this.#stop.signal)) await this.#commit();
  }

  async #commit(): Promise<void> {
    const { position } = this.#context.queues;
    if (position === this.#committed) return;
    await this.#context.claim.commit(position);
    failpoint('notify.after-commit');
    this.#committed = position;
  }

  async #lookAfterParked(): Promise<void> {
    const { clock, deliveries, gates, parking, queues, troubles } = this.#context;
    const { budget } = gates.shared;
    while (await clock.pause(parkingEveryMs, this.#stop.signal)) {
      const nowMs = clock.wallMs();
      if (queues.readTo >= queues.headAtStart)
        troubles.sweep((key) => !queues.unsorted.has(key) && queues.isEmpty(key));
      const changes = troubles.takeChanges(nowMs);
      // What holds of a target now comes last: a failing one may just have been parked, a freed one may fail again.
      const over = changes.filter(({ failing }) => failing === undefined);
      const failing = changes.filter((change) => change.failing !== undefined);
      await deliveries.publish([...over, ...parking.takeChanges(nowMs), ...failing]);
      for (const key of parking.withOlderThan(nowMs - rememberedMs - expirySlackMs)) this.#reader.readParkedAgain(key);
      for (const due of inProbeOrder(parking.due(nowMs), budget, clock.monotonicMs())) {
        // Wait: sorting restores the rule ids needed to find the URL.
        if (queues.unsorted.has(due.key)) continue;
        await probeTarget(due, parking, this.#context, this.#stop.signal);
        if (parking.stateOf(due.key, due.name) === undefined) this.#reader.readParkedAgain(due.key);
      }
    }
  }

  #noteRule(change: RuleChange): void {
    if (change.kind !== 'set' && change.kind !== 'deleted') return;
    const after = change.kind === 'set' ? change.entry : undefined;
    const versions = [change.before, after].filter((entry) => entry !== undefined);
    for (const key of new Set(versions.flatMap(targetKeysOf))) this.#reconsider(key, after?.rule.id);
  }

  #noteReceiver(change: ReceiverChange): void {
    if (change.kind === 'set') this.#reconsider(receiverKey(change.entry.config.name), undefined, true);
    if (change.kind === 'deleted') this.#reconsider(receiverKey(change.before.config.name));
  }

  /** The targets of this key may work again. */
  #reconsider(key: string, ruleId?: string, isEdited = ruleId !== undefined): void {
    const { clock, parking } = this.#context;
    this.#senders.wake(key);
    if (isEdited) parking.probeSoon(key, clock.wallMs(), ruleId);
    this.#reader.readParkedAgain(key, ruleId);
  }
}

/** Rejects when the loop does. */
async function neverEnding(loop: Promise<void>): Promise<never> {
  await loop;
  return new Promise(() => {});
}
