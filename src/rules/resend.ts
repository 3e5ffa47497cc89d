import { receiverNameOf } from '../receiver/receiver-config.ts';
import { formatNotification } from '../alarm/notification.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Meter } from '../base/meter.ts';
import type { Log } from '../log/log.ts';
import { topics } from '../topics.ts';
import { resentMax, type ResentView } from '../wire/deliveries.ts';
import { originOf, readDeliveries, resendOf, type Delivery, type DeliveryFilter } from './delivery-history.ts';
import { OneAtATime } from '../base/one-at-a-time.ts';
import { appendInTime } from './append-in-time.ts';
import type { RuleChanges } from './rule-changes.ts';
import type { RulesView } from './rules-view.ts';

export interface ResendOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly view: RulesView;
  readonly changes: RuleChanges;
  readonly meter: Meter;
  readonly logger: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

type Verdict =
  | { readonly kind: 'resend'; readonly as: string; readonly webhookId: string; readonly delivery: Delivery }
  | { readonly kind: 'revive'; readonly ruleId: string }
  /** `isSettled`: there is nothing to be sent again. */
  | { readonly kind: 'refuse'; readonly reason: string; readonly isSettled?: true };

/**
 * Sends again what was given up. The order goes through the log, as everything does: the notification is appended anew to
 * `notifications` under an id that says how often that was done, `<id>~1`. So it is a notification of its own to the notifier,
 * which sends an id once, and two who order the same at once have given one order.
 *
 * What is parked is not given up: it waits in the log. To append it anew would send it twice; its rule is written again as it
 * is, which is an edit, and an edit has the notifier look at the webhook.
 */
export class Resend {
  readonly #options: ResendOptions;
  readonly #turns = new OneAtATime();
  readonly #count: (result: 'resent' | 'revived' | 'refused', count: number) => void;

  constructor(options: ResendOptions) {
    this.#options = options;
    const orders = options.meter.counter('resends_total', 'Notifications ordered to be sent again, by result', [
      'result',
    ]);
    this.#count = (result, count) => orders.inc({ result }, count);
  }

  /** Of those named, or of all dead, expired and parked ones that match the filter. Rejects with the Failure `unavailable`. */
  order(filter: DeliveryFilter, subject: string): Promise<ResentView> {
    // One after the other, so that each sees what the one before appended.
    return this.#turns.run('', () => this.#order(filter, subject));
  }

  async #order(filter: DeliveryFilter, subject: string): Promise<ResentView> {
    const { logger, now } = this.#options;
    // First: without the rules no notification can be checked.
    void this.#options.view.book;
    const verdicts = new Map<string, Verdict>();
    let left = 0;
    for (const [id, sendings] of await this.#families(filter)) {
      const verdict = this.#verdict(sendings);
      // Of a filter it is not news that something was sent again before, and has arrived.
      if (filter.ids === undefined && verdict.kind === 'refuse' && verdict.isSettled === true) continue;
      if (verdicts.size < resentMax) verdicts.set(id, verdict);
      else left++;
    }
    for (const id of filter.ids ?? []) {
      if (!verdicts.has(id)) verdicts.set(id, { kind: 'refuse', reason: 'no such notification is in the log' });
    }
    const all = [...verdicts];
    const resent = all.flatMap(([id, verdict]) => (verdict.kind === 'resend' ? [{ id, ...verdict }] : []));
    await appendAnew(this.#options, resent, now());
    const revived = all.flatMap(([id, verdict]) => (verdict.kind === 'revive' ? [{ id, ruleId: verdict.ruleId }] : []));
    for (const ruleId of new Set(revived.map((each) => each.ruleId)))
      await this.#options.changes.rewrite(ruleId, subject);
    const refused = all.flatMap(([id, verdict]) =>
      verdict.kind === 'refuse' ? [{ notification_id: id, reason: verdict.reason }] : [],
    );
    this.#count('resent', resent.length);
    this.#count('revived', revived.length);
    this.#count('refused', refused.length);
    const counts = { resent: resent.length, revived: revived.length, refused: refused.length };
    logger.info({ subject, ...counts }, 'notifications were ordered to be sent again');
    return {
      resent: resent.map(({ id, as }) => ({ notification_id: id, as })),
      revived: revived.map(({ id }) => id),
      refused,
      left,
    };
  }

  /** All sendings of each notification that matches; of a filter only what can be sent again matches. */
  async #families(filter: DeliveryFilter): Promise<Map<string, Delivery[]>> {
    const { log } = this.#options;
    let ids = filter.ids;
    if (ids === undefined) {
      const found = new Set<string>();
      await readDeliveries(log, filter, ({ id, outcome }) => {
        if (isGivenUp(outcome) || outcome === 'parked') found.add(originOf(id));
      });
      ids = found;
    }
    const families = new Map<string, Delivery[]>();
    if (ids.size === 0) return families;
    // The whole history of those: another sending of the same may be under another webhook, or newer than the filter asks for.
    await readDeliveries(log, { sinceMs: filter.ids === undefined ? filter.sinceMs : 0, ids }, (delivery) => {
      const id = originOf(delivery.id);
      families.set(id, [...(families.get(id) ?? []), delivery]);
    });
    return families;
  }

  /** By its newest sending: that one is not delivered, or nothing is done. */
  #verdict(sendings: readonly Delivery[]): Verdict {
    const newest = Math.max(...sendings.map(({ id }) => resendOf(id)));
    const last = sendings.filter(({ id, outcome }) => resendOf(id) === newest && outcome !== 'rerouted');
    const delivered = last.find(({ outcome }) => outcome === 'delivered' || outcome === 'merged');
    if (delivered !== undefined) return settled(`it was delivered, message ${delivered.messageId ?? 'unknown'}`);
    const [end] = last;
    if (end === undefined || last.some(({ outcome }) => outcome === 'waiting'))
      return settled('it has not come to an end: it is still to be sent');
    const notification = sendings.find((each) => each.notification !== undefined)?.notification;
    if (notification === undefined) return { kind: 'refuse', reason: 'its record is no longer in the log' };
    const rule = this.#options.view.book.get(notification.ruleId);
    if (rule === undefined) return { kind: 'refuse', reason: 'its rule has been deleted' };
    if (end.outcome === 'parked') return { kind: 'revive', ruleId: notification.ruleId };
    const as = `${originOf(notification.id)}~${newest + 1}`;
    const key = receiverNameOf(end.webhookId) === undefined ? rule.webhook?.id : end.webhookId;
    if (key === undefined) return { kind: 'refuse', reason: 'its rule has no Discord webhook any more' };
    return { kind: 'resend', as, webhookId: key, delivery: { ...end, notification } };
  }
}

function settled(reason: string): Verdict {
  return { kind: 'refuse', reason, isSettled: true };
}

function isGivenUp(outcome: Delivery['outcome']): boolean {
  return outcome === 'dead' || outcome === 'expired';
}

async function appendAnew(
  options: Pick<ResendOptions, 'log' | 'clock'>,
  orders: readonly { readonly as: string; readonly webhookId: string; readonly delivery: Delivery }[],
  timestampMs: number,
): Promise<void> {
  if (orders.length === 0) return;
  // Ordered again after a refusal they get the same ids, so that none is sent twice.
  await appendInTime(
    options,
    topics.notifications.name,
    orders.map(({ as, webhookId, delivery }) => ({
      key: Buffer.from(webhookId),
      value: Buffer.from(formatNotification({ ...delivery.notification!, id: as })),
      timestampMs,
    })),
  );
}
