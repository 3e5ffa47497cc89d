export interface Stopping {
  /** Aborts when the terminal or the supervisor asks the process to end (Ctrl-C, SIGTERM). */
  readonly signal: AbortSignal;
  /** Call it when the process has begun its work. */
  readonly hasStarted: () => void;
}

/**
 * Follows the signals that ask a process to end. Before it has begun its work there is nothing to finish, and what it waits
 * for (a broker, a lock) may take long: it ends at once, as it does when it is asked a second time.
 */
export function untilTold(): Stopping {
  const stop = new AbortController();
  let isStarting = true;
  const told = (name: NodeJS.Signals): void => {
    if (isStarting || stop.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143);
    stop.abort(new Error(`told to end by ${name}`));
  };
  process.on('SIGINT', told);
  process.on('SIGTERM', told);
  return { signal: stop.signal, hasStarted: () => void (isStarting = false) };
}
