import { test } from 'node:test';
import assert from 'node:assert/strict';
import { judgeTimestamp } from './sample-time.ts';

const now = Date.parse('2026-08-06T12:00:00.000Z');
const bounds = { pastMsMax: 3_600_000, futureMsMax: 600_000 };

test('a timestamp is taken, set to now, or refused with its reason', () => {
  const table: [string, unknown, number | 'invalid_timestamp' | 'too_old' | 'too_far_in_future', boolean?][] = [
    ['missing', undefined, now],
    ['now', now, now],
    ['fraction', now - 0.5, now - 1],
    ['an hour old', now - 3_600_000, now - 3_600_000],
    ['older', now - 3_600_001, 'too_old'],
    ['a little ahead', now + 1, now, true],
    ['ten minutes ahead', now + 600_000, now, true],
    ['further ahead', now + 600_001, 'too_far_in_future'],
    ['seconds', Math.floor(now / 1000), 'invalid_timestamp'],
    ['just below the bound', 1e11 - 1, 'invalid_timestamp'],
    ['the bound itself', 1e11, 'too_old'],
    ['nanoseconds', now * 1e6, 'too_far_in_future'],
    ['zero', 0, 'invalid_timestamp'],
    ['negative', -now, 'invalid_timestamp'],
    ['infinite', Infinity, 'invalid_timestamp'],
    ['null', null, 'invalid_timestamp'],
    ['number as text', String(now), 'invalid_timestamp'],
    ['text', '2026-08-06T12:00:00Z', now],
    ['text with a zone', '2026-08-06T14:00:00+02:00', now],
    ['text with a fraction', '2026-08-06T11:59:59.123456789Z', now - 877],
    ['text in lower case', '2026-08-06t12:00:00z', now],
    ['text without a zone', '2026-08-06T12:00:00', 'invalid_timestamp'],
    ['date alone', '2026-08-06', 'invalid_timestamp'],
    ['no such day', '2026-02-30T12:00:00Z', 'invalid_timestamp'],
    ['no such hour', '2026-08-06T25:00:00Z', 'invalid_timestamp'],
    ['other text', 'yesterday', 'invalid_timestamp'],
    ['object', {}, 'invalid_timestamp'],
  ];
  for (const [name, given, expected, skewed] of table) {
    const verdict = judgeTimestamp(given, now, bounds);
    if (typeof expected === 'number')
      assert.deepEqual(verdict, { timestampMs: expected, skewed: skewed === true }, name);
    else assert.equal('code' in verdict && verdict.code, expected, name);
  }
});
