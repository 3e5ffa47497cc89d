// The translated rules, evaluated by the evaluator of production over the same samples, as they come by remote write: one by one, with
// the time passing in between.
import { randomUUID } from 'node:crypto';
import type { AlarmRecord } from '../../src/alarm/alarm-record.ts';
import { noWebhook } from '../../src/backtest/backtest.ts';
import type { Effects, EffectsSink } from '../../src/evaluate/effects.ts';
import { PartitionEvaluator } from '../../src/evaluate/partition-evaluator.ts';
import { SeriesBudget } from '../../src/evaluate/series-budget.ts';
import type { Translated } from '../../src/prometheus/translate.ts';
import { RuleBook } from '../../src/rule/rule-book.ts';
import { formatRule, type Rule } from '../../src/rule/rule.ts';
import { stepMs, type Series } from './histories.ts';
import { epochMs, recordsByTime } from './remote-write.ts';
import { subjectKeyOf, Timelines } from './timelines.ts';

const noEffects: Effects = { ahead: [], notifications: [], states: [] };

export async function firingInOurs(
  translated: readonly Translated[],
  series: readonly Series[],
  durationMs: number,
): Promise<Timelines> {
  const book = new RuleBook();
  const names = new Map<string, Translated>();
  for (const each of translated) {
    const rule = { ...each.rule, id: randomUUID(), discord_webhook_url: noWebhook } as Rule;
    names.set(rule.id, each);
    book.apply({ key: rule.id, value: formatRule(rule), partition: 0, offset: 0 });
  }
  const sink = new FiringSink(names);
  const evaluator = new PartitionEvaluator(book, new SeriesBudget(), sink);
  evaluator.place = { partition: 0, owns: () => true };
  const records = await recordsByTime(series);
  let offset = 0;
  for (let nowMs = 0; nowMs <= durationMs; nowMs += stepMs) {
    sink.nowMs = nowMs;
    evaluator.passTime({ clockMs: epochMs + nowMs, monotonicMs: nowMs, isAtHead: false });
    for (const { key, value, timestampMs } of records.get(nowMs) ?? []) {
      evaluator.evaluate({ key, value, timestampMs, partition: 0, offset });
      offset += 1;
    }
  }
  return sink.timelines;
}

/** Which alarms fire, by the time at which it was found. */
class FiringSink implements EffectsSink {
  readonly timelines = new Timelines();
  nowMs = 0;
  readonly #rules: ReadonlyMap<string, Translated>;

  constructor(rules: ReadonlyMap<string, Translated>) {
    this.#rules = rules;
  }

  addState(_seriesKey: string, { ruleId, series, state }: AlarmRecord): void {
    const {
      alerts: [alert],
      rule,
    } = this.#rules.get(ruleId)!;
    const isAbsence = rule.group_by !== undefined && rule.threshold === undefined;
    const key = subjectKeyOf(alert.name, isAbsence ? exactTagsOf(rule.tags) : series.tags);
    this.timelines.set(key, this.nowMs, state.state === 'firing');
  }

  addNotification(): void {}
  addAhead(): void {}
  deleteState(): void {}

  drain(): Effects {
    return noEffects;
  }
}

/** Prometheus gives what is absent the labels that were asked for. */
function exactTagsOf(tags: Rule['tags'] = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tags).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );
}
