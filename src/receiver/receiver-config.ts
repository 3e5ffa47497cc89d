/**
 * A named receiver: a place that rules send notifications to by `notify: [names]`. It is a record of the compacted topic
 * `receivers`, under the receiver's name as key; a null value deletes it:
 *
 *   {"kind": "webhook", "address": "https://hooks.example.com/ssrms", "secret": "whsec_…", "limits": {"requests_per_minute": 60}}
 *   {"kind": "discord", "address": "https://discord.com/api/webhooks/{id}/{token}"}
 *
 * Address and secret are secrets. They are in this topic and nowhere else: what is shown to people is `shownReceiver`.
 */
import { Failure, fieldsFailure, type FailureCode, type FieldError } from '../base/failure.ts';
import { isReceiverName, receiverNameAllowed } from '../rule/receiver-name.ts';
import type { RuleEntry } from '../rule/rule-list.ts';
import type { ReceiverOptions } from './receiver-kind.ts';
import { receiverKinds, receiverKindSpecs, type ReceiverKind } from './receiver-kinds.ts';
import { receiversOf } from '../rule/rule-level.ts';

export interface ReceiverConfig {
  readonly name: string;
  readonly kind: ReceiverKind;
  /** A secret: whoever reads it may be able to post there. */
  readonly address: string;
  /** Signs requests. Only for kinds that sign; a secret. */
  readonly secret: string | undefined;
  readonly limits: ReceiverLimits;
}

/** What the operator allows per receiver. Undefined: the default of its kind. */
export interface ReceiverLimits {
  readonly requestsPerMinute: number | undefined;
  /** How many notifications one request may carry. */
  readonly notificationsPerRequest: number | undefined;
}

/** What a receiver looks like to people: GET, lists, the page. Holds no secret. */
export interface ShownReceiver {
  readonly name: string;
  readonly kind: ReceiverKind;
  /** The address with its secret parts replaced. */
  readonly address: string;
  readonly has_secret: boolean;
  readonly limits?: { readonly requests_per_minute?: number; readonly notifications_per_request?: number };
}

/** The key on `notifications` of what is due to a named receiver. Discord webhooks of rules have their numeric id instead. */
export function receiverKey(name: string): string {
  return `${keyPrefix}${name}`;
}

/** The keys on `notifications` of what a rule notifies. */
export function targetKeysOf({ rule, webhook }: Pick<RuleEntry, 'rule' | 'webhook'>): string[] {
  return [...(webhook === undefined ? [] : [webhook.id]), ...receiversOf(rule).map(receiverKey)];
}

/** The name of the receiver that a key of `notifications` is about; undefined when it is the id of a Discord webhook. */
export function receiverNameOf(key: string): string | undefined {
  return key.startsWith(keyPrefix) ? key.slice(keyPrefix.length) : undefined;
}

export interface ParseReceiverOptions extends ReceiverOptions {
  /** From the path, or the record's key. */
  readonly name: string;
  /** The API refuses fields that it does not know; a record of a newer version may have some. */
  readonly unknownFields: 'refused' | 'ignored';
}

/**
 * Reads a receiver from parsed JSON: a request's body or a record. Throws one Failure that lists every wrong field and what is
 * allowed. No address and no secret is in any message.
 */
export function parseReceiverConfig(input: unknown, options: ParseReceiverOptions): ReceiverConfig {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw new Failure('invalid_request', 'a receiver must be a JSON object');
  const fields = input as Record<string, unknown>;
  const errors: FieldError[] = [];
  if (!isReceiverName(options.name)) errors.push(error('name', `name ${receiverNameAllowed}`));
  if (Object.hasOwn(fields, 'name') && fields['name'] !== options.name)
    errors.push(error('name', 'name must be the name in the path, or be left out'));
  const kind = receiverKinds.find((one) => one === fields['kind']);
  if (kind === undefined) errors.push(error('kind', `kind must be one of ${receiverKinds.join(', ')}`));
  else errors.push(...addressErrors(kind, fields, options), ...secretErrors(kind, fields));
  errors.push(...limitErrors(fields['limits']));
  if (options.unknownFields === 'refused') errors.push(...unknownErrors(fields));
  if (kind === undefined || errors.length > 0) throw fieldsFailure(errors);
  const limits = (fields['limits'] ?? {}) as Record<string, number | undefined>;
  return {
    name: options.name,
    kind,
    address: fields['address'] as string,
    secret: fields['secret'] as string | undefined,
    limits: {
      requestsPerMinute: limits['requests_per_minute'],
      notificationsPerRequest: limits['notifications_per_request'],
    },
  };
}

/** The value of its record on `receivers`. A secret. */
export function formatReceiverConfig({ kind, address, secret, limits }: ReceiverConfig): string {
  // JSON leaves out what is undefined.
  return JSON.stringify({ kind, address, secret, limits: limitsJson(limits) });
}

export function shownReceiver({ name, kind, address, secret, limits }: ReceiverConfig): ShownReceiver {
  const shownLimits = limitsJson(limits);
  return {
    name,
    kind,
    address: receiverKindSpecs[kind].maskedAddress(address),
    has_secret: secret !== undefined,
    ...(shownLimits !== undefined && { limits: shownLimits }),
  };
}

const keyPrefix = 'receiver:';
const secretCharactersMin = 16;
const secretCharactersMax = 256;
const limitFields = { requests_per_minute: 6_000, notifications_per_request: 1_000 } as const;
const knownFields: ReadonlySet<string> = new Set(['name', 'kind', 'address', 'secret', 'limits']);
/** A body may have a hundred thousand of them. */
const unknownFieldsNamedMax = 20;

function addressErrors(
  kind: ReceiverKind,
  { address }: Record<string, unknown>,
  options: ReceiverOptions,
): FieldError[] {
  if (address === undefined) return [error('address', 'address is missing: it must be a URL', 'missing_field')];
  if (typeof address !== 'string') return [error('address', 'address must be a string, a URL')];
  const problem = receiverKindSpecs[kind].addressProblem(address, options);
  return problem === undefined
    ? []
    : [error('address', `address ${problem} (the value given is a secret and not shown)`)];
}

function secretErrors(kind: ReceiverKind, { secret }: Record<string, unknown>): FieldError[] {
  if (!receiverKindSpecs[kind].isSigned)
    return secret === undefined ? [] : [error('secret', `secret must be left out: ${kind} needs none`)];
  const allowed = `must be a string of ${secretCharactersMin} to ${secretCharactersMax} characters`;
  if (secret === undefined) return [error('secret', `secret is missing: it ${allowed}`, 'missing_field')];
  const isAllowed =
    typeof secret === 'string' && secret.length >= secretCharactersMin && secret.length <= secretCharactersMax;
  return isAllowed ? [] : [error('secret', `secret ${allowed} (the value given is not shown)`)];
}

function limitErrors(limits: unknown): FieldError[] {
  if (limits === undefined) return [];
  if (typeof limits !== 'object' || limits === null || Array.isArray(limits))
    return [error('limits', 'limits must be an object')];
  return Object.entries(limitFields).flatMap(([field, max]) => {
    const value = (limits as Record<string, unknown>)[field];
    const isAllowed =
      value === undefined || (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max);
    return isAllowed ? [] : [error(`limits.${field}`, `limits.${field} must be a whole number from 1 to ${max}`)];
  });
}

function unknownErrors(fields: Record<string, unknown>): FieldError[] {
  const unknown = Object.keys(fields).filter((field) => !knownFields.has(field));
  const errors = unknown
    .slice(0, unknownFieldsNamedMax)
    .map((_, at) =>
      error(`#${at + 1}`, `the fields of a receiver are ${[...knownFields].join(', ')}`, 'unknown_field'),
    );
  return errors;
}

function limitsJson(limits: ReceiverLimits): ShownReceiver['limits'] {
  const { requestsPerMinute, notificationsPerRequest } = limits;
  if (requestsPerMinute === undefined && notificationsPerRequest === undefined) return undefined;
  return {
    ...(requestsPerMinute !== undefined && { requests_per_minute: requestsPerMinute }),
    ...(notificationsPerRequest !== undefined && { notifications_per_request: notificationsPerRequest }),
  };
}

function error(field: string, message: string, code: FailureCode = 'invalid_field'): FieldError {
  return { field, code, message };
}
