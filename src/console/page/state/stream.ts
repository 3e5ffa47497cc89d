// Server-sent events, read with fetch because EventSource cannot send a token.
import type { Subscription } from '../../../wire/stream.ts';
import { call } from './api.ts';
import { parseFrame, type StreamEvent } from './stream-frame.ts';

export interface StreamHandlers {
  /** Called for everything that arrives, heartbeats included. */
  readonly onSign: () => void;
  readonly onEvent: (event: StreamEvent) => void;
}

/** The server sends a heartbeat at least every five seconds. */
const silenceMsMax = 8_000;

/** Follows the stream from after `lastEventId`, until it ends or the signal aborts. Rejects with ApiError if it is refused. */
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
    let rest = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), silenceMsMax);
      onSign();
      const frames = (rest + value).split('\n\n');
      rest = frames.pop()!;
      for (const frame of frames) {
        const event = parseFrame(frame);
        if (event !== undefined) onEvent(event);
      }
    }
  } finally {
    clearTimeout(timer);
  }
}
