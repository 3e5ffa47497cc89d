// Prometheus' rule files, and PrometheusRule resources of Kubernetes: `groups`, at the top or in `spec`, of any number of documents.
import { parseAllDocuments } from 'yaml';
import { parseDuration } from './duration.ts';
import type { PrometheusAlert, UnreadableAlert } from './prometheus-alert.ts';

export interface RuleFile {
  readonly alerts: readonly (PrometheusAlert | UnreadableAlert)[];
  /** Whether there are groups of rules at all, of alerts or of records. */
  readonly hasGroups: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/** Throws an Error that says what is wrong with the YAML. */
export function readRuleFile(text: string): RuleFile {
  const groups = parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw new Error(`it is not YAML: ${error.message.split('\n')[0]!.replace(/:$/, '')}`);
    return groupsOf(document.toJS() as unknown);
  });
  const alerts = groups.flatMap((group) => {
    const given = groupFieldsOf(group);
    return listOf(group['rules'])
      .filter((rule) => Object.hasOwn(rule, 'alert'))
      .map((rule) => readAlert(rule, given));
  });
  return { alerts, hasGroups: groups.length > 0 };
}

function groupsOf(document: unknown): readonly Fields[] {
  if (!isFields(document)) return [];
  const { groups, spec, items } = document;
  if (Array.isArray(items)) return items.flatMap(groupsOf);
  return listOf(groups ?? (isFields(spec) ? spec['groups'] : undefined)).filter((group) =>
    Array.isArray(group['rules']),
  );
}

interface GroupFields {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly notes: readonly string[];
}

/** What changes the result of a group's alerts in Prometheus. Its interval only says how often they are evaluated. */
const unknownToRules = ['limit', 'query_offset'];

function groupFieldsOf(group: Fields): GroupFields {
  return {
    name: textOf(group['name']) ?? '',
    labels: textsOf(group['labels']) ?? {},
    notes: unknownToRules
      .filter((field) => Object.hasOwn(group, field))
      .map((field) => `${field} of its group is left out`),
  };
}

function readAlert(rule: Fields, group: GroupFields): PrometheusAlert | UnreadableAlert {
  const name = textOf(rule['alert'])?.trim() ?? '';
  const unreadable = (reason: string): UnreadableAlert => ({ name, reason });
  const expr = textOf(rule['expr']);
  if (name === '') return unreadable('the alert has no name');
  if (expr === undefined) return unreadable('the alert has no expression');
  const durations = (['for', 'keep_firing_for'] as const).map((field) => {
    const text = rule[field] === undefined ? '0s' : textOf(rule[field]);
    return text === undefined ? undefined : parseDuration(text.trim());
  });
  const [forMs, keepFiringMs] = durations;
  if (forMs === undefined) return unreadable('for is not a duration');
  if (keepFiringMs === undefined) return unreadable('keep_firing_for is not a duration');
  const [labels, annotations] = [textsOf(rule['labels']), textsOf(rule['annotations'])];
  if (labels === undefined || annotations === undefined) return unreadable('labels and annotations must be texts');
  return {
    name,
    group: group.name,
    expr,
    for: rule['for'] === undefined ? undefined : textOf(rule['for']),
    forMs,
    keepFiringMs,
    labels: { ...group.labels, ...labels },
    annotations,
    groupNotes: group.notes,
  };
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : [];
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Prometheus reads `severity: 1` and `expr: 1` as texts. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** Undefined where a value is no text. */
function textsOf(value: unknown): Readonly<Record<string, string>> | undefined {
  if (value === undefined || value === null) return {};
  if (!isFields(value)) return undefined;
  const texts = Object.entries(value).map(([key, each]) => [key, each === null ? '' : textOf(each)] as const);
  return texts.every((each): each is readonly [string, string] => each[1] !== undefined)
    ? Object.fromEntries(texts)
    : undefined;
}
