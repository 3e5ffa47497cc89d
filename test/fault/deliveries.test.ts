// The checkers of deliveries, each shown to fail on evidence that was tampered with as a broken notifier would.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { DeliveryRecord } from '../../src/notice/delivery-record.ts';
import { factsOf } from '../support/fake-discord/ledger-facts.ts';
import type { LedgerEntry } from '../support/fake-discord/ledger.ts';
import { checkDeliveries, type DeliveryAllowance, type DeliveryEvidence } from './deliveries.ts';

const webhookId = '12345678901234567';
const token = 'token-of-a-webhook-that-nobody-may-ever-see';
const alarms = ['1', '2', '3'];

type Tampered = {
  -readonly [Name in 'due' | 'records' | 'tokens']: DeliveryEvidence[Name] extends readonly (infer One)[]
    ? One[]
    : never;
} & { ledger: LedgerEntry[]; said: Map<string, string>; invalidShare: number };

/** One alarm a message, each delivered at once. */
function sound(): Tampered {
  return {
    due: alarms.map((id) => ({ id, webhookId })),
    records: alarms.map((id) => outcomeOf(id)),
    ledger: alarms.map((value, index) => messageOf(value, index + 1)),
    said: new Map([['the log', 'delivered to wh_0123456789ab']]),
    tokens: [token],
    invalidShare: 0,
  };
}

function outcomeOf(id: string): DeliveryRecord & { kind: 'outcome' } {
  return {
    kind: 'outcome',
    notificationId: id,
    webhookId,
    outcome: 'delivered',
    messageId: `message ${id}`,
    attemptId: 'a',
    reason: undefined,
    webhook: undefined,
    offset: undefined,
    possibleRepeat: false,
    atMs: 0,
  };
}

function messageOf(value: string, request: number, footer = ''): LedgerEntry {
  const alarm = { title: 'Alarm triggered', ruleId: 'rule', metricName: 'm', value, threshold: '0', footer };
  return {
    request,
    atMs: request,
    method: 'POST',
    webhookId,
    outcome: 'accepted',
    status: 200,
    code: 0,
    fault: '',
    messageId: `message ${value}`,
    alarms: [alarm],
    content: '',
    pings: [],
    whileEmpty: false,
    overlapped: false,
  };
}

function verdictOn(tamper: (evidence: Tampered) => void, allowance: DeliveryAllowance = { copiesMax: 0 }): () => void {
  const { invalidShare, ...evidence } = sound();
  const tampered = { ...evidence, invalidShare };
  tamper(tampered);
  const expected = alarms.map((value) => ({ webhookId, ruleId: 'rule', value }));
  const facts = factsOf(tampered.ledger, expected, tampered.invalidShare);
  return () => void checkDeliveries({ ...tampered, facts, letterWebhooks: new Set([webhookId]) }, allowance);
}

test('a run in which all went well passes, and so does a marked copy where one may be', () => {
  assert.doesNotThrow(verdictOn(() => {}));
  const repeated = verdictOn(({ ledger }) => ledger.push(messageOf('2', 4, 'possible repeat')), { copiesMax: 1 });
  assert.doesNotThrow(repeated);
});

const cases: readonly (readonly [string, RegExp, (evidence: Tampered) => void])[] = [
  ['a notification has no outcome', /I5: notifications without an outcome: 1/, ({ records }) => records.splice(1, 1)],
  [
    'it was given up',
    /I5: notifications that ended otherwise/,
    ({ records }) => records.push({ ...outcomeOf('2'), outcome: 'dead' }),
  ],
  [
    'a message is said to be at Discord and is not',
    /I5: said to be delivered, and not at Discord: 1/,
    ({ records }) => records.push({ ...outcomeOf('3'), messageId: 'made up' }),
  ],
  [
    'an alarm did not arrive',
    /I5: said to be delivered|I5: alarms that did not arrive/,
    ({ ledger }) => ledger.splice(1, 1),
  ],
  ['an alarm is made up', /I5: alarms that nobody is due/, ({ ledger }) => ledger.push(messageOf('4', 4))],
  ['the order is wrong', /I5: alarms out of order/, ({ ledger }) => ledger.reverse()],
  ['a copy is not marked', /I6: copies that do not say so/, ({ ledger }) => ledger.push(messageOf('2', 4))],
  [
    'a marked copy has no excuse',
    /I6: 1 messages came twice, and 0 may/,
    ({ ledger }) => ledger.push(messageOf('2', 4, 'possible repeat')),
  ],
  [
    'a request came while Discord had said to wait',
    /I7: requests while/,
    ({ ledger }) => (ledger[1] = { ...ledger[1]!, whileEmpty: true }),
  ],
  ['invalid requests come near the ban', /I7: invalid/, (evidence) => (evidence.invalidShare = 0.02)],
  ['two ask at once', /I8: requests/, ({ ledger }) => (ledger[1] = { ...ledger[1]!, overlapped: true })],
  ['a token is said', /I13: a token is in.*\n"the log"/, ({ said }) => said.set('the log', `POST /x/${token} failed`)],
];

for (const [what, message, tamper] of cases) {
  test(`it is found when ${what}`, () => assert.throws(verdictOn(tamper), message));
}
