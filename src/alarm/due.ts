import type { Cause, Deferred, SamplePlace } from './alarm-state.ts';

interface KindSpec {
  /** A message that begins the rule's cooldown, and may have to wait for its end. */
  readonly waitsForCooldown: boolean;
  /** A message is sent of it: always, never, or as the rule wants it. */
  readonly message: 'always' | 'never' | 'notify_on_resolve';
  /** The alarm ends with it. */
  readonly isEnd: boolean;
}

/**
 * What a notification may be about. Those without a message are appended, too, once anything of the alarm was: a notifier
 * learns from them that the alarm has ended or changed.
 */
const kinds = {
  fired: { waitsForCooldown: true, message: 'always', isEnd: false },
  /** To a level that this firing was not notified at, or again where the rule repeats; otherwise without a message. */
  raised: { waitsForCooldown: true, message: 'always', isEnd: false },
  no_data: { waitsForCooldown: true, message: 'always', isEnd: false },
  reminder: { waitsForCooldown: true, message: 'always', isEnd: false },
  resolved: { waitsForCooldown: false, message: 'notify_on_resolve', isEnd: true },
  /** A firing alarm whose series had sent no data receives a sample that does not resolve it. */
  data_again: { waitsForCooldown: false, message: 'never', isEnd: false },
  /** To a lower level that fires on. */
  lowered: { waitsForCooldown: false, message: 'never', isEnd: false },
  /** The rule was deleted, disabled or changed, or the series forgotten. */
  ended: { waitsForCooldown: false, message: 'never', isEnd: true },
} as const satisfies Record<string, KindSpec>;

export type NotificationKind = keyof typeof kinds;

type KindsWhere<Wanted> = {
  [Kind in NotificationKind]: (typeof kinds)[Kind] extends Wanted ? Kind : never;
}[NotificationKind];

type DeferredKind = Deferred['kind'];

/** The kinds that a message may be sent of. */
export type MessageKind = Exclude<NotificationKind, KindsWhere<{ readonly message: 'never' }>>;

export const notificationKinds = Object.keys(kinds) as readonly NotificationKind[];
export const deferredKinds: readonly DeferredKind[] = notificationKinds.filter(
  (kind): kind is KindsWhere<{ readonly waitsForCooldown: true }> => kinds[kind].waitsForCooldown,
);
export const messageKinds = notificationKinds.filter((kind): kind is MessageKind => kinds[kind].message !== 'never');

export function isEnd(kind: NotificationKind): boolean {
  return kinds[kind].isEnd;
}

export function waitsForCooldown(kind: NotificationKind): boolean {
  return kinds[kind].waitsForCooldown;
}

/** Whether a message is sent of a notification of this kind. */
export function hasMessage(kind: NotificationKind, notifyOnResolve: boolean): boolean {
  const { message } = kinds[kind];
  return message === 'always' || (message === 'notify_on_resolve' && notifyOnResolve);
}

/** A notification to be appended. */
export interface Due {
  readonly kind: NotificationKind;
  readonly alarmId: string;
  /** Why the alarm fires, or fired. */
  readonly cause: Cause;
  /** The alarm's level then; undefined without levels, or without data. */
  readonly level?: number | undefined;
  /** The levels whose receivers it is for; undefined or empty: the rule's own. */
  readonly forLevels?: readonly number[] | undefined;
  readonly sinceMs: number;
  /** The time of `x`: T; for `no_data` when the sample was expected; for `ended` when that happened. */
  readonly timeMs: number;
  /** What was compared; undefined when there is no value to compare. */
  readonly x: number | undefined;
  /** What made it due; see `Deferred`. */
  readonly sample: SamplePlace;
  readonly ordinal: number;
  /** Whether a message is sent of it. */
  readonly message: boolean;
  /** Whether the cooldown held it back. */
  readonly deferred: boolean;
  /** Whether `x` is the value that made it due, and not that of the moment when it was sent. */
  readonly isPast: boolean;
}
