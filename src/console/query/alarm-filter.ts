import type { Subject } from '../../metric/subject.ts';
import type { Rule } from '../../rule/rule.ts';
import { severitiesOf, severityAt } from '../../rule/rule-level.ts';
import type { RuleBook } from '../../rule/rule-book.ts';
import type { Severity } from '../../rule/severity.ts';
import { metricFilter } from './metric-filter.ts';

/** What alarms are wanted; what is undefined asks for nothing. */
export interface AlarmFilter {
  readonly ruleId?: string | undefined;
  readonly metricName?: string | undefined;
  /** `host=web-1`, `host=web-*`, or `host` for any value: of the series or group. All must hold. */
  readonly tags?: readonly string[] | undefined;
  /** The same of the rule's labels. */
  readonly labels?: readonly string[] | undefined;
  readonly severity?: Severity | undefined;
}

export const pairFilterWords = 'key=value, a value with stars (key=web-*), or a key alone; all of several must hold';

type Pairs = Readonly<Record<string, string>>;

/** Whether an alarm is wanted, at a level if that is known; 0 is none. Labels and severity are those of its rule as it is now: an alarm of a deleted rule has none. */
export function alarmFilter(
  { ruleId, metricName, tags = [], labels = [], severity }: AlarmFilter,
  book: Pick<RuleBook, 'get'>,
): (alarm: FilteredAlarm, level?: number) => boolean {
  const isMetric = metricFilter(metricName);
  const [areTags, areLabels] = [tags, labels].map((wanted) => wanted.map(pairFilter)) as [PairFilter[], PairFilter[]];
  const asksRule = labels.length > 0 || severity !== undefined;
  return (alarm, level) => {
    if (ruleId !== undefined && alarm.ruleId !== ruleId) return false;
    if (!isMetric(alarm.series.name) || !areTags.every((holds) => holds(alarm.series.tags))) return false;
    if (!asksRule) return true;
    const rule = book.get(alarm.ruleId)?.rule;
    if (rule === undefined || (severity !== undefined && !isAsBad(rule, level, severity))) return false;
    return areLabels.every((holds) => holds(rule.labels ?? {}));
  };
}

interface FilteredAlarm {
  readonly ruleId: string;
  readonly series: Subject;
}

/** An alarm at an unknown level may be as bad as each of them. */
function isAsBad(rule: Rule, level: number | undefined, severity: Severity): boolean {
  if (rule.levels !== undefined && level === undefined) return severitiesOf(rule).includes(severity);
  return severityAt(rule, level) === severity;
}

type PairFilter = (pairs: Pairs) => boolean;

function pairFilter(wanted: string): PairFilter {
  const equals = wanted.indexOf('=');
  if (equals < 0) return (pairs) => Object.hasOwn(pairs, wanted);
  const [key, value] = [wanted.slice(0, equals), wanted.slice(equals + 1)];
  const isValue = metricFilter(value);
  return (pairs) => Object.hasOwn(pairs, key) && isValue(pairs[key]);
}
