// Two rules never have the same name; alerts of Prometheus often have, for two severities or two services.
import type { Translated } from './translate.ts';

const nameCharactersMax = 200;

/** Each alert with a name of its own, in their order: with its severity or its group where that tells it apart, else with a number. */
export function withUniqueNames(all: readonly Translated[]): Translated[] {
  const taken = new Set<string>();
  const count = new Map<string, number>();
  for (const { alerts } of all) count.set(alerts[0].name, (count.get(alerts[0].name) ?? 0) + 1);
  return all.map((each) => {
    const { rule } = each;
    const [alert] = each.alerts;
    const isShared = count.get(alert.name)! > 1;
    const candidates = [
      ...(isShared ? [] : [alert.name]),
      ...(rule.severity !== undefined ? [`${alert.name} (${rule.severity})`] : []),
      ...(alert.group !== '' ? [`${alert.name} (${alert.group})`] : []),
    ];
    const name = (candidates.find((one) => !taken.has(one)) ?? numbered(alert.name, taken)).slice(0, nameCharactersMax);
    taken.add(name);
    return { ...each, rule: { ...rule, name } };
  });
}

function numbered(name: string, taken: ReadonlySet<string>): string {
  let number = 1;
  let candidate = `${name} (1)`;
  while (taken.has(candidate)) {
    number += 1;
    candidate = `${name} (${number})`;
  }
  return candidate;
}
