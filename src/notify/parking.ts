import type { ParkingRecord } from '../notice/parking-record.ts';
import type { InvalidBudget } from '../receiver/invalid-budget.ts';
import type { Destination } from '../receiver/receiver.ts';
import { receiverNameOf } from '../receiver/receiver-config.ts';
import type { RestoredParking, Waiting } from './delivery-writer.ts';
import type { NotifyContext } from './notify-context.ts';
import { holdBack, hurried, isHeldBack, park, postponed, probed, type Parked } from './schedule/parking.ts';

/** Rules remembered for a parked target, to find its URL again. */
const rulesMax = 10;
/** What is parked is published again after this time, so that it stands in the records of the last day. */
const publishedEveryMs = 6 * 3_600_000;

interface ParkedTarget {
  state: Parked;
  readonly ruleIds: Set<string>;
  /** When its state was published last; undefined when it has changed since. */
  publishedMs: number | undefined;
}

interface ParkedKey {
  /** By name: a mistyped token or another target of the same key is not parked with it. */
  readonly targets: Map<string, ParkedTarget>;
  /** The former state of revived targets, until a delivery succeeds. */
  readonly revived: Map<string, Parked>;
  /** By rule: the oldest notification that waits here. */
  readonly waiting: Map<string, ParkedRule>;
}

interface ParkedRule {
  fromOffset: number;
  oldestMs: number;
}

/** A target that is to be probed, and the rules in which its URL may stand. */
interface DueProbe {
  readonly key: string;
  readonly name: string;
  readonly ruleIds: ReadonlySet<string>;
  readonly probeAtMs: number;
}

/**
 * The parked targets of one partition, by the key of their notifications, and from where on the notifications that wait for them
 * must be read again. Nothing else of those is in memory, however many there are.
 */
export class Parking {
  readonly #keys = new Map<string, ParkedKey>();
  /** Targets that are parked no longer, which is not published yet. */
  readonly #freed: { readonly webhook: string; readonly webhookId: string }[] = [];

  restore({ key, paused }: RestoredParking, nowMs: number): void {
    const parked = this.#key(key);
    for (const [name, { reason, sinceMs, published }] of paused) {
      const state = park(name, reason, sinceMs);
      if (published === undefined) {
        parked.targets.set(name, { state, ruleIds: new Set(), publishedMs: undefined });
        continue;
      }
      const { atMs, probes, scheduledAtMs, probeAtMs, ruleIds } = published;
      const known = { ...state, probes, scheduledAtMs, probeAtMs };
      // An earlier version paused the whole webhook for a thread of it. Which it was, the webhook itself says.
      const isWhole = !published.isTarget;
      const now = isWhole ? hurried(known, nowMs) : known;
      parked.targets.set(name, { state: now, ruleIds: new Set(ruleIds), publishedMs: isWhole ? undefined : atMs });
    }
  }

  /** Records to publish: what changed, or was published long ago. */
  takeChanges(nowMs: number): ParkingRecord[] {
    const changes: ParkingRecord[] = this.#freed.splice(0).map((one) => ({ ...one, parked: undefined, atMs: nowMs }));
    for (const [webhookId, { targets }] of this.#keys)
      for (const [webhook, target] of targets) {
        if (target.publishedMs !== undefined && nowMs - target.publishedMs < publishedEveryMs) continue;
        target.publishedMs = nowMs;
        changes.push({
          webhook,
          webhookId,
          parked: { ...target.state, ruleIds: [...target.ruleIds], isTarget: true },
          atMs: nowMs,
        });
      }
    return changes;
  }

  stateOf(key: string, name: string): Parked | undefined {
    return this.#keys.get(key)?.targets.get(name)?.state;
  }

  isHeldBack(key: string, name: string): boolean {
    const state = this.stateOf(key, name);
    return state !== undefined && isHeldBack(state);
  }

  park(key: string, name: string, reason: string, nowMs: number): Parked {
    const parked = this.#key(key);
    const known = parked.targets.get(name);
    const state = park(name, reason, nowMs, known?.state ?? parked.revived.get(name));
    parked.targets.set(name, { state, ruleIds: known?.ruleIds ?? new Set(), publishedMs: undefined });
    return state;
  }

  /** It has not been tried, and must wait until it may be. */
  holdBack(key: string, name: string, nowMs: number): void {
    const state = holdBack(name, nowMs);
    this.#key(key).targets.set(name, { state, ruleIds: new Set(), publishedMs: undefined });
  }

  /** This notification waits for its parked target. */
  note({ key, offset, appendedMs, notification }: Waiting, name: string): void {
    const parked = this.#key(key);
    const known = parked.waiting.get(notification.ruleId) ?? { fromOffset: Infinity, oldestMs: Infinity };
    known.fromOffset = Math.min(known.fromOffset, offset);
    known.oldestMs = Math.min(known.oldestMs, appendedMs);
    parked.waiting.set(notification.ruleId, known);
    const ruleIds = parked.targets.get(name)?.ruleIds;
    if (ruleIds !== undefined && ruleIds.size < rulesMax) ruleIds.add(notification.ruleId);
  }

  /**
   * From where on what waits under this key, of one rule or of all, must be read again, by rule; given once, since reading notes what
   * goes on waiting.
   */
  takeFrom(key: string, ruleId?: string): (readonly [ruleId: string, fromOffset: number])[] {
    const waiting = this.#keys.get(key)?.waiting ?? new Map<string, ParkedRule>();
    const wanted = [...waiting].filter(([rule]) => ruleId === undefined || rule === ruleId);
    for (const [rule] of wanted) waiting.delete(rule);
    return wanted.map(([rule, { fromOffset }]) => [rule, fromOffset]);
  }

  /** Something was delivered to this target. */
  served(key: string, name: string): void {
    const parked = this.#keys.get(key);
    if (parked === undefined) return;
    parked.revived.delete(name);
    if (parked.targets.size === 0 && parked.revived.size === 0 && parked.waiting.size === 0) this.#keys.delete(key);
  }

  /** A receiver, or a rule with a target under this key, was edited: its parked targets are probed soon. */
  probeSoon(key: string, nowMs: number, ruleId?: string): void {
    for (const target of this.#keys.get(key)?.targets.values() ?? []) {
      change(target, hurried(target.state, nowMs));
      // The newest edit is the best guess at a URL that holds.
      if (ruleId !== undefined) target.ruleIds.add(ruleId);
    }
  }

  due(nowMs: number): DueProbe[] {
    return [...this.#keys].flatMap(([key, { targets }]) =>
      [...targets]
        .filter(([, { state }]) => state.probeAtMs <= nowMs)
        .map(
          ([
            name,
            {
              ruleIds,
              state: { probeAtMs },
            },
          ]) => ({ key, name, ruleIds, probeAtMs }),
        ),
    );
  }

  /** It was probed. When it is alive it is parked no longer; else it is broken for this reason. */
  probed(key: string, name: string, { isThere, reason }: { isThere: boolean; reason: string }, nowMs: number): void {
    const parked = this.#keys.get(key);
    const target = parked?.targets.get(name);
    if (parked === undefined || target === undefined) return;
    change(target, probed(target.state, nowMs, reason));
    if (!isThere) return;
    this.free(key, name);
    parked.revived.set(name, target.state);
  }

  /** The probe was inconclusive. */
  postponed(key: string, name: string, nowMs: number): void {
    const target = this.#keys.get(key)?.targets.get(name);
    if (target !== undefined) change(target, postponed(target.state, nowMs));
  }

  /** It is alive, or no rule has it any more. */
  free(key: string, name: string): void {
    if (this.#keys.get(key)?.targets.delete(name) === true) this.#freed.push({ webhook: name, webhookId: key });
  }

  /** The keys under which something waits that was appended before this time. */
  withOlderThan(timeMs: number): string[] {
    const isOlder = ({ oldestMs }: ParkedRule): boolean => oldestMs < timeMs;
    return [...this.#keys].filter(([, { waiting }]) => waiting.values().some(isOlder)).map(([key]) => key);
  }

  /** When the oldest of each rule was appended that waits. */
  oldestTimes(): number[] {
    return [...this.#keys.values()].flatMap(({ waiting }) => [...waiting.values()].map(({ oldestMs }) => oldestMs));
  }

  states(): Parked[] {
    return [...this.#keys.values()].flatMap(({ targets }) => [...targets.values()].map(({ state }) => state));
  }

  #key(key: string): ParkedKey {
    const known = this.#keys.get(key) ?? {
      targets: new Map(),
      revived: new Map(),
      waiting: new Map(),
    };
    this.#keys.set(key, known);
    return known;
  }
}

/** Asks whether a parked target is there again. Nothing is sent to it before. */
export async function probeTarget(
  due: DueProbe,
  parking: Parking,
  context: NotifyContext,
  signal: AbortSignal,
): Promise<void> {
  const { clock, gates } = context;
  const destination = destinationOf(due, context);
  if (destination === undefined) return parking.free(due.key, due.name);
  const gate = gates.gateOf(due.key, destination);
  // It stays due.
  if (gate.admit(due) !== 'now') return;
  if (!(await gate.enter(signal))) return;
  const trial = gate.try(due);
  if (trial === undefined) return gate.unused();
  const begunMs = clock.monotonicMs();
  const answer = await gate.write(signal, () => destination.request({ act: 'probe' }));
  gate.judge(trial, answer);
  if (answer === undefined) return gate.unused();
  const action = destination.actionFor(answer, clock.wallMs());
  gate.answered(action, begunMs, clock.monotonicMs());
  // These answers are not about the target.
  const isUnknown = ['address_blocked', 'rate_limited', 'try_again'].includes(action.kind);
  if (isUnknown) return parking.postponed(due.key, due.name, clock.wallMs());
  const reason = 'reason' in action ? action.reason : 'it is not there';
  parking.probed(due.key, due.name, { isThere: destination.isAlive(answer), reason }, clock.wallMs());
}

/**
 * In which order to probe, when only few may be: first where the fewest were refused lately, then what is due for the shortest time,
 * as the target of a rule that was just edited or created. Many wrong tokens do not delay other targets.
 */
export function inProbeOrder(due: readonly DueProbe[], budget: InvalidBudget | undefined, nowMs: number): DueProbe[] {
  const refused = new Map(due.map(({ key }) => [key, 0]));
  for (const key of refused.keys()) refused.set(key, budget?.refusedOf(key, nowMs) ?? 0);
  return due.toSorted(
    (one, other) => refused.get(one.key)! - refused.get(other.key)! || other.probeAtMs - one.probeAtMs,
  );
}

/** The target of that name, as its receiver or one of these rules has it. */
function destinationOf(
  { key, name, ruleIds }: DueProbe,
  { rules, destinations }: NotifyContext,
): Destination | undefined {
  const receiver = receiverNameOf(key);
  const found =
    receiver === undefined
      ? [...ruleIds]
          .flatMap((ruleId) => rules.book.get(ruleId)?.webhook ?? [])
          .map((one) => destinations.ofWebhook(one))
      : [destinations.ofReceiver(receiver)];
  return found.find((destination) => destination?.name === name);
}

function change(target: ParkedTarget, state: Parked): void {
  target.state = state;
  target.publishedMs = undefined;
}
