import type { OpenAttempt } from '../notice/sent-notifications.ts';
import type { Destination } from '../receiver/receiver.ts';
import type { Waiting } from './delivery-writer.ts';
import { fateOf, type TargetSending } from './fate.ts';
import { worldOf, type PartitionContext } from './partition-context.ts';
import type { SendGate } from './send-gate.ts';
import { mayRepeat, type FirstCopy } from './sender-state.ts';
import { Target } from './target.ts';

/** Cap on a wait inherited from the previous owner, whose clock may be off. */
export const heldMsMax = 60_000;

/** The targets of one key, by name, as its sender knows them. */
export class Targets {
  readonly #key: string;
  readonly #context: PartitionContext;
  readonly #byName = new Map<string, Target>();

  constructor(key: string, context: PartitionContext) {
    this.#key = key;
    this.#context = context;
  }

  /** The target of this name, made when it is not there. */
  at(name: string): Target {
    const { gates, deliveries, clock } = this.#context;
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const made = new Target(name, gates.paceOf(`${this.#key} ${name}`));
    const heldMs = deliveries.sent.takeHold(this.#key, name) - clock.wallMs();
    if (heldMs > 0) made.pace.holdUntil(clock.monotonicMs() + Math.min(heldMs, heldMsMax));
    this.#byName.set(name, made);
    return made;
  }

  sendings(): Map<string, TargetSending> {
    const nowMs = this.#context.clock.monotonicMs();
    return new Map([...this.#byName].map(([name, target]) => [name, target.sending(nowMs)]));
  }

  /**
   * This one may not be tried now, nor perhaps others. Until they may, they are parked: nothing waits in memory for them. All at once,
   * since one step for each of thousands would look at all of them each time.
   */
  holdBack({ name: first }: Destination, gate: SendGate): void {
    const { clock, parking, queues } = this.#context;
    const world = worldOf(this.#context);
    const names = new Set([first]);
    for (const queue of queues.ofKey(this.#key)) {
      const [oldest] = queue;
      const fate = oldest && fateOf(oldest, world);
      if (fate?.kind === 'send') names.add(fate.destination.name);
    }
    for (const name of names)
      if (gate.admit({ key: this.#key, name }) === 'later') parking.holdBack(this.#key, name, clock.wallMs());
  }

  noteEnded(ids: ReadonlySet<string>): void {
    for (const target of this.#byName.values()) target.noteEnded(ids);
  }

  /** The answer to a request that was given up: it concerns the target whose repeat is of it. */
  noteLate(copy: FirstCopy): void {
    for (const target of this.#byName.values()) target.note({ kind: 'answered_late', ...copy });
  }

  /** Whether it may have been delivered, so that it is marked when it is sent after all. */
  isPossibleRepeat({ notification: { id } }: Waiting): boolean {
    for (const { state } of this.#byName.values()) if (mayRepeat(state, id)) return true;
    return this.#context.deliveries.sent.isPossibleRepeat(id, this.#key);
  }

  /** What a former owner was sending, the newest first: each target repeats its newest, and the rest is marked in its turn. */
  inherit(open: readonly OpenAttempt[]): void {
    for (const { notificationIds: ids, attempt, shown } of open) {
      if (ids.size === 0) continue;
      const target = this.at(this.#nameFor(ids));
      if (target.state.kind === 'ready') target.note({ kind: 'inherited', ids, attempts: attempt, shown });
      else this.#context.deliveries.sent.notePossibleRepeats(this.#key, ids);
    }
  }

  /** The name of the target that these are due to now; empty while their rule is not known. */
  #nameFor(ids: ReadonlySet<string>): string {
    for (const queue of this.#context.queues.ofKey(this.#key)) {
      const first = [...queue].find(({ notification }) => ids.has(notification.id));
      const fate = first === undefined ? undefined : fateOf(first, worldOf(this.#context));
      if (fate?.kind === 'send') return fate.destination.name;
    }
    return '';
  }
}
