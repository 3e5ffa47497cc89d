// Server-sent events, read with fetch since EventSource could not send a token (html.spec.whatwg.org, "Server-sent events").
import { createParser } from 'eventsource-parser';
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
    const parser = createParser({
      onEvent({ event, id, data }) {
        if (event !== undefined && id !== undefined) onEvent({ event, id, data: JSON.parse(data) });
      },
    });
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), silenceMsMax);
      onSign();
      parser.feed(value);
    }
  } finally {
    clearTimeout(timer);
  }
}
