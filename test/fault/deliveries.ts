// The checkers of GUARANTEES.md's invariants I5 to I8 and I13: what stands in `notifications` and `deliveries` after a run, held
// against the ledger of the fake Discord.
import assert from 'node:assert/strict';
import type { Log } from '../../src/log/log.ts';
import { isParkingKey, parseParkingRecord } from '../../src/notice/parking-record.ts';
import { parseDeliveryRecord, type DeliveryOutcome, type DeliveryRecord } from '../../src/notice/delivery-record.ts';
import { topics } from '../../src/topics.ts';
import type { LedgerFacts } from '../support/fake-discord/ledger-facts.ts';
import type { LedgerEntry } from '../support/fake-discord/ledger.ts';
import { seenNotification } from '../support/oracle/seen.ts';
import { readRecords } from './evidence.ts';

export interface DueNotification {
  readonly id: string;
  readonly webhookId: string;
}

export interface DeliveryEvidence {
  readonly due: readonly DueNotification[];
  /** In the order of each partition. */
  readonly records: readonly DeliveryRecord[];
  readonly ledger: readonly LedgerEntry[];
  readonly facts: LedgerFacts;
  /** The webhooks of letters: at others two alarms may look alike. */
  readonly letterWebhooks: ReadonlySet<string>;
  /** By where it was said: logs, figures, the topics but `rules`. */
  readonly said: ReadonlyMap<string, string>;
  readonly tokens: readonly string[];
}

export interface DeliveryAllowance {
  /** Messages that may be at Discord twice: a process died, or an answer was lost, while they were sent. */
  readonly copiesMax: number;
  /** How a notification may end. */
  readonly outcomes?: readonly DeliveryOutcome[];
  /** Waits of a former owner are not known to the next one: so many of its first requests may come too early. */
  readonly tooEarlyMax?: number;
}

export interface DeliverySummary {
  readonly notifications: number;
  readonly messages: number;
  readonly copies: number;
  readonly marked: number;
  readonly invalidShare: number;
}

const invalidShareMax = 0.01;
const shownMax = 5;

export async function readDeliveryTopics(log: Log): Promise<Pick<DeliveryEvidence, 'due' | 'records' | 'said'>> {
  const due: DueNotification[] = [];
  const records: DeliveryRecord[] = [];
  const said = new Map<string, string>();
  for (let partition = 0; partition < topics.notifications.partitions; partition++) {
    for (const { key, value } of await readRecords(log, topics.notifications.name, partition)) {
      due.push({ id: seenNotification(value!).id, webhookId: Buffer.from(key!).toString() });
      said.set(`notifications ${partition}`, `${said.get(`notifications ${partition}`) ?? ''}${text(value)}`);
    }
    for (const { key, value } of await readRecords(log, topics.deliveries.name, partition)) {
      const record = isParkingKey(key) ? parseParkingRecord(value!) : parseDeliveryRecord(value!);
      assert.ok(!('problem' in record), 'a record of deliveries cannot be read');
      if ('kind' in record) records.push(record);
      said.set(`deliveries ${partition}`, `${said.get(`deliveries ${partition}`) ?? ''}${text(value)}`);
    }
  }
  return { due, records, said };
}

const text = (value: Uint8Array | null): string => Buffer.from(value ?? []).toString();

/** Of each notification that is due its last outcome, by webhook and id. */
export function lastOutcomes(records: readonly DeliveryRecord[]): Map<string, DeliveryOutcome> {
  const last = new Map<string, DeliveryOutcome>();
  for (const record of records)
    if (record.kind === 'outcome') last.set(`${record.webhookId} ${record.notificationId}`, record.outcome);
  return last;
}

export function withoutOutcome({ due, records }: Pick<DeliveryEvidence, 'due' | 'records'>): DueNotification[] {
  const last = lastOutcomes(records);
  return due.filter(({ id, webhookId }) => !last.has(`${webhookId} ${id}`));
}

export function checkDeliveries(evidence: DeliveryEvidence, allowance: DeliveryAllowance): DeliverySummary {
  checkOutcomes(evidence, allowance.outcomes ?? ['delivered', 'merged']);
  checkArrivals(evidence);
  const copies = checkDoubles(evidence, allowance.copiesMax);
  const { whileEmpty, overlapped, invalidShare, pings } = evidence.facts;
  if (whileEmpty.length > (allowance.tooEarlyMax ?? 0)) none(whileEmpty, 'I7: requests while Discord had said to wait');
  assert.ok(invalidShare < invalidShareMax, `I7: invalid requests are ${invalidShare} of what brings a ban`);
  none(overlapped, 'I8: requests to a webhook while another was under way');
  none(pings, 'mentions that ping');
  checkSecrets(evidence);
  const accepted = evidence.ledger.filter(({ method, outcome }) => method === 'POST' && outcome === 'accepted');
  return {
    notifications: new Set(evidence.due.map(({ id }) => id)).size,
    messages: accepted.length,
    copies,
    marked: accepted.filter(isMarked).length,
    invalidShare,
  };
}

/** I5: each notification has an outcome, and what is said to be delivered is at Discord. */
export function checkOutcomes(evidence: DeliveryEvidence, allowed: readonly DeliveryOutcome[]): void {
  none(withoutOutcome(evidence), 'I5: notifications without an outcome');
  const ends = [...lastOutcomes(evidence.records)].filter(([, outcome]) => !allowed.includes(outcome));
  none(ends, `I5: notifications that ended otherwise than ${allowed.join(' or ')}`);
  const messages = new Set(evidence.ledger.filter(({ outcome }) => outcome === 'accepted').map((one) => one.messageId));
  const madeUp = evidence.records.filter(
    (record) =>
      record.kind === 'outcome' &&
      (record.outcome === 'delivered' || record.outcome === 'merged') &&
      record.messageId !== undefined &&
      !messages.has(record.messageId),
  );
  none(madeUp, 'I5: said to be delivered, and not at Discord');
}

/** I5 again, from the samples on: each alarm is at Discord, in order, and nothing else. */
export function checkArrivals({ facts }: DeliveryEvidence): void {
  none(facts.lost, 'I5: alarms that did not arrive');
  none(facts.unexpected, 'I5: alarms that nobody is due');
  none(facts.outOfOrder, 'I5: alarms out of order');
}

const isMarked = ({ alarms }: LedgerEntry): boolean => alarms.some(({ footer }) => footer.includes('possible repeat'));

/** I6: a copy says that it may be one, and there are no more than events that excuse one. Returns how many there are. */
export function checkDoubles({ facts, ledger, letterWebhooks }: DeliveryEvidence, copiesMax: number): number {
  none(
    facts.doubled.filter(({ unmarked }) => unmarked > 0),
    'I6: copies that do not say so',
  );
  const seen = new Set<string>();
  let copies = 0;
  for (const { method, outcome, webhookId, alarms } of ledger) {
    if (method !== 'POST' || outcome !== 'accepted' || !letterWebhooks.has(webhookId)) continue;
    const names = alarms.map(({ title, ruleId, value }) => `${webhookId} ${title} ${ruleId} ${value}`);
    if (names.some((name) => seen.has(name))) copies++;
    for (const name of names) seen.add(name);
  }
  assert.ok(
    copies <= copiesMax,
    `I6: ${copies} messages came twice, and ${copiesMax} may: ${JSON.stringify(facts.doubled.slice(0, shownMax))}`,
  );
  return copies;
}

/** I13. */
export function checkSecrets({ said, tokens }: Pick<DeliveryEvidence, 'said' | 'tokens'>): void {
  const told = [...said].filter(([, words]) => tokens.some((token) => words.includes(token)));
  none(
    told.map(([where]) => where),
    'I13: a token is in',
  );
}

function none(problems: readonly unknown[], what: string): void {
  if (problems.length === 0) return;
  const shown = problems.slice(0, shownMax).map((problem) => JSON.stringify(problem));
  assert.fail(`${what}: ${problems.length}, such as\n${shown.join('\n')}`);
}
