/** An alert and what it is about, as text. */
export function subjectKeyOf(alert: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([alert, Object.fromEntries(pairs)]);
}

/** Which alerts fire from when to when. */
export class Timelines {
  /** By subject: the times at which it began or ended to fire, in turns. */
  readonly #turns = new Map<string, number[]>();

  set(key: string, timeMs: number, isFiring: boolean): void {
    const turns = this.#turns.get(key) ?? [];
    if ((turns.length % 2 === 1) === isFiring) return;
    turns.push(timeMs);
    this.#turns.set(key, turns);
  }

  /** From now on these fire, and no others. */
  replace(timeMs: number, firing: readonly string[]): void {
    for (const key of this.#turns.keys()) if (!firing.includes(key)) this.set(key, timeMs, false);
    for (const key of firing) this.set(key, timeMs, true);
  }

  /** Subjects of an alert that ever fired. */
  subjectsOf(alert: string): string[] {
    return [...this.#turns.keys()].filter((key) => (JSON.parse(key) as [string])[0] === alert);
  }

  /** What fires under one name fires under the other, and under no other. */
  merge(from: string, to: string): void {
    if (from === to) return;
    const all = [this.turnsOf(from), this.turnsOf(to)];
    this.#turns.delete(from);
    this.#turns.delete(to);
    const times = all.flat().sort((one, other) => one - other);
    for (const timeMs of times)
      this.set(
        to,
        timeMs,
        all.some((turns) => turns.filter((turn) => turn <= timeMs).length % 2 === 1),
      );
  }

  turnsOf(key: string): readonly number[] {
    return this.#turns.get(key) ?? [];
  }
}
