import { actionFor, isAlive } from '../discord/answer.ts';
import type { RuleBook } from '../rule/rule-book.ts';
import { discordApiBase, webhookAddress, type Webhook } from '../rule/webhook-url.ts';
import type { Clock } from '../base/clock.ts';
import type { Poster } from './lane-context.ts';
import { webhookName } from '../discord/webhook-name.ts';
import type { ParkedWebhooks } from './parked-webhooks.ts';
import type { SendGate } from './send-gate.ts';

export interface ProbeContext {
  readonly parked: ParkedWebhooks;
  readonly book: RuleBook;
  readonly clock: Clock;
  readonly gate: SendGate;
  readonly client: Poster;
  readonly apiBase: string | undefined;
  readonly signal: AbortSignal;
}

/** Looks whether a parked webhook is there again, with one GET. Nothing is posted to it before. */
export async function probeWebhook(
  due: { readonly webhookId: string; readonly name: string; readonly ruleIds: ReadonlySet<string> },
  { parked, book, clock, gate, client, apiBase, signal }: ProbeContext,
): Promise<void> {
  const webhook = webhookOf(due.name, due.ruleIds, book);
  if (webhook === undefined) return parked.forget(due.webhookId, due.name);
  if (!(await gate.enter(signal))) return;
  const begunMs = clock.monotonicMs();
  const { id, token } = webhook;
  const url = webhookAddress({ id, token }, apiBase ?? discordApiBase);
  const answer = await gate.write(signal, () => client.get(url));
  if (answer === undefined) return gate.unused();
  const action = actionFor(answer);
  gate.answered(action, begunMs, clock.monotonicMs());
  // These say nothing of the webhook.
  const isUnknown = ['address_blocked', 'rate_limited', 'try_again'].includes(action.kind);
  if (isUnknown) parked.postponed(due.webhookId, due.name, clock.wallMs());
  else parked.probed(due.webhookId, due.name, isAlive(answer), clock.wallMs());
}

/** The pair of that name, as one of these rules has it. */
function webhookOf(name: string, ruleIds: ReadonlySet<string>, book: RuleBook): Webhook | undefined {
  for (const ruleId of ruleIds) {
    const webhook = book.get(ruleId)?.webhook;
    if (webhook !== undefined && webhookName(webhook) === name) return webhook;
  }
  return undefined;
}
