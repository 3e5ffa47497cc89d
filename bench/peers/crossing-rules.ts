// What the peers in this language do with a sample: the rules of its metric in a map, each fires when its threshold is crossed.

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

export function started(): { cpu: NodeJS.CpuUsage; wallNs: bigint } {
  return { cpu: process.cpuUsage(), wallNs: process.hrtime.bigint() };
}

/** Prints the line of JSON that the benchmark reads, and ends the process. */
export function finish(
  begun: ReturnType<typeof started>,
  records: number,
  rules: { fired: number; places: number },
): never {
  const { user, system } = process.cpuUsage(begun.cpu);
  const wallNs = Number(process.hrtime.bigint() - begun.wallNs);
  const { fired, places } = rules;
  console.log(JSON.stringify({ records, cpuNs: (user + system) * 1_000, wallNs, fired, places }));
  process.exit(0);
}
