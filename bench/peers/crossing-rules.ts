// What the peers in this language do with a sample: the rules of its metric in a map, each fires when its threshold is crossed.
import type { SpanFigures } from '../support/measured-span.ts';

interface CrossingRule {
  readonly threshold: number;
  firing: boolean;
}

export class CrossingRules {
  fired = 0;
  places = 0;
  readonly #byMetric = new Map<string, CrossingRule[]>();

  constructor(rules: number) {
    for (let index = 0; index < rules; index++) {
      const name = `cpu-usage-server-${index}`;
      this.#byMetric.set(name, [...(this.#byMetric.get(name) ?? []), { threshold: 90, firing: false }]);
    }
  }

  judge(name: string, value: number, place: number): void {
    for (const rule of this.#byMetric.get(name) ?? []) {
      const breach = value > rule.threshold;
      if (breach && !rule.firing) {
        this.fired++;
        this.places += place;
      }
      rule.firing = breach;
    }
  }
}

/** Prints the line of JSON that the benchmark reads, and ends the process. */
export function finish(
  figures: SpanFigures,
  { fired, places, copies }: { fired: number; places: number; copies?: number },
): never {
  console.log(JSON.stringify({ ...figures, fired, places, copies }));
  process.exit(0);
}
