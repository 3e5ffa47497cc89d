import { Failure, fieldsFailure, shown } from '../../base/failure.ts';
import { answersAsText, content, documented } from '../../http/open-api.ts';
import type { Routes } from '../../http/http-app.ts';
import { feedKinds as kinds, StreamEvents, Subscription } from '../../wire/stream.ts';
import { type FeedItem, parsePositions } from '../live/feed.ts';
import type { LiveHub } from './live-hub.ts';
import { StreamClient } from './stream-client.ts';

/** Open streams of one subject; without tokens, of one address. */
const streamsPerSubjectMax = 50;
/** How long a client waits before it reconnects. */
const retryMs = 1_000;

const events = content('text/event-stream', StreamEvents, 'Events `snapshot` and `delta`');

/**
 * Live changes as server-sent events. It is a POST because its body selects the parts, and because EventSource cannot send
 * a token; it changes nothing.
 */
export function streamRoutes(hub: LiveHub): Routes {
  return (app) => {
    app.addHook('preClose', async () => hub.end());
    app.post(
      '/api/v1/stream',
      {
        config: { scope: 'alarms:read' },
        schema: {
          summary: 'What happens, as server-sent events: a snapshot, then changes; Last-Event-ID goes on where it was',
          body: documented(Subscription),
          response: answersAsText({ 200: events }, 400, 401, 403, 415, 429, 503),
        },
      },
      async (request, reply) => {
        const wanted = kindsOf(request.body);
        if (!hub.isReady)
          throw new Failure('unavailable', 'the log is still being read', { retryAfterSeconds: retryMs / 1_000 });
        const subject = request.identity?.subject ?? request.ip;
        if (hub.streamsOf(subject) >= streamsPerSubjectMax) {
          const detail = `there are ${streamsPerSubjectMax} streams of ${JSON.stringify(subject)} open, and may be no more`;
          throw new Failure('too_many_requests', detail, { retryAfterSeconds: 5 });
        }
        const client = new StreamClient({
          subject,
          // Edits of rules need the right to read rules.
          kinds: wanted.filter((kind) => kind !== 'rule' || (request.identity?.scopes.has('rules:read') ?? true)),
          isOver: (nowMs) => request.identity?.isOver(nowMs) === true,
          clock: hub.clock,
        });
        const last = request.headers['last-event-id'];
        client.send(`retry: ${retryMs}\n\n`, undefined);
        hub.join(client, typeof last === 'string' ? parsePositions(last) : undefined);
        request.raw.socket.setNoDelay(true);
        return reply
          .headers({
            'content-type': 'text/event-stream',
            'cache-control': 'no-store',
            // nginx would buffer the events.
            'x-accel-buffering': 'no',
          })
          .send(client.body);
      },
    );
  };
}

function kindsOf(body: unknown): readonly FeedItem['kind'][] {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new Failure('invalid_request', 'a subscription must be a JSON object, and may be {}');
  const { feed = kinds, ...rest } = body as { [Field in keyof Subscription]?: unknown };
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) {
    const message = `${shown(unknown)} is not known here; there is feed`;
    throw fieldsFailure([{ field: unknown.slice(0, 80), code: 'unknown_field', message }]);
  }
  if (Array.isArray(feed) && feed.every((kind) => kinds.includes(kind as FeedItem['kind'])))
    return kinds.filter((kind) => feed.includes(kind));
  const message = `feed must be a list of ${kinds.join(', ')}`;
  throw fieldsFailure([{ field: 'feed', code: 'invalid_field', message }]);
}
