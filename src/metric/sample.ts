/** Tags of a sample or a rule. Build them with tagsOf: an assignment to a key named `__proto__` would be lost. */
export type Tags = Readonly<Record<string, string>>;

/** One record of the `metrics` topic. */
export interface Sample {
  readonly name: string;
  /** Finite. */
  readonly value: number;
  readonly tags: Tags;
  readonly timestampMs: number;
}

export const noTags: Tags = Object.freeze({});

/** Tags from pairs, every key becoming an own property, also `__proto__`. Of equal keys the last wins. */
export function tagsOf(pairs: Iterable<readonly [string, string]>): Tags {
  return Object.fromEntries(pairs);
}

/** The value of a tag, or undefined; never what an object inherits. */
export function tagOf(tags: Tags, key: string): string | undefined {
  return Object.hasOwn(tags, key) ? tags[key] : undefined;
}

/** Undefined for none, which JSON leaves out. */
export function tagsIfAny(tags: Tags): Tags | undefined {
  return Object.keys(tags).length > 0 ? tags : undefined;
}
