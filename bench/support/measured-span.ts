/**
 * What a run is counted over: from the first moment at or after `from` records to the first one at or after `until`, the same
 * two numbers for every subject. Before it lies the cold part, since the process began; after it the rest of the load,
 * so that what a client has fetched ahead weighs the same at both ends. Processor time is of all threads.
 */
export class MeasuredSpan {
  /** Where `reached` wants to be called next; so that a loop over records compares one number. */
  next: number;
  readonly #until: number;
  #begun: Moment | undefined;
  #ended: Moment | undefined;

  constructor(from: number, until: number) {
    this.next = from;
    this.#until = until;
  }

  reached(records: number): void {
    if (records < this.next) return;
    if (this.#begun === undefined) {
      this.#begun = momentAt(records);
      this.next = this.#until;
    } else {
      this.#ended ??= momentAt(records);
      this.next = Infinity;
    }
  }

  /** What was counted, when all records have been seen. A load too small for its span counts from its beginning. */
  figures(records: number): SpanFigures {
    const end = this.#ended ?? momentAt(records);
    const cold = this.#begun ?? end;
    const begun = this.#begun ?? { records: 0, cpuNs: 0, wallNs: 0 };
    return {
      records,
      cold,
      warm: { records: end.records - begun.records, cpuNs: end.cpuNs - begun.cpuNs, wallNs: end.wallNs - begun.wallNs },
    };
  }
}

export interface Moment {
  readonly records: number;
  readonly cpuNs: number;
  readonly wallNs: number;
}

export interface SpanFigures {
  readonly records: number;
  /** From the process's start. */
  readonly cold: Moment;
  readonly warm: Moment;
}

/** As this process stands now. */
export function momentAt(records: number): Moment {
  const { user, system } = process.cpuUsage();
  return { records, cpuNs: (user + system) * 1_000, wallNs: performance.now() * 1e6 };
}
