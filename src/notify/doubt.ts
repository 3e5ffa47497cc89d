import { actionFor } from '../discord/answer.ts';
import { discordApiBase, webhookAddress, type Webhook } from '../rule/webhook-url.ts';
import type { Attempt, Ending, Waiting } from './delivery-log.ts';
import type { LaneContext } from './lane-context.ts';

/** One request and what it carried; when its answer was lost, what is heard of it and of its repeat. */
export class Doubt {
  readonly attempt: Attempt;
  readonly shown: number;
  readonly webhook: Webhook;
  lateMessageId: string | undefined;
  repeatMessageId: string | undefined;

  constructor(attempt: Attempt, shown: number, webhook: Webhook) {
    this.attempt = attempt;
    this.shown = shown;
    this.webhook = webhook;
  }

  get batch(): readonly Waiting[] {
    return this.attempt.batch;
  }

  /** The first ones had an embed of their own, the rest was merged into the list. */
  endings(messageId: string | undefined, some: readonly Waiting[]): Ending[] {
    return some.map((waiting) => ({
      waiting,
      outcome: this.batch.indexOf(waiting) < this.shown ? 'delivered' : 'merged',
      messageId,
      attemptId: this.attempt.id,
    }));
  }
}

/** Both copies were accepted: the second one goes, and the outcome names the first. */
export async function undouble(doubt: Doubt, repeatMessageId: string, context: LaneContext): Promise<void> {
  const { client, apiBase, gate, signal, deliveries, clock } = context;
  if (!(await gate.enter(signal))) return;
  const begunMs = clock.monotonicMs();
  const url = webhookAddress(doubt.webhook, apiBase ?? discordApiBase, { messageId: repeatMessageId });
  const answer = await gate.write(signal, () => client.delete(url));
  if (answer === undefined) return gate.unused();
  gate.answered(actionFor(answer), begunMs, clock.monotonicMs());
  if (answer.kind === 'answered' && answer.status === 204)
    await deliveries.end(doubt.endings(doubt.lateMessageId, doubt.batch), clock.wallMs());
}
