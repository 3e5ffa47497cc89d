import { formatNotification, parseNotification } from '../alarm/notification.ts';
import { failpoint } from '../base/failpoint.ts';
import type { Logger } from '../base/logger.ts';
import { aborted } from '../base/service.ts';
import { recordsOf, type LogRecord } from '../log/batch.ts';
import { ClaimLost, type Claim, type Log } from '../log/log.ts';
import type { DeliveryOutcome } from '../notice/delivery-record.ts';
import type { RuleFeed } from '../rule/rule-feed.ts';
import type { Webhook } from '../rule/webhook-url.ts';
import { topics } from '../topics.ts';
import type { Action } from '../discord/answer.ts';
import { DeliveryLog, type Waiting } from './delivery-log.ts';
import type { DiscordClient } from '../discord/discord-client.ts';
import { Lane, type LaneTrouble } from './lane.ts';
import type { SendGate } from './send-gate.ts';

export interface OutboxContext {
  readonly log: Log;
  readonly rules: RuleFeed;
  readonly client: DiscordClient;
  readonly gate: SendGate;
  readonly apiBase: string | undefined;
  readonly logger: Logger;
  readonly count: {
    readonly ended: (outcome: DeliveryOutcome, delayMs: number) => void;
    readonly answered: (action: Action['kind']) => void;
    readonly unreadable: () => void;
  };
}

/** Notifications of one partition in memory; past them reading waits, and the log is the queue. */
const waitingMax = 20_000;
const commitEveryMs = 250;

/**
 * One partition of `notifications`: what is read goes to the lane of its webhook; the position follows the oldest that has
 * not ended. A lane works only while it has something, so an idle webhook costs nothing.
 */
export class Outbox {
  readonly #claim: Claim;
  readonly #context: OutboxContext;
  readonly #deliveries: DeliveryLog;
  readonly #lanes = new Map<string, Lane>();
  readonly #running = new Map<string, Promise<void>>();
  /** In the order of offsets, since they are added so: the first is the oldest. */
  readonly #waiting = new Map<number, Waiting>();
  #read: number;
  #committed: number | undefined;
  #room: (() => void) | undefined;
  #failure: Error | undefined;
  readonly #stop = new AbortController();

  constructor(claim: Claim, context: OutboxContext) {
    this.#claim = claim;
    this.#context = context;
    this.#deliveries = new DeliveryLog(claim);
    this.#read = claim.start;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** When the oldest that has not ended was appended; undefined when there is none. */
  get oldestMs(): number | undefined {
    const [oldest] = this.#waiting.values();
    return oldest?.appendedMs;
  }

  troubles(): LaneTrouble[] {
    return [...this.#lanes.values()].flatMap((lane) => lane.trouble ?? []);
  }

  /** Sends until the claim's signal aborts; then waits for the requests under way, and commits. */
  async run(): Promise<void> {
    const { rules, log } = this.#context;
    await this.#deliveries.restore(log, Date.now());
    const stopWith = (): void => this.#stop.abort();
    this.#claim.signal.addEventListener('abort', stopWith, { once: true });
    if (this.#claim.signal.aborted) stopWith();
    const unsubscribe = rules.subscribe((change) => {
      if (change.kind === 'set') this.#lanes.get(change.before?.webhook.id ?? change.entry.webhook.id)?.reconsider();
      if (change.kind === 'deleted') this.#lanes.get(change.before.webhook.id)?.reconsider();
    });
    const commits = setInterval(() => void this.#commit().catch((error: unknown) => this.#fail(error)), commitEveryMs);
    try {
      await Promise.race([this.#readAll(), aborted(this.#stop.signal)]);
    } finally {
      clearInterval(commits);
      unsubscribe();
      this.#claim.signal.removeEventListener('abort', stopWith);
      this.#stop.abort();
      this.#room?.();
      await Promise.all(this.#running.values());
    }
    if (this.#failure !== undefined) throw this.#failure;
    await this.#commit().catch((error: unknown) => {
      // Losing the partition is no fault: what was done stands in `deliveries`.
      if (!(error instanceof ClaimLost)) throw error;
    });
  }

  async #readAll(): Promise<void> {
    for await (const chunk of this.#claim.read(this.#read)) {
      for (const record of recordsOf(chunk)) {
        if (this.#waiting.size >= waitingMax) await new Promise<void>((resolve) => (this.#room = resolve));
        if (this.#stop.signal.aborted) return;
        this.#take(record);
        this.#read = record.offset + 1;
      }
      this.#read = chunk.nextOffset;
    }
  }

  #take(record: LogRecord): void {
    const notification = record.value === null ? { problem: 'a tombstone' } : parseNotification(record.value);
    if ('problem' in notification) {
      const { partition, offset } = record;
      this.#context.logger.error(
        { partition, offset, problem: notification.problem },
        'a record of notifications cannot be read, and is skipped',
      );
      this.#context.count.unreadable();
      return;
    }
    const webhookId = Buffer.from(record.key ?? []).toString();
    if (this.#deliveries.hasEnded(notification.id, webhookId)) return;
    const waiting = { notification, webhookId, offset: record.offset, appendedMs: record.timestampMs };
    this.#waiting.set(record.offset, waiting);
    this.#laneOf(webhookId).push(waiting);
    this.#start(webhookId);
  }

  #laneOf(webhookId: string): Lane {
    let lane = this.#lanes.get(webhookId);
    if (lane === undefined) {
      const { rules, client, gate, apiBase, count, logger } = this.#context;
      lane = new Lane(webhookId, {
        claim: this.#claim,
        signal: this.#stop.signal,
        book: rules.book,
        client,
        gate,
        apiBase,
        deliveries: this.#deliveries,
        reroute: (waiting, webhook) => this.#reroute(waiting, webhook),
        ended: (batch, outcome) => this.#ended(batch, outcome),
        answered: count.answered,
        troubled: (trouble) => logger.warn(trouble, 'a webhook cannot be served, its notifications wait'),
      });
      this.#lanes.set(webhookId, lane);
    }
    return lane;
  }

  #start(webhookId: string): void {
    if (this.#running.has(webhookId) || this.#failure !== undefined) return;
    // After this turn, so that what a chunk holds for a webhook goes together.
    const run = Promise.resolve()
      .then(() => this.#laneOf(webhookId).run())
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#running.delete(webhookId);
        const lane = this.#lanes.get(webhookId);
        // Something may have come between its last look and now.
        if (lane?.hasWork === true && !this.#stop.signal.aborted) this.#start(webhookId);
        // A lane that waits for its bucket is kept, for what it knows of it.
        else if (lane?.isIdle === true) this.#lanes.delete(webhookId);
      });
    this.#running.set(webhookId, run);
  }

  async #reroute({ notification }: Waiting, webhook: Webhook): Promise<void> {
    await this.#claim.append(topics.notifications.name, [
      { key: Buffer.from(webhook.id), value: Buffer.from(formatNotification(notification)), timestampMs: Date.now() },
    ]);
  }

  #ended(batch: readonly Waiting[], outcome: DeliveryOutcome): void {
    for (const { offset, appendedMs } of batch) {
      this.#waiting.delete(offset);
      this.#context.count.ended(outcome, Date.now() - appendedMs);
    }
    this.#room?.();
    this.#room = undefined;
  }

  async #commit(): Promise<void> {
    const [oldest] = this.#waiting.keys();
    const position = oldest ?? this.#read;
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
