// How errors about a rule's fields are put together.
import { shown, type FailureCode, type FieldError } from '../base/failure.ts';
import { withoutWebhookTokens } from '../receiver/discord/address.ts';
import type { NumberSpec } from './field-spec.ts';

export type NumberRange = Pick<NumberSpec, 'above' | 'least' | 'most' | 'isWhole'>;

/** "a number greater than 0 and at most 86400" */
export function numberWords({ above, least, most, isWhole }: NumberRange): string {
  const noun = isWhole === true ? 'a whole number' : 'a number';
  const limits = [
    ...(above === undefined ? [] : [`greater than ${above}`]),
    ...(least === undefined ? [] : [`of at least ${least}`]),
    ...(most === undefined ? [] : [`at most ${most}`]),
  ];
  return limits.length === 0 ? 'a finite number' : `${noun} ${limits.join(' and ')}`;
}

export function orList(choices: readonly string[]): string {
  return choices.map((choice) => JSON.stringify(choice)).join(' or ');
}

export function invalid(field: string, allowed: string, value: unknown): FieldError {
  return error(field, 'invalid_field', `${field} ${allowed}, not ${safelyShown(value)}`);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Somebody may have put the webhook's URL in the wrong field. Objects are not shown: their text may be a megabyte, or so
 * deep that writing it overflows the stack.
 */
export function safelyShown(value: unknown): string {
  if (typeof value === 'string') return shown(withoutWebhookTokens(value));
  if (typeof value !== 'object' || value === null) return shown(value);
  return Array.isArray(value) ? 'an array' : 'an object';
}

export function error(field: string, code: FailureCode, message: string): FieldError {
  return { field, code, message };
}
