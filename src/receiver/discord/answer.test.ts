import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { Action, Answer } from '../receiver.ts';
import { actionFor, bucketWaitMs, verdictOn } from './answer.ts';

function answered(status: number, body?: unknown, headers: Record<string, string> = {}, text?: string): Answer {
  return { kind: 'answered', status, body, headers, ...(text !== undefined && { text }) };
}

const table: [string, Answer, Action['kind']][] = [
  ['200 with a message', answered(200, { id: '1' }), 'delivered'],
  ['200 whose body was cut', answered(200), 'delivered'],
  ['204', answered(204), 'delivered'],
  ['400 of a bad form', answered(400, { code: 50_035, message: 'Invalid Form Body' }), 'refused_body'],
  ['413', answered(413, { code: 40_005, message: 'Request entity too large' }), 'refused_body'],
  ['401', answered(401, { code: 50_027, message: 'Invalid Webhook Token' }), 'webhook_broken'],
  ['404', answered(404, { code: 10_015, message: 'Unknown Webhook' }), 'webhook_broken'],
  ['404 of a channel that is gone', answered(404, { code: 10_003, message: 'Unknown Channel' }), 'webhook_broken'],
  ['404 as HTML', answered(404), 'webhook_broken'],
  ['404 of a message alone', answered(404, { code: 10_008, message: 'Unknown Message' }), 'refused_body'],
  ['403 of a locked thread', answered(403, { code: 160_005, message: 'This thread is locked.' }), 'webhook_broken'],
  ['400 of a locked thread', answered(400, { code: 160_005, message: 'This thread is locked.' }), 'webhook_broken'],
  ['403 without the right', answered(403, { code: 50_013, message: 'Missing Permissions' }), 'webhook_broken'],
  [
    '403 of the firewall as JSON',
    answered(403, { code: 40_333, message: 'internal network error' }),
    'address_blocked',
  ],
  ['403 of the firewall as HTML', answered(403), 'address_blocked'],
  ['429 with retry_after', answered(429, { retry_after: 0.376, global: false }), 'rate_limited'],
  ['429 with a header only', answered(429, undefined, { 'retry-after': '3' }), 'rate_limited'],
  ['429 with nothing at all', answered(429), 'rate_limited'],
  ['429 as JSON without a number', answered(429, { message: 'You are being rate limited.' }), 'rate_limited'],
  ['429 of another text', answered(429, undefined, {}, 'slow down'), 'rate_limited'],
  [
    '429 of the firewall as text',
    answered(429, undefined, { 'retry-after': '3' }, 'error code: 1015'),
    'address_blocked',
  ],
  [
    '429 of the firewall as HTML',
    answered(429, undefined, {}, '<!DOCTYPE html><title>Just a moment'),
    'address_blocked',
  ],
  ['429 with code 0 and no time', answered(429, { code: 0, message: 'You are being blocked' }), 'address_blocked'],
  ['500', answered(500), 'try_again'],
  ['503 of Discord', answered(503, { code: 130_000, message: 'API resource is overloaded' }), 'try_again'],
  ['408 of a gateway', answered(408), 'try_again'],
  ['520 of the firewall', answered(520), 'try_again'],
  ['302', answered(302), 'webhook_broken'],
  ['refused connection', { kind: 'not_sent', reason: 'ECONNREFUSED' }, 'try_again'],
  ['lost answer', { kind: 'ambiguous', reason: 'ECONNRESET' }, 'try_again'],
];

for (const [name, answer, kind] of table) {
  test(`${name} means ${kind}`, () => assert.equal(actionFor(answer).kind, kind));
}

test('the body of a 429 is believed before its header, which is a ceiling', () => {
  const action = actionFor(answered(429, { retry_after: 64.57 }, { 'retry-after': '65' }));
  assert.deepEqual(action, { kind: 'rate_limited', waitMs: 64_570, everybody: false, reason: '429' });
});

test('a limit without a number in the body is waited out by its header, else for a minute, and stops nobody else unless it says so', () => {
  const limit = (body: unknown, headers: Record<string, string> = {}) => actionFor(answered(429, body, headers));
  const expected = { kind: 'rate_limited', everybody: false, reason: '429' };
  assert.deepEqual(limit(undefined, { 'retry-after': '3' }), { ...expected, waitMs: 3_000 });
  assert.deepEqual(limit(undefined), { ...expected, waitMs: 60_000 });
  assert.deepEqual(limit(undefined, { 'x-ratelimit-global': 'true' }), {
    ...expected,
    waitMs: 60_000,
    everybody: true,
  });
});

test('a refusal is told in the words of Discord, with the field, without any secret, and never at length', () => {
  const token = 't'.repeat(68);
  const reason = (body: unknown): string => {
    const action = actionFor(answered(400, body));
    return 'reason' in action ? action.reason : '';
  };
  const errors = {
    embeds: { 0: { title: { _errors: [{ code: 'BASE_TYPE_MAX_LENGTH', message: 'Must be 256 or fewer.' }] } } },
  };
  assert.equal(
    reason({ code: 50_035, message: 'Invalid Form Body', errors }),
    '400 Invalid Form Body (code 50035): embeds.0.title: Must be 256 or fewer.',
  );
  assert.equal(reason({ embeds: ['0'] }), '400: embeds.0: 0');
  assert.equal(reason({ message: `not /webhooks/123456789012345678/${token}` }), '400 not /webhooks/****');
  const long = {
    errors: Object.fromEntries(
      Array.from({ length: 500 }, (_, at) => [`f${at}`, { _errors: [{ message: 'x'.repeat(500) }] }]),
    ),
  };
  assert.ok(reason({ message: 'y'.repeat(5_000), ...long }).length <= 320);
  let deep: unknown = { _errors: [{ message: 'deep' }] };
  for (let depth = 0; depth < 5_000; depth++) deep = { a: deep };
  assert.ok(reason({ message: 'm', errors: deep }).startsWith('400 m'));
});

test('a global limit stops everybody', () => {
  const action = actionFor(answered(429, { retry_after: 1, global: true }));
  assert.equal(action.kind === 'rate_limited' && action.everybody, true);
});

test('a 5xx may have been taken, a refused connection was not', () => {
  assert.deepEqual(actionFor(answered(502)), {
    kind: 'try_again',
    ambiguous: true,
    isServerError: true,
    reason: '502',
  });
  assert.deepEqual(actionFor({ kind: 'not_sent', reason: 'refused' }), {
    kind: 'try_again',
    ambiguous: false,
    isServerError: false,
    reason: 'refused',
  });
});

test('an empty bucket is waited out, as far as the headers tell', () => {
  const wait = (headers: Record<string, string>): number => bucketWaitMs(answered(200, {}, headers), 1_000_000);
  const [after, remaining, reset] = ['x-ratelimit-reset-after', 'x-ratelimit-remaining', 'x-ratelimit-reset'];
  assert.equal(wait({ [remaining]: '0', [after]: '1.25' }), 1_250);
  assert.equal(wait({ [remaining]: '2', [after]: '1.25' }), 0);
  assert.equal(wait({ [remaining]: '0', [reset]: '1001.5' }), 1_500);
  assert.equal(wait({ [remaining]: '0', [reset]: '9001.5' }), 60_000, 'another clock is not believed far');
  assert.equal(wait({ [remaining]: '0' }), 0);
  assert.equal(wait({ [remaining]: '0', [after]: 'soon' }), 0);
  assert.equal(wait({}), 0);
});

const limited = { retry_after: 1 };
const verdicts: [string, Answer, ReturnType<typeof verdictOn>][] = [
  ['a message', answered(200, { id: '1' }), 'served'],
  ['a refused form', answered(400, { code: 50_035 }), 'served'],
  ['a wrong token', answered(401, { code: 50_027 }), 'refused'],
  ['a webhook that is gone', answered(404, { code: 10_015 }), 'refused'],
  ['a missing right', answered(403, { code: 50_013 }), 'refused'],
  ['the firewall', answered(403), 'invalid'],
  ['a message that is gone', answered(404, { code: 10_008 }), 'invalid'],
  ['a limit', answered(429, limited), 'invalid'],
  ["a webhook's own limit", answered(429, limited, { 'x-ratelimit-scope': 'user' }), 'invalid'],
  ["a channel's limit", answered(429, limited, { 'x-ratelimit-scope': 'shared' }), undefined],
  ['a server error', answered(500), undefined],
  ['a redirect', answered(302), undefined],
  ['no answer', { kind: 'ambiguous', reason: 'ECONNRESET' }, undefined],
];

for (const [name, answer, verdict] of verdicts)
  test(`for the budget of invalid answers ${name} counts as ${verdict ?? 'nothing'}`, () =>
    assert.equal(verdictOn(answer), verdict));
