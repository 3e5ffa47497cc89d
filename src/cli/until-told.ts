/**
 * A signal that aborts when the terminal or the supervisor asks the process to end (Ctrl-C, SIGTERM). Asked a second
 * time the process ends at once.
 */
export function untilTold(): AbortSignal {
  const stop = new AbortController();
  const told = (name: NodeJS.Signals): void => {
    if (stop.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143);
    stop.abort(new Error(`told to end by ${name}`));
  };
  process.on('SIGINT', told);
  process.on('SIGTERM', told);
  return stop.signal;
}
