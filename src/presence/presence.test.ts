import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../base/failure.ts';
import { Health } from '../base/health.ts';
import { createLogger } from '../base/logger.ts';
import { LogUnavailable, type Log } from '../log/log.ts';
import { RuleBook } from '../rule/rule-book.ts';
import { createPresence } from './presence.ts';

const refused = new Failure('invalid_field', 'topic instances refuses a record: its timestamp is too far ahead');

for (const error of [new LogUnavailable('down'), refused])
  test(`a record that cannot be written ends no process: ${error.message}`, async () => {
    const stop = new AbortController();
    let tries = 0;
    const append = async (): Promise<never> => {
      tries++;
      stop.abort();
      throw error;
    };
    const presence = createPresence({
      log: { append } as unknown as Log,
      logger: createLogger('silent', 'test'),
      health: new Health(),
      parts: ['alarms'],
      version: '0',
      vitals: {},
      rules: { book: new RuleBook(), caughtUp: Promise.resolve(), subscribe: () => () => {} },
      rulePositions: () => [],
    });
    await presence.run(stop.signal);
    assert.equal(tries, 2, 'the first record, and the one that says that it ended');
  });
