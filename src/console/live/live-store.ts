import { systemClock, type Clock } from '../../base/clock.ts';
import { runTogether } from '../../base/service.ts';
import type { Log } from '../../log/log.ts';
import type { RuleFeed } from '../../rule/rule-feed.ts';
import { topics } from '../../topics.ts';
import { AlarmsView, type AlarmsViewOptions } from './alarms-view.ts';
import { AuditTrail } from './audit-trail.ts';
import { DeliveriesView, deliveriesBackMs } from './deliveries-view.ts';
import { Feed } from './feed.ts';
import { PastAlarms } from './past-alarms.ts';
import { followRuleEdits } from './rule-edits.ts';
import { transitionOf } from './transition.ts';
import { WebhookRules } from './webhook-rules.ts';

export interface LiveStoreOptions extends Omit<AlarmsViewOptions, 'listener'> {
  readonly log: Log;
  readonly rules: RuleFeed;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly clock?: Clock;
}

/**
 * What the console answers without reading the log: a bounded view in memory, which all routes of the process share.
 *
 *   alarms ────────┬─> `alarms`      the present state of every alarm: by rule, by state, counts
 *                  ├─> `past`        the alarms of the last days by id, and `past.fires`: how often each rule fired in 24 h
 *   notifications ─┤
 *   deliveries ────┼─> `deliveries`  the last message of a rule (`lastOfRule`), each webhook's health (`webhook`), the queue
 *   rules ─────────┼─> `feed`        transitions, rule edits and failed deliveries as they happen, each with its place in the log
 *                  └─> `webhookRules`  the webhooks of the rules
 *   audit ───────────> `audit`       who changed rules and receivers, as of the last request
 *
 * Each part documents how much it keeps; older facts are read from the log (alarm-trace.ts). All of `alarms` and `rules` is read
 * at the start, and seven days of the other two.
 */
export class LiveStore {
  readonly alarms: AlarmsView;
  readonly past: PastAlarms;
  readonly deliveries: DeliveriesView;
  readonly feed: Feed;
  readonly webhookRules: WebhookRules;
  readonly audit: AuditTrail;
  readonly #isCaughtUp = { rules: false, deliveries: false };
  readonly #now: () => number;
  /** When it began to read the log, which may be long after its construction. */
  #beganMs: number;

  constructor(options: LiveStoreOptions) {
    const { log, rules, now, clock = systemClock } = options;
    this.#now = now;
    this.#beganMs = now();
    const beganMs = (): number => this.#beganMs;
    const readFromMs = {
      get alarms() {
        return beganMs() - topics.alarms.compactionLagMs;
      },
      // Earlier versions of a rule may have been compacted away before they were read.
      rules: now(),
      get deliveries() {
        return beganMs() - deliveriesBackMs;
      },
    };
    const feed = new Feed(readFromMs);
    this.feed = feed;
    const past = new PastAlarms(now);
    const settled = new Set<number>();
    this.past = past;
    this.alarms = new AlarmsView({
      ...options,
      listener: {
        // Records older than the compaction lag may be missing, up to the first record younger than that.
        seen({ partition, offset, timestampMs }) {
          if (settled.has(partition)) return;
          const isOld = timestampMs < readFromMs.alarms;
          feed.incompleteBefore('alarms', partition, isOld ? offset + 1 : offset);
          if (!isOld) settled.add(partition);
        },
        changed(change) {
          past.stateChanged(change);
          const transition = transitionOf(change);
          if (transition !== undefined) feed.add(transition);
        },
        removed: (before, atMs) => past.stateRemoved(before, atMs),
        advanced: (partition, nextOffset) => feed.advance('alarms', partition, nextOffset),
      },
    });
    this.deliveries = new DeliveriesView({
      log,
      feed,
      now,
      onNotification: (sending, notification) => past.notificationSeen(sending, notification),
      onNotice: (notice) => past.noticeSeen(notice),
    });
    followRuleEdits(rules, feed);
    this.webhookRules = new WebhookRules(rules);
    this.audit = new AuditTrail(log, clock);
    rules.caughtUp.then(
      () => (this.#isCaughtUp.rules = true),
      // The follower of the rules reports why they cannot be read.
      () => {},
    );
  }

  get isRulesCaughtUp(): boolean {
    return this.#isCaughtUp.rules;
  }

  /** Whether all records of the start have been read. */
  get isCaughtUp(): boolean {
    return this.alarms.isCaughtUp && this.#isCaughtUp.rules && this.#isCaughtUp.deliveries;
  }

  /** Follows the topics until the signal aborts; rejects when it cannot. */
  run(signal: AbortSignal): Promise<void> {
    this.#beganMs = this.#now();
    const caughtUp = (): void => void (this.#isCaughtUp.deliveries = true);
    return runTogether(
      [
        { name: 'alarms view', run: (stop) => this.alarms.run(stop) },
        { name: 'deliveries view', run: (stop) => this.deliveries.run(stop, caughtUp) },
      ],
      signal,
    );
  }
}
