import { formatNotification, parseNotification } from '../alarm/notification.ts';
import { failpoint } from '../base/failpoint.ts';
import { aborted } from '../base/service.ts';
import { recordsOf, type LogRecord } from '../log/batch.ts';
import { ClaimLost, type Claim } from '../log/log.ts';
import type { RuleChange } from '../rule/rule-book.ts';
import { topics } from '../topics.ts';
import { Bell } from './bell.ts';
import { DeliveryLog, rememberedMs, type Ending, type Waiting } from './delivery-log.ts';
import type { LaneTrouble } from './lane-context.ts';
import { Lane } from './lane.ts';
import { Mailbox, type Reread } from './mailbox.ts';
import type { OutboxContext } from './outbox-context.ts';
import { ParkedWebhooks } from './parked-webhooks.ts';
import { probeWebhook } from './probe.ts';
import type { Parked } from './schedule/parking.ts';
import { verdictOn } from './verdict.ts';

const commitEveryMs = 250;
const lookEveryMs = 1_000;
/** What waits for parked webhooks is read again when its oldest is so much older than a day, not for each one alone. */
const expirySlackMs = 10 * 60_000;

/**
 * One partition of `notifications`: what is read goes to the lane of its webhook, as far as there is room.
 *
 *   notifications ──reader──> lanes ──> Discord         attempts, outcomes ──> deliveries
 *        ^    └── left in the log ──re-reader──> lanes (when they have room, or a parked webhook is alive again)
 *        └ position: the oldest record without an outcome, wherever it is
 *
 * The position passes a record only when its outcome is in `deliveries`: so after a crash each is found again, from the
 * position on or, when it was parked, by what `deliveries` says. A webhook that waits holds the position, and neither the
 * reader nor another webhook; a parked one not even that.
 */
export class Outbox {
  readonly #claim: Claim;
  readonly #context: OutboxContext;
  readonly #deliveries: DeliveryLog;
  readonly #parked = new ParkedWebhooks();
  readonly #boxes = new Map<string, Mailbox>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #bell = new Bell();
  readonly #stop = new AbortController();
  /** Notifications in memory. */
  #waiting = 0;
  /** All before it is in a lane, left to the re-reader, or has its outcome. */
  #read: number;
  /** As #read, but some outcomes may still be on their way. */
  #taken: number;
  #committed: number | undefined;
  #headAtStart = 0;
  #failure: Error | undefined;

  constructor(claim: Claim, context: OutboxContext) {
    this.#claim = claim;
    this.#context = context;
    this.#deliveries = new DeliveryLog(claim);
    this.#read = claim.start;
    this.#taken = claim.start;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** When the oldest was appended that is in memory or parked; undefined when there is none. */
  get oldestMs(): number | undefined {
    const waiting = [...this.#boxes.values()].flatMap(({ oldest }) => oldest?.appendedMs ?? []);
    const times = [...waiting, ...this.#parked.oldestTimes()];
    return times.length === 0 ? undefined : times.reduce((least, time) => Math.min(least, time));
  }

  troubles(): LaneTrouble[] {
    return [...this.#boxes.values()].flatMap(({ lane }) => lane.trouble ?? []);
  }

  parked(): Parked[] {
    return this.#parked.states();
  }

  /** Sends until the claim's signal aborts; then waits for the requests under way, and commits. */
  async run(): Promise<void> {
    const stopWith = (): void => this.#stop.abort();
    this.#claim.signal.addEventListener('abort', stopWith, { once: true });
    if (this.#claim.signal.aborted) stopWith();
    const unsubscribe = this.#context.rules.subscribe((change) => this.#noteRule(change));
    try {
      await this.#restore();
      const loops = [this.#readAgain(), this.#keepCommitting(), this.#lookAfterParked()];
      for (const loop of loops) loop.catch((error: unknown) => this.#fail(error));
      await Promise.race([this.#readAll(), aborted(this.#stop.signal)]);
      this.#stop.abort();
      await Promise.allSettled(loops);
    } finally {
      unsubscribe();
      this.#claim.signal.removeEventListener('abort', stopWith);
      this.#stop.abort();
      await Promise.all(this.#running.values());
    }
    if (this.#failure !== undefined) throw this.#failure;
    await this.#commit().catch((error: unknown) => {
      // Losing the partition is no fault: what was done stands in `deliveries`.
      if (!(error instanceof ClaimLost)) throw error;
    });
  }

  /** Finds out what was done before, and where to go on. */
  async #restore(): Promise<void> {
    const { log, clock, logger } = this.#context;
    const { partition } = this.#claim;
    const { first, next } = await log.bounds(topics.notifications.name, partition);
    if (this.#read > next)
      logger.error({ partition, position: this.#read, next }, 'the log of notifications was rewound');
    this.#read = Math.min(Math.max(this.#read, first), next);
    this.#taken = this.#read;
    this.#headAtStart = next;
    for (const left of await this.#deliveries.restore(log, clock.wallMs())) {
      this.#parked.restore(left);
      this.#reconsider(left.webhookId);
    }
  }

  async #readAll(): Promise<void> {
    for await (const chunk of this.#claim.read(this.#read)) {
      const endings: Ending[] = [];
      for (const record of recordsOf(chunk)) {
        if (this.#stop.signal.aborted) return;
        endings.push(...this.#take(record));
        this.#taken = record.offset + 1;
      }
      this.#taken = chunk.nextOffset;
      await this.#end(endings);
      this.#read = chunk.nextOffset;
      this.#bell.ring();
    }
  }

  /** A record that was not seen before: into its lane, or left in the log, or ended. */
  #take(record: LogRecord): Ending[] {
    const waiting = this.#waitingOf(record, true);
    if (waiting === undefined) return [];
    const box = this.#boxOf(waiting.webhookId);
    // What was left in the log comes first.
    if (box.reread === undefined) {
      const ending = this.#endingOf(waiting);
      if (ending !== undefined) return [ending];
      if (box.hasRoom(this.#waiting)) {
        this.#push(box, waiting);
        return [];
      }
    }
    box.leave(record.offset);
    return [];
  }

  /** The record as a notification that is not in a lane and has not ended; undefined when nothing is to be done about it. */
  #waitingOf(record: LogRecord, isNew: boolean): Waiting | undefined {
    const notification = record.value === null ? { problem: 'a tombstone' } : parseNotification(record.value);
    if ('problem' in notification) {
      if (!isNew) return undefined;
      this.#context.logger.error(
        { partition: record.partition, offset: record.offset, problem: notification.problem },
        'a record of notifications cannot be read, and is skipped',
      );
      this.#context.count.unreadable();
      return undefined;
    }
    const webhookId = Buffer.from(record.key ?? []).toString();
    if (this.#deliveries.hasEnded(notification.id, webhookId, record.offset)) return undefined;
    if (this.#boxes.get(webhookId)?.lane.queue.has(notification.id) === true) return undefined;
    return { notification, webhookId, offset: record.offset, appendedMs: record.timestampMs, holds: isNew };
  }

  /** How it ends at once, without a request; undefined when it is to be sent. What is parked is noted. */
  #endingOf(waiting: Waiting): Ending | undefined {
    const proven = this.#deliveries.provenEnd(waiting.notification.id, waiting.webhookId);
    if (proven !== undefined) return { waiting, ...proven };
    const verdict = verdictOn(waiting, this.#context.rules.book, this.#context.clock.wallMs());
    if (verdict.kind === 'expired' || verdict.kind === 'dead')
      return { waiting, outcome: verdict.kind, reason: verdict.reason };
    if (verdict.kind !== 'send') return undefined;
    const state = this.#parked.stateOf(waiting.webhookId, verdict.webhook);
    if (state === undefined) return undefined;
    this.#parked.note(waiting, verdict.webhook);
    const possibleRepeat = this.#deliveries.isDoubtful(waiting.notification.id, waiting.webhookId);
    return { waiting, outcome: 'parked', reason: state.reason, webhook: state.webhook, possibleRepeat };
  }

  #push(box: Mailbox, waiting: Waiting): void {
    box.lane.queue.push(waiting);
    this.#waiting += 1;
    this.#start(waiting.webhookId);
  }

  /** Reads what was left in the log, for all lanes with room for it at once. */
  async #readAgain(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const wanting = new Map<string, { box: Mailbox; reread: Reread }>();
      for (const [webhookId, box] of this.#boxes) {
        if (box.reread !== undefined && box.reread.next >= this.#taken) box.reread = undefined;
        this.#dismiss(webhookId, box);
        if (box.wantsMore(this.#waiting, this.#read)) wanting.set(webhookId, { box, reread: box.reread! });
      }
      if (wanting.size === 0) await this.#bell.heard(signal);
      else await this.#readRange(wanting, this.#read);
    }
  }

  async #readRange(wanting: Map<string, { box: Mailbox; reread: Reread }>, end: number): Promise<void> {
    const from = [...wanting.values()].reduce((least, { reread }) => Math.min(least, reread.next), end);
    const { log } = this.#context;
    const range = { from: { offset: from }, to: end };
    for await (const chunk of log.read(topics.notifications.name, this.#claim.partition, range)) {
      const endings: Ending[] = [];
      const stoppedAt = new Map<string, number>();
      for (const record of recordsOf(chunk)) {
        const webhookId = Buffer.from(record.key ?? []).toString();
        const found = wanting.get(webhookId);
        if (found === undefined || stoppedAt.has(webhookId) || record.offset < found.reread.next) continue;
        if (found.box.reread !== found.reread || !this.#takeAgain(found.box, record, endings))
          stoppedAt.set(webhookId, record.offset);
      }
      await this.#end(endings);
      // Only now may the position pass them.
      for (const [webhookId, { box, reread }] of wanting) {
        if (box.reread === reread)
          box.advance(stoppedAt.get(webhookId) ?? Math.max(reread.next, chunk.nextOffset), this.#taken);
        if (box.reread !== reread || stoppedAt.has(webhookId)) wanting.delete(webhookId);
      }
      // A lane may wait for all of its own to be there.
      this.#bell.ring();
      if (this.#stop.signal.aborted || wanting.size === 0) return;
    }
    // What retention has removed is not waited for.
    for (const { box, reread } of wanting.values()) if (box.reread === reread) box.advance(end, this.#taken);
    // A lane may wait for that, too.
    this.#bell.ring();
  }

  /** Returns whether there was room for it. */
  #takeAgain(box: Mailbox, record: LogRecord, endings: Ending[]): boolean {
    const isNew = record.offset >= box.reread!.consideredTo;
    const waiting = this.#waitingOf(record, isNew);
    if (waiting === undefined) return true;
    const ending = this.#endingOf(waiting);
    if (ending !== undefined) {
      // One that is parked already goes on being so.
      if (isNew || ending.outcome !== 'parked') endings.push(ending);
      return true;
    }
    if (!box.hasRoom(this.#waiting)) return false;
    this.#push(box, waiting);
    return true;
  }

  /** What is parked under this webhook is looked at again: one may be sent now, another have expired. */
  #reconsider(webhookId: string): void {
    const from = this.#parked.takeFrom(webhookId);
    if (from !== undefined) this.#boxOf(webhookId).reconsider(from, this.#taken);
    this.#bell.ring();
  }

  // Lanes.

  #boxOf(webhookId: string): Mailbox {
    let box = this.#boxes.get(webhookId);
    if (box === undefined) this.#boxes.set(webhookId, (box = new Mailbox(this.#newLane(webhookId))));
    return box;
  }

  #newLane(webhookId: string): Lane {
    const { rules, client, gate, clock, apiBase, consoleUrl, count, logger } = this.#context;
    return new Lane(webhookId, {
      claim: this.#claim,
      signal: this.#stop.signal,
      clock,
      book: rules.book,
      client,
      gate,
      apiBase,
      consoleUrl,
      deliveries: this.#deliveries,
      parked: this.#parked,
      caughtUp: () => this.#caughtUp(webhookId),
      reroute: async ({ notification }, webhook) => {
        const [key, value] = [Buffer.from(webhook.id), Buffer.from(formatNotification(notification))];
        await this.#claim.append(topics.notifications.name, [{ key, value, timestampMs: clock.wallMs() }]);
      },
      ended: (endings) => this.#noteEnded(endings),
      dropped: (dropped) => {
        this.#waiting -= dropped;
        this.#bell.ring();
      },
      answered: count.answered,
      limited: count.limited,
      troubled: (trouble) => logger.warn(trouble, 'a webhook cannot be served, its notifications wait'),
    });
  }

  /** Resolves when all of the webhook's that stood in the log at the start is in its lane, as far as there is room. */
  async #caughtUp(webhookId: string): Promise<void> {
    const { signal } = this.#stop;
    const isBehind = (): boolean =>
      this.#read < this.#headAtStart || this.#boxes.get(webhookId)?.wantsMore(this.#waiting, this.#read) === true;
    while (isBehind() && !signal.aborted) await this.#bell.heard(signal);
  }

  #start(webhookId: string): void {
    if (this.#running.has(webhookId) || this.#failure !== undefined) return;
    // After this turn, so that what a chunk holds for a webhook goes together.
    const run = Promise.resolve()
      .then(() => this.#boxOf(webhookId).lane.run())
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#running.delete(webhookId);
        const box = this.#boxes.get(webhookId);
        // Something may have come between its last look and now.
        if (box !== undefined && box.lane.queue.size > 0 && !this.#stop.signal.aborted) this.#start(webhookId);
        else if (box !== undefined) this.#dismiss(webhookId, box);
      });
    this.#running.set(webhookId, run);
  }

  #dismiss(webhookId: string, { lane, reread }: Mailbox): void {
    if (lane.queue.size === 0 && reread === undefined && !this.#running.has(webhookId)) this.#boxes.delete(webhookId);
  }

  async #end(endings: readonly Ending[]): Promise<void> {
    if (endings.length === 0) return;
    await this.#deliveries.end(endings, this.#context.clock.wallMs());
    this.#noteEnded(endings);
  }

  #noteEnded(endings: readonly Ending[]): void {
    for (const { waiting, outcome } of endings)
      this.#context.count.ended(outcome, this.#context.clock.wallMs() - waiting.appendedMs);
  }

  #noteRule(change: RuleChange): void {
    if (change.kind !== 'set' && change.kind !== 'deleted') return;
    const ids = new Set([change.before?.webhook.id, change.kind === 'set' ? change.entry.webhook.id : undefined]);
    for (const id of ids) {
      if (id === undefined) continue;
      this.#boxes.get(id)?.lane.reconsider();
      if (change.kind === 'set') this.#parked.hurry(id, this.#context.clock.wallMs(), change.entry.rule.id);
      if (this.#parked.has(id)) this.#reconsider(id);
    }
  }

  // By the clock.

  async #keepCommitting(): Promise<void> {
    while (await this.#context.clock.pause(commitEveryMs, this.#stop.signal)) await this.#commit();
  }

  async #lookAfterParked(): Promise<void> {
    const { clock, gate, client, apiBase, rules } = this.#context;
    const { signal } = this.#stop;
    while (await clock.pause(lookEveryMs, signal)) {
      const nowMs = clock.wallMs();
      await this.#deliveries.tell(this.#parked.takeNews(nowMs), nowMs);
      for (const webhookId of this.#parked.withOlderThan(nowMs - rememberedMs - expirySlackMs))
        this.#reconsider(webhookId);
      for (const due of this.#parked.due(nowMs)) {
        // Its rules are known again when that is over.
        if (this.#boxes.get(due.webhookId)?.reread !== undefined) continue;
        await probeWebhook(due, { parked: this.#parked, book: rules.book, clock, gate, client, apiBase, signal });
        this.#reconsider(due.webhookId);
      }
    }
  }

  async #commit(): Promise<void> {
    let position = this.#read;
    for (const box of this.#boxes.values()) position = Math.min(position, box.heldOffset ?? position);
    if (position === this.#committed) return;
    await this.#claim.commit(position);
    failpoint('notify.after-commit');
    this.#committed = position;
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = error instanceof Error ? error : new Error(String(error));
    this.#stop.abort();
  }
}
