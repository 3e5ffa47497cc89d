import { Type } from 'typebox';
import { Failure } from '../base/failure.ts';
import { documented } from '../http/open-api.ts';
import { subjectOf, type Identity } from '../http/scope.ts';
import type { Place } from '../log/log.ts';

/** The headers of a route that changes a version. */
export const ifMatchHeaders = documented(
  Type.Object({ 'if-match': Type.Optional(Type.String({ description: 'The ETag of the version that is changed' })) }),
);

/** Who changes something, and which version of it. */
export interface Change {
  readonly subject: string;
  /** The header If-Match, as it came. */
  readonly ifMatch: string | undefined;
}

export function changeOf(request: {
  readonly headers: { readonly 'if-match'?: unknown };
  readonly identity: Identity | undefined;
}): Change {
  const given = request.headers['if-match'];
  return { subject: subjectOf(request.identity), ifMatch: typeof given === 'string' ? given : undefined };
}

/** The version of a record as an entity tag: its place in its topic. */
export function entityTag(place: Place): string {
  return `"${place.partition}-${place.offset}"`;
}

/**
 * RFC 9110, section 13.1.1: a list of strong entity tags, or `*` for any version. Throws the Failure `changed_meanwhile`.
 * `what` is what is changed, for the message: "rule".
 */
export function demandMatch(ifMatch: string | undefined, current: Place | undefined, what: string): void {
  if (ifMatch === undefined) return;
  const given = ifMatch.split(',').map((tag) => tag.trim());
  const tag = current === undefined ? undefined : entityTag(current);
  if (given.includes('*') || (tag !== undefined && given.includes(tag))) return;
  throw new Failure(
    'changed_meanwhile',
    `the ${what}'s version is ${tag ?? 'none'}, and If-Match says ${ifMatch.slice(0, 80)}: read it again`,
  );
}
