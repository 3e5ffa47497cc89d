import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { pause } from '../base/backoff.ts';
import { Failure } from '../base/failure.ts';
import type { Health } from '../base/health.ts';
import type { Logger } from '../base/logger.ts';
import type { Service } from '../base/service.ts';
import {
  formatInstanceRecord,
  type InstanceHealth,
  type InstanceRecord,
  type Vitals,
} from '../instance/instance-record.ts';
import { LogUnavailable, type Log } from '../log/log.ts';
import type { RuleFeed } from '../rule/rule-feed.ts';
import { topics } from '../topics.ts';

export interface PresenceOptions {
  readonly log: Log;
  readonly logger: Logger;
  readonly health: Pick<Health, 'report'>;
  readonly parts: readonly string[];
  readonly version: string;
  readonly vitals: Vitals;
  readonly rules: RuleFeed;
  /** By partition of `rules`: the first offset not applied. */
  readonly rulePositions: () => readonly number[];
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

const everyMs = 2_000;
/** Records are read by every console: a problem's rest stands in the process's own `/health`. */
const problemsMax = 5;
const problemCharactersMax = 500;
/** A change of a rule is told at once, and many changes together. */
const restMs = 200;

/**
 * Tells the log every two seconds how this process is, and soon after it has applied a change of a rule: so every console,
 * wherever it runs, knows the instances, what they own, and whether a rule is in force on all of them. Nobody waits for it:
 * what cannot be written is told with the next record.
 */
export function createPresence(options: PresenceOptions): Service {
  const { log, logger, parts, version, vitals, rules, rulePositions, now = Date.now } = options;
  const id = randomUUID();
  const startedMs = now();
  const tell = async (ended: boolean): Promise<void> => {
    const record: InstanceRecord = {
      id,
      name: `${hostname()}:${process.pid}`,
      parts,
      version,
      startedMs,
      atMs: now(),
      everyMs,
      ended,
      rules: rulePositions(),
      health: healthOf(options.health.report()),
      evaluate: vitals.evaluate?.(),
      notify: vitals.notify?.(),
    };
    const value = Buffer.from(formatInstanceRecord(record));
    try {
      await log.append(topics.instances.name, [{ key: Buffer.from(id), value, timestampMs: record.atMs }]);
    } catch (error) {
      // Kafka may refuse what an instance writes whose clock is ahead: it works on, and health says why.
      if (!(error instanceof LogUnavailable) && !(error instanceof Failure)) throw error;
      logger.debug({ err: error }, 'the record of this instance could not be written');
    }
  };
  return {
    name: 'presence',
    async run(signal) {
      let hasChanged = false;
      let wake = new AbortController();
      const unsubscribe = rules.subscribe(() => {
        hasChanged = true;
        wake.abort();
      });
      try {
        while (!signal.aborted) {
          await tell(false);
          await pause(restMs, signal);
          wake = new AbortController();
          if (!hasChanged) await pause(everyMs - restMs, AbortSignal.any([signal, wake.signal]));
          hasChanged = false;
        }
      } finally {
        unsubscribe();
      }
      await tell(true);
    },
  };
}

function healthOf({ status, checks }: ReturnType<Health['report']>): InstanceHealth {
  const bad = Object.entries(checks).filter(([, check]) => check.status !== 'pass');
  const [failing, warning] = [
    bad.filter(([, check]) => check.status === 'fail'),
    bad.filter(([, check]) => check.status === 'warn'),
  ];
  const problems = [...failing, ...warning].slice(0, problemsMax);
  return {
    status,
    problems: problems.map(([name, { detail = 'fails' }]) => `${name}: ${detail}`.slice(0, problemCharactersMax)),
  };
}
