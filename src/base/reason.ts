/** The reason of an error in one line: fetch hides it in the cause. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!(error.cause instanceof Error)) return error.message;
  // Of a name with several addresses each has its own failure, and the whole has a code and no words.
  const { message, code } = error.cause as NodeJS.ErrnoException;
  return message === '' ? (code ?? error.message) : message;
}
