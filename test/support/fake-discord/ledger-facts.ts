/** What a run of the system comes to at Discord, computed from the ledger: nothing lost, doubled or out of order. */
import type { LedgerAlarm, LedgerEntry } from './ledger.ts';

/** An alarm that must arrive. Of one webhook, in the order in which they must. */
export interface ExpectedAlarm {
  readonly webhookId: string;
  readonly ruleId: string;
  /** As the message shows it. With the rule's id it names the alarm: unique in a test. */
  readonly value: string;
  /** `Alarm triggered` when absent. */
  readonly title?: string;
}

export interface DoubledAlarm {
  readonly alarm: string;
  readonly copies: number;
  /** Copies after the first that do not say that they are one. */
  readonly unmarked: number;
}

export interface LedgerFacts {
  /** Alarms by name: webhook, title, rule and value. */
  readonly lost: readonly string[];
  readonly doubled: readonly DoubledAlarm[];
  readonly unexpected: readonly string[];
  readonly outOfOrder: readonly string[];
  /** Numbers of the requests made although an answer had said to wait. */
  readonly whileEmpty: readonly number[];
  /** Numbers of the requests made while another to the same webhook was under way. */
  readonly overlapped: readonly number[];
  /** Mentions that would have pinged somebody. */
  readonly pings: readonly string[];
  /** Answers that count towards a ban, as a share of what brings it. A client that behaves stays below 0.01. */
  readonly invalidShare: number;
}

const repeatMark = /possible repeat/;

/** Messages deleted since do not count: a client may clear away a second copy of its own. */
export function factsOf(
  entries: readonly LedgerEntry[],
  expected: readonly ExpectedAlarm[],
  invalidShare: number,
): LedgerFacts {
  const wanted = new Map(expected.map((alarm, index) => [expectedName(alarm), index]));
  const copies = copiesOf(entries);
  const arrived = [...copies.keys()];
  return {
    lost: [...wanted.keys()].filter((name) => !copies.has(name)),
    doubled: [...copies]
      .filter(([, all]) => all.length > 1)
      .map(([alarm, all]) => ({
        alarm,
        copies: all.length,
        unmarked: all.slice(1).filter(({ footer }) => !repeatMark.test(footer)).length,
      })),
    unexpected: arrived.filter((name) => !wanted.has(name)),
    outOfOrder: outOfOrder(arrived, wanted),
    whileEmpty: entries.filter((entry) => entry.whileEmpty).map((entry) => entry.request),
    overlapped: entries.filter((entry) => entry.overlapped).map((entry) => entry.request),
    pings: entries.flatMap((entry) => entry.pings),
    invalidShare,
  };
}

function expectedName({ webhookId, title = 'Alarm triggered', ruleId, value }: ExpectedAlarm): string {
  return `${webhookId} ${title} ${ruleId} ${value}`;
}

/** All accepted copies of each alarm, the alarms in the order of their first ones. */
function copiesOf(entries: readonly LedgerEntry[]): Map<string, LedgerAlarm[]> {
  const deleted = new Set(
    entries
      .filter(({ method, outcome }) => method === 'DELETE' && outcome === 'accepted')
      .map((entry) => entry.messageId),
  );
  const copies = new Map<string, LedgerAlarm[]>();
  for (const { method, outcome, messageId, webhookId, alarms } of entries) {
    if (method !== 'POST' || outcome !== 'accepted' || deleted.has(messageId)) continue;
    for (const alarm of alarms) {
      const name = expectedName({ ...alarm, webhookId });
      copies.set(name, [...(copies.get(name) ?? []), alarm]);
    }
  }
  return copies;
}

/** Those whose first copy came after one that was to come later at the same webhook. */
function outOfOrder(arrived: readonly string[], wanted: ReadonlyMap<string, number>): string[] {
  const furthest = new Map<string, number>();
  return arrived.filter((name) => {
    const index = wanted.get(name);
    if (index === undefined) return false;
    const webhookId = name.slice(0, name.indexOf(' '));
    const before = furthest.get(webhookId) ?? -1;
    furthest.set(webhookId, Math.max(before, index));
    return index < before;
  });
}
