/**
 * The port to places that notifications go to. A kind of receiver is one folder that implements this, and one line in
 * receivers.ts. Everything except `request` is pure; what each promises is tested for all of them in receiver.contract.ts.
 */
import type { Notification } from '../alarm/notification.ts';
import type { ReceiverConfig } from './receiver-config.ts';
import type { ReceiverOptions } from './receiver-kind.ts';
import type { ReceiverKind } from './receiver-kinds.ts';

/** What came back from a request: an answer, or the knowledge that none was sent, or neither. */
export type Answer =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly headers: Readonly<Record<string, string | undefined>>;
      /** Parsed JSON, or undefined for anything else. */
      readonly body: unknown;
      /** The beginning of a body that is no JSON; left out when there is none. */
      readonly text?: string;
    }
  | { readonly kind: 'not_sent'; readonly reason: string }
  | { readonly kind: 'ambiguous'; readonly reason: string };

/** What to do after an answer. Each says why in words without a secret. */
export type Action =
  | { readonly kind: 'delivered'; readonly messageId: string | undefined }
  /** This body will never be accepted: once more in its plain form, then it is given up. */
  | { readonly kind: 'refused_body'; readonly reason: string }
  /** The target is gone, or its credentials are wrong: nothing can be delivered until somebody repairs it. */
  | { readonly kind: 'webhook_broken'; readonly reason: string }
  /** A firewall refuses our address: no request to this receiver may be made for a while. */
  | { readonly kind: 'address_blocked'; readonly waitMs: number | undefined; readonly reason: string }
  | { readonly kind: 'rate_limited'; readonly waitMs: number; readonly everybody: boolean; readonly reason: string }
  /**
   * Try again later. `ambiguous`: the message may have been accepted all the same, so a repeat is marked. `isServerError`: a 5xx,
   * which may be all that a target with a malformed secret ever answers.
   */
  | {
      readonly kind: 'try_again';
      readonly ambiguous: boolean;
      readonly isServerError: boolean;
      readonly reason: string;
    };

/** Whether the message was, or may have been, accepted. */
export function mayHaveArrived(action: Action): boolean {
  return action.kind === 'delivered' || (action.kind === 'try_again' && action.ambiguous);
}

/** What one request may take, from its beginning to the last byte of its answer. */
export const requestMsMax = 15_000;

/** What is known of the sending rather than of the alarm. */
export interface SendingFacts {
  /** The same may have been sent before: a process died, or an answer was lost, while it was under way. */
  readonly possibleRepeat?: boolean;
  /** A person tries the target out: the message says that nothing has happened. */
  readonly isTest?: boolean;
  /** The time of sending, to say when a message comes late. */
  readonly nowMs?: number;
  /** When the alarm was evaluated, to say when its sample came late. */
  readonly judgedMs?: (notification: Notification) => number | undefined;
  /** The page's public address, to link each alarm there. */
  readonly consoleUrl?: string | undefined;
  /** Of a repeat: how many its attempt showed one by one, when it carried more. */
  readonly shown?: number | undefined;
  /** `storm` of the last message, and what that message has shown; undefined: there was none. */
  readonly storm?: number | undefined;
}

/** A message of the system about itself, for those who operate it. */
export interface SystemMessage {
  readonly isGood: boolean;
  readonly title: string;
  readonly lines: readonly string[];
  readonly timeMs: number;
}

/** One request's body, and which notifications it carries. */
export interface Packed {
  /** JSON. */
  readonly body: object;
  /**
   * Those of the notifications that the body carries: of each rule the first ones due, in the order of the message. A repeat of just
   * these, with the same `shown`, carries them all in this order, however much it has to say of itself.
   */
  readonly carried: readonly Notification[];
  /** How many of those, from the first on, are shown one by one; the rest is merged into a list or a summary. */
  readonly shown: number;
  /** How many of the present storm were shown one by one before this message; undefined: there is no storm. */
  readonly storm?: number | undefined;
}

/** What is asked of a target. */
export type ReceiverRequest =
  /** `idempotencyKey`: the same for each repeat of the same notifications. */
  | { readonly act: 'send'; readonly message: Packed; readonly idempotencyKey: string }
  /** Whether the target is there. Shows nothing to people. */
  | { readonly act: 'probe' }
  /** Deletes a message that proved to be a duplicate. Only of receivers that do not recognize repeats. */
  | { readonly act: 'retract'; readonly messageId: string };

export interface Receiver<Target> {
  readonly kind: ReceiverKind;
  /** The target that a named receiver means, or what is wrong with it, without showing any of it. */
  parse(config: ReceiverConfig, options: ReceiverOptions): Target | { readonly problem: string };
  /**
   * For people, logs and records: `wh_` and 12 hex digits, then what tells the targets of one secret apart, such as a thread. No
   * secret. Another secret is another name.
   */
  nameOf(target: Target): string;
  /** At least the first of the notifications. `plain`: after a refusal of the full form, the least that can be said. */
  pack(due: readonly Notification[], facts: SendingFacts, form: 'full' | 'plain', target: Target): Packed;
  /** The JSON body that says this. */
  packSystem(message: SystemMessage): object;
  /**
   * Makes one request, within `requestMsMax`. Never rejects, repeats nothing, follows no redirect, and no answer has a secret in it. `late`
   * is called when the answer to a request that was given up comes after all.
   */
  request(target: Target, request: ReceiverRequest, late?: (answer: Answer) => void): Promise<Answer>;
  actionFor(answer: Answer, nowMs: number): Action;
  /** How long the target wants no further request after this answer, whatever the action; 0 when it may be asked at once. */
  waitMsAfter(answer: Answer, nowMs: number): number;
  /** Whether the answer to a probe says that the target is there. */
  isAlive(answer: Answer): boolean;
  /** Requests per second that this target takes; undefined: all targets of the kind share one address and its rate. */
  requestsPerSecondOf(target: Target): number | undefined;
}

/** A receiver and one target of it: what the notifier sends to, whatever its kind. */
export interface Destination {
  readonly kind: ReceiverKind;
  /** The target's: what is paused, failing or waited for goes by it. */
  readonly name: string;
  readonly requestsPerSecond: number | undefined;
  pack(due: readonly Notification[], facts: SendingFacts, form: 'full' | 'plain'): Packed;
  packSystem(message: SystemMessage): object;
  request(request: ReceiverRequest, late?: (answer: Answer) => void): Promise<Answer>;
  actionFor(answer: Answer, nowMs: number): Action;
  waitMsAfter(answer: Answer, nowMs: number): number;
  isAlive(answer: Answer): boolean;
}

export function destinationOf<Target>(receiver: Receiver<Target>, target: Target): Destination {
  return {
    kind: receiver.kind,
    name: receiver.nameOf(target),
    requestsPerSecond: receiver.requestsPerSecondOf(target),
    pack: (due, facts, form) => receiver.pack(due, facts, form, target),
    packSystem: (message) => receiver.packSystem(message),
    request: (request, late) => receiver.request(target, request, late),
    actionFor: (answer, nowMs) => receiver.actionFor(answer, nowMs),
    waitMsAfter: (answer, nowMs) => receiver.waitMsAfter(answer, nowMs),
    isAlive: (answer) => receiver.isAlive(answer),
  };
}

/** Whether two are the same target, so that their notifications may share a message. */
export function isSameDestination(one: Destination, other: Destination): boolean {
  return one.kind === other.kind && one.name === other.name;
}
