// What a chart asks for: the samples of series, or what a rule compares of groups of series.
import { Type } from 'typebox';
import { Failure, fieldsFailure, shown } from '../base/failure.ts';
import { needsParameter, windowTypes } from '../measure/measures.ts';
import { tagsProblems } from '../metric/metric-limits.ts';
import { groupSubject, type Group } from '../metric/subject.ts';
import { matchersProblems } from '../rule/matcher-check.ts';
import { matchersOf, noMatchers, type TagMatchers } from '../rule/matcher.ts';
import { fieldNames, ruleFields } from '../rule/rule-fields.ts';
import { draftOf } from './draft.ts';
import type { GroupSamplesOrder } from './group-samples.ts';
import type { SamplesOrder } from './samples.ts';

const seriesDefault = 12;
const pointsDefault = 600;
const measureDefault = 'window_average';

export const QuerySchema = Type.Object(
  {
    metric_name: Type.String({ minLength: 1, maxLength: 255 }),
    tags: Type.Optional(
      Type.String({
        maxLength: 8_192,
        description: 'A JSON object as `tags` of a rule: only series that match; with exact, the tags of one series',
      }),
    ),
    exact: Type.Optional(Type.Boolean({ description: 'Only the series with exactly these tags' })),
    last_seconds: Type.Optional(Type.Number({ minimum: 1, maximum: 31 * 86_400 })),
    from_ms: Type.Optional(Type.Number({ minimum: 0, description: '0: all that is retained' })),
    to_ms: Type.Optional(Type.Number({ minimum: 0 })),
    points: Type.Optional(Type.Integer({ minimum: 1, maximum: 5_000 })),
    series: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: 'At most so many series' })),
    type: Type.Optional(Type.Enum([...windowTypes], { description: 'The measure over window_seconds' })),
    window_seconds: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 86_400 })),
    percentile: Type.Optional(
      Type.Number({ minimum: 0, maximum: 100, description: 'Required with type window_percentile' }),
    ),
    groups: Type.Optional(
      Type.String({
        maxLength: 8_192,
        description:
          'A JSON object with `group_by` and the other fields of a rule about groups and ratios: the series are then the groups, with the values that the rule compares',
      }),
    ),
    group: Type.Optional(
      Type.String({
        maxLength: 8_192,
        description: 'With groups: only this one, a JSON object of its tags, null for a missing tag',
      }),
    ),
    members: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 100, description: 'With groups: at most so many members of the first one' }),
    ),
    order: Type.Optional(
      Type.Enum(['highest', 'lowest', 'closest', 'furthest'], {
        description: 'Which series come first; closest to or furthest from the threshold',
      }),
    ),
    threshold: Type.Optional(Type.Number({ description: 'For order closest and furthest: required there' })),
  },
  { additionalProperties: false },
);

type Query = Type.Static<typeof QuerySchema>;

/** What is wanted: of groups when the query has them. */
export function orderOf(query: Query, nowMs: number): SamplesOrder | GroupSamplesOrder {
  const toMs = query.to_ms ?? nowMs;
  const fromMs = query.from_ms ?? toMs - (query.last_seconds ?? 3_600) * 1_000;
  const { order = 'highest', threshold, points = pointsDefault, series: seriesMax = seriesDefault } = query;
  if (threshold === undefined && (order === 'closest' || order === 'furthest'))
    throw new Failure('missing_field', `threshold is missing: order ${order} needs it`);
  if (fromMs >= toMs) throw new Failure('invalid_request', `from_ms is ${fromMs} and must be before ${toMs}`);
  const common = { fromMs, toMs, points, order, threshold: threshold ?? 0, seriesMax };
  if (query.groups !== undefined) return { ...common, ...groupsIn(query, query.groups) };
  const isExact = query.exact === true;
  const tags = tagsIn(query.tags, isExact);
  return { ...common, metricName: query.metric_name, tags, isExact, measure: measureIn(query) };
}

function measureIn({
  type = measureDefault,
  window_seconds: windowSeconds,
  percentile,
}: Query): SamplesOrder['measure'] {
  if (windowSeconds === undefined) return undefined;
  if (needsParameter(type, 'percentile') && percentile === undefined)
    throw new Failure('missing_field', `percentile is missing: type ${type} needs it`);
  return { type, windowMs: windowSeconds * 1_000, percentile };
}

const groupFields = fieldNames.filter((field) => ruleFields[field].form.group === 'groups');

/** The groups that are asked for, as a rule that makes them. */
function groupsIn(query: Query, text: string): Pick<GroupSamplesOrder, 'rule' | 'only' | 'membersMax'> {
  const fields = objectIn('groups', text);
  const unknown = Object.keys(fields).find((field) => !groupFields.some((known) => known === field));
  if (unknown !== undefined)
    throw invalid('groups', `groups has the field ${shown(unknown)}, and may have ${groupFields.join(', ')}`);
  const rule = draftOf({
    metric_name: query.metric_name,
    // What it is compared with is of no matter to the value.
    threshold: 0,
    ...(query.tags !== undefined && { tags: tagsIn(query.tags, false) }),
    ...(query.window_seconds !== undefined && {
      type: query.type ?? measureDefault,
      window_duration_seconds: query.window_seconds,
      ...(query.percentile !== undefined && { percentile: query.percentile }),
    }),
    ...fields,
  });
  if (rule.group_by === undefined) throw invalid('groups', 'groups must have the field group_by');
  const group = query.group === undefined ? undefined : groupIn(query.group, rule.group_by);
  return { rule, only: group && groupSubject(rule.metric_name, group), membersMax: query.members ?? 0 };
}

function groupIn(text: string, by: readonly string[]): Group {
  const group = objectIn('group', text);
  const isGroup = by.every((name) => group[name] === null || typeof group[name] === 'string');
  if (isGroup && Object.keys(group).length === by.length) return group as Group;
  throw invalid('group', `group is ${shown(text)}, and must have a text or null for each of ${shown(by)}`);
}

function objectIn(field: string, text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw invalid(field, `${field} is ${shown(text)}, and must be a JSON object`);
}

function invalid(field: string, message: string): Failure {
  return fieldsFailure([{ field, code: 'invalid_field', message }]);
}

function tagsIn(text: string | undefined, isExact: boolean): TagMatchers {
  if (text === undefined) return noMatchers;
  let tags: unknown;
  try {
    tags = JSON.parse(text);
  } catch {
    tags = text;
  }
  const [wrong] = isExact ? tagsProblems(tags) : matchersProblems(tags);
  if (wrong === undefined) return matchersOf(tags as TagMatchers);
  throw fieldsFailure([{ field: 'tags', code: 'invalid_field', message: `tags ${wrong.message}` }]);
}
