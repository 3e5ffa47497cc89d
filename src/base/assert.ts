/** A bug: an invariant does not hold, and continuing could do harm. It must not be caught in order to continue. */
class Bug extends Error {
  override name = 'Bug';
}

/** Throws a Bug unless `condition` holds. For what our own code promised, never for input. */
export function assert(condition: unknown, promise: string): asserts condition {
  if (!condition) throw new Bug(`broken promise: ${promise}`);
}

/** For the last branch of a complete switch: the compiler refuses a call that can be reached. */
export function unreachable(value: never): never {
  throw new Bug(`not one of the known cases: ${JSON.stringify(value)}`);
}
