import { Failure } from '../base/failure.ts';
import { parseWhere } from '../rule/aggregate.ts';
import { parseForSamples } from '../rule/for-samples.ts';
import { namesOf } from '../rule/receiver-name.ts';
import { parseMatcher } from '../rule/matcher-text.ts';
import type { FieldKind } from '../rule/field-spec.ts';
import { fieldSpec, isField } from '../rule/rule-fields.ts';

/** The value that `--set field=text` means. A field that this version does not know is JSON if it can be, else text. */
function valueOf(field: string, text: string): unknown {
  if (isField(field)) return readers[fieldSpec(field).kind](field, text);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const asText = (_field: string, text: string): string => text;

const readers: Record<FieldKind, (field: string, text: string) => unknown> = {
  metric_name: asText,
  discord_webhook: asText,
  text: asText,
  line: asText,
  url: asText,
  labels: (field, text) => parsed(field, text, 'a JSON object', (value) => typeof value === 'object' && value !== null),
  choice: asText,
  receivers: (_field, text) => namesOf(text),
  tag_names: (_field, text) => (text.trim() === '[]' ? [] : namesOf(text)),
  where: (field, text) => parseWhere(text) ?? parsedObject(field, text),
  levels: parsedObject,
  samples: (field, text) => parseForSamples(text) ?? parsedObject(field, text),
  ratio: parsedObject,
  number: (field, text) => parsed(field, text, 'a number', (value) => typeof value === 'number'),
  flag: (field, text) => parsed(field, text, 'true or false', (value) => typeof value === 'boolean'),
  tags: parsedObject,
};

function parsedObject(field: string, text: string): unknown {
  return parsed(field, text, 'a JSON object', (value) => typeof value === 'object' && value !== null);
}

function parsed(field: string, text: string, allowed: string, isAllowed: (value: unknown) => boolean): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (!isAllowed(value)) throw new Failure('invalid_field', `${field} must be ${allowed}, got ${JSON.stringify(text)}`);
  return value;
}

function matcherOf(text: string): Record<string, unknown> {
  const read = parseMatcher(text);
  if ('problem' in read) throw new Failure('invalid_field', `--set tags.${text}: ${read.problem}`);
  return Object.fromEntries([read]);
}

/** A rule's fields with `--set field=value` and `--unset field` applied; `tags.host=web-1` sets one tag, as do the other
 * forms of matcher-text.ts. */
export function changedFields(
  fields: Readonly<Record<string, unknown>>,
  { set = [], unset = [] }: { readonly set?: readonly string[]; readonly unset?: readonly string[] },
): Record<string, unknown> {
  const changed: Record<string, unknown> = { ...fields };
  for (const pair of set) {
    if (pair.startsWith('tags.')) {
      changed['tags'] = { ...(changed['tags'] as object), ...matcherOf(pair.slice('tags.'.length)) };
      continue;
    }
    const equals = pair.indexOf('=');
    if (pair.startsWith('labels.') && equals > 'labels.'.length) {
      const key = pair.slice('labels.'.length, equals);
      changed['labels'] = { ...(changed['labels'] as object), ...Object.fromEntries([[key, pair.slice(equals + 1)]]) };
      continue;
    }
    if (equals < 1) throw new Failure('invalid_field', `--set must be field=value, got ${JSON.stringify(pair)}`);
    const [field, value] = [pair.slice(0, equals), pair.slice(equals + 1)];
    changed[field] = valueOf(field, value);
  }
  for (const field of unset) {
    const [, whole, key] = /^(tags|labels)\.(.*)$/s.exec(field) ?? [];
    if (whole === undefined || key === undefined) delete changed[field];
    else {
      const { [key]: _gone, ...others } = (changed[whole] ?? {}) as Record<string, unknown>;
      changed[whole] = others;
    }
  }
  return changed;
}
