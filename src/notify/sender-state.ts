/**
 * How the next request to a target differs from a first one, and what its last answer means for what it carried. Pure: sender.ts
 * does the I/O, fate.ts turns an answer into outcomes.
 *
 *                    body refused             refused again, one alone
 *   ready ───────────────────────────> refused ───────────────────────────> rejected ──┐
 *    │ ^ └──────────── accepted ──────────┴────────────────> accepted ─────────────────┤ outcomes
 *    │ │                                                        ^                      │ written
 *    │ └────────────────────────────────────────────────────────│──────────────────────┘
 *    │ answer lost                                              │ accepted
 *    └───────────> unconfirmed ──(body refused)──> unconfirmed_refused
 *                       │ late answer: it was accepted
 *                       └───────────> confirmed ── outcomes written ──> ready
 *
 * A body that was refused goes once more in its plain form; when that is refused, too, in parts, until the notification that it is
 * about stands alone. So one that cannot be sent costs no other its delivery. What is left of the parts stays `refused`.
 */
import { unreachable } from '../base/assert.ts';
import type { Destination } from '../receiver/receiver.ts';
import type { Attempt } from './delivery-writer.ts';

/** One request and its notifications. */
export interface SentMessage {
  readonly attempt: Attempt;
  /** How many of the batch, from the first on, are shown one by one. */
  readonly shown: number;
  readonly destination: Destination;
}

/** What may have been delivered already: the next request carries exactly this, as a possible repeat. */
export interface Repeat {
  readonly ids: ReadonlySet<string>;
  /** The request whose answer was lost; undefined when it was a former owner's. */
  readonly lost: SentMessage | undefined;
  /** How many of its message were shown one by one, when it carried more. */
  readonly shown?: number | undefined;
}

/** A message whose lost answer came late: it was accepted. */
export interface FirstCopy {
  readonly sent: SentMessage;
  readonly messageId: string;
}

/** Ids of notifications that go out together. */
type Part = readonly string[];

export type SenderState =
  /** The next message carries whatever is due. `attempts`: since anything got an outcome. */
  | { readonly kind: 'ready'; readonly attempts: number }
  /** The receiver refused the body: the next one carries the first part, and is the least that can be said. */
  | { readonly kind: 'refused'; readonly attempts: number; readonly parts: readonly Part[] }
  /** An answer was lost. */
  | { readonly kind: 'unconfirmed'; readonly attempts: number; readonly repeat: Repeat }
  | {
      readonly kind: 'unconfirmed_refused';
      readonly attempts: number;
      readonly repeat: Repeat;
      readonly parts: readonly Part[];
    }
  /** The lost answer came late: there is no need for a repeat. */
  | {
      readonly kind: 'confirmed';
      readonly attempts: number;
      readonly repeat: Repeat & { readonly lost: SentMessage };
      readonly parts: readonly Part[];
      readonly messageId: string;
    }
  /** The message was accepted, and its outcomes are not written yet. */
  | {
      readonly kind: 'accepted';
      readonly sent: SentMessage;
      readonly messageId: string | undefined;
      readonly repeat: Repeat | undefined;
      readonly parts: readonly Part[];
      /** The first copy, when its answer came while the repeat was under way. */
      readonly duplicateOf: FirstCopy | undefined;
    }
  /** Both forms of a notification alone were refused, and its outcome is not written yet. */
  | {
      readonly kind: 'rejected';
      readonly sent: SentMessage;
      readonly reason: string;
      readonly repeat: Repeat | undefined;
      readonly parts: readonly Part[];
    };

export type SenderEvent =
  /** A former owner of the partition left an attempt open. */
  | {
      readonly kind: 'inherited';
      readonly ids: ReadonlySet<string>;
      readonly attempts: number;
      readonly shown?: number | undefined;
    }
  /** An attempt is durable, and its request may be written. */
  | { readonly kind: 'begun' }
  | { readonly kind: 'accepted'; readonly sent: SentMessage; readonly messageId: string | undefined }
  | { readonly kind: 'body_refused'; readonly sent: SentMessage; readonly reason: string }
  /** It is unknown whether the message was accepted. */
  | { readonly kind: 'answer_lost'; readonly sent: SentMessage }
  /** The message was certainly not accepted, for a reason that is not its own: limits, outages, a broken target. */
  | { readonly kind: 'not_accepted' }
  /** The answer to a request that was given up: it was accepted. */
  | { readonly kind: 'answered_late'; readonly sent: SentMessage; readonly messageId: string }
  /** These have an outcome, and left the queue. */
  | { readonly kind: 'ended'; readonly ids: ReadonlySet<string> }
  /** Nothing that the state is about is in the queue. */
  | { readonly kind: 'gone' };

export const ready: SenderState = { kind: 'ready', attempts: 0 };

export function senderAfter(state: SenderState, event: SenderEvent): SenderState {
  const repeat = 'repeat' in state ? state.repeat : undefined;
  const parts = 'parts' in state ? state.parts : [];
  switch (event.kind) {
    case 'inherited':
      return {
        kind: 'unconfirmed',
        attempts: event.attempts,
        repeat: { ids: event.ids, lost: undefined, ...(event.shown !== undefined && { shown: event.shown }) },
      };
    case 'begun':
      return 'attempts' in state ? { ...state, attempts: state.attempts + 1 } : state;
    case 'accepted':
      return {
        kind: 'accepted',
        sent: event.sent,
        messageId: event.messageId,
        repeat,
        parts,
        duplicateOf: state.kind === 'confirmed' ? { sent: state.repeat.lost, messageId: state.messageId } : undefined,
      };
    case 'body_refused':
      return afterRefusal(state, event);
    case 'answer_lost':
      return afterLoss(state, event.sent);
    case 'not_accepted':
      return state;
    case 'answered_late':
      if (state.kind !== 'unconfirmed' && state.kind !== 'unconfirmed_refused') return state;
      if (state.repeat.lost !== event.sent) return state;
      return {
        kind: 'confirmed',
        attempts: state.attempts,
        repeat: { ...state.repeat, lost: event.sent },
        parts,
        messageId: event.messageId,
      };
    case 'ended':
      return afterOutcomes(repeat, parts, event.ids);
    case 'gone':
      return ready;
    default:
      return unreachable(event);
  }
}

function afterRefusal(state: SenderState, { sent, reason }: SenderEvent & { kind: 'body_refused' }): SenderState {
  const carried = idsOf(sent);
  switch (state.kind) {
    case 'ready':
      return { kind: 'refused', attempts: state.attempts, parts: [carried] };
    case 'unconfirmed':
      return {
        kind: 'unconfirmed_refused',
        attempts: state.attempts,
        repeat: state.repeat,
        parts: [carried],
      };
    case 'refused':
      if (carried.length === 1) return { kind: 'rejected', sent, reason, repeat: undefined, parts: state.parts };
      return { ...state, parts: divided(state.parts, carried) };
    case 'unconfirmed_refused':
      if (carried.length === 1) return { kind: 'rejected', sent, reason, repeat: state.repeat, parts: state.parts };
      return { ...state, parts: divided(state.parts, carried) };
    case 'confirmed':
    case 'accepted':
    case 'rejected':
      return state;
    default:
      return unreachable(state);
  }
}

/** A part up to this size is sent one by one; a larger one, a list of many, in halves. */
const aloneMax = 10;

/** The parts after what was carried, some of the first or all of it, has been refused in its plain form. */
function divided([first = [], ...others]: readonly Part[], carried: Part): readonly Part[] {
  const left = first.filter((id) => !carried.includes(id));
  const middle = Math.ceil(carried.length / 2);
  const divisions =
    carried.length > aloneMax ? [carried.slice(0, middle), carried.slice(middle)] : carried.map((id) => [id]);
  return [...divisions, ...(left.length > 0 ? [left] : []), ...others];
}

function afterLoss(state: SenderState, sent: SentMessage): SenderState {
  const attempts = 'attempts' in state ? state.attempts : 0;
  const before = 'repeat' in state ? state.repeat?.ids : undefined;
  const carried = idsOf(sent);
  const ids = new Set([...carried, ...(before ?? [])]);
  // Only of exactly that message it says which of it come first.
  const isList = ids.size === carried.length && sent.shown < carried.length;
  const repeat = { ids, lost: sent, ...(isList && { shown: sent.shown }) };
  const parts = 'parts' in state ? state.parts : [];
  return parts.length > 0
    ? { kind: 'unconfirmed_refused', attempts, repeat, parts }
    : { kind: 'unconfirmed', attempts, repeat };
}

/** What is left of a repeat is a repeat still, and what is left of the parts goes on by parts. */
function afterOutcomes(repeat: Repeat | undefined, parts: readonly Part[], ids: ReadonlySet<string>): SenderState {
  const left = new Set([...(repeat?.ids ?? [])].filter((id) => !ids.has(id)));
  const leftParts = parts.map((part) => part.filter((id) => !ids.has(id))).filter(({ length }) => length > 0);
  const again = { ids: left, lost: repeat?.lost };
  if (leftParts.length > 0)
    return left.size === 0
      ? { kind: 'refused', attempts: 0, parts: leftParts }
      : { kind: 'unconfirmed_refused', attempts: 0, repeat: again, parts: leftParts };
  return left.size === 0 ? ready : { kind: 'unconfirmed', attempts: 0, repeat: again };
}

/** What the state is about: these come before anything else that is due to the target, and in this order. Empty: nothing. */
export function concernsOf(state: SenderState): readonly string[] {
  switch (state.kind) {
    case 'ready':
      return [];
    case 'refused':
    case 'unconfirmed_refused':
      return state.parts[0] ?? [];
    case 'unconfirmed':
      return [...state.repeat.ids];
    case 'confirmed':
      return idsOf(state.repeat.lost);
    case 'accepted':
    case 'rejected':
      return idsOf(state.sent);
    default:
      return unreachable(state);
  }
}

/** How many the next message must show one by one, and no more: what it repeats did. Undefined: as many as it can. */
export function shownBy(state: SenderState): number | undefined {
  return state.kind === 'unconfirmed' ? state.repeat.shown : undefined;
}

/** What no other message may carry: what the state is about now, and afterwards. */
export function reservedBy(state: SenderState): readonly string[] {
  const repeat = 'repeat' in state ? [...(state.repeat?.ids ?? [])] : [];
  const parts = 'parts' in state ? state.parts.flat() : [];
  return [...concernsOf(state), ...repeat, ...parts];
}

function idsOf({ attempt }: SentMessage): string[] {
  return attempt.batch.map(({ notification }) => notification.id);
}

/** Which attempt the next one is, from 1 on. */
export function attemptsOf(state: SenderState): number {
  return 'attempts' in state ? state.attempts : 1;
}

/** Whether the next body is in the plain form. */
export function isPlain({ kind }: SenderState): boolean {
  return kind === 'refused' || kind === 'unconfirmed_refused';
}

/** Whether the sender itself knows that this one may have been delivered. */
export function mayRepeat(state: SenderState, notificationId: string): boolean {
  return 'repeat' in state && state.repeat?.ids.has(notificationId) === true;
}
