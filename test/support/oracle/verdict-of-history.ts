import { judgeAll, type OracleEvent, type OracleRecord, type Verdict } from './oracle.ts';
import type { Step } from './history.ts';

/** What the oracle says of a history: its records get the offsets from 0 on, its rules those of one partition of `rules`. */
export function verdictOf(steps: readonly Step[]): Verdict {
  const records: OracleRecord[] = [];
  const events: OracleEvent[] = [];
  let versions = 0;
  for (const step of steps) {
    const fromOffset = records.length;
    if (step.kind === 'record') {
      const { key, value, timestampMs } = step;
      records.push({ offset: fromOffset, key, value, timestampMs });
    } else if (step.kind === 'rule') {
      events.push({ fromOffset, rule: step.rule, version: { partition: 0, offset: versions++ } });
    } else if (step.kind === 'deletion') {
      versions += 1;
      events.push({ fromOffset, deletedRuleId: step.ruleId });
    } else if (step.kind === 'clock') {
      events.push({ fromOffset, clockMs: step.clockMs, passedMs: step.passedMs });
    } else {
      events.push({ fromOffset, isRestart: true });
    }
  }
  return judgeAll({ partition: 0, records, events });
}
