import { LogUnavailable } from '../../../src/log/log.ts';

/**
 * One thing that a process asks of the log. It happens in small effects, of which a crash lets some come to pass, and is
 * answered after the last. Between any two effects, and before and after all of them, the world may come to an end: these
 * are the crash points.
 */
export interface Act {
  readonly process: SimProcess;
  readonly what: string;
  readonly effects: readonly (() => void)[];
  /** Tells the caller that all is done. */
  readonly answer: () => void;
  /** Tells the caller that it could not be had. */
  readonly refuse: (error: Error) => void;
}

/** Decides when an act happens, and whether. */
export type Conductor = (act: Act) => void;

/** No faults: all happens when it is asked for. */
export const atOnce: Conductor = (act) => {
  for (const effect of act.effects) effect();
  act.answer();
};

/** A process of the simulated world. What it asks for after its death is refused and does not happen. */
export class SimProcess {
  readonly name: string;
  readonly #conductor: Conductor;
  readonly #underWay = new Set<Act>();
  readonly #end = new AbortController();

  constructor(name: string, conductor: Conductor = atOnce) {
    this.name = name;
    this.#conductor = conductor;
  }

  get isDead(): boolean {
    return this.#end.signal.aborted;
  }

  /** Aborts when the process dies. */
  get end(): AbortSignal {
    return this.#end.signal;
  }

  /** Has the effects happen one after the other, and resolves to what they came to. An effect may throw: a refusal. */
  ask<Result>(what: string, effects: readonly (() => void)[], result: () => Result): Promise<Result> {
    if (this.isDead) return Promise.reject(new LogUnavailable(`${this.name} is dead`));
    return new Promise((resolve, reject) => {
      let failure: unknown;
      const guarded = effects.map((effect) => () => {
        if (failure !== undefined) return;
        try {
          effect();
        } catch (error) {
          failure = error;
        }
      });
      const settle = (act: () => void): void => {
        if (this.#underWay.delete(asked)) act();
      };
      const asked: Act = {
        process: this,
        what,
        effects: guarded,
        answer: () => settle(() => (failure === undefined ? resolve(result()) : reject(failure))),
        refuse: (error) => settle(() => reject(error)),
      };
      this.#underWay.add(asked);
      this.#conductor(asked);
    });
  }

  /** Ends the process: its code unwinds at its next step, and nothing it still asks for happens. */
  die(): void {
    if (this.isDead) return;
    this.#end.abort();
    for (const act of [...this.#underWay]) act.refuse(new LogUnavailable(`${this.name} died`));
  }
}
