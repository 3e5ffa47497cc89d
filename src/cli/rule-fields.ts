import { Failure } from '../base/failure.ts';

/** Fields whose value is taken as it is typed; every other one is JSON: a number, true, false. */
const texts = new Set(['metric_name', 'discord_webhook_url', 'description', 'operator', 'type', 'trigger']);

/** A rule's fields with what `--set field=value` and `--unset field` say; `tags.host=web-1` sets one tag. */
export function changedFields(
  fields: Readonly<Record<string, unknown>>,
  { set = [], unset = [] }: { readonly set?: readonly string[]; readonly unset?: readonly string[] },
): Record<string, unknown> {
  const changed: Record<string, unknown> = { ...fields };
  for (const pair of set) {
    const equals = pair.indexOf('=');
    if (equals < 1) throw new Failure('invalid_field', `--set is ${pair}, and must be field=value`);
    const [field, value] = [pair.slice(0, equals), pair.slice(equals + 1)];
    if (field.startsWith('tags.')) changed['tags'] = { ...(changed['tags'] as object), [field.slice(5)]: value };
    else changed[field] = texts.has(field) ? value : jsonOf(field, value);
  }
  for (const field of unset) {
    if (!field.startsWith('tags.')) delete changed[field];
    else {
      const { [field.slice(5)]: _gone, ...tags } = (changed['tags'] ?? {}) as Record<string, unknown>;
      changed['tags'] = tags;
    }
  }
  return changed;
}

function jsonOf(field: string, value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    throw new Failure('invalid_field', `--set ${field}: ${JSON.stringify(value)} is no number, true, false or JSON`);
  }
}
