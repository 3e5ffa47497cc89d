import { Type } from 'typebox';
import { AlarmView } from './alarms.ts';
import type { Shape } from './shape.ts';
import { StatusNumbers } from './status.ts';
import { NewsItem } from './timeline.ts';

export const feedKinds = ['transition', 'rule', 'delivery'] as const satisfies readonly NewsItem['kind'][];

/** The body of `POST /api/v1/stream`. */
export const Subscription = Type.Object({
  feed: Type.Optional(Type.Array(Type.Enum([...feedKinds]), { description: 'Which kinds of events; default: all' })),
});
export type Subscription = Shape<typeof Subscription>;

/** How everything is when a client begins, or comes back. */
export const StreamSnapshot = Type.Object({
  time_ms: Type.Number(),
  status: StatusNumbers,
  alarms: Type.Array(AlarmView, { description: 'What is firing or pending' }),
  feed: Type.Array(NewsItem, { description: 'The newest events, or those since Last-Event-ID' }),
  is_resumed: Type.Boolean({ description: 'Whether it goes on after Last-Event-ID' }),
  is_complete: Type.Boolean({ description: 'false: some events since Last-Event-ID are no longer held' }),
});
export type StreamSnapshot = Shape<typeof StreamSnapshot>;

/** What has changed since the event before. */
export const StreamDelta = Type.Object({
  time_ms: Type.Number(),
  status: Type.Optional(Type.Partial(StatusNumbers)),
  alarms: Type.Optional(Type.Array(AlarmView, { description: 'New, or changed' })),
  gone: Type.Optional(Type.Array(AlarmView, { description: 'No longer firing or pending' })),
  feed: Type.Optional(Type.Array(NewsItem)),
});
export type StreamDelta = Shape<typeof StreamDelta>;

/** The events of `POST /api/v1/stream` by name, and the data of each. */
export const StreamEvents = Type.Object(
  { snapshot: StreamSnapshot, delta: StreamDelta },
  { description: 'Server-sent events: by the name of an event, its data' },
);
export type StreamEvents = Shape<typeof StreamEvents>;
