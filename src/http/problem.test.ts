import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Failure } from '../base/failure.ts';
import { problemOf } from './problem.ts';

const token = 'aB3-_'.repeat(13) + 'xyz';

test('an error says back no token of a webhook, however the address was written', () => {
  for (const slash of ['/', '%2F', '%2f', '~1', String.raw`\/`]) {
    const url = ['https:', '', 'discord.com', 'api', 'webhooks', '1100000000000000001', token].join(slash);
    const problem = problemOf(
      new Failure('not_found', `there is no route GET ${url}`, {
        errors: [{ field: url, code: 'unknown_field', message: `${url} is not known` }],
      }),
    );
    assert.ok(!JSON.stringify(problem).includes(token.slice(0, 10)), slash);
    assert.match(problem.detail, /webhooks.*1100000000000000001.*\*\*\*\*$/, slash);
  }
});

test('an error says nothing else than it did', () => {
  const errors = [{ field: 'threshold', code: 'invalid_field', message: 'threshold is "a"' }] as const;
  const problem = problemOf(new Failure('invalid_field', 'threshold is "a"', { errors }));
  assert.deepEqual([problem.detail, problem.errors], ['threshold is "a"', errors]);
});
