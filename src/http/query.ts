import { Compile } from 'typebox/compile';
import type { TSchema } from 'typebox';
import { fieldsFailure, shown, type FieldError } from '../base/failure.ts';

interface Finding {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params: unknown;
}

type Check = (value: unknown) => { value: unknown } | { error: Error };

/**
 * Makes the check of a route's query or path parameters from its schema: texts become the numbers, booleans and lists of the schema,
 * and the error is a Failure that names the parameter, its value and what is allowed.
 */
export function parameterCheck(schema: TSchema): Check {
  const check = bodyCheck(schema);
  const properties = propertiesOf(schema);
  return (given) =>
    check(
      Object.fromEntries(
        Object.entries(given as Record<string, unknown>).map(([name, text]) => [
          name,
          typed(text, properties[name]?.type),
        ]),
      ),
    );
}

/** The same for the fields of a JSON body, whose values have their types already. */
export function bodyCheck(schema: TSchema): Check {
  const validator = Compile(schema);
  const known = Object.keys(propertiesOf(schema));
  return (value) => {
    if (validator.Check(value)) return { value };
    const findings = validator.Errors(value) as Finding[];
    return { error: fieldsFailure(fieldErrors(known, findings, value)) };
  };
}

function propertiesOf(schema: TSchema): Record<string, { type?: unknown }> {
  return (schema as { properties?: Record<string, { type?: unknown }> }).properties ?? {};
}

/** Converts a text to the type of the schema where possible; the check then refuses texts that remain. */
function typed(text: unknown, type: unknown): unknown {
  if (typeof text !== 'string') return text;
  if ((type === 'integer' || type === 'number') && /^-?\d{1,15}(\.\d{1,15})?$/.test(text)) return Number(text);
  // A parameter that may be repeated was given once.
  if (type === 'array') return [text];
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

function fieldErrors(
  known: readonly string[],
  findings: readonly Finding[],
  value: Record<string, unknown>,
): FieldError[] {
  const errors = new Map<string, FieldError>();
  for (const finding of findings) {
    const field = unescaped(finding.instancePath.slice(1).split('/')[0] ?? '');
    // The error of the whole repeats those of its fields.
    if (field === '' || errors.has(field)) continue;
    errors.set(
      field,
      known.includes(field)
        ? { field, code: 'invalid_field', message: `${field} is ${shown(value[field])}, and ${finding.message}` }
        : {
            field,
            code: 'unknown_field',
            message: `${field} is not known here; there are ${known.join(', ') || 'none'}`,
          },
    );
  }
  return [...errors.values()];
}

/** A part of a JSON pointer as it was before (RFC 6901, section 4). */
function unescaped(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}
