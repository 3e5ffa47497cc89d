export interface StreamEvent {
  readonly event: string;
  /** A position in the log: a client that sends it on reconnect misses nothing. */
  readonly id: string;
  readonly data: unknown;
}

/** An event as our server writes it: each field one line, `\n` alone at its end. Undefined for a comment. */
export function parseFrame(frame: string): StreamEvent | undefined {
  const fields = new Map(
    frame.split('\n').map((line) => {
      const colon = line.indexOf(': ');
      return [line.slice(0, colon), line.slice(colon + 2)] as const;
    }),
  );
  const [event, id, data] = ['event', 'id', 'data'].map((name) => fields.get(name));
  return event === undefined || id === undefined || data === undefined
    ? undefined
    : { event, id, data: JSON.parse(data) };
}
