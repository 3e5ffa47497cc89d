// Server-sent events, read with fetch since EventSource could not send a token (html.spec.whatwg.org, "Server-sent events").
import type { Subscription } from '../../../wire/stream.ts';
import { call } from './api.ts';

export interface StreamEvent {
  readonly event: string;
  /** A place in the log: who names it when it comes back misses nothing. */
  readonly id: string;
  readonly data: unknown;
}

export interface StreamHandlers {
  /** Called for whatever comes, also for a heartbeat. */
  readonly onSign: () => void;
  readonly onEvent: (event: StreamEvent) => void;
}

/** The server says something every five seconds at the least. */
const silenceMsMax = 8_000;

/** Follows the stream from after `lastEventId`, until it ends or the signal aborts. Rejects with ApiError when it cannot be had. */
export async function followStream(
  lastEventId: string | undefined,
  { onSign, onEvent }: StreamHandlers,
  signal: AbortSignal,
): Promise<void> {
  const silence = new AbortController();
  const either = AbortSignal.any([signal, silence.signal]);
  let timer = setTimeout(() => silence.abort(), silenceMsMax);
  try {
    const answer = await call('POST', 'api/v1/stream', {
      body: { feed: ['transition'] } satisfies Subscription,
      signal: either,
      lastEventId,
    });
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), silenceMsMax);
      onSign();
      const blocks = (text + value).split('\n\n');
      text = blocks.pop()!;
      for (const block of blocks) {
        const event = eventOf(block);
        if (event !== undefined) onEvent(event);
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

/** One event; undefined for a comment or a block of other fields. */
function eventOf(block: string): StreamEvent | undefined {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    const colon = line.indexOf(': ');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 2));
  }
  const [event, id, data] = [fields.get('event'), fields.get('id'), fields.get('data')];
  return event === undefined || id === undefined || data === undefined
    ? undefined
    : { event, id, data: JSON.parse(data) };
}
