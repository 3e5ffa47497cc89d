import type { Lateness } from './open-loop.ts';

/** What the editor of rules did. */
export interface Edited {
  /** Description and time of the answer, of those edits that can be told by their description. */
  readonly answered: readonly (readonly [string, number])[];
  readonly lateness: Lateness;
  readonly failures: number;
  readonly edits: number;
}

/** Begins the description of an edit whose coming into force is to be noted. */
export const probePrefix = 'probe';

/** When each of them was in the book of an instance. */
export interface InForce {
  readonly inForce: readonly (readonly [string, number])[];
}
