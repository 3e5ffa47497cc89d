import type { FailingTargets } from '../notice/delivery-state.ts';
import type { FailingWebhook, ParkingRecord } from '../notice/parking-record.ts';

/** What is wrong with a target whose requests are made again: named by hash, never by its URL. */
export interface TargetTrouble extends FailingWebhook {
  readonly webhook: string;
  readonly webhookId: string;
}

/** Every webhook meets its rate limit now and then: only a longer one is a trouble. */
const limitMsMin = 5_000;
/** Records at a time: each target has one when its state changes, and when a try has failed. */
const publishedMax = 50;
/** What fails is published again after this time, so that it stands in the records of the last day. */
const publishedEveryMs = 6 * 3_600_000;

interface TargetName {
  readonly webhook: string;
  readonly webhookId: string;
}

interface FailedTry extends TargetName {
  readonly reason: string;
  readonly nextTryMs: number;
  readonly isLimit?: boolean;
}

interface Known {
  readonly trouble: TargetTrouble;
  /** Whether it is a limit that the receiver keeps, and no failure. */
  readonly isLimit: boolean;
  /** When it was published as it is; undefined: not yet. */
  readonly publishedMs: number | undefined;
  readonly isPublished: boolean;
}

/** The targets of one partition whose last request failed. What a former owner published of them goes on: since when, how many tries. */
export class Troubles {
  readonly #known = new Map<string, Known>();
  /** Published ones that are over, which is not published yet. */
  readonly #over = new Map<string, TargetTrouble>();

  restore(webhookId: string, failing: FailingTargets): void {
    for (const [webhook, { atMs, ...rest }] of failing) {
      const trouble = { ...rest, webhook, webhookId };
      const known = { trouble, isLimit: false, publishedMs: atMs, isPublished: true };
      this.#known.set(nameOf(known.trouble), known);
    }
  }

  /** A request to this target failed, and is made again. Returns whether the reason is another than before. */
  failed({ isLimit = false, ...failure }: FailedTry, nowMs: number): boolean {
    const { webhook, webhookId, reason, nextTryMs } = failure;
    const name = nameOf(failure);
    const known = this.#known.get(name);
    const { sinceMs, tries } = known?.trouble ?? { sinceMs: nowMs, tries: 0 };
    const trouble = { webhook, webhookId, reason, sinceMs, tries: tries + 1, lastTryMs: nowMs, nextTryMs };
    this.#known.set(name, { trouble, isLimit, publishedMs: undefined, isPublished: known?.isPublished === true });
    return known?.trouble.reason !== reason;
  }

  /** It was delivered to, or is paused. */
  over(target: TargetName): void {
    const name = nameOf(target);
    const known = this.#known.get(name);
    if (known === undefined) return;
    this.#known.delete(name);
    if (known.isPublished) this.#over.set(name, known.trouble);
  }

  /** Nothing waits any more under the keys that are empty. */
  sweep(isEmpty: (webhookId: string) => boolean): void {
    for (const { trouble } of [...this.#known.values()]) if (isEmpty(trouble.webhookId)) this.over(trouble);
  }

  /** Records to publish: what has changed. */
  takeChanges(nowMs: number): ParkingRecord[] {
    const changes: ParkingRecord[] = [];
    for (const [name, { webhook, webhookId }] of [...this.#over].slice(0, publishedMax)) {
      this.#over.delete(name);
      // It may fail again.
      if (!this.#known.has(name)) changes.push({ webhook, webhookId, parked: undefined, atMs: nowMs });
    }
    for (const [name, known] of [...this.#known]) {
      if (changes.length >= publishedMax) break;
      if (known.publishedMs !== undefined && nowMs - known.publishedMs < publishedEveryMs) continue;
      if (!isTrouble(known)) continue;
      // Last again, so that each has its turn.
      this.#known.delete(name);
      this.#known.set(name, { ...known, publishedMs: nowMs, isPublished: true });
      const { webhook, webhookId, ...failing } = known.trouble;
      changes.push({ webhook, webhookId, parked: undefined, failing, atMs: nowMs });
    }
    return changes;
  }

  list(): TargetTrouble[] {
    return [...this.#known.values()].filter(isTrouble).map(({ trouble }) => trouble);
  }
}

function isTrouble({ isLimit, trouble: { sinceMs, nextTryMs } }: Known): boolean {
  return !isLimit || nextTryMs - sinceMs >= limitMsMin;
}

function nameOf({ webhook, webhookId }: TargetName): string {
  return `${webhookId} ${webhook}`;
}
