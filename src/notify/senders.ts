import type { PartitionContext } from './partition-context.ts';
import { Sender } from './sender.ts';

interface Running {
  readonly sender: Sender;
  /** Resolves when the sender has nothing more to do; undefined while it has not begun. */
  run: Promise<void> | undefined;
}

/** The senders of one partition, one for each key that something waits under. The first failure of one stops all. */
export class Senders {
  readonly #context: PartitionContext;
  readonly #byKey = new Map<string, Running>();
  readonly #failed = Promise.withResolvers<never>();
  #error: Error | undefined;

  constructor(context: PartitionContext) {
    this.#context = context;
    this.#failed.promise.catch(() => {});
  }

  /** Why the first that failed did. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Rejects when a sender fails. */
  get failure(): Promise<never> {
    return this.#failed.promise;
  }

  /** Something waits under this key. `isFirst`: of a rule of which nothing did. */
  start(key: string, isFirst = true): void {
    const known = this.#byKey.get(key) ?? { sender: new Sender(key, this.#context), run: undefined };
    this.#byKey.set(key, known);
    if (known.run !== undefined && isFirst) known.sender.noteArrival();
    if (known.run !== undefined || this.#error !== undefined) return;
    // Start in a microtask, so a chunk's notifications for one key share a message.
    known.run = Promise.resolve()
      .then(() => known.sender.run())
      .catch((error: unknown) => {
        this.#error ??= error instanceof Error ? error : new Error(String(error));
        this.#failed.reject(this.#error);
      })
      .finally(() => {
        known.run = undefined;
        // A notification may have arrived since its last check.
        if (this.#context.queues.waitingUnder(key) > 0 && !this.#context.signal.aborted) this.start(key);
        else if (this.#context.queues.isEmpty(key)) this.#byKey.delete(key);
      });
  }

  /** A rule of this key was edited. */
  wake(key: string): void {
    this.#byKey.get(key)?.sender.wake();
  }

  /** Resolves when none runs any more. */
  async settled(): Promise<void> {
    await Promise.all([...this.#byKey.values()].flatMap(({ run }) => run ?? []));
  }
}
